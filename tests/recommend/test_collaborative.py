"""Collaborative filtering: each model against its definition or a library, and the contract they share."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.nearest_neighbours import CosineRecommender
from sklearn.metrics.pairwise import cosine_similarity

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.collaborative import DAY, IALS, ItemCosine, Popularity, Random, item_counts
from course_lib.recommend.split import new_interests
from course_lib.recommend.tuning import tune
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import compare, evaluate
from course_lib.shop.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
MODELS = [Random, Popularity, ItemCosine, lambda: IALS(factors=4, iterations=3)]


def interactions_of(pairs, n_items=6, times=None, weights=None):
    users, items = [f"u{u}" for u, _ in pairs], [f"p{i}" for _, i in pairs]
    times = np.arange(len(pairs)) if times is None else np.asarray(times)
    return Interactions.from_ids(
        users, items, items=IdMap("item", [f"p{i}" for i in range(n_items)]), timestamps=times, weights=weights
    )


def clustered(n_users=60, n_items=40, n_clusters=4, per_user=10, seed=0, start=0):
    """Users who like the items of their own cluster (nine in ten events), popular ones first."""
    rng = np.random.default_rng(seed)
    size = n_items // n_clusters
    zipf = 1 / np.arange(1, size + 1)
    pairs = []
    for _ in range(per_user):
        for user in range(n_users):
            cluster = user % n_clusters if rng.random() < 0.9 else rng.integers(n_clusters)
            pairs.append((user, cluster * size + rng.choice(size, p=zipf / zipf.sum())))
    return interactions_of(pairs, n_items, times=start + np.arange(len(pairs)))


def recall(ranking, wanted):
    """Mean part of each user's wanted items that is listed."""
    shares = []
    for user in wanted.active_users():
        items = set(wanted.items.take(wanted.item_rows[wanted.user_rows == wanted.users.rows([user])[0]]))
        row = ranking.keys.rows([user])[0]
        shares.append(len(items & set(ranking.public_ids(row))) / len(items))
    return float(np.mean(shares))


# --- the contract


@pytest.mark.parametrize("make", MODELS)
def test_contract(make):
    with pytest.raises(ContractError, match="fit"):
        make().recommend(["u0"])
    with pytest.raises(ContractError, match="no interactions"):
        make().fit(interactions_of([]))
    with pytest.raises(ContractError, match="csr_matrix|Interactions|int"):
        make().fit(3)
    data = clustered()
    model = make().fit(data)
    users = ["u3", "u0", "u59"]
    ranking = model.recommend(users, k=8, block=2)
    assert ranking.keys == IdMap("user", users) and ranking.items == data.items and ranking.ids.shape == (3, 8)
    scores = model.score(users, block=2)
    assert scores.dtype == np.float32 and scores.shape == (3, 40)
    shown = ranking.ids != PAD
    np.testing.assert_array_equal(
        ranking.scores[shown], np.take_along_axis(scores, np.maximum(ranking.ids, 0), axis=1)[shown]
    )
    for row, user in enumerate(users):
        seen = data.matrix[data.users.rows([user])[0]].indices
        assert not set(seen) & set(ranking.ids[row])
        again = model.recommend([user], k=40, exclude_seen=False).ids[0]
        assert set(seen) & set(again) and set(ranking.ids[row][shown[row]]) <= set(again)
        np.testing.assert_array_equal(model.recommend([user], k=8).ids[0], ranking.ids[row])  # not of the company
    with pytest.raises(UnknownIdError, match="nobody"):
        model.recommend(["u0", "nobody"])
    with pytest.raises(UnknownIdError):
        model.score(["p0"])  # an item is no user
    with pytest.raises(ContractError, match="list of user ids"):
        model.recommend("u0")
    with pytest.raises(ContractError, match="twice"):
        model.recommend(["u0", "u0"])
    with pytest.raises(ContractError, match="k is"):
        model.recommend(["u0"], k=0)
    assert model.recommend([], k=3).ids.shape == (0, 3)


@pytest.mark.parametrize("make", MODELS)
def test_who_has_seen_everything_gets_pads(make):
    model = make().fit(interactions_of([(0, i) for i in range(6)] + [(1, 0), (1, 1)]))
    ranking = model.recommend(["u0", "u1"], k=3)
    assert (ranking.ids[0] == PAD).all() and (ranking.ids[1] != PAD).all()


@pytest.mark.parametrize("make", MODELS)
def test_recommending_leaves_the_model_as_it_was(make):
    model = make().fit(clustered())
    before = model.score(["u0", "u1"]).copy()
    model.recommend(["u0", "u1"], k=5)
    np.testing.assert_array_equal(model.score(["u0", "u1"]), before)


