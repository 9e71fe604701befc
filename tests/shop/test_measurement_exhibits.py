"""The splits, and the exhibits of how one fools oneself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import compare, split_at_random, split_by_time
from course_lib.shop.measurement.exhibits import (
    drawn_targets,
    full_ranks,
    leak_alone,
    peeking,
    popularity,
    popularity_with_the_future,
    random_split_leakage,
    ranks_of_targets,
    sampled_hit,
    sampled_reversal,
    sharp_and_vague,
)
from course_lib.shop.shop import Shop


def trending(seed: int = 0, moving: bool = True) -> Interactions:
    """60 users and 100 items. ``moving``: the fashion passes over the catalogue; otherwise one taste for all time."""
    random = np.random.default_rng(seed)
    n = 4_000
    times = np.sort(random.integers(0, 1_000, size=n))
    centre = times / 1_000 * 80 if moving else np.full(n, 40.0)
    items = np.clip(centre + random.normal(10, 4, size=n), 0, 99).astype(int)
    users = IdMap("user", [f"u{u}" for u in range(60)])
    return Interactions(users, IdMap("item", range(100)), random.integers(60, size=n), items, np.ones(n), times)


# --- splits -------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.2, 0.9))
def test_nothing_of_the_future_is_in_the_past(seed, fraction):
    log = trending(seed)
    train, test = split_by_time(log, fraction)
    assert train.timestamps.max() < test.timestamps.min()
    assert set(test.active_users()) <= set(train.active_users())
    moment = test.timestamps.min()
    assert len(train) <= fraction * len(log) < (log.timestamps <= moment).sum() + 1
    assert train.users == test.users == log.users and train.items == log.items


def test_split_by_time_is_the_shops_rule():
    shop = Shop.simulate(n_items=200, n_users=60, n_queries=20, events_per_user=30)
    log = shop.interactions(kinds=("impression", "click", "cart", "purchase"))
    t = shop.split_time(0.7)
    train, test = split_by_time(log, 0.7)
    assert len(train) == len(shop.interactions(until=t, kinds=("impression", "click", "cart", "purchase")))
    later = shop.interactions(since=t, kinds=("impression", "click", "cart", "purchase"))
    assert len(test) == len(later.of_users(train.active_users()))


def test_a_random_split_is_random_and_repeats():
    log = trending()
    train, test = split_at_random(log, 0.75, seed=1)
    assert len(train) + len(test) == len(log) and len(train) / len(log) == pytest.approx(0.75, abs=0.03)
    assert train.timestamps.max() > test.timestamps.min()
    assert split_at_random(log, 0.75, seed=1).train.timestamps.tolist() == train.timestamps.tolist()
    assert split_at_random(log, 0.75, seed=2).train.timestamps.tolist() != train.timestamps.tolist()


def test_splits_refuse():
    log = trending()
    nobody = log.select(np.zeros(len(log), dtype=bool))
    at_once = Interactions(log.users, log.items, [0, 1], [0, 1], np.ones(2), np.zeros(2, dtype=int))
    strangers = Interactions(log.users, log.items, [0, 1], [0, 1], np.ones(2), np.array([0, 9]))
    cases = [(nobody, 0.5, "no interactions to split"), (log, 1.0, "fraction is 1.0"),
             (at_once, 0.5, "no event comes before"), (strangers, 0.5, "has a known user")]  # fmt: skip
    for log, fraction, says in cases:
        with pytest.raises(ContractError, match=says):
            split_by_time(log, fraction)


# --- sampled metrics ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000))
def test_full_ranks_are_places_in_the_ranking(seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, size=(8, 15)).astype(np.float32)  # with ties
    scores[random.random(scores.shape) < 0.2] = -np.inf
    scores[:, 7] = 3
    targets = np.array([random.choice(np.flatnonzero(np.isfinite(row))) for row in scores])
    ranking = Ranking.from_scores(scores, 15, keys=IdMap("user", range(8)), items=IdMap("item", range(15)))
    places = [ranking.ids[row].tolist().index(target) + 1 for row, target in enumerate(targets)]
    assert full_ranks(scores, targets).tolist() == places


@pytest.mark.parametrize(
    ("scores", "targets", "says"),
    [
        ([[1.0, 2.0]], [0, 1], "scores (1, 2) and targets (2,)"),
        ([[1.0, np.nan]], [0], "without NaN"),
        ([[1.0, 2.0]], [2], "outside the catalogue of 2 rows"),
        ([[1.0, -np.inf]], [1], "may not be listed"),
    ],
)
def test_full_ranks_refuse(scores, targets, says):
    with pytest.raises(ContractError) as error:
        full_ranks(np.array(scores), np.array(targets))
    assert says in str(error.value)


def test_sampled_hit_agrees_with_drawing():
    random, n_items, k, n_sampled = np.random.default_rng(0), 200, 3, 30
    ranks = np.array([1, 3, 4, 10, 60, 200])
    drawn = np.zeros(len(ranks))
    for _ in range(4_000):
        for case, rank in enumerate(ranks):
            others = random.permutation(n_items - 1)[:n_sampled] + 1
            others = others + (others >= rank)  # the places of all items but the relevant one
            drawn[case] += (others < rank).sum() < k
    expected = sampled_hit(ranks, n_items, n_sampled, k)
    assert drawn / 4_000 == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(4_000))
    assert sampled_hit(ranks, n_items, n_items - 1, k).tolist() == [1, 1, 0, 0, 0, 0]  # the full ranking


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(1, 398), st.integers(1, 20))
def test_sampling_only_flatters(rank, n_sampled, k):
    fewer, more = sampled_hit([rank], 400, n_sampled, k), sampled_hit([rank], 400, n_sampled + 1, k)
    assert 0 <= more <= fewer + 1e-12 and fewer >= (rank <= k) - 1e-12


def test_sampled_metrics_reverse_a_ranking():
    sharp, vague = sharp_and_vague()
    rows = sampled_reversal(sharp, vague, 10_000)
    assert [row["sampled"] for row in rows] == [20, 100, 500, 9_999]
    assert [row["better"] for row in rows] == ["b", "b", "b", "a"]
    assert rows[-1]["a"] == pytest.approx((sharp <= 10).mean()) and rows[-1]["a"] > 0.28 and rows[-1]["b"] == 0
    assert rows[1]["b"] > 0.9 and rows[1]["a"] < 0.45
    assert sampled_reversal(vague, vague, 10_000)[0]["better"] == "neither"


def test_sampled_hit_refuses():
    cases = [([0], 5, 1, "from 1 to 50"), ([51], 5, 1, "from 1 to 50"), ([], 5, 1, "at least one"),
             ([1], 50, 1, "can't sample 50"), ([1], 5, 0, "k = 0")]  # fmt: skip
    for ranks, n_sampled, k, says in cases:
        with pytest.raises(ContractError, match=says):
            sampled_hit(np.array(ranks), 50, n_sampled, k)


def test_a_target_is_drawn_evenly_from_each_users_events():
    users, items = IdMap("user", ["a", "b", "c"]), IdMap("item", range(10))
    test = Interactions(users, items, [0, 0, 0, 2], [1, 4, 7, 9], np.ones(4), np.arange(4))
    drawn = [drawn_targets(test, seed) for seed in range(600)]
    assert all(who == ["a", "c"] and target[1] == 9 for who, target in drawn)
    times = np.bincount([target[0] for _, target in drawn], minlength=10)
    assert times.sum() == times[[1, 4, 7]].sum() and times[[1, 4, 7]].min() > 150
    assert drawn_targets(test, 3)[1].tolist() == drawn_targets(test, 3)[1].tolist()
    with pytest.raises(ContractError, match="no event"):
        drawn_targets(test.select(np.zeros(4, dtype=bool)))


@pytest.mark.parametrize("block", [1, 7, 512])
def test_ranks_of_targets_are_full_ranks_without_what_was_seen(block):
    train, test = split_by_time(trending(), 0.5)
    users, targets = drawn_targets(test.without(train))
    table = np.random.default_rng(0).normal(size=(60, 100)).astype(np.float32)  # no ties

    def score(who):
        return table[train.users.rows(who)]

    found = ranks_of_targets(score, train, users, targets, block=block)
    own = table.copy()
    own[train.matrix.nonzero()] = -np.inf
    assert found.tolist() == full_ranks(own[train.users.rows(users)], targets).tolist()


def test_who_says_the_same_of_everything_gets_the_places_of_chance():
    log = trending()
    train, test = split_by_time(log, 0.5)
    users, targets = drawn_targets(test.without(train))
    places = np.concatenate([
        ranks_of_targets(lambda who: np.zeros((len(who), 100)), train, users, targets, seed=seed) for seed in range(40)
    ])  # fmt: skip
    left = 100 - np.diff(train.matrix.indptr)[train.users.rows(users)].mean()
    assert places.mean() == pytest.approx((left + 1) / 2, rel=0.1)
    in_order = ranks_of_targets(lambda who: np.zeros((len(who), 100)), train, users, targets, seed=1)
    assert in_order.tolist() != ranks_of_targets(
        lambda who: np.zeros((len(who), 100)), train, users, targets, seed=2
    ).tolist()


# --- leakage ------------------------------------------------------------------------------------------------------


def most_popular(train, users, k):
    return popularity(train, train, users, k)


def test_a_random_split_flatters_where_tastes_move():
    moving = random_split_leakage(trending(), most_popular, metric="ndcg@20")
    assert moving["at random"].interval["ndcg@20"][0] > 1.5 * moving["by time"].interval["ndcg@20"][1]
    still = random_split_leakage(trending(moving=False), most_popular, metric="ndcg@20")
    gap = still["at random"]["ndcg@20"] / still["by time"]["ndcg@20"]
    assert gap < 1.3 < moving["at random"]["ndcg@20"] / moving["by time"]["ndcg@20"]


def test_the_leak_alone_is_one_test_and_two_trainings_of_one_size():
    log, trained = trending(), []

    def watched(train, users, k):
        trained.append(train)
        return most_popular(train, users, k)

    found = leak_alone(log, watched, metric="ndcg@20", seed=2)
    past, mixed = trained
    assert list(found) == ["the past", "the test's own weeks"] and len(past) == len(mixed)
    split = split_by_time(log, 0.8).test.timestamps.min()
    assert past.timestamps.max() < split < mixed.timestamps.max()
    a, b = found.values()
    assert a.keys == b.keys and compare(b, a).interval[0] > 0 and compare(b, a).p_value < 0.01
    # Where nothing moves, the test's own weeks are weeks like others.
    still = leak_alone(trending(moving=False), most_popular, metric="ndcg@20", seed=2)
    low, high = compare(*still.values()).interval
    assert low <= 0 <= high


def test_the_leak_alone_hides_no_test_event_in_either_training():
    log, trained = trending(5), []

    def watched(train, users, k):
        trained.append((train, users))
        return most_popular(train, users, k)

    report = leak_alone(log, watched, metric="recall@5")["the past"]
    later = split_by_time(log, 0.8).test
    wanted = {(u, i) for u, i in zip(later.user_rows.tolist(), later.item_rows.tolist())}
    used = {(u, i) for train, _ in trained for u, i in zip(train.user_rows.tolist(), train.item_rows.tolist())}
    assert wanted - used and set(report.keys) == {log.users.ids[u] for u, _ in wanted - used} & set(trained[0][1])


def test_popularity_that_knows_the_future_wins_where_tastes_move():
    found = popularity_with_the_future(trending(), metric="ndcg@20")
    tested = compare(found["all of it"], found["the past"])
    assert tested.difference > 0.02 and tested.p_value < 0.01
    again = popularity_with_the_future(trending(), metric="ndcg@20")
    assert again["the past"].mean == found["the past"].mean


def test_popularity_agrees_with_counting():
    log = trending(3)
    train, test = split_by_time(log, 0.5)
    users = test.active_users()[:5]
    ranking = popularity(train, train, users, 7)
    times = np.bincount(train.item_rows, minlength=100)
    for row, user in enumerate(users):
        had = set(train.item_rows[train.user_rows == log.users.rows([user])[0]].tolist())
        expected = sorted((i for i in range(100) if i not in had), key=lambda i: (-times[i], i))[:7]
        assert ranking.ids[row].tolist() == expected
    other = Interactions(IdMap("user", ["x"]), train.items, [0], [0], [1.0], [0])
    with pytest.raises(ContractError, match="different users or items"):
        popularity(other, train, users, 7)


# --- peeking ------------------------------------------------------------------------------------------------------


def test_peeking_as_armitage_and_others_computed_it():
    share = peeking(20, experiments=20_000)
    published = {1: 0.050, 2: 0.083, 3: 0.107, 4: 0.126, 5: 0.142, 10: 0.193, 20: 0.248}
    for look, expected in published.items():
        assert share[look - 1] == pytest.approx(expected, abs=0.0115)  # about 4 standard errors
    assert (np.diff(share) >= 0).all() and peeking(3, seed=5).tolist() == peeking(3, seed=5).tolist()
    assert peeking(1, level=0.2, experiments=20_000)[0] == pytest.approx(0.2, abs=0.012)
    for wrong in ({"looks": 0}, {"cases_per_look": 0}, {"experiments": 0}, {"level": 0}, {"level": 1}):
        with pytest.raises(ContractError, match="at least 1"):
            peeking(**wrong)
