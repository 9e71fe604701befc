"""The past and what came later: the only split that a recommender may be trained and measured on."""

from __future__ import annotations

from course_lib.core.errors import ContractError
from course_lib.shop.interactions import Interactions


def new_interests(past: Interactions, later: Interactions) -> Interactions:
    """What known users did later with items that were new to them: the events to learn from or to measure against.

    Raises:
        ContractError: ``later`` begins before ``past`` ends, or nothing in it is new to a known user.
    """
    if len(past) and len(later) and later.timestamps[0] < past.timestamps[-1]:
        raise ContractError(
            "the later interactions begin before the earlier ones end",
            remedy="Split by one moment t: shop.interactions(until=t) and shop.interactions(since=t)",
        )
    wanted = later.without(past).of_users(past.active_users())
    if not len(wanted):
        raise ContractError("no known user did anything new later", remedy="Choose an earlier moment to split at")
    return wanted
