"""What a grade is worth at a place: gains, discounts, and the best sum that a list could have.

All functions of this topic see n candidate lists side by side, as a ``Ranking`` holds them: arrays [n, k], and a mask
that says where a product stands (True) and where a row is only filled up.
"""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError

GAINS = ("exponential", "linear")
#: 2^g − 1 is a 64-bit float up to here without overflow; long before, it has stopped to mean anything
LARGEST = 1_000


def gains(grades: np.ndarray, kind: str = "exponential") -> np.ndarray:
    """float64, shape of the grades: 2^g − 1 (``"exponential"``, Burges et al. 2005) or g itself (``"linear"``,
    Järvelin & Kekäläinen 2002).

    Raises:
        ContractError: an unknown kind; a grade below 0 or above 1,000.
    """
    if kind not in GAINS:
        raise ContractError(f"unknown gain {kind!r}; known are {', '.join(GAINS)}")
    grades = np.asarray(grades, dtype=np.float64)
    if grades.size and not (grades.min() >= 0 and grades.max() <= LARGEST):
        raise ContractError(f"grades must lie between 0 and {LARGEST:,}", remedy="Shift or rescale the labels")
    return grades if kind == "linear" else np.exp2(grades) - 1


def discounts(k: int, at: int | None = None) -> np.ndarray:
    """float64 [k]: 1 / log2(place + 1) for places 1 … k, and 0 beyond place ``at``."""
    weight = 1 / np.log2(np.arange(2, k + 2))
    weight[k if at is None else at :] = 0
    return weight


def places(scores: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """int64 [n, k]: the place, from 0, that each product gets when its row is sorted by falling score.

    Equal scores keep their order; what the mask leaves out comes last.
    """
    order = np.argsort(np.where(mask, -scores, np.inf), axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(scores.shape[1])[None, :], axis=1)
    return place


def ideal_dcg(grades: np.ndarray, mask: np.ndarray, at: int | None = None, gain: str = "exponential") -> np.ndarray:
    """float64 [n]: the DCG of each row sorted by falling grade; 0 where no grade is above 0."""
    worth = np.where(mask, gains(np.where(mask, grades, 0), gain), 0)
    return -np.sort(-worth, axis=1) @ discounts(grades.shape[1], at)


def ndcg(
    scores: np.ndarray, grades: np.ndarray, mask: np.ndarray, at: int | None = None, gain: str = "exponential"
) -> np.ndarray:
    """float64 [n]: NDCG of each row's own products, sorted by falling score; NaN where no grade is above 0.

    ``shop.measurement.evaluate`` measures rankings against all judgements; this one looks at the list alone, as losses
    do.
    """
    best = ideal_dcg(grades, mask, at, gain)
    weight = discounts(scores.shape[1], at)[places(scores, mask)]
    dcg = (np.where(mask, gains(np.where(mask, grades, 0), gain), 0) * weight).sum(axis=1)
    return np.divide(dcg, best, out=np.full(len(best), np.nan), where=best > 0)
