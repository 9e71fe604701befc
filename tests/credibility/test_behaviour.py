"""What people do in a simulated shop: prices, seasons, sales, reformulations, groups, stock, spam, drift."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.shop.log import CART, CLICK, IMPRESSION, PURCHASE, read_log
from course_lib.shop.simulator import Parameters, credibility, simulate
from course_lib.shop.simulator.behaviour import _clicks, examination
from course_lib.shop.simulator.calendar import day_of, week_of
from course_lib.shop.simulator.catalogue import NONE
from course_lib.shop.simulator.learnability import propensity_weighting
from course_lib.shop.simulator.reformulation import CORRECT, GENERALISE, REPEAT, REPHRASE, SPECIALISE


def test_the_log_reads_back_as_rows(large, log):
    some = np.random.default_rng(0).integers(len(log.user), size=200)
    for row in some.tolist():
        event = large.events[row]
        assert large.users["user_id"][int(log.user[row])] == event["user_id"]
        assert large.items["item_id"][int(log.item[row])] == event["item_id"]
        asked = event["query_id"]
        assert (log.query[row] == NONE) if not asked else large.queries["query_id"][int(log.query[row])] == asked
        assert ("impression", "click", "cart", "purchase")[log.kind[row]] == event["kind"]
    assert len(np.unique(log.session)) == log.session.max() + 1
    assert day_of(log).min() == 0 and day_of(log).max() == Parameters().days - 1


def test_elasticity_is_negative_in_every_segment_and_near_its_truth(large, log):
    measured = credibility.elasticity(large, log)
    truth = dict(Parameters().elasticities)
    assert set(measured) == set(truth)
    for name, (estimate, error) in measured.items():
        assert estimate + 2 * error < 0
        assert abs(estimate - truth[name]) < 3 * error, name
    assert measured["bargain"][0] < measured["premium"][0]


def test_without_elasticity_the_log_shows_none():
    none = Parameters(elasticities=(("bargain", 0.0), ("regular", 0.0), ("premium", 0.0)), cart_rate=1.0)
    shop = Shop(**simulate(300, 2_000, 60, 60, 0, "en", none))
    for estimate, error in credibility.elasticity(shop, read_log(shop)).values():
        assert abs(estimate) < 3 * error


def test_weekends_sales_and_seasons(large, log):
    measured = credibility.calendar(large, log)
    weekday = measured["weekday"]
    assert weekday.sum() == pytest.approx(1)
    sale, full = measured["sale"], np.arange(len(measured["sale"])) < 25  # the last week is cut short
    assert sale.sum() == 2
    for counts, least in (("sessions", 1.4), ("purchases", 1.6)):  # lower prices sell more than visits alone
        assert measured[counts][sale].mean() > least * measured[counts][~sale & full].mean()
    slope, error = credibility.season_response(measured)
    assert 3 * error < slope < 1


def test_without_seasons_nothing_rises():
    shop = Shop(**simulate(600, 2_000, 100, 60, 0, "en", Parameters(seasonal_strength=0.0, drift=0.0)))
    assert (shop.truth.season == 1).all()


def test_reformulations_are_what_their_names_say(large, log):
    truth = large.truth
    asked = truth.query_constraints != NONE
    kinds = np.array(large.queries["kind"][:])
    met = set()
    for page in log.first_of_page():
        step, a, b = truth.step[page], truth.previous_query[page], log.query[page]
        assert (step == 0) == (a == NONE)
        if step == 0:
            continue
        met.add(int(step))
        if step == REPEAT:
            assert a == b
        if step not in (SPECIALISE, GENERALISE, CORRECT, REPHRASE):
            continue
        assert truth.query_leaf[a] == truth.query_leaf[b] and a != b
        both = asked[a] & asked[b]
        assert (truth.query_constraints[a][both] == truth.query_constraints[b][both]).all()
        if step == SPECIALISE:
            assert (asked[a] <= asked[b]).all() and asked[b].sum() > asked[a].sum()
        elif step == GENERALISE:
            assert (asked[b] <= asked[a]).all() and asked[a].sum() > asked[b].sum()
        elif step == CORRECT:
            assert truth.query_correction[a] == b and kinds[a] == "typo" and kinds[b] != "typo"
        else:
            assert (asked[a] == asked[b]).all()
    assert met == {1, 2, 3, 4, 5, 6}


def test_a_search_without_a_click_is_reformulated_more_often(large, log):
    measured = credibility.reformulation(large, log)
    assert measured["after_silence"] > 1.5 * measured["after_click"] > 0
    assert sum(measured["shares"].values()) == pytest.approx(1)
    assert all(measured["shares"][kind] > 0.03 for kind in ("specialise", "generalise", "correct", "rephrase"))


def test_every_typo_has_its_correct_form_in_the_shop():
    for language in ("en", "zh"):
        shop = Shop.simulate(n_users=1, events_per_user=1, seed=4, language=language)
        text, meant = shop.queries["text"][:], shop.truth.query_correction
        typos = [row for row, kind in enumerate(shop.queries["kind"]) if kind == "typo"]
        assert typos and (np.flatnonzero(meant != NONE) == typos).all()
        for row in typos:
            right = text[meant[row]]
            assert right != text[row] and abs(len(right) - len(text[row])) <= 1
            assert (shop.truth.query_constraints[row] == shop.truth.query_constraints[meant[row]]).all()


def test_groups_differ_in_taste_and_the_larger_one_is_served_better(large, log):
    measured = credibility.by_group(large, log)
    a, b = measured["a"], measured["b"]
    assert a["users"] > 0.6 and a["users"] + b["users"] == pytest.approx(1)
    for name in ("click_rate", "taste", "shown_liked"):
        assert a[name] > 1.05 * b[name], name


def test_without_different_tastes_the_groups_fare_alike():
    same = Parameters(group_taste=0.0)
    shop = Shop(**simulate(600, 4_000, 100, 60, 0, "en", same))
    measured = credibility.by_group(shop, read_log(shop))
    assert measured["a"]["click_rate"] == pytest.approx(measured["b"]["click_rate"], rel=0.04)


def test_stock_launches_and_spam(large, log):
    measured = credibility.of_items(large, log)
    assert measured["shown_unavailable"] == 0
    assert measured["cold_items"] == pytest.approx(0.1, abs=0.02) and 0.2 < measured["cold_shown"] < 0.8
    assert (measured["stuffed"], measured["duplicated"]) == (0.03, 0.02)
    assert measured["spam_appeal"] < 0.95
    assert (week_of(log)[log.kind == IMPRESSION] >= large.truth.launch_week[log.item[log.kind == IMPRESSION]]).all()


def test_stuffed_titles_name_other_goods_and_duplicates_repeat_their_original(large):
    truth, titles, texts = large.truth, large.items["title"][:], large.items["description"][:]
    names = [path.split(" > ")[1] for path in truth.leaves]
    departments = [path.split(" > ")[0] for path in truth.leaves]
    for row in np.flatnonzero(truth.item_stuffed)[:20]:
        own = departments[truth.item_leaf[row]]
        named = {departments[leaf] for leaf, name in enumerate(names) if titles[row].endswith(" " + name)}
        assert named and own not in named
    copies = np.flatnonzero(truth.item_original != NONE)
    for row in copies:
        original = truth.item_original[row]
        assert texts[row] == texts[original] and truth.item_leaf[row] == truth.item_leaf[original]
        assert large.items["price"][int(row)] <= large.items["price"][int(original)]
        assert set(titles[row].replace(",", "").split()) <= set(titles[original].replace(",", "").split())


def test_tastes_drift_from_early_to_late(large, log):
    measured = credibility.drift(large, log)
    assert np.polyfit(np.arange(6), measured["early"], 1)[0] < 0 < np.polyfit(np.arange(6), measured["late"], 1)[0]
    assert measured["early"][0] > 1.1 * measured["early"][-1]


def test_without_drift_the_early_taste_stays():
    shop = Shop(**simulate(600, 3_000, 100, 80, 0, "en", Parameters(drift=0.0, seasonal_strength=0.0)))
    early = credibility.drift(shop, read_log(shop))["early"]
    assert early[0] == pytest.approx(early[-1], rel=0.05)


def test_the_logged_propensity_mixes_the_two_policies(large, log):
    truth = large.truth
    share = truth.randomised_share
    mixed = (1 - share) * truth.production_propensity + share * truth.random_propensity
    assert np.allclose(mixed, log.propensity, atol=1e-6)
    assert (truth.random_propensity > 0).all() and (truth.production_propensity <= 1).all()
    assert truth.randomised[log.kind == IMPRESSION].mean() == pytest.approx(share, abs=0.01)
    assert (truth.production_propensity[~truth.randomised] > 0).all()


def test_wording_of_evaluation_queries_occurs_in_no_training_query():
    """The last form of each kind, and every third synonym, are kept for evaluation."""
    from course_lib.shop.simulator.vocabulary import ATTRIBUTES, vocabulary

    vocab = vocabulary()
    shop = Shop.simulate(n_queries=1_500, n_users=1, events_per_user=1, seed=0)
    queries = [row for row in shop.queries if row["kind"] != "typo"]
    train, evaluation = (
        [f" {row['text']} " for row in queries if row["wording"] == wording] for wording in ("train", "evaluation")
    )
    # Words that only an asker says: a product's own words may stand anywhere.
    terms = [leaf.term for leaf in vocab.leaves] + [term for name in ATTRIBUTES for term in vocab.terms[name]]
    said = " | ".join(term.word["en"] for term in terms)
    kept = {f" {ask} " for ask in vocab.kept["en"] if ask not in said}
    assert len(kept) > 50 and not any(ask in text for ask in kept for text in train)
    assert sum(any(ask in text for ask in kept) for text in evaluation) > 50
    for form in (", ", " new "):
        assert not any(form in text for text in train) and sum(form in text for text in evaluation) > 5
    assert 0.25 < len(evaluation) / len(queries) < 0.6


def test_in_a_cascade_clicks_above_hide_what_stands_below():
    """The same curve without clicks above; with them, position-based weighting finds too little."""
    bias = {}
    for model in ("position", "cascade"):
        shop = Shop(**simulate(300, 3_000, 80, 80, 0, "en", Parameters(click_model=model)))
        bias[model] = propensity_weighting(shop, read_log(shop))["weighted_bias"]
    assert abs(bias["position"]) < 0.05 and bias["cascade"] < -0.15


def test_a_cascade_reads_down_the_list_and_may_stop_at_a_click():
    view, position = np.repeat(np.arange(20_000), 10), np.tile(np.arange(10), 20_000)
    attraction, rng = np.full(len(view), 0.5), np.random.default_rng(0)

    def clicks(leaves: float) -> np.ndarray:
        parameters = Parameters(click_model="cascade", cascade_leaves=leaves)
        return _clicks(view, position, attraction, 20_000, parameters, rng)

    assert np.bincount(view[clicks(1.0)]).max() == 1
    stays = clicks(0.0)
    rate = np.bincount(position[stays], minlength=10) / 20_000
    assert rate == pytest.approx(0.5 * examination(Parameters()), abs=0.02)
    assert np.bincount(view[stays]).max() > 5


def test_an_unknown_click_model_is_refused():
    with pytest.raises(ContractError, match="parameters.click_model: unknown click model 'dice'.*cascade"):
        simulate(5, 5, 5, 5, 0, "en", Parameters(click_model="dice"))


def test_both_languages_share_stock_spam_prices_and_groups(large):
    other = Shop.simulate(n_users=50, events_per_user=5, seed=1, language="zh").truth
    truth = large.truth
    for name in ("launch_week", "available", "item_stuffed", "item_original", "price_factor", "item_popularity"):
        assert np.array_equal(getattr(truth, name), getattr(other, name)), name


def test_the_funnel_narrows(log):
    counts = [(log.kind == kind).sum() for kind in (IMPRESSION, CLICK, CART, PURCHASE)]
    assert counts == sorted(counts, reverse=True) and counts[-1] > 1_000
    measured = credibility.conversion(log)
    assert 0.05 < measured["click_rate"] < 0.25 and 0.01 < measured["sessions_that_buy"] < 0.1
