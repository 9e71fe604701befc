"""Logistic regression: the click model that every other one must beat, and the first to be calibrated by itself."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit

from course_lib.core.errors import ContractError


class LogisticRegression:
    """P(y = 1 | x) = 1 / (1 + e^−(w · x + b)): least mean log-loss plus l2 / (2 n) · ‖w‖²; b is not penalised.

    The sum of the predictions equals the number of clicks in the training data, since the gradient for b is their
    difference: that is why it is calibrated on average without any further step.

    Args:
        l2: strength of the penalty, as if so many examples said that a weight is 0.

    Attributes:
        weights: float64 [d]. bias: float.

    Raises:
        ContractError: a negative l2.
    """

    def __init__(self, l2: float = 10.0):
        if not l2 >= 0:
            raise ContractError(f"l2 is {l2}; it must be at least 0")
        self.l2 = l2

    def fit(self, x: np.ndarray | csr_matrix, y: np.ndarray) -> Self:
        """From features [n, d], dense or sparse, and outcomes [n], 0 / 1.

        Raises:
            ContractError: another number of outcomes, outcomes other than 0 / 1, or all alike; values not finite.
        """
        y = np.asarray(y, dtype=np.float64)
        values = x.data if isinstance(x, csr_matrix) else np.asarray(x)
        if y.ndim != 1 or x.shape[0] != len(y) or not np.isin(y, (0, 1)).all() or not np.isfinite(values).all():
            raise ContractError(f"features {x.shape} and outcomes {y.shape} must be finite, one outcome 0 or 1 per row")
        if len(np.unique(y)) < 2:
            raise ContractError("all outcomes are alike, so that there is nothing to tell apart")
        n, d = x.shape

        def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
            w, b = theta[:d], theta[d]
            z = x @ w + b
            off = expit(z) - y
            value = (np.logaddexp(0, z) - y * z).mean() + self.l2 / (2 * n) * (w @ w)
            return value, np.r_[(x.T @ off) / n + self.l2 / n * w, off.mean()]

        start = np.r_[np.zeros(d), np.log(y.mean() / (1 - y.mean()))]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1_000, "ftol": 1e-10})
        self.weights, self.bias = found.x[:d], float(found.x[d])
        return self

    def probability(self, x: np.ndarray | csr_matrix) -> np.ndarray:
        """float64 [n]; raises ContractError before ``fit``, or for another number of features."""
        if not hasattr(self, "weights"):
            raise ContractError("nothing is learned yet", remedy="Call fit(x, y) first")
        if x.shape[1] != len(self.weights):
            raise ContractError(f"{x.shape[1]} features, where {len(self.weights)} were learned from")
        return expit(x @ self.weights + self.bias)
