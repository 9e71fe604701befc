"""The funnel: from the page that was shown to the money that came in, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.log import CART, CLICK, IMPRESSION, PURCHASE, Log

_RESAMPLES = 1_000
_KINDS = (IMPRESSION, CLICK, CART, PURCHASE)
#: name -> what is divided by what, as columns of the counts: pages, impressions, clicks, carts, purchases, money
_STEPS = {
    "impressions per page": (1, 0),
    "clicks per impression": (2, 1),
    "carts per click": (3, 2),
    "purchases per cart": (4, 3),
    "price per purchase": (5, 4),
    "value per page": (5, 0),
}


@dataclass(frozen=True)
class Rate:
    """One quotient of two sums over the log, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Funnel:
    """What became of the pages.

    Attributes:
        counts: pages, impressions, clicks, carts, purchases, and money in the shop's currency.
        rates: each step's yield per unit of the step before, and the product of them all, "value per page".
    """

    counts: dict[str, float]
    rates: dict[str, Rate]


def funnel(log: Log, *, seed: int = 0) -> Funnel:
    """Count a log down the funnel; a page is a list that was shown, and has exactly one impression in place 0.

    Intervals: percentile bootstrap over *users* (1,000 resamples), because the events of one user are no independent
    draws (Efron and Tibshirani 1993, chapter 13). Each sum is resampled as a whole, numerator and denominator alike.

    Raises:
        ContractError: the log has no page, or one of the steps never happened.
    """
    per_user = _count(log)
    total = per_user.sum(axis=0)
    names = ("pages", "impressions", "clicks", "carts", "purchases", "money")
    empty = next((name for name, amount in zip(names, total) if not amount), None)
    if empty is not None:
        raise ContractError(f"the log holds no {empty}, so that the funnel has no rate for it", where="log")
    random, n = generator(seed, "world", "funnel"), len(per_user)
    draws = np.stack([np.bincount(random.integers(n, size=n), minlength=n) @ per_user for _ in range(_RESAMPLES)])
    rates = {}
    for name, (above, below) in _STEPS.items():
        # A resample may draw no user with a purchase; it has no price, and leaves that interval.
        drawn = draws[draws[:, below] > 0]
        low, high = np.percentile(drawn[:, above] / drawn[:, below], [2.5, 97.5])
        rates[name] = Rate(float(total[above] / total[below]), float(low), float(high))
    return Funnel({name: float(amount) for name, amount in zip(names, total)}, rates)


def _count(log: Log) -> np.ndarray:
    """float [n_users who have an event, 6]: pages, impressions, clicks, carts, purchases, money."""
    _, user = np.unique(log.user, return_inverse=True)
    n = int(user.max(initial=-1)) + 1
    columns = [np.bincount(user[(log.kind == IMPRESSION) & (log.position == 0)], minlength=n)]
    columns += [np.bincount(user[log.kind == kind], minlength=n) for kind in _KINDS]
    bought = log.kind == PURCHASE
    columns.append(np.bincount(user[bought], weights=log.price[bought], minlength=n))
    return np.stack(columns, axis=1).astype(np.float64)


def clicks_by_position(log: Log, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clicks per impression in each place, with 95 % bootstrap intervals over users.

    Returns:
        rate, low, high: float [n_places]; a place without an impression has NaN in all three.

    Raises:
        ContractError: no impression in a list.
    """
    shown = (log.kind == IMPRESSION) & (log.position >= 0)
    if not shown.any():
        raise ContractError("the log holds no impression in a list", remedy="Use a log with positions")
    places = int(log.position[shown].max()) + 1
    _, user = np.unique(log.user, return_inverse=True)
    n = int(user.max()) + 1
    clicked = (log.kind == CLICK) & (log.position >= 0)
    counts = np.zeros((2, n, places))
    for table, events in zip(counts, (clicked, shown)):
        np.add.at(table, (user[events], log.position[events]), 1)
    random = generator(seed, "world", "positions")
    draws = [np.bincount(random.integers(n, size=n), minlength=n) for _ in range(_RESAMPLES)]
    rate, low, high = np.full((3, places), np.nan)
    seen = np.flatnonzero(counts[1].sum(axis=0))
    clicks, impressions = np.stack(draws) @ counts[:, :, seen]  # [resamples, places] each
    rate[seen] = counts[0].sum(axis=0)[seen] / counts[1].sum(axis=0)[seen]
    # A resample may hold no user who saw a rarely filled place; it says nothing of that place.
    drawn = np.where(impressions > 0, clicks / np.maximum(impressions, 1), np.nan)
    low[seen], high[seen] = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return rate, low, high
