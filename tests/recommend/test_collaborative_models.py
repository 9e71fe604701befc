"""EASE, BPR, a step of ALS, user neighbours and reasons: each against its definition, a library, or its gradient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares, least_squares
from scipy.sparse import csr_matrix, random as random_sparse
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.collaborative import (
    BPR,
    EASE,
    IALS,
    ItemCosine,
    Popularity,
    UserCosine,
    als_step,
    because,
    bpr_step,
    ease_weights,
)
from course_lib.recommend.collaborative.engine import LARGEST, gram, invert
from course_lib.recommend.split import hold_out, new_interests
from course_lib.recommend.tuning import tune_all
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import evaluate

MODELS = [
    lambda: UserCosine(5), lambda: EASE(5.0), lambda: EASE(5.0, most_items=15), lambda: BPR(8, epochs=100, rate=0.2),
    lambda: ItemCosine(item_damping=0.3, user_damping=0.5), lambda: IALS(4, 2.0, 20.0, 10, user_damping=0.5),
]  # fmt: skip


def interactions_of(pairs, n_items=6, weights=None):
    users, items = [f"u{u}" for u, _ in pairs], [f"p{i}" for _, i in pairs]
    catalogue = IdMap("item", [f"p{i}" for i in range(n_items)])
    return Interactions.from_ids(users, items, items=catalogue, weights=weights, timestamps=np.arange(len(pairs)))


def clustered(n_users=60, n_items=40, n_clusters=4, per_user=8, seed=0):
    """Users who like the items of their own cluster (nine in ten events)."""
    rng = np.random.default_rng(seed)
    size = n_items // n_clusters
    own = (np.arange(n_users) % n_clusters)[:, None] * size + rng.integers(size, size=(n_users, per_user))
    items = np.where(rng.random(own.shape) < 0.9, own, rng.integers(n_items, size=own.shape))
    return interactions_of([(u, i) for u in range(n_users) for i in items[u]], n_items)


# --- the contract


@pytest.mark.parametrize("make", MODELS)
def test_contract(make):
    with pytest.raises(ContractError, match="fit"):
        make().recommend(["u0"])
    with pytest.raises(ContractError, match="no interactions"):
        make().fit(interactions_of([]))
    data = clustered()
    model = make().fit(data)
    users = ["u3", "u0", "u59"]
    before = model.score(users).copy()
    ranking = model.recommend(users, k=100, block=2)  # more than the catalogue holds: padded
    assert ranking.ids.shape == (3, 100) and (ranking.ids[:, 40:] == PAD).all()
    assert before.shape == (3, 40) and before.dtype == np.float32
    np.testing.assert_array_equal(model.score(users), before)
    for row, user in enumerate(users):
        seen = set(data.matrix[data.users.rows([user])[0]].indices)
        assert not seen & set(ranking.ids[row])
    with pytest.raises(UnknownIdError, match="nobody"):
        model.recommend(["nobody"])


@pytest.mark.parametrize("make", [*MODELS, Popularity])
def test_bad_weights_are_refused_and_repeats_add_up(make):
    for weight in (-1, np.nan, np.inf):
        with pytest.raises(ContractError, match="negative weight"):
            make().fit(interactions_of([(0, 0), (1, 1)], weights=[1, weight]))
    twice = interactions_of([(0, 0), (0, 0), (1, 0), (1, 1), (2, 1), (2, 2)])
    once = interactions_of([(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)], weights=[2, 1, 1, 1, 1])
    np.testing.assert_allclose(make().fit(twice).score(["u0"]), make().fit(once).score(["u0"]), atol=1e-6)


@pytest.mark.parametrize("make", MODELS)
def test_planted_clusters_are_found(make):
    train, later = clustered(seed=1), clustered(seed=2)
    wanted = later.without(train)
    users = wanted.active_users()
    found = evaluate(make().fit(train).recommend(users, 8), wanted, ("recall@8",))["recall@8"]
    floor = evaluate(Popularity().fit(train).recommend(users, 8), wanted, ("recall@8",))["recall@8"]
    assert found > floor + (0.02 if make is MODELS[2] else 0.1)  # 15 items leave out most


def test_bad_parameters_are_refused():
    makers = (
        lambda: UserCosine(0), lambda: EASE(0), lambda: EASE(most_items=0), lambda: BPR(0), lambda: BPR(rate=0),
        lambda: BPR(minutes=0), lambda: IALS(user_damping=-1), lambda: IALS(minutes=0), lambda: ItemCosine(item_damping=-1),
        lambda: ease_weights(np.eye(2), 0),
    )  # fmt: skip
    for make in makers:
        with pytest.raises(ContractError):
            make()


# --- user neighbours


def test_user_cosine_by_its_definition():
    data = clustered(n_users=20)
    cosine = cosine_similarity(data.matrix.toarray())
    np.fill_diagonal(cosine, 0)
    users = list(data.users)
    np.testing.assert_allclose(UserCosine(1000).fit(data).score(users), cosine @ data.matrix.toarray(), atol=1e-5)
    nearest = cosine.argmax(axis=1)
    only = np.sort(cosine, axis=1)[:, -2] < cosine.max(axis=1) - 1e-6  # no tie for the nearest
    expected = cosine.max(axis=1)[:, None] * data.matrix.toarray()[nearest]
    np.testing.assert_allclose(UserCosine(1).fit(data).score(users)[only], expected[only], atol=1e-5)


# --- EASE


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 500))
def test_ease_is_a_ridge_regression_of_each_item_on_the_others(seed, regularization):
    x = (np.random.default_rng(seed).random((30, 8)) < 0.3).astype(float)
    b = ease_weights(x, regularization)
    assert (np.diag(b) == 0).all()
    for j in range(8):
        others = np.arange(8) != j
        ridge = Ridge(alpha=regularization, fit_intercept=False).fit(x[:, others], x[:, j])
        np.testing.assert_allclose(b[others, j], ridge.coef_, atol=1e-8)


def test_ease_in_place_is_the_closed_form():
    data = clustered(n_users=300, n_items=1_200, per_user=30)  # several blocks of 512
    model = EASE(50.0).fit(data)
    had = data.matrix.sign().toarray().astype(np.float64)
    b = ease_weights(had, 50.0)
    users = list(data.users)[:50]
    np.testing.assert_allclose(model.score(users), had[data.users.rows(users)] @ b, atol=2e-5)
    assert model.inverse.dtype == np.float32 and model.inverse.flags.c_contiguous
    np.testing.assert_allclose(model.inverse, model.inverse.T)


def test_ease_of_the_most_frequent_items_is_ease_of_a_smaller_shop():
    data = clustered()
    model = EASE(5.0, most_items=15).fit(data)
    had = data.matrix.sign().toarray()
    assert had.sum(axis=0)[model.modelled].min() >= np.delete(had.sum(axis=0), model.modelled).max()
    scores = model.score(["u1"])[0]
    inside = had[:, model.modelled].astype(float)
    np.testing.assert_allclose(scores[model.modelled], (inside @ ease_weights(inside, 5.0))[1], atol=1e-5)
    assert np.isneginf(np.delete(scores, model.modelled)).all()
    assert set(model.recommend(["u1"], 40).ids[0]) <= {PAD, *model.modelled}


def test_the_inverse_takes_the_matrix_s_own_memory_or_refuses():
    matrix = gram(random_sparse(50, 20, 0.3, format="csr", random_state=0), 2.0)
    before = matrix.copy()
    found = invert(matrix)
    assert np.shares_memory(found, matrix)
    np.testing.assert_allclose(found @ before, np.eye(20), atol=1e-5)
    for wrong in (before.astype(np.float64), np.ascontiguousarray(before)[:, ::-1], before.copy(order="C")):
        with pytest.raises(ContractError, match="in place"):
            invert(wrong)
    with pytest.raises(ContractError, match="positive definite"):
        invert(np.asfortranarray(-before))
    with pytest.raises(ContractError, match="LAPACK"):
        gram(csr_matrix((1, LARGEST + 1)), 1.0)


# --- ALS


def test_a_step_is_implicit_s_step():
    x = clustered().matrix
    q = np.random.default_rng(0).normal(size=(40, 5))
    theirs = np.zeros((60, 5))
    least_squares(3 * x, theirs, q, 2.0)
    np.testing.assert_allclose(als_step(x, q, 2.0, 3.0), theirs, atol=1e-6)


def test_a_step_minimises_the_loss_and_alternating_lowers_it():
    data = clustered(n_users=20, n_items=12, n_clusters=3)
    x, rng = data.matrix, np.random.default_rng(0)
    y, c = (x.toarray() > 0).astype(float), np.where(x.toarray() > 0, 5.0 * x.toarray(), 1.0)

    def loss(p, q):
        return (c * (y - p @ q.T) ** 2).sum() + 2 * ((p**2).sum() + (q**2).sum())

    q, losses = rng.normal(size=(12, 3)), []
    for _ in range(5):
        p = als_step(x, q, 2.0, 5.0)
        at_best = loss(p, q)
        assert all(loss(p + 0.05 * rng.normal(size=p.shape), q) > at_best for _ in range(5))
        q = als_step(x.T.tocsr(), p, 2.0, 5.0)
        losses += [at_best, loss(p, q)]
    assert (np.diff(losses) <= 1e-9).all() and losses[-1] < losses[0]


def test_a_transposed_matrix_and_a_user_without_events():
    x = clustered().matrix
    with pytest.raises(ContractError, match="transposed"):
        als_step(x.T, np.ones((40, 2)), 1.0, 1.0)
    assert (als_step(csr_matrix((2, 40)), np.ones((40, 2)), 1.0, 1.0) == 0).all()


def test_ials_is_implicit_s_and_its_budget_ends_it():
    data = clustered()
    theirs = AlternatingLeastSquares(factors=4, regularization=2.0, alpha=3.0, iterations=4, random_state=1, num_threads=1)
    theirs.fit(data.matrix, show_progress=False)
    ours = IALS(4, 2.0, 3.0, 4, 1).fit(data)
    np.testing.assert_allclose(ours.user_vectors, theirs.user_factors, atol=1e-6)
    assert ours.reached_iterations == 4
    short = IALS(4, iterations=1_000_000, minutes=1e-5).fit(data)
    assert 1 <= short.reached_iterations < 1_000 and np.isfinite(short.score(["u0"])).all()


# --- BPR


def test_a_step_of_bpr_goes_down_the_gradient():
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    triples = (np.array([0, 0, 4]), np.array([1, 1, 2]), np.array([3, 1, 1]))  # rows repeat, also across i and j

    def loss(flat):
        a, b = flat[:15].reshape(5, 3), flat[15:].reshape(7, 3)
        u, i, j = triples
        margin = ((b[i] - b[j]) * a[u]).sum(axis=1)
        return np.log1p(np.exp(-margin)).sum() + 0.1 / 2 * ((a[u] ** 2) + (b[i] ** 2) + (b[j] ** 2)).sum()

    start, h = np.concatenate([p.ravel(), q.ravel()]), 1e-6
    gradient = np.array([(loss(start + h * e) - loss(start - h * e)) / (2 * h) for e in np.eye(36)])
    u, i, j = triples
    expected = np.log1p(np.exp(-((q[i] - q[j]) * p[u]).sum(axis=1))).mean()
    assert bpr_step(p, q, triples, 0.01, 0.1) == pytest.approx(expected)
    np.testing.assert_allclose(np.concatenate([p.ravel(), q.ravel()]), start - 0.01 * gradient, atol=1e-7)


def test_bpr_learns_is_seeded_and_keeps_its_budget():
    data = clustered()
    one, same, other = (BPR(8, epochs=30, rate=0.1, seed=s).fit(data) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    assert (one.item_vectors != other.item_vectors).any()
    assert one.losses[-1] < one.losses[0] and one.reached_epochs == len(one.losses) == 30
    short = BPR(8, epochs=100_000, minutes=0.002).fit(data)
    assert 0 < short.reached_epochs < 100_000
    alone = BPR(4, epochs=2).fit(interactions_of([(0, i) for i in range(6)]))  # nothing is not had
    assert np.isfinite(alone.score(["u0"])).all()


# --- reasons


@pytest.mark.parametrize(
    "model", [ItemCosine(), ItemCosine(item_damping=0.3, user_damping=0.5), EASE(5.0), EASE(5.0, most_items=30)]
)
def test_the_contributions_add_up_to_the_score(model):
    data = clustered()
    scores, row = model.fit(data).score(["u7"])[0], data.users.rows(["u7"])[0]
    for item in data.items.rows(model.recommend(["u7"], 3).public_ids(0)):
        assert model.contributions(row, item).sum() == pytest.approx(scores[item], abs=1e-5)


def test_ials_reasons_are_implicit_s():
    data = clustered()
    model = IALS(4, 2.0, 3.0, 20, 1).fit(data)
    theirs = AlternatingLeastSquares(factors=4, regularization=2.0, alpha=3.0, iterations=20, random_state=1, num_threads=1)
    theirs.fit(data.matrix, show_progress=False)
    row = data.users.rows(["u7"])[0]
    total, top, _ = theirs.explain(row, data.matrix, 11, N=40)  # α is its own
    ours = model.contributions(row, 11)
    assert ours.sum() == pytest.approx(total, abs=1e-4)
    by_item = dict(zip(data.matrix[row].indices.tolist(), ours))
    for item, adds in top:
        assert by_item[item] == pytest.approx(adds, abs=1e-4)
    assert ours.sum() == pytest.approx(model.score(["u7"])[0, 11], abs=0.02)


def test_because_by_hand():
    #        p0 and p1 go together in two users, p2 and p1 in one; u3 has p0 and p2
    data = interactions_of([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 1), (3, 0), (3, 2)])
    first, second = because(ItemCosine().fit(data), "u3", "p1")
    assert (first.item, second.item) == ("p0", "p2")
    assert first.contribution == pytest.approx(2 / 3) and second.contribution == pytest.approx(1 / 6**0.5)
    assert first.share + second.share == pytest.approx(1)
    assert because(ItemCosine().fit(data), "u3", "p5") == []
    for wrong, says in ((lambda: because(Popularity().fit(data), "u3", "p1"), "no reasons"),
                        (lambda: because(EASE(), "u3", "p1"), "learned nothing"),
                        (lambda: because(EASE().fit(data), "u3", "p1", 0), "n is")):  # fmt: skip
        with pytest.raises(ContractError, match=says):
            wrong()
    with pytest.raises(UnknownIdError):
        because(EASE().fit(data), "u3", "shoe")


# --- splits and budgets


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=60), st.floats(0.1, 0.9))
def test_held_out_items_are_new_and_as_many_as_asked(pairs, fraction):
    data = interactions_of(pairs, 10)
    try:
        rest, held = hold_out(data, fraction, seed=1)
    except ContractError:
        assert all(int(len(set(i for v, i in pairs if v == u)) * fraction + 1e-9) == 0 for u, _ in pairs)
        return
    assert len(rest) + len(held) == len(data) and not (rest.matrix.multiply(held.matrix)).nnz
    distinct = np.diff(data.matrix.sign().tocsr().indptr)
    np.testing.assert_array_equal(np.diff(held.matrix.indptr), np.floor(distinct * fraction + 1e-9))
    assert len(new_interests(rest, held)) == len(held)


def test_equal_budgets():
    train, validation = hold_out(clustered(per_user=12), 0.25)
    contenders = {"ease": (EASE, {"regularization": [1.0, 5.0, 25.0]}), "item_cosine": (ItemCosine, {"neighbours": [1, 5, 20]})}
    found = tune_all(contenders, train, validation, budget=2, metric="recall@8")
    assert [len(tuning.table) for tuning in found.values()] == [2, 2]
    with pytest.raises(ContractError, match="budget"):
        tune_all(contenders, train, validation, budget=4)
    with pytest.raises(ContractError, match="depth"):
        tune_all(contenders, train, validation, budget=2, metric="recall")
