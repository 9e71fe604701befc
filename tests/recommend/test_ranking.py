"""The learned ranker: features by hand, planted tastes that it must find, and nothing of the future in it."""

import time

import numpy as np
import pytest

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.core.tables import make_table
from course_lib.recommend.collaborative import DAY, IALS, ItemCosine, Popularity
from course_lib.recommend.ranking import Candidates, Catalogue, LearnedRanker, pair_features
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions


def items_table(prices, categories=None, brands=None):
    n = len(prices)
    return make_table(
        "items",
        {
            "item_id": [f"p{i}" for i in range(n)],
            "title": [f"item {i}" for i in range(n)],
            "description": [""] * n,
            "category": categories or [""] * n,
            "brand": brands or [""] * n,
            "attributes": [[] for _ in range(n)],
            "price": prices,
        },
    )


def log_of(items, users, rows, times):
    users, rows = [f"u{u}" for u in users], [f"p{i}" for i in rows]
    return Interactions.from_ids(users, rows, items=IdMap("item", items["item_id"]), timestamps=np.asarray(times))


N_ITEMS, T1, T2, END = 150, 60 * DAY, 80 * DAY, 100 * DAY


def recommenders():
    return {"popularity": Popularity(), "ials": IALS(factors=4, iterations=3, regularization=1.0)}


@pytest.fixture(scope="module")
def planted():
    """Users who want prices near their own budget, and a little of what everybody likes."""
    rng = np.random.default_rng(0)
    log_price = rng.uniform(1, 5, N_ITEMS)
    appeal = rng.normal(0, 0.5, N_ITEMS)
    users, rows, times = [], [], []
    for user in range(300):
        utility = appeal - 4 * np.abs(log_price - rng.uniform(1, 5))
        chance = np.exp(utility) / np.exp(utility).sum()
        n = 16
        users += [user] * n
        rows += rng.choice(N_ITEMS, n, p=chance).tolist()
        times += rng.integers(0, END, n).tolist()
    return items_table(np.exp(log_price).tolist()), (np.array(users), np.array(rows), np.array(times))


def part(planted, since, until):
    items, (users, rows, times) = planted
    keep = (times >= since) & (times < until)
    return log_of(items, users[keep], rows[keep], times[keep])


@pytest.fixture(scope="module")
def fitted(planted):
    ranker = LearnedRanker(recommenders, planted[0], depth=75)
    return ranker.fit(part(planted, 0, T1), part(planted, T1, T2))


def recall(ranking, wanted):
    rows = ranking.keys.rows(wanted.users.ids[u] for u in wanted.user_rows)
    return float((ranking.ids[rows] == wanted.item_rows[:, None]).any(axis=1).mean())


def test_the_ranker_finds_the_planted_taste(planted, fitted):
    fitted.refit(part(planted, 0, T2))
    wanted = new_interests(part(planted, 0, T2), part(planted, T2, END))
    users = wanted.active_users()
    ranking = fitted.recommend(users, k=10)
    popular = Popularity().fit(part(planted, 0, T2)).recommend(users, k=10)
    assert recall(ranking, wanted) > 1.5 * recall(popular, wanted)
    price = ("log_price", "price_gap", "price_distance")
    importance = fitted.importance()
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
    assert sum(importance.values()) == pytest.approx(1) and set(importance) == set(fitted.feature_names)
    assert "price_distance" in list(importance)[:3] and sum(importance[name] for name in price) > 0.25
    assert fitted.training["users"] > 50 and 0 < fitted.training["candidate_recall"] <= 1
    assert fitted.training["positives"] >= fitted.training["users"]


def test_the_answer_is_not_in_the_features(planted):
    """Other labels: other trees, the same features and candidates."""
    items, history = planted[0], part(planted, 0, T1)
    labels = part(planted, T1, T2)
    rng = np.random.default_rng(1)
    other_items = rng.permutation(labels.item_rows)
    shuffled = Interactions(
        labels.users, labels.items, labels.user_rows, other_items, labels.weights, labels.timestamps
    )
    users = history.active_users()[:40]
    seen, trees = [], []
    for truth in (labels, shuffled):
        ranker = LearnedRanker(recommenders, items, depth=20, rounds=5).fit(history, truth)
        pairs, features = ranker._features(users, exclude_seen=True)
        assert ranker.history is history and all(m.interactions is history for m in ranker.recommenders.values())
        seen.append((pairs.user_rows, pairs.item_rows, features))
        trees.append(ranker.booster.model_to_string())
    for one, other in zip(*seen):
        np.testing.assert_array_equal(one, other)
    assert trees[0] != trees[1]


