"""What every loss and ranker asks of its arrays."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError


def check_lists(
    scores: np.ndarray, grades: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores and grades as float64 [n, k], mask as bool [n, k].

    Raises:
        ContractError: other or unequal shapes, no product at all, a value that is not finite where a product stands.
    """
    try:
        scores, grades = np.asarray(scores, dtype=np.float64), np.asarray(grades, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ContractError("scores and grades must be numbers") from error
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim != 2 or not scores.shape == grades.shape == mask.shape:
        what = f"scores {scores.shape}, grades {grades.shape} and a bool mask {mask.shape} must be of one shape [n, k]"
        raise ContractError(what)
    if not mask.any():
        raise ContractError("there is no product in these lists")
    if not (np.isfinite(scores[mask]).all() and np.isfinite(grades[mask]).all()):
        raise ContractError("a score or a grade of a product is not finite")
    return np.where(mask, scores, 0), np.where(mask, grades, 0), mask
