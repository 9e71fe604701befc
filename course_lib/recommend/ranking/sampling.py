"""Thrown-away negatives make training cheap and probabilities wrong; what puts them right again."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


def keep_negatives(happened: np.ndarray, share: float, *, seed: int = 0) -> np.ndarray:
    """bool [n]: all that happened, and a random share of the rest.

    Raises:
        ContractError: a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ContractError(f"share is {share}; it must be above 0 and at most 1")
    happened = np.asarray(happened).astype(bool)
    return happened | (generator(seed, "negatives").random(len(happened)) < share)


def undo_sampling(probability: np.ndarray, share: float) -> np.ndarray:
    """The chance in all data, from the chance in data that kept a share of the negatives: p / (p + (1 − p) / share).

    Dropping negatives multiplies the odds by 1 / share; this divides them again. The order stays as it was.

    Source: He et al. 2014, "Practical Lessons from Predicting Clicks on Ads at Facebook" (ADKDD), §6.3.

    Raises:
        ContractError: a share that is not above 0 and at most 1, probabilities outside 0–1.
    """
    p = np.asarray(probability, dtype=np.float64)
    if not 0 < share <= 1 or not ((p >= 0) & (p <= 1)).all():
        raise ContractError("share must be above 0 and at most 1, and probabilities must lie between 0 and 1")
    return p / (p + (1 - p) / share)
