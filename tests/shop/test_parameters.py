"""An impossible shop is refused in one line that names the knob; a possible one is built."""

from __future__ import annotations

import math

import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.shop.simulator import Parameters


@pytest.mark.parametrize(
    "knob, value",
    [
        ("randomised", 2), ("randomised", -0.1), ("randomised", "0.5"), ("randomised", None), ("randomised", True),
        ("group_taste", math.nan), ("price_spread", math.inf), ("price_spread", -1), ("elasticities", ()),
        ("elasticities", {}), ("page_shares", (0.5, 0.5, 0.5)), ("reformulates", (0.7, 1.3)), ("days", 0), ("days", 1.5),
        ("elasticities", 3.0), ("elasticities", (-3.8, -2.6, -1.4)), ("kind_shares", ((1.0, "plain"),)), ("click_model", "dice"),
        ("variants", 0), ("kind_shares", (("plain", 0.5), ("typo", 0.4))), ("fashion", (0.1, -0.1)), ("fashion_memory", 1.1),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_by_the_knobs_name(knob, value):
    with pytest.raises(ContractError, match=rf"parameters\.{knob}"):
        Parameters(**{knob: value})


@pytest.mark.parametrize("knobs", [{"randomised": 0.0}, {"randomised": 1}, {"sale_weeks": ()}, {"spam_quality": -3.0}])
def test_what_can_be_is_built(knobs):
    shop = Shop.simulate(60, 20, 12, 20, 0, parameters=Parameters(**knobs))
    share = shop.truth.randomised.mean()
    assert share == knobs["randomised"] if "randomised" in knobs else 0 < share < 1


@pytest.mark.parametrize("given", [{"randomised": 0.5}, 0, False, "default"])
def test_what_are_no_parameters_at_all(given):
    with pytest.raises(ContractError, match=r"parameters: got a .*Give Parameters\(…\)"):
        Shop.simulate(60, 20, 12, 20, 0, parameters=given)


def test_the_truth_shows_itself_in_a_screenful():
    text = repr(Shop.simulate(60, 20, 12, 20, 0).truth)
    assert len(text) < 3_000 and "examination: ndarray [10] float64" in text and "leaves: " in text


def test_one_kind_of_event_may_be_named_alone():
    shop = Shop.simulate(60, 20, 12, 20, 0)
    assert len(shop.interactions(kinds="click")) == len(shop.interactions(kinds=("click",)))


def test_without_a_path_data_are_looked_for_where_fetch_puts_them(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    with pytest.raises(Exception, match="course data fetch gowalla"):
        Shop.load("gowalla")
    with pytest.raises(ContractError, match="the path is a int"):
        Shop.load("gowalla", 5)
    folder = tmp_path / "data" / "lightgcn"
    folder.mkdir(parents=True)
    (folder / "train.txt").write_text("0 1 2\n1 0\n")
    (folder / "test.txt").write_text("0 0\n1 2\n")
    assert len(Shop.load("lightgcn").events) == len(Shop.load("lightgcn", folder).events) > 0
