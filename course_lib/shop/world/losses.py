"""What each stage loses: a product that one stage drops, no later one can show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.world.cascade import Request, Stage, cascade


def stage_losses(
    requests: Sequence[Request], stages: Sequence[Stage], wanted: Sequence[np.ndarray], n_items: int, *, places: int
) -> np.ndarray:
    """How well the page could still be filled after each stage: float [n_requests, n_stages].

    An entry is min(wanted products that are left, places) / min(all wanted products, places): 1 where what is left
    could still fill the page as well as the whole catalogue could. It never rises from one stage to the next.

    Args:
        wanted: int [≥ 1] for each request, catalogue rows that ought to be shown.
        places: products on a page.

    Raises:
        ContractError: not one set of wanted products per request, an empty one, or what ``cascade`` refuses.
    """
    if len(wanted) != len(requests) or places < 1:
        raise ContractError(f"{len(wanted)} sets of wanted products for {len(requests)} requests, {places} places")
    left = np.zeros((len(requests), len(stages)))
    for row, (request, good) in enumerate(zip(requests, wanted)):
        if not len(good):
            raise ContractError("nothing is wanted", where=f"request {request.key}", remedy="Leave the request out")
        for number, step in enumerate(cascade(request, stages, n_items)):
            left[row, number] = min(np.isin(step.rows, good).sum(), places) / min(len(good), places)
    return left
