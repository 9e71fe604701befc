"""Judged pairs of a shop: what the heads are trained on, how they are split, and how a pool of them is ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.core.seeds import generator
from course_lib.language.finetuning.grader import grade_labels, query_families

if TYPE_CHECKING:
    from course_lib.shop.shop import Shop


@dataclass(frozen=True)
class JudgedPairs:
    """All judgements of a shop as aligned columns.

    Attributes:
        queries, products: the texts, by row of the shop's tables.
        query, item: int [n], rows of the two texts of each pair. label: int [n], of ``grader.LABELS``.
        grade: int [n], as judged, 0 to 3; the higher the better.
        family: int [n], queries that ask for the same have the same number.
        query_ids, item_ids: maps from rows to public ids.
    """

    queries: list[str]
    products: list[str]
    query: np.ndarray
    item: np.ndarray
    label: np.ndarray
    grade: np.ndarray
    family: np.ndarray
    query_ids: IdMap
    item_ids: IdMap

    def texts(self, rows: np.ndarray) -> list[tuple[str, str]]:
        """(query, product text) of these pairs."""
        return [(self.queries[q], self.products[i]) for q, i in zip(self.query[rows], self.item[rows])]

    def pool(self, rows: np.ndarray, scores: np.ndarray) -> Ranking:
        """Rerank: the judged products of each query among ``rows``, by falling score (ties by row).

        Args:
            rows: int [m], pairs. scores: float [m], of these pairs.

        Raises:
            ContractError: not one score per pair.
        """
        rows, scores = np.asarray(rows), np.asarray(scores, dtype=np.float32)
        if rows.shape != scores.shape or rows.ndim != 1 or not len(rows):
            raise ContractError(f"{scores.shape} scores for {rows.shape} pairs; give one each, at least one")
        order = np.lexsort((rows, -scores, self.query[rows]))
        asked, first, count = np.unique(self.query[rows][order], return_index=True, return_counts=True)
        place = np.arange(len(rows)) - np.repeat(first, count)
        line = np.repeat(np.arange(len(asked)), count)
        ids = np.full((len(asked), count.max()), PAD, dtype=np.int64)
        values = np.full(ids.shape, -np.inf, dtype=np.float32)
        ids[line, place], values[line, place] = self.item[rows][order], scores[order]
        keys = IdMap("query", [self.query_ids.ids[row] for row in asked])
        return Ranking(ids, values, keys, self.item_ids)


def judged_pairs(shop: Shop, products: list[str] | None = None) -> JudgedPairs:
    """The judgements of a simulated shop with their labels and families.

    Args:
        products: the text of each product in catalogue order; default ``shop.item_texts``.

    Raises:
        ContractError: not one text per product. DataError: a real shop (``grader``).
    """
    products = shop.item_texts if products is None else list(products)
    if len(products) != len(shop.items):
        raise ContractError(f"{len(products)} texts for {len(shop.items)} products")
    query = shop.query_ids.rows(shop.judgements["query_id"][:])
    item = shop.item_ids.rows(shop.judgements["item_id"][:])
    family = query_families(shop)[query]
    texts = list(shop.queries["text"][:])
    grade = np.asarray(shop.judgements["grade"][:], dtype=np.int64)
    return JudgedPairs(texts, products, query, item, grade_labels(shop), grade, family, shop.query_ids, shop.item_ids)


def split_groups(
    groups: np.ndarray, shares: tuple[float, ...] = (0.6, 0.15, 0.25), seed: int = 0
) -> tuple[np.ndarray, ...]:
    """Rows of each part; all rows of one group go to the same part, so that no part knows another's answers.

    Args:
        groups: int [n], the group of each row, such as the family of its query.
        shares: of the groups, for each part; they sum to 1.

    Raises:
        ContractError: shares that don't sum to 1, or fewer groups than parts.
    """
    names, number = np.unique(groups, return_inverse=True)
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9 or len(names) < len(shares):
        raise ContractError(f"{len(names)} groups can't be split into {len(shares)} parts of {shares}")
    ends = np.round(np.cumsum(shares) * len(names)).astype(int)
    place = np.empty(len(names), dtype=np.int64)
    place[generator(seed, "split of groups").permutation(len(names))] = np.arange(len(names))
    part = np.searchsorted(ends, place, side="right").reshape(-1)[number.reshape(-1)]
    return tuple(np.flatnonzero(part == one) for one in range(len(shares)))
