"""What a log seems to say when it is read in the usual way, beside what is true. Each function needs the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.log import CART, CLICK, IMPRESSION, Log
from course_lib.shop.simulator import credibility
from course_lib.shop.simulator.calendar import week_of
from course_lib.shop.simulator.parameters import Parameters


def last_place_moved(shop: Any, log: Log) -> dict[str, np.ndarray]:
    """The products that the production ranker put last: how often would they be clicked at any other position?

    Same visitors, same products, same prices; only the position changes. Holds for the position-based click model,
    where P(click) = examination · attraction.

    Returns:
        float [length] each: ``log``, the click rate of what stood at the position, on full production pages;
        ``truth``, the click rate that the last products would have there.

    Raises:
        ContractError: no production page is full.
    """
    truth = shop.truth
    last = len(truth.examination) - 1
    rows = (log.kind == IMPRESSION) & ~truth.randomised & (log.position == last)
    if not rows.any():
        raise ContractError("no production page shows a full list", remedy="Simulate more items or more events")
    seen = credibility.click_rate_by_position(shop, log)["production"]
    return {"log": seen, "truth": truth.attraction[rows].mean() * truth.examination}


def sale_effect(shop: Any, log: Log, parameters: Parameters | None = None) -> dict[str, float]:
    """What did the prices of the sale weeks bring? Ratios, 1 is no effect.

    Args:
        parameters: those that the shop was simulated with, if not the defaults.

    Returns:
        log: purchases of a sale week over those of an ordinary week. visits: the same for sessions. truth: expected
        purchases from the carts of the sale weeks, at their prices over those at the prices of ordinary weeks: same
        visitors, same carts (what a price does to clicks is left out). expected: those purchases, at their prices.

    Raises:
        ContractError: nothing was carted in a sale week, or no week is ordinary.
    """
    truth, rate = shop.truth, (parameters or Parameters()).purchase_rate
    ordinary = np.flatnonzero(~truth.sale[:-1])  # the last week is cut short
    carts = np.flatnonzero(log.kind == CART)
    carts = carts[truth.sale[week_of(log)[carts]]]
    if not len(carts) or not len(ordinary):
        raise ContractError("no cart of a sale week to look at", remedy="Simulate more events")

    def bought(weeks: np.ndarray) -> float:  # int [n_carts, m]: mean over these weeks' prices of each cart's item
        factor = truth.price_factor[log.item[carts][:, None], weeks].astype(float)
        response = factor ** truth.elasticity[log.user[carts]][:, None]
        return float(np.minimum(1.0, rate * response).mean(axis=1).sum())

    as_it_was = bought(week_of(log)[carts][:, None])
    measured = credibility.calendar(shop, log)
    ratio = {name: measured[name][truth.sale].mean() / measured[name][ordinary].mean() for name in _WEEKLY}
    return {
        "log": float(ratio["purchases"]),
        "visits": float(ratio["sessions"]),
        "truth": as_it_was / bought(np.tile(ordinary, (len(carts), 1))),
        "expected": as_it_was,
    }


_WEEKLY = ("purchases", "sessions")


def orders_of_clicks(shop: Any, log: Log, least: int = 30, items: int = 10) -> dict[str, dict[str, np.ndarray]]:
    """Three ways to order a query's products by its clicks, and what each order really follows.

    Args:
        least: a product counts if the query's pages showed it at least so often.
        items: a query counts if it has at least so many such products.

    Returns:
        name of the order -> rank correlation (Spearman's) with ``shown``, how often the shop showed the product for
        the query, and with ``attraction``, its mean P(click | examined); float [n_queries] each. The orders are
        ``counted`` (clicks), ``per view``, and ``weighted`` (clicks / examination per view: Joachims, Swaminathan &
        Schnabel, WSDM 2017).
    """
    from scipy.stats import spearmanr

    truth, n_items = shop.truth, len(shop.items)
    pair, searched = log.query * n_items + log.item, log.query >= 0
    shown, clicked = (searched & (log.kind == kind) for kind in (IMPRESSION, CLICK))
    pairs, row = np.unique(pair[shown], return_inverse=True)
    at, views = np.searchsorted(pairs, pair[clicked]), np.bincount(row)
    counted = np.bincount(at, minlength=len(pairs)).astype(float)
    weighted = np.bincount(at, 1 / truth.examination[log.position[clicked]], len(pairs))
    attraction = np.bincount(row, truth.attraction[shown]) / views
    orders = {"counted": counted, "per view": counted / views, "weighted": weighted / views}
    found: dict[str, dict[str, list[float]]] = {name: {"shown": [], "attraction": []} for name in orders}
    query = pairs // n_items
    for number in np.unique(query):
        rows = np.flatnonzero((query == number) & (views >= least))
        # Without two different values there is no order to compare.
        if len(rows) < items or any(np.ptp(v[rows]) == 0 for v in (*orders.values(), views, attraction)):
            continue
        for name, order in orders.items():
            for target, values in (("shown", views), ("attraction", attraction)):
                found[name][target].append(float(spearmanr(order[rows], values[rows]).statistic))
    return {name: {target: np.array(values) for target, values in each.items()} for name, each in found.items()}
