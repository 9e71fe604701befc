"""What is known of a shown product before anybody looks: counts from the past, prices, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import DAY
from course_lib.recommend.ranking.impressions import Impressions
from course_lib.recommend.ranking.point_in_time import count_before, last_before
from course_lib.shop.log import CLICK, IMPRESSION, PURCHASE, Log, read_log

WINDOW_DAYS = 14  #: what counts as "recent"
HISTORY = 20  #: clicks that a user's history keeps
#: events at the shop's usual rate that every rate starts with, so that one click in one showing isn't 100 %
PRIOR = {"click": 20.0, "buy": 100.0}
BLOCK = 256  #: users whose scores of the whole catalogue are alive at a time


@dataclass(frozen=True, eq=False)
class Table:
    """Features of n impressions, in their order.

    Attributes:
        names: of the columns. values: float32 [n, d].
        history: int64 [n, HISTORY], catalogue rows of the user's last clicks on earlier days, newest first, PAD fills.
        item: int64 [n], catalogue rows.
    """

    names: tuple[str, ...]
    values: np.ndarray
    history: np.ndarray
    item: np.ndarray

    def select(self, keep: np.ndarray) -> Table:
        """The rows of a bool or int array."""
        return Table(self.names, self.values[keep], self.history[keep], self.item[keep])

    def column(self, name: str) -> np.ndarray:
        """float32 [n]; raises ContractError for a column that isn't there."""
        return self.values[:, self._at(name)]

    def with_column(self, name: str, value: np.ndarray | float) -> Table:
        """The same table with a column replaced, or added at the end: e.g. ``with_column("place", 0)``."""
        values = self.values
        if name not in self.names:
            values = np.column_stack([values, np.zeros(len(values), np.float32)])
        names = self.names if name in self.names else (*self.names, name)
        values = values.copy()
        values[:, names.index(name)] = value
        return Table(names, values, self.history, self.item)

    def without(self, *dropped: str) -> Table:
        """The same table without some columns."""
        kept = [self._at(name) for name in self.names if name not in dropped]
        return Table(tuple(self.names[c] for c in kept), self.values[:, kept], self.history, self.item)

    def _at(self, name: str) -> int:
        if name not in self.names:
            raise ContractError(f"the table has no column {name!r}; it has {', '.join(self.names)}")
        return self.names.index(name)

    def __len__(self) -> int:
        return len(self.item)


