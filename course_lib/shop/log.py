"""A shop's log as arrays of rows, between two moments: what counting needs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.tables import EVENT_KINDS

IMPRESSION, CLICK, CART, PURCHASE = range(len(EVENT_KINDS))
NO_QUERY = -1


@dataclass(frozen=True, eq=False, kw_only=True)
class Log:
    """n events in the order of the table.

    Attributes:
        event: int [n], rows of ``shop.events``.
        timestamp: int [n], seconds since 1970-01-01 UTC.
        user, item, query: int [n], rows of the shop's tables; query is NO_QUERY off the search page.
        session: int [n], numbered from 0 in the order of the table.
        kind: int [n], rows of ``EVENT_KINDS``.
        position: int [n], 0 is the first place, -1 where there was no list.
        propensity: float [n], the chance with which the logging policy put the item into this place.
        price: float [n], in the shop's currency.
        n_users, n_items, n_queries: sizes of the shop's tables.
    """

    event: np.ndarray
    timestamp: np.ndarray
    user: np.ndarray
    item: np.ndarray
    query: np.ndarray
    session: np.ndarray
    kind: np.ndarray
    position: np.ndarray
    propensity: np.ndarray
    price: np.ndarray
    n_users: int
    n_items: int
    n_queries: int

    def select(self, keep: np.ndarray) -> Log:
        """The events where bool [n] ``keep`` is true."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: c[keep] for name, c in columns.items() if isinstance(c, np.ndarray)})

    def first_of_page(self) -> np.ndarray:
        """int [n_pages]: rows of the impressions at position 0; each page view has exactly one."""
        return np.flatnonzero((self.kind == IMPRESSION) & (self.position == 0))

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
    events = shop.events.with_format("arrow")[:]
    log = Log(
        event=np.arange(len(events)),
        user=_rows(events["user_id"], shop.users["user_id"][:]),
        item=_rows(events["item_id"], shop.items["item_id"][:]),
        query=_rows(events["query_id"], shop.queries["query_id"][:]),
        session=_rows(events["session_id"], None),
        kind=_rows(events["kind"], EVENT_KINDS),
        **{name: events[name].to_numpy() for name in ("timestamp", "position", "propensity", "price")},
        n_users=len(shop.users),
        n_items=len(shop.items),
        n_queries=len(shop.queries),
    )
    if until is None and since is None:
        return log
    keep = np.ones(len(log), dtype=bool)
    keep &= True if since is None else log.timestamp >= since
    keep &= True if until is None else log.timestamp < until
    if not keep.any():
        raise ContractError("no event lies between these moments", remedy="Look at shop.events['timestamp']")
    return log.select(keep)


def _rows(column: Any, names: Any) -> np.ndarray:
    """int64 [n]: the row of each event's text among the names (-1: not there); without names, numbered as they come."""
    encoded = column.combine_chunks().dictionary_encode()  # a text is looked up once, not once per event
    texts = encoded.dictionary.to_pylist()
    row = {name: r for r, name in enumerate(texts if names is None else names)}
    return np.array([row.get(text, -1) for text in texts], dtype=np.int64)[np.asarray(encoded.indices)]
