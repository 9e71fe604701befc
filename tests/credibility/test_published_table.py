"""The table of the chapter: every published figure is measured, and what lies outside says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.shop.log import read_log
from course_lib.shop.simulator import Parameters, credibility, published, simulate
from course_lib.shop.simulator.parameters import SOURCES, Source


@pytest.fixture(scope="module")
def words():
    return published.mean_wording(Shop.simulate(n_users=1, events_per_user=1, seed=seed) for seed in range(6))


def test_the_mean_over_shops_is_the_mean():
    shops = [Shop.simulate(n_items=300, n_queries=60, n_users=1, events_per_user=1, seed=seed) for seed in (0, 1)]
    single = [credibility.wording(shop) for shop in shops]
    together = published.mean_wording(shops)
    assert together == {name: pytest.approx((single[0][name] + single[1][name]) / 2) for name in single[0]}
    assert single[0]["typo_rate"] != single[1]["typo_rate"]
    with pytest.raises(ContractError, match="no shop"):
        published.mean_wording([])


def test_every_source_has_a_row_and_no_row_lies_outside_its_range(large, log, words):
    rows = published.with_source(large, log, words)
    assert {row.source.what for row in rows} == {source.what for source in SOURCES.values()}
    assert len(rows) == len(SOURCES) and not [row.row() for row in rows if row.inside == "no"]
    assert sum(row.inside == "yes" for row in rows) >= len(rows) - 2


def test_a_shop_that_is_unlike_the_published_ones_says_so(words):
    odd = Parameters(
        out_of_stock=0.3, purchase_rate=0.9, further_pages=3.0, cart_rate=0.5, fashion=(0.0, 0.0),
        weekday_weights=(1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0),
        elasticities=(("bargain", -0.2), ("regular", -0.2), ("premium", -0.2)),
    )  # fmt: skip
    shop = Shop(**simulate(400, 2_000, 100, 60, 0, "en", odd))
    rows = {row.name: row for row in published.with_source(shop, read_log(shop), words | {"typo_rate": 0.5})}
    outside = {name for name, row in rows.items() if row.row()[3] == "no"}
    assert outside >= {
        "searches with a typo", "price elasticity of the mean user", "carts that are bought", "pages of a session",
        "weeks in which an item is sold out", "clicks that become carts", "sessions of a weekend day over a working day",
        "fall of popularity's likeness to itself, from 1 to 20 weeks",
    }  # fmt: skip


def test_a_source_without_a_measurement_is_an_error(large, log, words, monkeypatch):
    monkeypatch.setitem(SOURCES, "returns", Source("orders sent back", 0.1, 0.3, "nobody", ("none",)))
    with pytest.raises(ContractError, match="nothing measures returns"):
        published.with_source(large, log, words)


def test_a_source_that_is_dropped_leaves_the_table(large, log, words, monkeypatch):
    monkeypatch.delitem(SOURCES, "out_of_stock")
    assert len(published.with_source(large, log, words)) == len(SOURCES)


def test_what_is_assumed_is_called_so(large, log, words):
    rows = {row.name: row for row in published.without_source(large, log, words)}
    assert all(row.row()[2:] == ["assumed", "–", "–"] and row.inside == "" for row in rows.values())
    assert rows["queries whose exact matches share no word with them"].value == words["blind"]
    assert rows["items launched during the log"].value == pytest.approx(0.1, abs=0.02)
    assert rows["users of the smaller group"].value == pytest.approx(0.3, abs=0.02)
    assert rows["sessions of a sale week over an ordinary week"].value == pytest.approx(1.6, abs=0.15)
    season = rows["response of a seasonal category's clicks to its season (1: in step)"]
    assert 2 * season.error < season.value < 1 and "±" in season.row()[1]
    assert rows["click rate of the first place over that of the last, random order"].value == pytest.approx(5.0, abs=1)
    assert rows["clicks within the early taste, last span over first"].value < 0.95


def test_values_are_written_as_people_read_them():
    def range_of(low: float, high: float) -> Source:
        return Source("something", low, high, "somebody", ("key",))

    share = published.Property("a share", 0.1234, True, range_of(0.1, 0.2))
    assert share.row() == ["a share", "12.3%", "10.0% to 20.0%", "yes", "somebody"]
    below = published.Property("a slope", -2.5, source=range_of(-2.4, -2.0))
    assert below.row() == ["a slope", "−2.50", "−2.40 to −2.00", "no", "somebody"]
    unsure = published.Property("a slope", -2.5, source=range_of(-2.4, -2.0), error=0.1)
    assert unsure.row()[1:4] == ["−2.50\u00a0±\u00a00.20", "−2.40 to −2.00", "within error"]


def test_errors_are_those_of_many_logs():
    """Twelve logs that differ in their seed: where the shop itself brings no luck, they scatter as the error says."""
    rows = []
    for seed in range(12):
        shop = Shop.simulate(n_items=400, n_users=1_500, n_queries=100, events_per_user=60, seed=seed)
        log = read_log(shop)
        rows.append([published._weekend(shop, log), published._elasticity(shop, log)])
    for column in (0, 1):
        values = [row[column][0] for row in rows]
        errors = [row[column][2] for row in rows]
        assert 0.5 < np.std(values, ddof=1) / np.mean(errors) < 1.8


def test_assumed_parameters_are_all_that_no_source_speaks_of():
    names = published.assumed_parameters()
    every = [field.name for field in dataclasses.fields(Parameters)]
    assert len(set(names)) == len(names) and set(names) < set(every)
    assert "click_model" in names and "cart_rate" not in names and "elasticities" not in names
    assert set(published._BEHIND) | set(every) >= set(SOURCES)  # no source is forgotten
    assert set(published._BEHIND.values()) <= set(every)
