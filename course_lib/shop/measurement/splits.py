"""Past and future: one moment for everybody, before which everything is known and after which nothing is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions


class Split(NamedTuple):
    """What may be learned from, and what is measured against (of users who occur in ``train``)."""

    train: Interactions
    test: Interactions


def split_by_time(interactions: Interactions, fraction: float = 0.8) -> Split:
    """Split at the moment before which ``fraction`` of the events happened; events of that very moment are test events.

    The test part holds users with a past only: a recommender that learned from the past has no row for others.
    ``Shop.split_time`` is the same rule for a whole log.

    Raises:
        ContractError: a fraction outside 0–1, or a part that would be empty.
    """
    _check(interactions, fraction)
    moment = interactions.timestamps[int(len(interactions) * fraction)]
    return _parts(interactions, interactions.timestamps < moment)


def split_at_random(interactions: Interactions, fraction: float = 0.8, seed: int = 0) -> Split:
    """Each event is a training event with this probability, whenever it happened: for the exhibit of what that does."""
    _check(interactions, fraction)
    return _parts(interactions, generator(seed, "measurement", "random split").random(len(interactions)) < fraction)


def _check(interactions: Interactions, fraction: float) -> None:
    if not len(interactions):
        raise ContractError("there are no interactions to split")
    if not 0 < fraction < 1:
        raise ContractError(f"fraction is {fraction}; it must lie between 0 and 1")


def _parts(interactions: Interactions, is_train: np.ndarray) -> Split:
    train, later = interactions.select(is_train), interactions.select(~is_train)
    known = np.zeros(len(interactions.users), dtype=bool)
    known[train.user_rows] = True
    test = later.select(known[later.user_rows])
    if not len(train) or not len(test):
        what = "no event comes before the moment of the split" if not len(train) else "no test event has a known user"
        raise ContractError(what, remedy="Split more interactions, or at another fraction")
    return Split(train, test)