def test_cosine_and_ials_find_the_clusters():
    """Planted clusters: what the same people want must beat what everybody wants, which must beat chance."""
    shape = {"n_users": 200, "n_items": 200, "per_user": 6}
    train, test = clustered(seed=1, **shape), clustered(seed=2, start=10_000, **shape)
    wanted = new_interests(train, test)
    users = wanted.active_users()
    by_model = {
        name: recall(model.fit(train).recommend(users, k=8), wanted)
        for name, model in {
            "random": Random(), "popularity": Popularity(), "cosine": ItemCosine(), "ials": IALS(8, 1.0, 5.0)
        }.items()
    }
    assert by_model["random"] < by_model["popularity"] < min(by_model["cosine"], by_model["ials"])
    assert min(by_model["cosine"], by_model["ials"]) > by_model["popularity"] + 0.1


# --- random


def test_random_depends_on_seed_and_user_alone():
    a, b = Random(7).fit(clustered()), Random(7).fit(clustered(seed=5))
    np.testing.assert_array_equal(a.score(["u1", "u2"]), b.score(["u2", "u1"])[::-1])
    assert (a.score(["u1"]) != a.score(["u2"])).any()
    assert (Random(8).fit(clustered()).score(["u1"]) != a.score(["u1"])).any()
    assert 0.4 < a.score([f"u{i}" for i in range(60)]).mean() < 0.6


# --- popularity


def test_popularity_counts_by_hand():
    data = interactions_of([(0, 0), (0, 0), (1, 1), (2, 2), (2, 3)], times=[0, 1, 5 * DAY, 9 * DAY, 10 * DAY])
    assert item_counts(data).tolist() == [2, 1, 1, 1, 0, 0]
    assert item_counts(data, window_days=1).tolist() == [0, 0, 0, 1, 0, 0]  # the window's first moment is outside
    assert item_counts(data, window_days=1.001).tolist() == [0, 0, 1, 1, 0, 0]
    assert Popularity().fit(data).recommend(["u1"], k=5, exclude_seen=False).public_ids(0) == ["p0", "p1", "p2", "p3"]
    assert Popularity(6).fit(data).recommend(["u0"], k=5).public_ids(0) == ["p1", "p2", "p3"]
    weighted = interactions_of([(0, 0), (1, 1)], weights=[1, 3])
    assert Popularity().fit(weighted).recommend(["u0"], k=2, exclude_seen=False).public_ids(0) == ["p1", "p0"]


def test_bad_parameters_are_refused():
    makers = (
        lambda: Popularity(0), lambda: Popularity(float("nan")), lambda: ItemCosine(0), lambda: IALS(factors=0),
        lambda: IALS(alpha=0), lambda: IALS(regularization=-1), lambda: IALS(iterations=0),
    )
    for make in makers:
        with pytest.raises(ContractError):
            make()


# --- item cosine


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), min_size=1, max_size=40), st.integers(1, 6))
def test_item_cosine_is_cosine(pairs, neighbours):
    data = interactions_of(pairs)
    cosine = cosine_similarity(data.matrix.T.toarray())
    np.fill_diagonal(cosine, 0)
    full = ItemCosine(None).fit(data)
    np.testing.assert_allclose(full.similarity.toarray(), cosine, atol=1e-6)
    users = list(data.users)
    np.testing.assert_allclose(full.score(users), data.matrix @ cosine, rtol=1e-5, atol=1e-5)
    cut = ItemCosine(neighbours).fit(data).similarity.toarray()
    for row in range(6):
        kept = np.sort(cut[row][cut[row] > 0])[::-1]
        np.testing.assert_allclose(kept, np.sort(cosine[row][cosine[row] > 1e-9])[::-1][:neighbours], atol=1e-6)


@pytest.mark.filterwarnings("ignore:Method expects CSR")  # implicit's own conversion
def test_item_cosine_agrees_with_implicit_across_blocks_of_items():
    data = clustered(n_users=80, n_items=600, n_clusters=6, per_user=15)  # more items than one block of 512
    ours = ItemCosine(None).fit(data)
    theirs = CosineRecommender(K=601, num_threads=1)
    theirs.fit(data.matrix.tocsr(), show_progress=False)
    users = np.arange(len(data.users))
    ids, scores = theirs.recommend(users, data.matrix, N=5)
    ranking = ours.recommend(data.users.take(users), k=5)
    both = (ranking.ids != PAD) & (scores > 0)
    assert both.mean() > 0.9
    np.testing.assert_allclose(ranking.scores[both], scores[both], rtol=1e-4)  # ids may differ where scores tie
    assert (ranking.ids[both] == ids[both]).mean() > 0.9