def test_labels_must_come_after_the_history(planted):
    ranker = LearnedRanker(recommenders, planted[0])
    with pytest.raises(ContractError, match="before"):
        ranker.fit(part(planted, 0, T2), part(planted, T1, END))
    with pytest.raises(ContractError, match="nothing|anything"):
        ranker.fit(part(planted, 0, T1), part(planted, END, END + 1))


def test_refit_moves_the_features_and_keeps_the_trees(planted):
    ranker = LearnedRanker(recommenders, planted[0], depth=20, rounds=5)
    ranker.fit(part(planted, 0, T1), part(planted, T1, T2))
    trees, before = ranker.booster.model_to_string(), ranker.recommend(["u0", "u1"])
    ranker.refit(part(planted, 0, T2))
    assert ranker.booster.model_to_string() == trees
    assert (ranker.recommend(["u0", "u1"]).scores != before.scores).any()
    seen = part(planted, 0, T2)
    row = seen.matrix[seen.users.rows(["u0"])[0]].indices
    assert not set(row) & set(ranker.recommend(["u0"], k=40).ids[0])


def test_same_seed_same_ranking_on_any_number_of_threads(planted):
    rankings = []
    for seed, threads in ((0, 1), (0, 2), (1, 1)):
        ranker = LearnedRanker(recommenders, planted[0], depth=30, rounds=20, seed=seed, num_threads=threads)
        rankings.append(ranker.fit(part(planted, 0, T1), part(planted, T1, T2)).recommend(["u5", "u2", "u9"], k=10))
    np.testing.assert_array_equal(rankings[0].ids, rankings[1].ids)
    np.testing.assert_array_equal(rankings[0].scores, rankings[1].scores)
    assert (rankings[0].scores != rankings[2].scores).any()


def test_contract(planted, fitted):
    history = part(planted, 0, T1)
    fitted.refit(history)
    ranking = fitted.recommend(["u7", "u3"], k=200)
    assert ranking.keys == IdMap("user", ["u7", "u3"]) and ranking.ids.shape == (2, 200)
    assert (ranking.ids[:, -1] == PAD).all()  # fewer candidates than places
    np.testing.assert_array_equal(fitted.recommend(["u3"], k=5).ids[0], ranking.ids[1, :5])
    for row, user in enumerate(["u7", "u3"]):
        seen = set(history.matrix[history.users.rows([user])[0]].indices)
        assert not seen & set(ranking.ids[row])
        assert seen & set(fitted.recommend([user], k=200, exclude_seen=False).ids[0])
    assert fitted.recommend([], k=3).ids.shape == (0, 3)
    with pytest.raises(UnknownIdError):
        fitted.recommend(["nobody"])
    for users, k in (("u7", 3), (["u7", "u7"], 3), (["u7"], 0), (["u7"], 1.5)):
        with pytest.raises(ContractError):
            fitted.recommend(users, k=k)


def test_who_has_seen_everything_gets_pads():
    items = items_table([1.0, 2.0, 3.0])
    history = log_of(items, [0, 0, 0, 1, 2], [0, 1, 2, 0, 1], range(5))
    labels = log_of(items, [1, 2], [1, 2], [10, 11])
    ranker = LearnedRanker(lambda: {"popularity": Popularity()}, items).fit(history, labels)
    assert (ranker.recommend(["u0", "u1"], k=2).ids == PAD).tolist() == [[True, True], [False, False]]
    assert (ranker.recommend(["u0"], k=2).ids == PAD).all()


def test_misuse_is_refused(planted):
    items, history = planted[0], part(planted, 0, T1)
    ranker = LearnedRanker(recommenders, items)
    for call in (lambda: ranker.recommend(["u0"]), ranker.importance):
        with pytest.raises(ContractError, match="fit"):
            call()
    for options in ({"depth": 0}, {"rounds": 0}):
        with pytest.raises(ContractError):
            LearnedRanker(recommenders, items, **options)
    for vectors in (np.ones((3, 2)), np.ones(N_ITEMS), np.full((N_ITEMS, 2), np.nan)):
        with pytest.raises(ContractError, match="vectors"):
            LearnedRanker(recommenders, items, vectors)
    with pytest.raises(ContractError, match="catalogue"):
        LearnedRanker(recommenders, items.select(range(5))).refit(history)
    with pytest.raises(ContractError, match="no recommender"):
        LearnedRanker(dict, items).refit(history)
    # Labels exist, but the one candidate of each user is none of them.
    tiny = items_table([1.0] * 4)
    with pytest.raises(ContractError, match="candidate"):
        LearnedRanker(lambda: {"popularity": Popularity()}, tiny, depth=1).fit(
            log_of(tiny, [0, 0, 1, 1, 2], [0, 1, 0, 1, 0], range(5)), log_of(tiny, [0, 1], [3, 3], [9, 9])
        )


