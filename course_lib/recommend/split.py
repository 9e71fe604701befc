"""The past and what came later: the only split that a recommender may be trained and measured on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
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


def hold_out(interactions: Interactions, fraction: float = 0.2, seed: int = 0) -> tuple[Interactions, Interactions]:
    """Of each user, hold out this part of the distinct items (rounded down), drawn at random: the rest, and that part.

    For data without times, such as LightGCN's files (whose own test part isn't drawn like this, whatever is said of it:
    see the chapter on graphs). Where there are times, split by time: a random split lets a model learn from what came
    after. The part held out stands for the future: its events bear the moment of the last event.

    Raises:
        ContractError: a fraction outside 0–1, or no user with enough items to hold one out.
    """
    if not 0 < fraction < 1:
        raise ContractError(f"fraction is {fraction}; it must lie between 0 and 1")
    pairs, of_event = np.unique(
        interactions.user_rows * len(interactions.items) + interactions.item_rows, return_inverse=True
    )
    user = pairs // max(len(interactions.items), 1)
    draw = generator(seed, "recommend", "hold out").random(len(pairs))
    order = np.lexsort((draw, user))
    place = np.empty(len(pairs), dtype=np.int64)
    place[order] = np.arange(len(pairs)) - np.searchsorted(user, user[order])
    held = place < np.floor(np.bincount(user)[user] * fraction + 1e-9) if len(pairs) else np.zeros(0, dtype=bool)
    if not held.any():
        raise ContractError("no user has enough items to hold one out", remedy="Hold out a larger fraction")
    rest, later = interactions.select(~held[of_event]), interactions.select(held[of_event])
    return rest, replace(later, timestamps=np.full(len(later), interactions.timestamps[-1]))
