"""The second stage's examples: one row for each product that was shown, with what came of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.collaborative import DAY
from course_lib.shop.log import CLICK, IMPRESSION, NO_QUERY, PURCHASE, read_log


@dataclass(frozen=True, eq=False, kw_only=True)
class Impressions:
    """n products shown in lists, page after page, in the order of time.

    Attributes:
        event: int64 [n], rows of ``shop.events``; user, item: int64 [n], rows of the shop's tables.
        page: int64 [n], numbered from 0; the rows of one page stand together.
        place: int64 [n], 0 is the first place of the page.
        day: int64 [n], days since 1970-01-01 UTC.
        time: int64 [n], seconds, the moment at which the page was shown.
        price: float64 [n], of that moment, in the shop's currency.
        click, buy: bool [n], what followed on that page.
    """

    event: np.ndarray
    user: np.ndarray
    item: np.ndarray
    page: np.ndarray
    place: np.ndarray
    day: np.ndarray
    time: np.ndarray
    price: np.ndarray
    click: np.ndarray
    buy: np.ndarray

    def select(self, keep: np.ndarray) -> Impressions:
        """The rows where bool [n] ``keep`` is true, pages numbered anew."""
        columns = {field.name: getattr(self, field.name)[keep] for field in fields(self)}
        columns["page"] = np.unique(columns["page"], return_inverse=True)[1]
        return replace(self, **columns)

    def between(self, since: int, until: int) -> Impressions:
        """The pages shown with ``since ≤ time < until``; raises ContractError where there are none."""
        keep = (self.time >= since) & (self.time < until)
        if not keep.any():
            raise ContractError(f"no page was shown between {since} and {until}")
        return self.select(keep)

    def __len__(self) -> int:
        return len(self.event)


def read_impressions(shop: Any, *, searches: bool = False) -> Impressions:
    """All pages that a ``Shop`` showed without being asked a query (and, with ``searches``, result pages too).

    A click or purchase belongs to the page of its session that was shown last before it.

    Raises:
        DataError: the shop has no log. ContractError: no list was shown on such pages.
    """
    log = read_log(shop)
    log = log.select((log.position >= 0) & (searches | (log.query == NO_QUERY)))
    shown = np.flatnonzero(log.kind == IMPRESSION)
    if not len(shown):
        raise ContractError("the log shows no list", remedy="Use a log with impressions and positions")
    span = log.timestamp - log.timestamp.min()
    moment = log.session * (span.max() + 1) + span  # orders pages by session, then by time
    starts, page = np.unique(moment[shown], return_inverse=True)
    row_of = page * log.n_items + log.item[shown]
    order = np.argsort(row_of)

    def followed(kind: int) -> np.ndarray:
        acted = np.flatnonzero(log.kind == kind)
        last = np.searchsorted(starts, moment[acted], side="right") - 1
        return np.isin(row_of, last * log.n_items + log.item[acted])

    click, buy = followed(CLICK), followed(PURCHASE)
    order = np.lexsort((log.position[shown], page, log.timestamp[shown]))
    rows = shown[order]
    first = np.r_[True, np.diff(page[order]) != 0]
    return Impressions(
        event=log.event[rows], user=log.user[rows], item=log.item[rows], page=np.cumsum(first) - 1,
        place=log.position[rows], day=log.timestamp[rows] // DAY, time=log.timestamp[rows], price=log.price[rows],
        click=click[order], buy=buy[order],
    )  # fmt: skip
