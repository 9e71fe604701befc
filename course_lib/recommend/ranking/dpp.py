"""A determinantal point process: choose the list whose vectors span the largest volume, longer where scores are high."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking.mmr import checked


def dpp(score: np.ndarray, vectors: np.ndarray, k: int, strength: float = 1.0) -> np.ndarray:
    """int64 [at most min(k, n)]: rows in the order of choice, greedily the most probable list.

    The kernel is L = diag(q) S diag(q), with the cosines S and q = e^(strength · s / 2), scores brought to 0–1. Each
    step takes the row that multiplies det(L of the chosen) most: d² of it, kept up to date by one row of the Cholesky
    factor a step. It ends early when nothing is left that isn't spanned by what is chosen: then the rest is filled up
    by score.

    Source: Chen, Zhang & Zhou 2018, "Fast Greedy MAP Inference for Determinantal Point Process" (NeurIPS), algorithm 1;
    the trade between score and diversity as in their eq. 16.

    Args:
        score: float [n]. vectors: float [n, d]. k: length of the list. strength: 0 is diversity alone; large: scores.

    Raises:
        ContractError: other lengths, values not finite, a vector of zeros, k below 1, a negative strength.
    """
    s, unit = checked(score, vectors, k)
    if not strength >= 0:
        raise ContractError(f"strength is {strength}; it must be at least 0")
    n = len(s)
    s = (s - s.min()) / (np.ptp(s) or 1) if n else s
    log_quality = strength * s  # log q²; the volume is scaled by it, so the logarithm never overflows
    volume, rows, left = np.ones(n), np.zeros((min(k, n), n)), np.ones(n, dtype=bool)
    chosen: list[int] = []
    for step in range(min(k, n)):
        spanned = volume < 1e-10
        gain = np.where(left & ~spanned, log_quality + np.log(np.maximum(volume, 1e-300)), -np.inf)
        best = int(np.argmax(gain))
        if not np.isfinite(gain[best]):
            rest = np.flatnonzero(left)
            return np.array(chosen + rest[np.argsort(-s[rest], kind="stable")][: min(k, n) - step].tolist())
        # The new row of the Cholesky factor of S, from the rows of those chosen before.
        rows[step] = (unit @ unit[best] - rows[:step].T @ rows[:step, best]) / np.sqrt(volume[best])
        volume = np.maximum(volume - rows[step] ** 2, 0)
        chosen.append(best)
        left[best] = False
    return np.array(chosen, dtype=np.int64)
