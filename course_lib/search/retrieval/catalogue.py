"""What every retriever is asked and given: a catalogue with ids, a list of query texts, a row of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.shop.texts import item_texts

if TYPE_CHECKING:
    from datasets import Dataset


def catalogue(items: Dataset | Sequence[str], item_ids: IdMap | None) -> tuple[list[str], IdMap]:
    """Texts and ids of a catalogue with at least one product."""
    if hasattr(items, "column_names"):
        texts, ids = item_texts(items), IdMap("item", items["item_id"][:])
        if item_ids is not None and item_ids != ids:
            raise ContractError("item_ids differ from the item_id column of the items table")
    else:
        texts = [] if isinstance(items, str) else list(items)
        if not all(isinstance(text, str) for text in texts):
            raise ContractError("items must be the items table of a shop or a list of texts")
        ids = item_ids.expect("item") if item_ids is not None else IdMap("item", range(len(texts)))
    if not texts:
        raise ContractError("there are no items to search", remedy="Pass shop.items or a list of texts")
    if len(ids) != len(texts):
        raise ContractError(f"{len(ids)} item ids for {len(texts)} texts")
    return texts, ids


def query_rows(queries: Sequence[str], keys: IdMap | None) -> tuple[list[str], IdMap]:
    """The texts and the keys of the rows of a search."""
    texts = [] if isinstance(queries, str) else list(queries)
    if isinstance(queries, str) or not all(isinstance(text, str) for text in texts):
        raise ContractError("queries must be a list of texts", remedy='E.g. search(["red running shoes"])')
    if keys is None:
        if len(set(texts)) != len(texts):
            raise ContractError("a query text occurs twice", remedy='Pass keys=IdMap("query", query_ids)')
        keys = IdMap("query", texts)
    if len(keys.expect("query")) != len(texts):
        raise ContractError(f"{len(keys)} keys for {len(texts)} queries")
    return texts, keys


def fitted(retriever: Any) -> IdMap:
    """The ids of a retriever's catalogue; raises ContractError before ``fit``."""
    if retriever.item_ids is None:
        raise ContractError(f"{type(retriever).__name__} has no catalogue yet", remedy="Call fit(shop.items) first")
    return retriever.item_ids


def as_vectors(vectors: np.ndarray, n: int) -> np.ndarray:
    """float32 [n, d], contiguous and finite."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != n:
        raise ContractError(f"vectors {vectors.shape} must be [{n}, d], one row per text")
    if not np.isfinite(vectors).all():
        raise ContractError("a vector holds NaN or infinity")
    return vectors


def no_results(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and scores [n, k] of rows without a result yet."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    return np.full((n, k), PAD, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
