"""Warm, cold and tail users: the definitions by hand, the truth against its ends, the table against its parts."""

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.recommend.collaborative import Popularity, Random
from course_lib.recommend.groups import evaluate_truth, group_table, true_preference, user_groups
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import evaluate
from course_lib.shop.shop import Shop


@pytest.fixture(scope="module")
def shop():
    return Shop.simulate(n_items=500, n_users=300, n_queries=60, seed=0)


@pytest.fixture(scope="module")
def parts(shop):
    moment = shop.split_time(0.8)
    past = shop.interactions(until=moment)
    return past, new_interests(past, shop.interactions(since=moment))


def interactions_of(pairs, n_items=8):
    users, items = [u for u, _ in pairs], [f"p{i}" for _, i in pairs]
    return Interactions.from_ids(users, items, items=IdMap("item", [f"p{i}" for i in range(n_items)]))


def test_groups_by_hand():
    # p0 has 4 users, p1 has 3, the others 1 or 0: the tail is what comes after two thirds of the pairs
    common = [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("a", 1), ("b", 1), ("c", 1)]
    data = interactions_of(common + [("d", 2), ("d", 2), ("e", 3), ("a", 4)])
    groups = user_groups(data, cold=2)
    assert groups["warm"] == ["a"] and groups["cold"] == ["b", "c", "d", "e"]
    assert groups["tail"] == ["d", "e"]  # the repeated event of d counts once: one of two items is rare


def test_each_user_with_an_event_is_warm_or_cold(parts):
    past, later = parts
    groups = user_groups(past)
    assert sorted(groups["warm"] + groups["cold"]) == sorted(past.active_users())
    assert set(groups["tail"]) < set(past.active_users())
    assert user_groups(past) == groups and user_groups(later) != groups


def test_bad_questions(shop, parts):
    past, later = parts
    with pytest.raises(ContractError, match="no interactions"):
        user_groups(interactions_of([]))
    for cold in (0, True, 1.5):
        with pytest.raises(ContractError, match="cold"):
            user_groups(past, cold)
    with pytest.raises(ContractError, match="no user"):
        true_preference(shop, ["nobody"])
    with pytest.raises(ContractError, match="no ranking"):
        group_table({}, past, later)
    ranking = Popularity().fit(past).recommend(later.active_users(), 5)
    with pytest.raises(ContractError, match="must be"):
        evaluate_truth(ranking, np.ones((2, 2)), past)


def test_the_true_list_is_worth_one_and_nothing_seen_counts(shop, parts):
    past, later = parts
    users = later.active_users()
    wanted = true_preference(shop, users)
    assert wanted.shape == (len(users), 500) and wanted.dtype == np.float32 and 0 <= wanted.min() <= wanted.max() <= 1
    seen = past.matrix[past.users.rows(users)].toarray() > 0
    keys = IdMap("user", users)
    best = Ranking.from_scores(wanted, 20, keys=keys, items=past.items, exclude=seen)
    assert evaluate_truth(best, wanted, past)["true@20"] == pytest.approx(1)
    had = Ranking.from_scores(np.where(seen, wanted, -np.inf), 20, keys=keys, items=past.items)
    assert evaluate_truth(had, wanted, past)["true@20"] == 0
    chance = evaluate_truth(Random().fit(past).recommend(users), wanted, past)["true@20"]
    assert 0 < chance < 0.3


def test_the_truth_is_what_people_click(shop, parts):
    """Later clicks fall on items of high true preference far more often than on others."""
    _, later = parts
    users = later.active_users()
    wanted = true_preference(shop, users)
    percentile = wanted.argsort(axis=1).argsort(axis=1) / wanted.shape[1]
    row = {user: n for n, user in enumerate(users)}
    places = [percentile[row[later.users.ids[u]], i] for u, i in zip(later.user_rows, later.item_rows)]
    assert np.mean(places) > 0.75


def test_the_table_agrees_with_its_parts(shop, parts):
    past, later = parts
    users = later.active_users()
    rankings = {"random": Random().fit(past).recommend(users), "popularity": Popularity().fit(past).recommend(users)}
    rows = group_table(rankings, past, later, shop=shop, baseline="random")
    assert {row["group"] for row in rows} == {"all", "warm", "cold", "tail"}
    assert {row["metric"] for row in rows} == {"recall@20", "ndcg@20", "true@20"}
    at = {(row["group"], row["method"], row["metric"]): row for row in rows}
    report = evaluate(rankings["popularity"], later, ("recall@20",))
    assert at["all", "popularity", "recall@20"]["mean"] == report["recall@20"]
    warm, cold = at["warm", "popularity", "true@20"], at["cold", "popularity", "true@20"]
    both = (warm["mean"] * warm["n"] + cold["mean"] * cold["n"]) / (warm["n"] + cold["n"])
    assert both == pytest.approx(at["all", "popularity", "true@20"]["mean"])
    assert at["all", "popularity", "recall@20"]["p_adjusted"] is not None
    assert {r["metric"] for r in group_table(rankings, past, later, k=5)} == {"recall@5", "ndcg@5"}
