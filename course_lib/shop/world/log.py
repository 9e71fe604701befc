"""A shop's log as arrays of rows, between two moments: what counting needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.tables import EVENT_KINDS

IMPRESSION, CLICK, CART, PURCHASE = range(len(EVENT_KINDS))
NO_QUERY = -1


@dataclass(frozen=True, eq=False)
class Log:
    """n events in the order of the table.

    Attributes:
        event: int [n], rows of ``shop.events``.
        timestamp: int [n], seconds since 1970-01-01 UTC.
        user, item, query: int [n], rows of the shop's tables; query is NO_QUERY off the search page.
        kind: int [n], rows of ``EVENT_KINDS``.
        position: int [n], 0 is the first place, -1 where there was no list.
        price: float [n], in the shop's currency.
        n_users, n_items, n_queries: sizes of the shop's tables.
    """

    event: np.ndarray
    timestamp: np.ndarray
    user: np.ndarray
    item: np.ndarray
    query: np.ndarray
    kind: np.ndarray
    position: np.ndarray
    price: np.ndarray
    n_users: int
    n_items: int
    n_queries: int

    def select(self, keep: np.ndarray) -> Log:
        """The events where bool [n] ``keep`` is true."""
        names = ("event", "timestamp", "user", "item", "query", "kind", "position", "price")
        sizes = (self.n_users, self.n_items, self.n_queries)
        return Log(*(getattr(self, name)[keep] for name in names), *sizes)

    def __len__(self) -> int:
        return len(self.event)


def read_log(shop: Any, *, until: int | None = None, since: int | None = None) -> Log:
    """The events of a ``Shop`` with ``since ≤ timestamp < until``.

    Args:
        until, since: seconds since 1970-01-01 UTC; ``None`` means open.

    Raises:
        DataError: the shop has no log.
        ContractError: no event lies in that span.
    """
    if not len(shop.events):
        raise DataError(f"the shop {shop.name!r} has no events", remedy="Use Shop.simulate, or data with a log")
    events = shop.events.with_format("numpy")
    time = events["timestamp"][:]
    keep = np.ones(len(time), dtype=bool)
    keep &= True if since is None else time >= since
    keep &= True if until is None else time < until
    if not keep.any():
        raise ContractError("no event lies between these moments", remedy="Look at shop.events['timestamp']")
    tables = (shop.users["user_id"][:], shop.items["item_id"][:], shop.queries["query_id"][:], EVENT_KINDS)
    columns = ("user_id", "item_id", "query_id", "kind")
    user, item, query, kind = (_rows(shop.events, c, names)[keep] for c, names in zip(columns, tables))
    position, price = (events[name][:][keep] for name in ("position", "price"))
    sizes = [len(names) for names in tables[:3]]
    return Log(np.flatnonzero(keep), time[keep], user, item, query, kind, position, price, *sizes)


def _rows(events: Any, column: str, names: Any) -> np.ndarray:
    """int64 [n]: the row of each event's text among the names, -1 where it is none of them."""
    row = {name: r for r, name in enumerate(names)}
    return np.fromiter((row.get(text, -1) for text in events[column][:]), dtype=np.int64, count=len(events))
