"""Result pages: what a click model reads, one row for every list that a search showed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.ranking import PAD
from course_lib.shop.log import CLICK, IMPRESSION, NO_QUERY, read_log

if TYPE_CHECKING:
    from course_lib.shop.shop import Shop


@dataclass(frozen=True, eq=False, kw_only=True)
class ResultPages:
    """n pages of at most L places; the first place is column 0, and a page's places are filled from there.

    Attributes:
        query: int64 [n], rows of the queries table.
        item: int64 [n, L], catalogue rows, PAD where the list is shorter.
        click: bool [n, L].
        propensity: float64 [n, L], the chance with which the logging policy put the item there; NaN where unknown.
        session, timestamp: int64 [n]; the session's number, and seconds since 1970-01-01 UTC of the first impression.

    Raises:
        ContractError: shapes or types that don't fit, a click or a gap where nothing was shown, no place at all.
    """

    query: np.ndarray
    item: np.ndarray
    click: np.ndarray
    propensity: np.ndarray | None = None
    session: np.ndarray | None = None
    timestamp: np.ndarray | None = None

    def __post_init__(self) -> None:
        query, item, click = (np.asarray(one) for one in (self.query, self.item, self.click))
        if item.ndim != 2 or not item.shape[1] or click.shape != item.shape or query.shape != item.shape[:1]:
            raise ContractError(
                f"query {list(query.shape)}, item {list(item.shape)} and click {list(click.shape)} don't fit",
                remedy="Give [n], [n, L] and [n, L]",
            )
        if len(query) and (query.dtype.kind not in "iu" or item.dtype.kind not in "iu" or click.dtype != bool):
            raise ContractError(f"got {query.dtype}, {item.dtype}, {click.dtype}; rows are integers, clicks are bool")
        shown = item != PAD
        if len(query) and (query.min() < 0 or item.min() < PAD):
            raise ContractError("a row is negative", remedy=f"Only {PAD}, an empty place, is allowed, and for items")
        if len(query) and max(query.max() >> 31, item.max() >> 32) > 0:
            raise ContractError("a row is above 2^31 (queries) or 2^32 (products), more than fits a pair's code")
        if (shown[:, 1:] & ~shown[:, :-1]).any() or (click & ~shown).any():
            raise ContractError("a page has a gap, or a click where nothing was shown")
        n, unknown = len(query), np.full(item.shape, np.nan)
        further = {
            "propensity": unknown if self.propensity is None else np.asarray(self.propensity, dtype=np.float64),
            "session": np.arange(n) if self.session is None else np.asarray(self.session),
            "timestamp": np.zeros(n, dtype=np.int64) if self.timestamp is None else np.asarray(self.timestamp),
        }
        if further["propensity"].shape != item.shape or any(len(one) != n for one in further.values()):
            raise ContractError("propensity, session or timestamp has another number of pages or places")
        kept = {"query": query.astype(np.int64), "item": item.astype(np.int64), "click": click.astype(bool)}
        for name, value in {**kept, **further}.items():
            object.__setattr__(self, name, value)

    @property
    def shown(self) -> np.ndarray:
        """bool [n, L]: there is a product at this place."""
        return self.item != PAD

    @property
    def length(self) -> int:
        """Places of the longest list, L."""
        return self.item.shape[1]

    @property
    def code(self) -> np.ndarray:
        """int64 [n, L]: one number for each (query, product), query · 2^32 + product; PAD where nothing is shown."""
        return np.where(self.shown, (self.query[:, None] << 32) + self.item, PAD)

    def select(self, rows: np.ndarray) -> ResultPages:
        """The pages of these rows (row numbers, or bool [n])."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    def split(self, moment: int) -> tuple[ResultPages, ResultPages]:
        """The pages before this moment (seconds since 1970-01-01 UTC), and the others."""
        before = self.timestamp < moment
        return self.select(before), self.select(~before)

    def __len__(self) -> int:
        return len(self.query)

    def __repr__(self) -> str:
        return f"ResultPages({len(self):,} pages of ≤ {self.length} places, {int(self.click.sum()):,} clicks)"


def read_pages(shop: Shop, *, since: int | None = None, until: int | None = None) -> ResultPages:
    """The search pages of a shop's log with ``since ≤ timestamp < until``; a page is cut where the log is.

    The impressions of one session at one moment are a page. A click belongs to the last page of its session that
    showed this product at this place; a second click on the same place of the same page is no news.

    Raises:
        DataError: no log, no search page in it, two products at one place, or a page that lacks one of its places.
        ContractError: no event in that span.
    """
    log = read_log(shop, since=since, until=until)
    log = log.select((log.query != NO_QUERY) & (log.position >= 0) & (log.kind <= CLICK))
    seen = np.flatnonzero(log.kind == IMPRESSION)
    if not len(seen):
        raise DataError("the log has no search page", remedy="Use a shop whose events name query_id and position")
    key = np.column_stack([log.session, log.timestamp, log.query])[seen]
    pages, page = np.unique(key, axis=0, return_inverse=True)  # in the order of session, then of time
    page, place = page.ravel(), log.position[seen]
    item = np.full((len(pages), int(place.max()) + 1), PAD, dtype=np.int64)
    propensity, click = np.full(item.shape, np.nan), np.zeros(item.shape, dtype=bool)
    item[page, place], propensity[page, place] = log.item[seen], log.propensity[seen]
    if (item != PAD).sum() != len(seen) or ((item[:, 1:] != PAD) & (item[:, :-1] == PAD)).any():
        raise DataError("a page has two products at one place, or none", remedy="Log every impression once")
    done = np.flatnonzero(log.kind == CLICK)
    columns = [log.session, log.query, log.item, log.position]
    shown = np.column_stack([*(c[seen] for c in columns), log.timestamp[seen], np.zeros(len(seen)), page])
    acted = np.column_stack([*(c[done] for c in columns), log.timestamp[done], np.ones(len(done)), done * 0 - 1])
    rows = np.concatenate([shown, acted]).astype(np.int64)
    rows = rows[np.lexsort(rows[:, 5::-1].T)]  # by session, query, product, place, time; the impression comes first
    fresh = np.r_[True, (rows[1:, :4] != rows[:-1, :4]).any(axis=1)]
    last = np.maximum.accumulate(np.where(rows[:, 5] == 0, np.arange(len(rows)), -1))
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(rows)), 0))
    clicked = (rows[:, 5] == 1) & (last >= first)  # a click without its impression (cut off) is left out
    click[rows[last[clicked], 6], rows[clicked, 3]] = True
    order = np.argsort(pages[:, 1], kind="stable")
    return ResultPages(
        query=pages[order, 2], item=item[order], click=click[order], propensity=propensity[order],
        session=pages[order, 0], timestamp=pages[order, 1],
    )  # fmt: skip
