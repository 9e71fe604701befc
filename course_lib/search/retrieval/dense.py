"""Dense retrieval: texts become vectors, and near vectors are results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking, top_k
from course_lib.search.retrieval.catalogue import as_vectors, catalogue, fitted, no_results, query_rows

if TYPE_CHECKING:
    from datasets import Dataset

Encode = Callable[[list[str]], np.ndarray]  #: texts -> float32 [n, d]


class Dense:
    """Dense retrieval: the products whose vectors have the largest inner product with the query's, exactly.

    Args:
        encode: from a list of texts to float [n, d]; rows of length 1 make the inner product a cosine.
        encode_queries: where queries are encoded in another way than products; by default ``encode``.
        block: queries scored at a time (memory: block × n_items × 4 bytes).
    """

    def __init__(self, encode: Encode, *, encode_queries: Encode | None = None, block: int = 256):
        self.encode, self.encode_queries, self.block = encode, encode_queries or encode, block
        self.item_ids: IdMap | None = None

    def fit(
        self, items: Dataset | Sequence[str], *, item_ids: IdMap | None = None, vectors: np.ndarray | None = None
    ) -> Self:
        """Encode the products, or take ``vectors``, float [n_items, d], in catalogue order.

        Raises:
            ContractError: no items, vectors of another number, shape or with values that are not finite.
        """
        texts, self.item_ids = catalogue(items, item_ids)
        self.vectors = as_vectors(self.encode(texts) if vectors is None else vectors, len(texts))
        return self

    def search(self, queries: Sequence[str], k: int = 100, *, keys: IdMap | None = None) -> Ranking:
        """The k nearest products of each query (see ``BM25.search`` for arguments and errors)."""
        items, (texts, keys) = fitted(self), query_rows(queries, keys)
        ids, scores = no_results(len(texts), k)
        rows = np.flatnonzero([bool(text.strip()) for text in texts])  # an empty query finds nothing
        if len(rows):
            vectors = as_vectors(self.encode_queries([texts[row] for row in rows]), len(rows))
            ids[rows], scores[rows] = top_k(vectors, self.vectors, k, block=self.block)
        return Ranking(ids, scores, keys, items)