# --- iALS


def test_ials_meets_the_normal_equations():
    """After convergence each vector solves its own ridge regression (Hu et al. 2008, equation 4)."""
    data = clustered(n_users=30, n_items=20, per_user=6)
    alpha, lam, d = 4.0, 2.0, 3
    model = IALS(factors=d, regularization=lam, alpha=alpha, iterations=300, seed=1).fit(data)
    x, p, q = data.matrix.toarray(), model.user_vectors, model.item_vectors
    confidence = np.where(x > 0, alpha * x, 1.0)
    for u in range(len(p)):
        left = q.T @ (confidence[u][:, None] * q) + lam * np.eye(d)
        np.testing.assert_allclose(p[u], np.linalg.solve(left, q.T @ (confidence[u] * (x[u] > 0))), atol=2e-3)


def test_ials_is_the_same_in_every_process_and_prints_nothing():
    code = (
        "import numpy as np; from course_lib.core.ids import IdMap;"
        "from course_lib.recommend.collaborative import IALS; from course_lib.shop.interactions import Interactions;"
        "r = np.random.default_rng(0); u, i = r.integers(0, 40, 500), r.integers(0, 30, 500);"
        "d = Interactions.from_ids([f'u{x}' for x in u], map(str, i), items=IdMap('item', range(30)));"
        "m = IALS(8, seed=3).fit(d); print(m.user_vectors.tobytes().hex());"
        "print(m.recommend(d.active_users()).ids.tolist())"
    )
    runs = []
    for threads in ("1", "2"):
        env = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        runs.append(subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True))
    assert runs[0].returncode == 0 and runs[0].stdout == runs[1].stdout
    assert runs[0].stderr == runs[1].stderr == ""


def test_ials_warns_of_nothing_and_takes_its_seed():
    data = clustered()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        one, same, other = (IALS(4, iterations=2, seed=s).fit(data).item_vectors for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


# --- split and tuning


def test_new_interests_by_hand():
    past = interactions_of([(0, 0), (1, 1)], times=[0, 1])
    later = interactions_of([(0, 0), (0, 2), (2, 3)], times=[5, 6, 7])
    wanted = new_interests(past, later)
    assert wanted.active_users() == ["u0"] and wanted.item_rows.tolist() == [2]  # u2 is unknown, p0 is not new
    with pytest.raises(ContractError, match="nothing|anything"):
        new_interests(past, interactions_of([(0, 0)], times=[9]))
    with pytest.raises(ContractError, match="before"):
        new_interests(later, past)


def test_tune_takes_the_best_of_its_table():
    train, validation = clustered(seed=1), clustered(per_user=4, seed=2, start=10_000)
    grid = {"factors": [1, 8], "alpha": [5.0], "regularization": [1.0, 1e6]}
    tuning = tune(IALS, grid, train, validation, metric="recall@8")
    assert len(tuning.table) == 4 and tuning.metric == "recall@8"
    assert tuning.best == {"factors": 8, "alpha": 5.0, "regularization": 1.0}
    wanted = new_interests(train, validation)
    ranking = IALS(**tuning.best).fit(train).recommend(wanted.active_users(), k=8)
    assert max(entry["recall@8"] for entry in tuning.table) == pytest.approx(recall(ranking, wanted))
    assert tune(Random, {"seed": [4, 4]}, train, validation).best == {"seed": 4}


def test_tune_refuses_bad_questions():
    train, validation = clustered(seed=1), clustered(per_user=4, seed=2, start=10_000)
    for grid, options in (({}, {}), ({"seed": []}, {}), ({"seed": [1]}, {"metric": "ndcg"})):
        with pytest.raises(ContractError):
            tune(Random, grid, train, validation, **options)
    with pytest.raises(ContractError, match="before"):
        tune(Random, {"seed": [1]}, validation, train)


# --- the simulated shop


def test_on_the_simulated_shop_ials_beats_popularity_and_popularity_beats_chance():
    shop = Shop.simulate(n_items=600, n_users=500, n_queries=100, seed=0)
    moment = shop.split_time(0.8)
    train = shop.interactions(until=moment)
    wanted = new_interests(train, shop.interactions(since=moment))
    reports = [
        evaluate(model.fit(train).recommend(wanted.active_users(), 20), wanted, metrics=("recall@20",))
        for model in (IALS(), Popularity(), Random())
    ]
    for better, worse in zip(reports, reports[1:]):
        comparison = compare(better, worse, "recall@20")
        assert comparison.difference > 0 and comparison.p_value < 0.05
