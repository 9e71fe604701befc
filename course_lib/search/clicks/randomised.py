"""The curve of examination from the chances with which the shop itself put each product at each place."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.search.clicks.model import check_pages
from course_lib.search.clicks.pages import ResultPages


def examination_by_propensity(pages: ResultPages, *, max_weight: float = np.inf) -> np.ndarray:
    """θ, float64 [L], relative to the first place: the click rate of each place, had its products been drawn at random.

    An impression weighs 1 / propensity, the logged chance that this product stood at this place: so weighted, every
    place shows the same mixture of all products that could stand there, and what is left of the click rates is the
    place. It needs no model of products, only logged chances that are right and above 0 for every product at every
    place; what was shown by rare chance alone weighs hundreds of times what the ranker shows, so it is noisy.

    Weighting by the inverse chance of selection is Horvitz & Thompson's (1952, JASA 47(260)), here normalised.

    Args:
        max_weight: the largest weight. Clipping lowers the noise, and lets the ranker's choices back in.

    Raises:
        DataError: a propensity is missing or outside 0–1.
        ContractError: no pages, no click at the first place, a weight below 1.
    """
    shown = check_pages(pages).shown
    if not max_weight >= 1:
        raise ContractError(f"max_weight is {max_weight}; it must be at least 1")
    chance = np.where(shown, pages.propensity, 1.0)
    if not ((chance > 0) & (chance <= 1 + 1e-9)).all():
        raise DataError("a propensity is missing or not a chance", remedy="Use harvest_examination, which needs none")
    weight = np.where(shown, np.minimum(1 / chance, max_weight), 0.0)
    rate = (weight * pages.click).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    if not rate[0]:
        raise ContractError("the first place was never clicked", remedy="Give more pages")
    return rate / rate[0]
