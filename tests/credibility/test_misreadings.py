"""What a log seems to say beside the truth: equal where nothing misleads, apart where something does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.shop.log import CART, PURCHASE, read_log
from course_lib.shop.simulator import Parameters, misreadings, simulate
from course_lib.shop.simulator.calendar import week_of


def test_a_better_place_lifts_the_last_products_less_than_the_log_suggests(large, log):
    moved = misreadings.last_place_moved(large, log)
    seen, truth = moved["log"], moved["truth"]
    assert seen[-1] == pytest.approx(truth[-1], rel=0.05)  # there they are the same products
    assert (np.diff(truth) < 0).all() and truth[0] < 0.95 * seen[0]
    assert truth / truth[0] == pytest.approx(large.truth.examination)


def test_a_ranker_that_knows_nothing_misleads_nobody():
    """A ranker of pure noise puts the same products everywhere, so the log's curve is the truth's."""
    blind = Parameters(ranker_noise=1e6, randomised=0.0, fashion=(0.0, 0.0))
    shop = Shop(**simulate(300, 4_000, 60, 80, 0, "en", blind))
    moved = misreadings.last_place_moved(shop, read_log(shop))
    assert moved["log"] == pytest.approx(moved["truth"], rel=0.12)


def test_a_sale_sells_less_by_its_prices_than_the_weeks_suggest(large, log):
    effect = misreadings.sale_effect(large, log)
    assert 1.1 < effect["truth"] < effect["visits"] < effect["log"]
    assert effect["log"] == pytest.approx(effect["truth"] * effect["visits"], rel=0.15)  # the two parts multiply
    bought = (large.truth.sale[week_of(log)] & (log.kind == PURCHASE)).sum()
    assert abs(bought - effect["expected"]) < 4 * np.sqrt(effect["expected"])


@pytest.mark.parametrize(
    ("changed", "slack"),  # which items happen to be cheap in two weeks is luck
    [({"elasticities": (("bargain", 0.0), ("regular", 0.0), ("premium", 0.0))}, 1e-9), ({"sale_share": 0.12}, 0.08)],
)
def test_without_price_response_or_discounts_a_sale_brings_visits_only(changed, slack):
    parameters = Parameters(cart_rate=0.5, **changed)
    shop = Shop(**simulate(300, 3_000, 60, 60, 0, "en", parameters))
    effect = misreadings.sale_effect(shop, read_log(shop), parameters)
    assert effect["truth"] == pytest.approx(1.0, abs=slack)
    assert effect["log"] == pytest.approx(effect["visits"], rel=0.15) and effect["visits"] > 1.3


def test_the_rate_of_other_parameters_counts(large, log):
    double = dataclasses.replace(Parameters(), purchase_rate=2 * Parameters().purchase_rate)
    usual, more = (misreadings.sale_effect(large, log, given)["expected"] for given in (None, double))
    assert 1.5 * usual < more <= 2 * usual  # a probability ends at 1


def test_counted_clicks_follow_what_was_shown(large, log):
    orders = misreadings.orders_of_clicks(large, log)
    mean = {name: {target: values.mean() for target, values in each.items()} for name, each in orders.items()}
    n = {len(values) for each in orders.values() for values in each.values()}
    assert len(n) == 1 and n.pop() > 100
    assert mean["counted"]["shown"] > mean["counted"]["attraction"] - 0.05  # as much the shop's choice as the visitors'
    assert mean["weighted"]["attraction"] > mean["counted"]["attraction"] + 0.1
    assert mean["counted"]["shown"] > mean["per view"]["shown"] > mean["weighted"]["shown"]


def test_orders_are_those_of_plain_counting(large, log):
    """The most frequent query, by hand."""
    from scipy.stats import spearmanr

    from course_lib.shop.log import CLICK, IMPRESSION

    orders = misreadings.orders_of_clicks(large, log, least=40, items=12)
    ranked = {}
    for query in range(len(large.queries)):
        rows = log.query == query
        views = np.bincount(log.item[rows & (log.kind == IMPRESSION)], minlength=len(large.items))
        if (views >= 40).sum() >= 12:
            clicks = np.bincount(log.item[rows & (log.kind == CLICK)], minlength=len(large.items))
            ranked[query] = spearmanr(clicks[views >= 40], views[views >= 40]).statistic
    assert len(ranked) == len(orders["counted"]["shown"]) > 50
    assert orders["counted"]["shown"] == pytest.approx(list(ranked.values()))


def test_too_small_a_log_is_an_error_or_no_query():
    shop = Shop.simulate(n_items=30, n_users=3, n_queries=5, events_per_user=10, seed=0)
    log = read_log(shop)
    assert all(len(v) == 0 for each in misreadings.orders_of_clicks(shop, log).values() for v in each.values())
    with pytest.raises(ContractError, match="no production page shows a full list"):
        misreadings.last_place_moved(shop, log)
    assert not (shop.truth.sale[week_of(log)] & (log.kind == CART)).any()
    with pytest.raises(ContractError, match="no cart of a sale week"):
        misreadings.sale_effect(shop, log)
