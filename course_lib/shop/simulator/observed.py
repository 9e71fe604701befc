"""A shop's log as arrays of rows: what the credibility measurements read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.tables import EVENT_KINDS
from course_lib.shop.simulator.calendar import DAY, START, WEEK

IMPRESSION, CLICK, CART, PURCHASE = range(len(EVENT_KINDS))


@dataclass(frozen=True, eq=False)
class Observed:
    """n events, in the order of the table.

    Attributes:
        user, item, query: int [n], rows of the shop's tables; query is -1 for events off the search page.
        kind: int [n], rows of ``EVENT_KINDS``. session: int [n], numbered from 0. position: int [n].
        timestamp: int [n], seconds. day, week: int [n], from the first day of a simulated log.
        propensity, price: float [n].
    """

    user: np.ndarray
    item: np.ndarray
    query: np.ndarray
    kind: np.ndarray
    session: np.ndarray
    position: np.ndarray
    timestamp: np.ndarray
    day: np.ndarray
    week: np.ndarray
    propensity: np.ndarray
    price: np.ndarray

    def first_of_page(self) -> np.ndarray:
        """int [n_pages]: rows of the impressions at position 0; each page view has exactly one."""
        return np.flatnonzero((self.kind == IMPRESSION) & (self.position == 0))


def observe(shop: Any) -> Observed:
    """The log of a ``Shop``."""
    events = shop.events
    numbers = {name: np.asarray(events[name][:]) for name in ("timestamp", "position", "propensity", "price")}
    since = numbers["timestamp"] - START
    return Observed(
        user=_rows(events, "user_id", shop.users["user_id"][:]),
        item=_rows(events, "item_id", shop.items["item_id"][:]),
        query=_rows(events, "query_id", shop.queries["query_id"][:]),
        kind=_rows(events, "kind", EVENT_KINDS),
        session=_rows(events, "session_id", None),
        day=since // DAY,
        week=since // WEEK,
        **numbers,
    )


def _rows(events: Any, column: str, names: Any) -> np.ndarray:
    """The row of each event's text among the names (-1: not there); without names, numbered by first occurrence."""
    encoded = events.data.column(column).combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    row = {name: r for r, name in enumerate(texts if names is None else names)}
    return np.array([row.get(text, -1) for text in texts], dtype=np.int64)[np.asarray(encoded.indices)]
