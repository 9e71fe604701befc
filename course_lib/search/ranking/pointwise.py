"""Pointwise losses: each product by itself. They aim at the grade, where only the order is wanted."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from course_lib.search.ranking.checks import check_lists

Loss = tuple[float, np.ndarray]  #: the value and its gradient with respect to the scores, float64 [n, k]


def squared_loss(scores: np.ndarray, grades: np.ndarray, mask: np.ndarray) -> Loss:
    """½ (s − g)², the mean over all products (Cossock & Zhang 2006, "Subset Ranking Using Regression").

    Args:
        scores, grades: float [n, k]. mask: bool [n, k], where a product stands.
    """
    scores, grades, mask = check_lists(scores, grades, mask)
    error = np.where(mask, scores - grades, 0)
    return float((error**2).sum() / 2 / mask.sum()), error / mask.sum()


def logistic_loss(scores: np.ndarray, grades: np.ndarray, mask: np.ndarray, *, relevant: float = 1) -> Loss:
    """−ln P(y), the mean over all products, with P(relevant) = 1 / (1 + e^−s) and y = [grade ≥ ``relevant``].

    Its scores are log-odds: comparable between queries, which the scores of no other loss here are.
    """
    scores, grades, mask = check_lists(scores, grades, mask)
    y = grades >= relevant
    value = np.where(mask, np.logaddexp(0, scores) - y * scores, 0).sum()
    return float(value / mask.sum()), np.where(mask, expit(scores) - y, 0) / mask.sum()
