"""Chance, by resampling: the bootstrap interval of a mean, and the sign-flip test of a mean difference."""

from __future__ import annotations

import numpy as np

from course_lib.core.seeds import generator

RESAMPLES = 1_000
CONFIDENCE = 95  #: per cent
_BLOCK = 2_000_000  # random signs drawn at a time


def bootstrap(columns: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of the mean of each column of float64 [n, m] (Efron and Tibshirani 1993, chapter 13)."""
    n = len(columns)
    random = generator(seed, "measurement", "bootstrap")
    # A resample is how often each key was drawn: one count vector serves every metric.
    draws = (np.bincount(random.integers(n, size=n), minlength=n) for _ in range(RESAMPLES))
    means = np.stack([counts @ columns for counts in draws]) / n
    tail = (100 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return low, high


def sign_flip(difference: np.ndarray, n_permutations: int, seed: int) -> float:
    """Two-sided p-value of the mean of float64 [m] under random signs.

    Where 2^m ≤ ``n_permutations``, over all 2^m signs, exactly. A value of 0 adds nothing and may be left out.
    """
    m = len(difference)
    exact = m < 63 and 2**m <= n_permutations
    total = 2**m if exact else n_permutations
    # Sums that differ by rounding alone are equal: without slack, the observed flip itself may miss its own bound.
    bound = abs(difference.sum()) - 1e-12 * np.abs(difference).sum()
    random = generator(seed, "measurement", "sign flip")
    step, extreme = max(1, _BLOCK // max(1, m)), 0
    for start in range(0, total, step):
        n = min(step, total - start)
        if exact:
            flipped = (np.arange(start, start + n)[:, None] >> np.arange(m)) & 1
        else:
            drawn = np.frombuffer(random.bytes(n * (m // 8 + 1)), dtype=np.uint8).reshape(n, -1)
            flipped = np.unpackbits(drawn, axis=1)[:, :m]
        # A sum under flips is the sum of all less twice the sum of the flipped.
        extreme += int((np.abs(difference.sum() - 2.0 * (flipped @ difference)) >= bound).sum())
    return extreme / total if exact else (extreme + 1) / (total + 1)
