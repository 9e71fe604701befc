"""A listwise loss: the whole list as one distribution."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, softmax

from course_lib.core.errors import ContractError
from course_lib.search.ranking.checks import check_lists
from course_lib.search.ranking.gains import gains
from course_lib.search.ranking.pointwise import Loss

TARGETS = ("exp", "gain")


def listnet_loss(scores: np.ndarray, grades: np.ndarray, mask: np.ndarray, *, target: str = "exp") -> Loss:
    """−Σ_i y_i ln p_i, the mean over lists, where p = softmax(scores) and y is what the grades say.

    p_i is the chance that product i comes first if lists are drawn by their scores; y is the same for the grades.

    - ``"exp"``: y = softmax(grades), ListNet (Cao et al. 2007, "Learning to Rank: From Pairwise Approach to Listwise
      Approach", §4.3). A product of grade 0 keeps a share, so that a long tail of them takes most of it.
    - ``"gain"``: y = (2^g − 1) / Σ (2^g − 1) (as in Bruch et al. 2019, ICTIR, who study it for grades of 0 and 1). Lists
      without any gain say nothing.

    Args:
        scores, grades: float [n, k]. mask: bool [n, k], where a product stands.

    Raises:
        ContractError: an unknown target.
    """
    scores, grades, mask = check_lists(scores, grades, mask)
    if target not in TARGETS:
        raise ContractError(f"unknown target {target!r}; known are {', '.join(TARGETS)}")
    if target == "exp":
        counts = mask.any(axis=1)
        y = softmax(np.where(mask, grades, -1e30), axis=1)
    else:
        worth = np.where(mask, gains(np.where(mask, grades, 0)), 0)
        total = worth.sum(axis=1, keepdims=True)
        counts, y = total[:, 0] > 0, worth / np.where(total > 0, total, 1)
    y, seen = np.where(mask & counts[:, None], y, 0), np.where(mask, scores, -1e30)  # a pad has no share
    n = max(counts.sum(), 1)
    value = -(y * np.where(mask, log_softmax(seen, axis=1), 0)).sum()
    gradient = np.where(mask & counts[:, None], softmax(seen, axis=1) - y, 0)
    return float(value / n), gradient / n
