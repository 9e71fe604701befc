"""LambdaRank: a pair weighs as much as NDCG would change if its two products swapped places."""

from __future__ import annotations

import numpy as np

from course_lib.search.ranking.checks import check_lists
from course_lib.search.ranking.gains import discounts, gains, ideal_dcg, places
from course_lib.search.ranking.pairwise import pairs_of, weighted_pairs
from course_lib.search.ranking.pointwise import Loss


def delta_ndcg(
    scores: np.ndarray, grades: np.ndarray, mask: np.ndarray, at: int | None = None, gain: str = "exponential"
) -> np.ndarray:
    """|ΔNDCG|, float64 [n, k, k]: by how much a row's NDCG@at changes if products i and j swap their present places.

    |G_i − G_j| · |1 / D_i − 1 / D_j| / IDCG, with the gains G and the discounts D = log2(place + 1); both places beyond
    ``at`` give 0. (Burges 2010, "From RankNet to LambdaRank to LambdaMART", §4; Wu et al. 2010 for IDCG.)
    """
    worth = np.where(mask, gains(np.where(mask, grades, 0), gain), 0)
    weight = discounts(scores.shape[1], at)[places(scores, mask)]
    best = ideal_dcg(grades, mask, at, gain)[:, None, None]
    change = np.abs(worth[:, :, None] - worth[:, None, :]) * np.abs(weight[:, :, None] - weight[:, None, :])
    both = mask[:, :, None] & mask[:, None, :]
    return np.where(both, change, 0) / np.where(best > 0, best, 1)


def lambdarank_loss(
    scores: np.ndarray, grades: np.ndarray, mask: np.ndarray, *, at: int | None = None, gain: str = "exponential"
) -> Loss:
    """RankNet's pairs, each weighed by |ΔNDCG| at the present order; the mean over lists that have a pair.

    The weights depend on the order, which has no gradient: they count as constants. So the value is no loss that falls
    from step to step, and only the gradient is used (the λ of the paper); NDCG itself is the number to watch.

    Args:
        scores, grades: float [n, k]. mask: bool [n, k], where a product stands.
        at: of NDCG@at; by default the whole list. gain: ``"exponential"`` or ``"linear"``.
    """
    scores, grades, mask = check_lists(scores, grades, mask)
    better = pairs_of(grades, mask)
    n = max(better.any(axis=(1, 2)).sum(), 1)
    return weighted_pairs(scores, np.where(better, delta_ndcg(scores, grades, mask, at, gain), 0) / n)
