"""Calibration: when a model says 10 %, does it happen one time in ten? Bids, budgets and thresholds rest on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError


@dataclass(frozen=True)
class Calibration:
    """What ``measure_calibration`` found.

    Attributes:
        error: expected calibration error, 0–1: the mean of |predicted − observed| over bins, weighted by their size.
        worst: the largest gap of a bin.
        brier: mean squared error of the probabilities, which also rewards telling the two outcomes apart.
        bins: one row per bin that holds something: ``low``, ``high``, ``n``, ``predicted`` and ``observed`` (means).
    """

    error: float
    worst: float
    brier: float
    bins: tuple[dict[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-like: every attribute by its name."""
        return {"error": self.error, "worst": self.worst, "brier": self.brier, "bins": [dict(b) for b in self.bins]}


def measure_calibration(
    happened: np.ndarray, probabilities: np.ndarray, *, bins: int = 15, equal: str = "width"
) -> Calibration:
    """Expected calibration error with its bins (Naeini et al. 2015, AAAI; Guo et al. 2017, ICML, eq. 3).

    Args:
        happened: 0 / 1 or bool [n].
        probabilities: float [n], 0–1.
        bins: how many. The error depends on it (fewer hide, more add noise), so quote it.
        equal: ``"width"``, bins of 1 / bins each, or ``"size"``, bins of about n / bins cases; click rates of a few per
            cent need the latter, or everything falls into the first bin. A bin holds low < p ≤ high.

    Raises:
        ContractError: different lengths, nothing to measure, values that are no outcomes or no probabilities.
    """
    happened, p = np.asarray(happened), np.asarray(probabilities, dtype=np.float64)
    if happened.shape != p.shape or p.ndim != 1 or not len(p):
        what = f"outcomes {happened.shape} and probabilities {p.shape} must be two lists of one length, at least 1"
        raise ContractError(what)
    if not np.isin(happened, (0, 1)).all():
        raise ContractError("an outcome is neither 0 nor 1")
    if not ((p >= 0) & (p <= 1)).all():
        raise ContractError("a probability lies outside 0–1", remedy="Apply the sigmoid to scores first")
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 1:
        raise ContractError(f"bins is {bins!r}; it must be a whole number of at least 1")
    if equal not in ("width", "size"):
        raise ContractError(f"equal is {equal!r}; known are width, size")
    grid = np.linspace(0, 1, bins + 1)
    edges = grid if equal == "width" else np.quantile(p, grid)
    at = np.searchsorted(edges[1:-1], p, side="left")
    n = np.bincount(at, minlength=bins)
    full = np.flatnonzero(n)
    predicted = np.bincount(at, p, minlength=bins)[full] / n[full]
    observed = np.bincount(at, happened.astype(np.float64), minlength=bins)[full] / n[full]
    gaps = np.abs(predicted - observed)
    columns = zip(edges[full], edges[full + 1], n[full], predicted, observed)
    names = ("low", "high", "n", "predicted", "observed")
    return Calibration(
        error=float(n[full] @ gaps / len(p)),
        worst=float(gaps.max()),
        brier=float(((p - happened) ** 2).mean()),
        bins=tuple(dict(zip(names, (float(a), float(b), int(c), float(d), float(e)))) for a, b, c, d, e in columns),
    )
