"""Histories: what each user did, in order; sessions; and the split that leaves the last events out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.shop.interactions import Interactions


class Histories:
    """The events of all users in one array, user after user, each in time order; equal times keep their log order.

    Args:
        interactions: whose order of events is already stable in time.
        repeats: whether an event with the item that the user touched right before counts again. A click, a cart and a
            purchase of one visit are one step of a sequence, so by default it doesn't.

    Attributes:
        users, items: the maps of the interactions.
        user_rows, item_rows, times: int64 [n_events]; times in seconds since 1970-01-01 UTC.
        starts: int64 [n_users + 1]: the events of user u are ``starts[u]:starts[u + 1]``.
    """

    def __init__(self, interactions: Interactions, *, repeats: bool = False):
        order = np.argsort(interactions.user_rows, kind="stable")
        users, items = interactions.user_rows[order], interactions.item_rows[order]
        times = interactions.timestamps[order]
        if not repeats and len(order):
            keep = np.append(True, (users[1:] != users[:-1]) | (items[1:] != items[:-1]))
            users, items, times = users[keep], items[keep], times[keep]
        self.users, self.items = interactions.users, interactions.items
        self.user_rows, self.item_rows, self.times = users, items, times
        self.starts = np.searchsorted(users, np.arange(len(self.users) + 1))

    def of(self, row: int, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Item rows and times of one user, oldest first; only the ``last`` so many where given."""
        start, end = self.starts[row], self.starts[row + 1]
        start = start if last is None else max(start, end - last)
        return self.item_rows[start:end], self.times[start:end]

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n_users]: events of each user."""
        return np.diff(self.starts)

    def sessions(self, gap_minutes: float = 30.0) -> np.ndarray:
        """int64 [n_events]: the number of each event's session; a user who pauses for longer than the gap begins a new one.

        Raises:
            ContractError: a gap that is not longer than 0.
        """
        if not gap_minutes > 0:
            raise ContractError(f"gap_minutes is {gap_minutes}; it must be more than 0")
        new = np.ones(len(self.times), dtype=bool)
        same_user = self.user_rows[1:] == self.user_rows[:-1]
        new[1:] = ~same_user | (np.diff(self.times) > gap_minutes * 60)
        return np.cumsum(new) - 1

    def __len__(self) -> int:
        return len(self.item_rows)


class LastOut(NamedTuple):
    """Leave-last-out: every user's events but the last two, the last but one, and the last one."""

    train: Interactions
    validation: Interactions
    test: Interactions


def leave_last_out(interactions: Interactions, *, shortest: int = 3) -> LastOut:
    """The published protocol of next-item benchmarks: settings are chosen on the last item but one, tested on the last.

    It is no split by time: what others bought later is in the training data. Events of equal time keep their log order,
    so that the split is the same on every machine. Users with fewer than ``shortest`` events are trained on alone.

    Raises:
        ContractError: nobody has so many events, or ``shortest`` is below 3.
    """
    if shortest < 3:
        raise ContractError(f"shortest is {shortest}; with fewer than 3 events nothing is left to learn from")
    order = np.argsort(interactions.user_rows, kind="stable")
    rows = interactions.user_rows[order]
    count = np.bincount(rows, minlength=len(interactions.users))
    left = np.empty(len(rows), dtype=np.int64)  # how many events of the user come after this one
    left[order] = np.cumsum(count)[rows] - 1 - np.arange(len(rows))
    enough = count[interactions.user_rows] >= shortest
    if not enough.any():
        raise ContractError(f"no user has {shortest} events", remedy="Leave-last-out needs longer histories")
    parts = (~enough | (left > 1), enough & (left == 1), enough & (left == 0))
    return LastOut(*(interactions.select(part) for part in parts))


def joined(*parts: Interactions) -> Interactions:
    """Several interactions over the same two maps as one, in stable time order; events of one time in the order given.

    Raises:
        ContractError: different maps, or nothing to join.
    """
    if not parts or any(p.users != parts[0].users or p.items != parts[0].items for p in parts):
        raise ContractError("only interactions with the same users and items can be joined")
    fields = ("user_rows", "item_rows", "weights", "timestamps")
    return Interactions(parts[0].users, parts[0].items, *(np.concatenate([getattr(p, f) for p in parts]) for f in fields))


def rows_of(items: IdMap, item_ids: Sequence[str]) -> np.ndarray:
    """Catalogue rows of a session's items. Raises ContractError for a bare text, UnknownIdError for an unknown item."""
    if isinstance(item_ids, str):
        raise ContractError("items must be a list of item ids", remedy=f"E.g. [{item_ids!r}]")
    return items.rows(item_ids)
