"""Hybrid retrieval: one list out of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.retrieval.catalogue import no_results


def reciprocal_rank_fusion(rankings: Iterable[Ranking], k: int, *, c: float = 60) -> Ranking:
    """One list out of several, by places alone: score(q, p) = Σ_r 1 / (c + place of p in r), places counted from 1.

    Scores of different retrievers have no common unit; places have. A product that a list lacks gets nothing from it.

    Source: Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet" (SIGIR 2009), with c = 60.

    Args:
        rankings: of the same catalogue and the same keys; rows are joined by key, in the order of the first ranking.
        k: length of the fused list.

    Raises:
        ContractError: no ranking, different catalogues or keys, k < 1, c < 0.
    """
    if not c >= 0:
        raise ContractError(f"c is {c}; it must be at least 0")
    return _fuse(rankings, k, lambda number, scores: 1 / (c + 1 + np.indices(scores.shape)[1]))


def convex_combination(
    rankings: Iterable[Ranking], k: int, *, weights: Sequence[float], lowest: Sequence[float]
) -> Ranking:
    """One list out of several, by scores: score(q, p) = Σ_r w_r (s_r − lowest_r) / (best s_r − lowest_r).

    Each list's scores are brought to 0–1 first: 1 for the first product of the row, 0 for the lowest score that its
    retriever *can* give (0 for BM25, −1 for a cosine), which keeps what min-max over the list throws away: how far
    the last of the list still is from nothing. A product that a list lacks gets nothing from it. The weights have
    to be chosen; a few judged queries suffice, and without any, ``reciprocal_rank_fusion`` needs none.

    Source: Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (TOIS 2023, "TM2C2").

    Args:
        rankings: as for ``reciprocal_rank_fusion``.
        weights: of each ranking, at least 0, with the sum 1.
        lowest: the lowest score that each retriever can give.

    Raises:
        ContractError: as for ``reciprocal_rank_fusion``, weights or lowest scores that don't fit, a score below the
            lowest.
    """
    rankings, w = list(rankings), np.asarray(weights, dtype=float)
    if len(weights) != len(rankings) or len(lowest) != len(rankings):
        raise ContractError(f"{len(rankings)} rankings need as many weights and lowest scores")
    if not (w >= 0).all() or not np.isclose(w.sum(), 1):
        raise ContractError(f"the weights {list(weights)} must be at least 0, with the sum 1")

    def gain(number: int, scores: np.ndarray) -> np.ndarray:
        above = scores.astype(np.float64) - lowest[number]
        if (above[np.isfinite(above)] < -1e-5).any():
            raise ContractError(f"a score of ranking {number} lies below {lowest[number]}, the lowest that it can be")
        best = above[:, :1]
        return w[number] * np.divide(above, best, out=np.zeros_like(above), where=np.isfinite(best) & (best > 0))

    return _fuse(rankings, k, gain)


def _fuse(rankings: Iterable[Ranking], k: int, gain: Callable[[int, np.ndarray], np.ndarray]) -> Ranking:
    """Add up what each list gives to each product: ``gain(number of the list, its scores [n, k])`` -> float [n, k]."""
    rankings = list(rankings)
    if not rankings:
        raise ContractError("there is no ranking to fuse")
    ids, scores = no_results(len(rankings[0]), k)
    first, n_items = rankings[0], len(rankings[0].items)
    pairs, gains = [], []
    for number, ranking in enumerate(rankings):
        if ranking.items != first.items:
            raise ContractError("the rankings have different catalogues")
        if ranking.keys.kind != first.keys.kind or set(ranking.keys.ids) != set(first.keys.ids):
            raise ContractError("the rankings have different keys", remedy="Search each with the same queries")
        rows = ranking.keys.rows(first.keys.ids)
        found = ranking.ids[rows]
        row, place = np.nonzero(found != PAD)
        pairs.append(row * n_items + found[row, place])  # one number per (query, product)
        gains.append(gain(number, ranking.scores[rows])[row, place])
    pair, which = np.unique(np.concatenate(pairs), return_inverse=True)
    # Rounding comes before sorting, so that sums that differ only in the order of addition are ties.
    score = np.bincount(which, weights=np.concatenate(gains), minlength=len(pair)).astype(np.float32)
    row, item = np.divmod(pair, max(n_items, 1))
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)  # rows are sorted: distance from the row's first entry
    kept = place < k
    ids[row[kept], place[kept]], scores[row[kept], place[kept]] = item[kept], score[kept]
    return Ranking(ids, scores, first.keys, first.items)
