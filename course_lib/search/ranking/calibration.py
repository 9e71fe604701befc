"""Calibration: from a score that only orders to a probability that means the same for every query."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.special import expit

from course_lib.core.errors import ContractError


class Platt:
    """P(relevant | s) = 1 / (1 + e^−(a s + b)), two numbers fitted by Newton's method on held-out pairs.

    The targets are drawn in a little, (n₊ + 1) / (n₊ + 2) for what was relevant and 1 / (n₋ + 2) for what was not, so
    that scores which tell the two apart perfectly don't send a to infinity.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines", §2.2.

    Attributes:
        a, b: float.
    """

    def fit(self, scores: np.ndarray, relevant: np.ndarray) -> Self:
        """From scores float [m] and what was relevant, bool or 0 / 1 [m]; raises ContractError as ``Isotonic.fit``."""
        s, y = _checked(scores, relevant)
        n_yes, n_no = y.sum(), (1 - y).sum()
        target = np.where(y == 1, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
        centre, scale = s.mean(), max(s.std(), 1e-12)
        x = np.column_stack([(s - centre) / scale, np.ones(len(s))])
        w = np.array([0.0, np.log((n_yes + 1) / (n_no + 1))])
        for _ in range(100):
            p = expit(x @ w)
            step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(2), x.T @ (p - target))
            w -= step * min(1, 2 / max(np.abs(step).max(), 1e-300))  # a long step may jump over the minimum
            if np.abs(step).max() < 1e-10:
                break
        self.a, self.b = w[0] / scale, w[1] - w[0] * centre / scale
        return self

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """float64, shape of the scores."""
        if not hasattr(self, "a"):
            raise ContractError("nothing is fitted yet", remedy="Call fit(scores, relevant) first")
        return expit(self.a * np.asarray(scores, dtype=np.float64) + self.b)


class Isotonic:
    """The rising step function nearest to the outcomes: pool adjacent violators.

    Sort by score. Whenever a block's mean lies below that of the block before it, the two become one. What is left
    rises; between two blocks the probability is interpolated.

    Source: Ayer et al. 1955; Zadrozny & Elkan 2002, "Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates", for calibration.

    Attributes:
        x, y: float64 [2 · blocks]: the scores at which blocks begin and end, and the probability there.
    """

    def fit(self, scores: np.ndarray, relevant: np.ndarray) -> Self:
        """From scores float [m] and outcomes [m], 0 / 1 or any number from 0 to 1.

        Raises:
            ContractError: different lengths, nothing to fit, a value that is not finite, outcomes outside 0–1.
        """
        s, y = _checked(scores, relevant)
        value, which = np.unique(s, return_inverse=True)  # equal scores can't be told apart: one block from the start
        total, count = np.bincount(which, y), np.bincount(which)
        blocks: list[list[float]] = []  # sum, number, first score, last score
        for score, t, n in zip(value, total, count):
            blocks.append([t, n, score, score])
            while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
                t2, n2, _, last = blocks.pop()
                blocks[-1][0] += t2
                blocks[-1][1] += n2
                blocks[-1][3] = last
        self.x = np.array([end for block in blocks for end in block[2:]])
        self.y = np.repeat([block[0] / block[1] for block in blocks], 2)
        return self

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """float64, shape of the scores; beyond the scores that were seen, the outermost value."""
        if not hasattr(self, "x"):
            raise ContractError("nothing is fitted yet", remedy="Call fit(scores, relevant) first")
        return np.interp(np.asarray(scores, dtype=np.float64), self.x, self.y)


def _checked(scores: np.ndarray, relevant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(relevant, dtype=np.float64)
    if s.ndim != 1 or s.shape != y.shape or not len(s):
        raise ContractError(f"scores {s.shape} and outcomes {y.shape} must be two lists of one length, at least 1")
    if not np.isfinite(s).all() or not ((y >= 0) & (y <= 1)).all():
        raise ContractError("scores must be finite and outcomes between 0 and 1")
    return s, y
