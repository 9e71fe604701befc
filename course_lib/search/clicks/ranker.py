"""A linear ranker trained on clicks whose weights take out the bias of the places."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.optimize import minimize

from course_lib.core.errors import ContractError
from course_lib.search.clicks.counterfactual import Impressions


class LinearRanker:
    """score(q, p) = w · x(q, p), on standardised features.

    - ``loss="squared"``: (w · x + w_0 − click / P(look))² over all impressions. It is linear in the click, so its mean
      is that of the unseen attraction plus a constant: minimising it is unbiased (Bekker, Robberechts & Davis 2019,
      §4). Solved exactly.
    - ``loss="listwise"``: −Σ click / P(look) · ln softmax(scores of the page) at the click: each clicked product is
      to stand above what it was shown with (as in Ai et al. 2018, https://doi.org/10.1145/3209978.3209986, §3).

    Args:
        loss: ``"squared"`` or ``"listwise"``. ridge: weight of ‖w‖² / 2 for each impression.

    Attributes:
        weights: float64 [d], on the features as they come.

    Raises:
        ContractError: another loss, a negative ridge.
    """

    def __init__(self, *, loss: str = "listwise", ridge: float = 1e-4):
        if loss not in ("squared", "listwise") or not ridge >= 0:
            raise ContractError(f"loss is {loss!r} and ridge {ridge}; choose squared or listwise, and at least 0")
        self.loss, self.ridge, self.weights = loss, ridge, None

    def fit(self, impressions: Impressions, features: np.ndarray, *, target: np.ndarray | None = None) -> Self:
        """Learn from m impressions.

        Args:
            features: float [m, d], of each impression's query and product; what is not known of a place or a click.
            target: float [m], in place of click / P(look): doubly robust estimates, for instance.

        Raises:
            ContractError: features or targets of another number or not finite; no click.
        """
        x, y = _checked(features, len(impressions.click)), impressions.target if target is None else np.asarray(target)
        if y.shape != (len(x),) or not np.isfinite(y).all() or not y.any():
            raise ContractError("the targets must be one finite number for each impression, not all of them 0")
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale = np.where(scale > 1e-12 * np.maximum(1, np.abs(mean)), scale, np.inf)  # a constant feature ranks nothing
        x = (x - mean) / scale
        solve = self._least_squares if self.loss == "squared" else self._softmax
        self.weights = solve(x, y, impressions.page) / scale
        return self

    def score(self, features: np.ndarray) -> np.ndarray:
        """float64 [n]: scores of rows of features [n, d]; raises ContractError before ``fit`` and for another d."""
        if self.weights is None:
            raise ContractError("the ranker is not fitted yet", remedy="Call fit(impressions, features) first")
        x = _checked(features, len(features))
        if x.shape[1] != len(self.weights):
            raise ContractError(f"{x.shape[1]} features where the ranker knows {len(self.weights)}")
        return x @ self.weights

    def _least_squares(self, x: np.ndarray, y: np.ndarray, page: np.ndarray) -> np.ndarray:
        return np.linalg.solve(x.T @ x + (self.ridge * len(x) + 1e-9) * np.eye(x.shape[1]), x.T @ (y - y.mean()))

    def _softmax(self, x: np.ndarray, y: np.ndarray, page: np.ndarray) -> np.ndarray:
        _, page = np.unique(page, return_inverse=True)
        order = np.argsort(page, kind="stable")
        x, y, page = x[order], y[order], page[order]
        first = np.searchsorted(page, np.arange(page[-1] + 1))  # where each page begins
        total = np.add.reduceat(y, first)

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            score = x @ w
            score -= np.maximum.reduceat(score, first)[page]
            odds = np.exp(score)
            norm = np.add.reduceat(odds, first)
            value = -y @ score + total @ np.log(norm)
            gradient = x.T @ (odds / norm[page] * total[page] - y)
            return value / len(y) + self.ridge * w @ w / 2, gradient / len(y) + self.ridge * w

        return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def _checked(features: np.ndarray, n: int) -> np.ndarray:
    """float64 [n, d], finite, d ≥ 1."""
    try:
        x = np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ContractError("features must be numbers") from error
    if x.ndim != 2 or len(x) != n or not x.shape[1] or not n or not np.isfinite(x).all():
        raise ContractError(f"features {list(x.shape)} must be finite and [{n}, d], a row for each impression")
    return x
