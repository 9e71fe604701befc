"""The position-based model where most pairs are rare: the attraction is a function of features, learned inside EM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from scipy.special import expit, logit

from course_lib.core.errors import ContractError
from course_lib.search.clicks.cells import count_cells
from course_lib.search.clicks.model import PairTable, PlaceModel
from course_lib.search.clicks.pages import ResultPages

Features = Callable[[np.ndarray, np.ndarray], np.ndarray]  #: rows of queries and of products [m] -> float [m, d]


class RegressionEM(PlaceModel):
    """P(click at place p) = θ_p · α(x), α(x) = 1 / (1 + e^−(w · x + b)): Wang et al. 2018
    (https://doi.org/10.1145/3159652.3159732), with a logistic regression where they grow trees.

    A pair shown twice says nothing about its own attraction; all pairs together say much about w. What the ranker knew
    of a product and the features don't is taken for examination: the curve then comes out too steep.

    Args:
        features: gives the features of pairs; nothing of a place or of the clicks that are being explained.
        ridge: weight of ‖w‖² / 2 for each impression. rounds: at most.
        tolerance: largest change of θ and α in a round that counts as none.

    Attributes:
        examination: float64 [L], θ, with θ_1 = 1. weights: float64 [d + 1], on standardised features, b first.

    Raises:
        ContractError: no rounds, a negative ridge, features that don't fit.
    """

    def __init__(self, features: Features, *, ridge: float = 1e-3, rounds: int = 1_000, tolerance: float = 1e-5):
        if rounds < 1 or not tolerance >= 0 or not ridge >= 0:
            raise ContractError(f"rounds {rounds}, tolerance {tolerance}, ridge {ridge}: at least 1, 0 and 0")
        self.features, self.ridge, self.rounds, self.tolerance = features, ridge, rounds, tolerance

    def fit(self, pages: ResultPages) -> Self:
        """Expectation–maximisation; the regression takes one Newton step in each round."""
        code, pair, place, clicks, trials = count_cells(pages)
        x = design(self.features, code)
        of_pair, of_place = np.bincount(pair, trials), np.maximum(np.bincount(place, trials, pages.length), 1)
        theta = np.bincount(place, clicks, pages.length) / of_place
        theta = np.clip(theta / max(theta[0], 1e-12), 0.01, 1.0)
        rate = np.clip(clicks.sum() / (theta[place] * trials).sum(), 0.01, 0.99)
        self.weights = np.r_[logit(rate), np.zeros(x.shape[1] - 1)]
        alpha = expit(x @ self.weights)
        for self.rounds_used in range(1, self.rounds + 1):
            before, seen, a = (theta, alpha), theta[place], alpha[pair]
            missed = (trials - clicks) / np.maximum(1 - seen * a, 1e-12)
            theta = np.bincount(place, clicks + missed * seen * (1 - a), pages.length) / of_place
            theta[0] = 1.0
            attracted = np.bincount(pair, clicks + missed * a * (1 - seen))
            self.weights = newton_step(self.weights, x, attracted, of_pair, self.ridge)
            alpha = expit(x @ self.weights)
            if max(np.abs(theta - before[0]).max(), np.abs(alpha - before[1]).max()) <= self.tolerance:
                break
        self.examination = theta
        self.attraction = PairTable(code, alpha, float(of_pair @ alpha / of_pair.sum()))
        return self


def design(features: Features, code: np.ndarray) -> np.ndarray:
    """float64 [m, d + 1]: a column of ones, and the standardised features of these pairs. Raises ContractError."""
    try:
        x = np.asarray(features(code >> 32, code & (2**32 - 1)), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ContractError("features must be numbers, by a function of query and item rows") from error
    if x.ndim != 2 or len(x) != len(code) or not np.isfinite(x).all():
        raise ContractError(f"features {list(x.shape)} must be finite and [{len(code)}, d], a row for each pair")
    spread = x.std(axis=0)
    return np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf)])


def newton_step(w: np.ndarray, x: np.ndarray, successes: np.ndarray, trials: np.ndarray, ridge: float) -> np.ndarray:
    """Weights [d + 1] one step nearer to the best logistic regression of successes among trials, both [m]."""
    p = expit(x @ w)
    pull = ridge * trials.sum() * np.r_[0.0, np.ones(len(w) - 1)]  # the first weight, b, is free
    gradient = x.T @ (successes - trials * p) - pull * w
    curvature = (x * (trials * p * (1 - p))[:, None]).T @ x + np.diag(pull + 1e-9)
    return w + np.linalg.solve(curvature, gradient)
