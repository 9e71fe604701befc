"""Hard negatives: products that the present vectors put high for a query although nobody said that they are good.

Xiong et al. 2021, https://arxiv.org/abs/2007.00808 (negatives from the model's own ranking); Moreira et al. 2024,
https://arxiv.org/abs/2407.15831 (a margin to the positive, against false negatives).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD


def mine_hard_negatives(
    query_vectors: np.ndarray,
    item_vectors: np.ndarray,
    positives: Sequence[int | Collection[int]],
    *,
    k: int,
    skip_top: int = 0,
    margin: float | None = None,
    block: int = 256,
) -> np.ndarray:
    """The k highest-scoring products of each pair that are not known to be good: int64 [n, k], -1 where there are none.

    Args:
        query_vectors: float [n, d], one row per pair (a query with several products has several rows, or one).
        item_vectors: float [n_items, d].
        positives: for each row the catalogue rows that are known to be good, the pair's own product first; a single
            number is one product.
        k: negatives per row.
        skip_top: leave out that many of the highest-scoring products that are not known to be good. What the model
            puts highest is often good, and merely nobody clicked it.
        margin: take only products whose score lies at least this much below that of the pair's own product.
        block: rows scored at a time (memory: block × n_items × 4 bytes).

    Raises:
        ContractError: shapes that do not fit, k < 1, skip_top < 0, no positive, or one outside the catalogue.
    """
    queries, items = (np.asarray(v, dtype=np.float32) for v in (query_vectors, item_vectors))
    if queries.ndim != 2 or items.ndim != 2 or queries.shape[1] != items.shape[1]:
        raise ContractError(f"query_vectors {queries.shape} and item_vectors {items.shape} must be [n, d], [n_items, d]")
    if k < 1 or skip_top < 0 or len(positives) != len(queries):
        raise ContractError(f"{len(positives)} positives for {len(queries)} rows; k must be ≥ 1 and skip_top ≥ 0")
    known = [np.atleast_1d(np.asarray(p if np.isscalar(p) else list(p), dtype=np.int64)) for p in positives]
    if any(not len(rows) or rows.min() < 0 or rows.max() >= len(items) for rows in known):
        raise ContractError(f"each pair needs at least one positive, a row of the catalogue below {len(items)}")
    found = np.full((len(queries), k), PAD, dtype=np.int64)
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ items.T
        for row, (score, good) in enumerate(zip(scores, known[start : start + block]), start):
            limit = np.inf if margin is None else score[good[0]] - margin
            score[good] = -np.inf
            order = np.argsort(-score, kind="stable")[skip_top : len(items) - len(set(good.tolist()))]
            chosen = order[score[order] <= limit][:k]
            found[row, : len(chosen)] = chosen
    return found


def grades_of(chosen: np.ndarray, relevance: csr_matrix, query_rows: Sequence[int]) -> np.ndarray:
    """The true grade of what was mined: int64 [n, k], -1 at pads. A grade above 0 makes a *false* negative.

    Args:
        chosen: int [n, k], catalogue rows, as ``mine_hard_negatives`` returns them.
        relevance: [n_queries, n_items], grades; what is not stored is 0 (``shop.truth.relevance``).
        query_rows: the query of each row of ``chosen``.

    Raises:
        ContractError: another number of queries, or a row outside of the matrix.
    """
    chosen, query_rows = np.asarray(chosen), np.asarray(query_rows, dtype=np.int64)
    if chosen.ndim != 2 or len(query_rows) != len(chosen):
        raise ContractError(f"{len(query_rows)} queries for {chosen.shape} mined products")
    if chosen.size and (chosen.max() >= relevance.shape[1] or query_rows.max() >= relevance.shape[0]):
        raise ContractError(f"a row lies outside of the grades {relevance.shape}")
    known = chosen != PAD
    grades = np.full(chosen.shape, PAD, dtype=np.int64)
    rows = np.broadcast_to(query_rows[:, None], chosen.shape)[known]
    if known.any():  # scipy gives a matrix, not numbers, where nothing is asked
        grades[known] = np.asarray(relevance.tocsr()[rows, chosen[known]], dtype=np.int64).ravel()
    return grades