def impression_features(shop: Any, shown: Impressions, *, recommender: Recommender | None = None) -> Table:
    """Features of each impression, all from days before its own.

    - ``place``: where it stood; 0 for the first. A model may learn from it; when it scores, all get the same place.
    - ``item_clicks``, ``item_recent_clicks``: clicks per showing of the item, in all the past and in its last
      ``WINDOW_DAYS`` days; ``item_buys``: purchases per click; ``item_shown``: log of 1 + showings.
    - ``user_clicks``, ``user_buys``, ``user_events``: the same of the user.
    - ``category_share``, ``brand_share``, ``recent_share``: part of the user's clicks (``recent``: of the recent ones)
      that fell on the item's category, its brand, its category.
    - ``seen_before``, ``clicked_before``: log of 1 + how often this user was shown, and clicked, this item.
    - ``page_share``: part of the page that shares the item's category; a page of one category says what is sought.
    - ``log_price``, ``discount`` (log of the price of the day over the list price), ``relative_price`` (log of it over
      the middle price of the category), ``budget_gap`` (that, minus the mean of the user's clicks).
    - ``segment_…``: 1 for a user's customer segment, where the shop knows it.
    - ``first_stage``: the recommender's score, 0 for a user it doesn't know; only with ``recommender``.

    Args:
        recommender: fitted on what happened before the first of these days.

    Raises:
        ContractError: a recommender that has seen one of these days, or another catalogue; no impressions; a price
            that isn't above 0.
    """
    if not len(shown):
        raise ContractError("there are no impressions to describe")
    if not (shown.price > 0).all() or not (np.asarray(shop.items["price"][:]) > 0).all():
        raise ContractError("a price is not above 0, so that it has no logarithm", where="shop.items or shop.events")
    log = read_log(shop)
    columns = {"place": shown.place.astype(np.float64)} | _rates(log, shown)
    category, brand, list_price = _catalogue(shop)
    columns |= _shares(log, shown, category, brand)
    columns |= _prices(log, shown, category, list_price)
    if "segment" in shop.users.column_names:
        segment = np.array(shop.users["segment"][:])
        columns |= {f"segment_{s}": (segment[shown.user] == s).astype(float) for s in np.unique(segment)}
    if recommender is not None:
        columns["first_stage"] = _first_stage(shop, shown, recommender)
    clicks = log.select(log.kind == CLICK)
    history = last_before(clicks.user, clicks.timestamp // DAY, clicks.item, shown.user, shown.day, HISTORY)
    return Table(tuple(columns), np.column_stack(list(columns.values())).astype(np.float32), history, shown.item)


def _rates(log: Log, shown: Impressions) -> dict[str, np.ndarray]:
    """How often items are clicked and bought, how active users are, and what the two had to do with each other."""
    day = log.timestamp // DAY
    events = {kind: log.kind == kind for kind in (IMPRESSION, CLICK, PURCHASE)}

    def count(kind: int, by: np.ndarray, asked: np.ndarray, window: int | None = None) -> np.ndarray:
        return count_before(by[events[kind]], day[events[kind]], asked, shown.day, window=window)

    # The usual rates that small counts are drawn to are assumed, not measured on the log: that would be the future.
    usual_click, usual_buy = 0.1, 0.03
    columns = {}
    for name, by, asked in (("item", log.item, shown.item), ("user", log.user, shown.user)):
        views, clicks, buys = (count(kind, by, asked) for kind in events)
        columns[f"{name}_clicks"] = (clicks + PRIOR["click"] * usual_click) / (views + PRIOR["click"])
        columns[f"{name}_buys"] = (buys + PRIOR["buy"] * usual_buy) / (clicks + PRIOR["buy"])
        columns[f"{name}_shown" if name == "item" else "user_events"] = np.log1p(views)
    views, clicks = (count(kind, log.item, shown.item, WINDOW_DAYS) for kind in (IMPRESSION, CLICK))
    columns["item_recent_clicks"] = (clicks + PRIOR["click"] * usual_click) / (views + PRIOR["click"])
    pair, asked = log.user * log.n_items + log.item, shown.user * log.n_items + shown.item
    columns["seen_before"] = np.log1p(count(IMPRESSION, pair, asked))
    columns["clicked_before"] = np.log1p(count(CLICK, pair, asked))
    return columns


def _shares(log: Log, shown: Impressions, category: np.ndarray, brand: np.ndarray) -> dict[str, np.ndarray]:
    """Part of the user's clicks that fell on the item's group."""
    clicks = log.select(log.kind == CLICK)
    day, columns = clicks.timestamp // DAY, {}
    for name, group, window in (
        ("category_share", category, None), ("brand_share", brand, None), ("recent_share", category, WINDOW_DAYS),
    ):  # fmt: skip
        size = int(group.max(initial=0)) + 1
        own = count_before(
            clicks.user * size + group[clicks.item], day, shown.user * size + group[shown.item], shown.day, window=window
        )
        total = count_before(clicks.user, day, shown.user, shown.day, window=window)
        columns[name] = own / np.maximum(total, 1)
    size = int(category.max(initial=0)) + 1
    together = shown.page * size + category[shown.item]
    _, at, n = np.unique(together, return_inverse=True, return_counts=True)
    columns["page_share"] = n[at] / np.bincount(shown.page)[shown.page]
    return columns


def _prices(log: Log, shown: Impressions, category: np.ndarray, list_price: np.ndarray) -> dict[str, np.ndarray]:
    """The price of the day, beside the list price, its category, and what the user looks at."""
    middle = np.array([np.median(list_price[category == c]) for c in range(category.max() + 1)])[category]
    clicks = log.select(log.kind == CLICK)
    # A user's clicks before a day stand first among the user's clicks, so their sum is a difference of running sums.
    level = np.log(list_price / middle)[clicks.item]
    order = np.lexsort((clicks.timestamp, clicks.user))
    day, user = clicks.timestamp[order] // DAY, clicks.user[order]
    running = np.r_[0.0, np.cumsum(level[order])]
    n = count_before(user, day, shown.user, shown.day)
    first = np.searchsorted(user, shown.user)
    usual = (running[first + n] - running[first]) / np.maximum(n, 1)
    relative = np.log(shown.price / middle[shown.item])
    return {
        "log_price": np.log(shown.price), "discount": np.log(shown.price / list_price[shown.item]),
        "relative_price": relative, "budget_gap": np.where(n > 0, relative - usual, 0.0),
    }  # fmt: skip


def _first_stage(shop: Any, shown: Impressions, recommender: Recommender) -> np.ndarray:
    """float64 [n]: the recommender's score of each impression, a block of users at a time."""
    past = recommender.interactions
    if past is None or past.items != shop.item_ids:
        raise ContractError("the recommender is not fitted, or on another catalogue than the shop's")
    if past.timestamps[-1] // DAY >= shown.day.min():
        raise ContractError(
            "the recommender has seen days whose pages it is to score: its score would know their clicks",
            remedy="Fit it on shop.interactions(until=…) of the day of the first page",
        )
    names = shop.users["user_id"][:]
    users, at = np.unique(shown.user, return_inverse=True)
    known = np.flatnonzero([names[user] in past.users for user in users])
    score = np.zeros(len(shown))
    for start in range(0, len(known), BLOCK):
        block = known[start : start + BLOCK]
        dense = recommender.score([names[user] for user in users[block]])
        line = np.full(len(users), -1)
        line[block] = np.arange(len(block))
        rows = np.flatnonzero(line[at] >= 0)
        score[rows] = dense[line[at[rows]], shown.item[rows]]
    return score


def _catalogue(shop: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of each item's category and brand, and its list price."""
    category, brand = (np.unique(shop.items[name][:], return_inverse=True)[1] for name in ("category", "brand"))
    return category, brand, np.asarray(shop.items["price"][:], dtype=np.float64)
