"""Pairwise losses: of two products of one query, the one with the higher grade should have the higher score."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from course_lib.search.ranking.checks import check_lists
from course_lib.search.ranking.pointwise import Loss


def pairs_of(grades: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """bool [n, k, k]: entry (q, i, j) is true where products i and j stand in row q and i has the higher grade."""
    return (grades[:, :, None] > grades[:, None, :]) & mask[:, :, None] & mask[:, None, :]


def weighted_pairs(scores: np.ndarray, weights: np.ndarray) -> Loss:
    """Σ w_ij ln(1 + e^−(s_i − s_j)), and its gradient, for weights float [n, k, k] that are 0 off the pairs.

    Each pair pulls its winner up and its loser down, by one force: w_ij times the chance that the model still gives
    to the wrong order.
    """
    margin = scores[:, :, None] - scores[:, None, :]
    value = (weights * np.logaddexp(0, -margin)).sum()
    force = weights * expit(-margin)
    return float(value), force.sum(axis=1) - force.sum(axis=2)


def ranknet_loss(scores: np.ndarray, grades: np.ndarray, mask: np.ndarray) -> Loss:
    """RankNet: every pair of a list weighs the same, and so does every list that has a pair.

    P(i above j) = 1 / (1 + e^−(s_i − s_j)); the loss is −ln P of the pairs as graded (Burges et al. 2005, "Learning to
    Rank using Gradient Descent", §3, with targets of 0 and 1).

    Args:
        scores, grades: float [n, k]. mask: bool [n, k], where a product stands.
    """
    scores, grades, mask = check_lists(scores, grades, mask)
    better = pairs_of(grades, mask)
    count = better.sum(axis=(1, 2), keepdims=True)
    return weighted_pairs(scores, better / np.maximum(count, 1) / max((count > 0).sum(), 1))