def test_candidates_are_the_union_of_the_lists():
    items = items_table([1.0] * 5)
    history = log_of(items, [0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2], range(6))
    models = {"popularity": Popularity().fit(history), "cosine": ItemCosine().fit(history)}
    pairs = Candidates.from_recommenders(models, ["u1", "u0"], depth=1)
    lists = {name: {u: m.recommend([u], 1).ids[0].tolist() for u in ("u0", "u1")} for name, m in models.items()}
    expected = sorted({(int(u[1]), i) for found in lists.values() for u, ids in found.items() for i in ids if i != PAD})
    assert list(zip(pairs.user_rows.tolist(), pairs.item_rows.tolist())) == expected
    for name in models:
        for (user, item), place in zip(expected, pairs.places[name].tolist()):
            assert place == (0 if lists[name][f"u{user}"] == [item] else PAD)


def test_features_by_hand():
    items = items_table(
        [1.0, np.e**2, 0.0, np.e], ["a > x", "a > y", "b > z", ""], ["north", "", "north", "south"]
    )
    history = log_of(items, [0, 0, 1], [0, 1, 2], [0, 1, 30 * DAY])
    vectors = np.array([[2, 0], [0, 3], [1, 1], [0, 0]])
    models = {"popularity": Popularity().fit(history)}
    pairs = Candidates(np.array([0, 0, 1]), np.array([2, 3, 1]), {"popularity": np.array([1, PAD, 0])})
    f = pair_features(pairs, models, history, Catalogue.from_items(items, vectors))
    assert f["popularity_score"].tolist() == [1, 0, 1] and f["popularity_place"].tolist() == [0.5, 0, 1]
    np.testing.assert_allclose(f["popularity"], np.log1p([1 / 0.75, 0, 1 / 0.75]))
    np.testing.assert_allclose(f["recent_popularity"], np.log1p([1 / 0.25, 0, 0]))
    np.testing.assert_allclose(f["trend"], f["recent_popularity"] - f["popularity"])
    # User 0 has paid e^0 and e^2: mean log price 1. User 1 knows only an item without a price.
    np.testing.assert_allclose(f["log_price"], [np.nan, 1, 2])
    np.testing.assert_allclose(f["price_gap"], [np.nan, 0, np.nan], atol=1e-12)
    np.testing.assert_allclose(f["price_distance"], [np.nan, 0, np.nan], atol=1e-12)
    np.testing.assert_allclose(f["text_similarity"], [1, 0, np.sqrt(0.5)], atol=1e-6)
    assert f["department_share"].tolist() == [0, 0, 0] and f["category_share"].tolist() == [0, 0, 0]
    assert f["brand_share"].tolist() == [0.5, 0, 0]
    np.testing.assert_allclose(f["history_events"], np.log([3, 3, 2]))
    same_department = Candidates(np.array([0]), np.array([1]), {"popularity": np.array([0])})
    g = pair_features(same_department, models, history, Catalogue.from_items(items))
    assert [g[f"{name}_share"].tolist() for name in ("department", "category", "brand")] == [[1], [0.5], [0]]
    assert "text_similarity" not in g


def test_a_thousand_users_are_ranked_in_time():
    rng = np.random.default_rng(2)
    items = items_table(rng.uniform(1, 100, 2_000).tolist(), [f"d{i % 12} > c{i % 120}" for i in range(2_000)])
    users, rows = np.repeat(np.arange(1_000), 12), rng.zipf(1.3, 12_000) % 2_000
    times = np.tile(np.arange(12), 1_000) * DAY
    early, late = times < 8 * DAY, times >= 8 * DAY
    ranker = LearnedRanker(recommenders, items, rng.normal(size=(2_000, 64)), rounds=50)
    ranker.fit(*[log_of(items, users[when], rows[when], times[when]) for when in (early, late)])
    start = time.perf_counter()
    ranking = ranker.recommend([f"u{u}" for u in range(1_000)], k=20)
    assert time.perf_counter() - start < 10 and (ranking.ids != PAD).all()
