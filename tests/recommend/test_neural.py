"""Neural recommenders: forward passes against numpy, losses against torch, the correction against its expectation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.collaborative import IALS, ItemCosine, Popularity
from course_lib.recommend.neural import (
    MLP,
    NCF,
    Dot,
    Indexed,
    MatrixFactorization,
    NeuMF,
    TwoTower,
    distinct_pairs,
    full_softmax,
    in_batch_logits,
    learn_dot_product,
    log_sampling_chance,
    sampled_softmax,
    sampled_softmax_gradient,
)
from course_lib.recommend.neural.losses import binary_loss
from course_lib.search.engine.nearest import nearest
from course_lib.search.retrieval.ivf import IVF
from course_lib.shop.interactions import Interactions

SHORT = {"steps": 20, "batch_size": 64}
N_ITEMS = 40


def interactions_of(pairs, n_items=N_ITEMS, weights=None):
    users, items = [f"u{u}" for u, _ in pairs], [f"p{i}" for _, i in pairs]
    return Interactions.from_ids(
        users, items, items=IdMap("item", [f"p{i}" for i in range(n_items)]), timestamps=np.arange(len(pairs)), weights=weights
    )


def clustered(n_users=80, n_items=N_ITEMS, per_user=6, seed=0, cold=()):
    """Users who take the items of their own quarter of the catalogue, popular ones first; cold items never."""
    rng = np.random.default_rng(seed)
    size = n_items // 4
    zipf = 1 / np.arange(1, size + 1)
    drawn = [(u, u % 4 * size + rng.choice(size, p=zipf / zipf.sum())) for _ in range(per_user) for u in range(n_users)]
    return interactions_of([(u, i) for u, i in drawn if i not in cold], n_items)


def texts_of(n_items=N_ITEMS, width=8, seed=0):
    """A vector per item that tells its quarter, with some noise."""
    random = np.random.default_rng(seed)
    return np.eye(width)[np.arange(n_items) // (n_items // 4)] + random.normal(0, 0.1, (n_items, width))


MODELS = {
    "mf": lambda **more: MatrixFactorization(8, **SHORT, **more),
    "mlp": lambda **more: NCF(8, hidden=16, **SHORT, **more),
    "neumf": lambda **more: NCF(8, "neumf", hidden=16, **SHORT, **more),
    "two-tower": lambda **more: TwoTower(texts_of(), 8, hidden=16, ids=4, **SHORT, **more),
}


@pytest.fixture(scope="module")
def fitted():
    return {name: make().fit(clustered()) for name, make in MODELS.items()}


# --- forward passes against numpy, on fixed weights


def relu(x):
    return np.maximum(x, 0)


def numpy_mlp(net, users, items):
    """The network as the paper writes it: one matrix for [u; v]."""
    w = {name: value.detach().numpy().astype(np.float64) for name, value in net.state_dict().items()}
    both = np.concatenate([np.repeat(users, len(items), axis=0), np.tile(items, (len(users), 1))], axis=1)
    x = both @ np.concatenate([w["user.weight"], w["item.weight"]], axis=1).T + w["user.bias"]
    for layer in range(len(net.rest)):
        x = relu(x) @ w[f"rest.{layer}.1.weight"].T + w[f"rest.{layer}.1.bias"]
    return x.reshape(len(users), len(items))


def test_factorisation_is_the_inner_product(fitted):
    model = fitted["mf"]
    p, q = (table.weight.detach().numpy().astype(np.float64) for table in (model.net.user_table, model.net.item_table))
    expected = p @ q[:, :-1].T + q[:, -1]
    rows = model.interactions.users.rows(["u3", "u0"])
    np.testing.assert_allclose(model.score(["u3", "u0"])[:, model.known], expected[rows][:, model.known], atol=1e-5)
    np.testing.assert_allclose(model.user_vectors[rows] @ model.item_vectors.T, expected[rows], atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_network_is_that_of_the_paper(layers):
    torch.manual_seed(layers)
    net = MLP(6, 16, layers)
    random = np.random.default_rng(0)
    users, items = random.normal(size=(5, 6)), random.normal(size=(7, 6))
    u, v = (torch.as_tensor(x, dtype=torch.float32) for x in (users, items))
    expected = numpy_mlp(net, users, items)
    with torch.no_grad():
        np.testing.assert_allclose(net.table(u, v), expected, atol=1e-5)
        np.testing.assert_allclose(net.pairs(u[:, None], v[None]), expected, atol=1e-5)


def test_neumf_is_the_sum_of_both():
    torch.manual_seed(0)
    net = NeuMF(6, 8)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([0.5, -1.0, 2.0]))
    random = np.random.default_rng(0)
    users, items = random.normal(size=(4, 6)), random.normal(size=(5, 6))
    u, v = (torch.as_tensor(x, dtype=torch.float32) for x in (users, items))
    expected = (users[:, :3] * [0.5, -1, 2]) @ items[:, :3].T + numpy_mlp(net.mlp, users[:, 3:], items[:, 3:])
    with torch.no_grad():
        np.testing.assert_allclose(net.table(u, v), expected, atol=1e-5)
        np.testing.assert_allclose(net.pairs(u[:, None], v[None]), expected, atol=1e-5)


def test_a_table_in_chunks_is_the_table(monkeypatch):
    net, u, v = MLP(4, 8), torch.randn(9, 4), torch.randn(6, 4)
    whole = net.table(u, v)
    monkeypatch.setattr("course_lib.recommend.neural.similarity._ROOM", 100)
    torch.testing.assert_close(net.table(u, v), whole)


def numpy_towers(model, history, without=None):
    """Vectors of a user with that history, and of all items."""
    w = {name: value.detach().numpy().astype(np.float64) for name, value in model.net.state_dict().items()}
    own = w["id_table.weight"] * model.known[:, None]
    reads = np.concatenate([(model.texts - model.mean) / model.scale, own], axis=1)
    items = relu(reads @ w["item_tower.0.weight"].T + w["item_tower.0.bias"]) @ w["item_tower.2.weight"].T + w["item_tower.2.bias"]
    history = [i for i in history if i != without]
    mean = reads[history].mean(axis=0) if history else np.zeros(reads.shape[1])
    user = relu(mean @ w["user_tower.0.weight"].T + w["user_tower.0.bias"]) @ w["user_tower.2.weight"].T + w["user_tower.2.bias"]
    return np.append(user, 1), items


def test_towers_read_what_they_say(fitted):
    model = fitted["two-tower"]
    row = model.interactions.users.rows(["u5"])[0]
    history = model.interactions.matrix[row].indices.tolist()
    user, items = numpy_towers(model, history)
    np.testing.assert_allclose(model.score(["u5"])[0], items @ user, atol=1e-5)
    np.testing.assert_allclose(model.item_vectors, items, atol=1e-5)
    hidden = numpy_towers(model, history, without=history[0])[0]
    with torch.no_grad():
        found = model.net.users(torch.tensor([row, 0]), torch.tensor([history[0], model.interactions.matrix[0].indices[0]]))
    np.testing.assert_allclose(found[0], hidden, atol=1e-5)
    again = model.vectors_of_histories([model.interactions.items.take(history + history[:1]), []])
    np.testing.assert_allclose(again[0], user, atol=1e-5)  # a history is a set
    np.testing.assert_allclose(again[1], numpy_towers(model, [])[0], atol=1e-5)


# --- losses


@given(st.integers(2, 8), st.integers(0, 10**6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_sampled_softmax_against_torch(n, seed, corrected):
    """Value and gradient are cross-entropy's on the corrected scores; the written-out gradient is autograd's."""
    random = np.random.default_rng(seed)
    items = torch.as_tensor(random.integers(5, size=n))
    scores = torch.as_tensor(random.normal(0, 3, (n, n))).requires_grad_()
    log_q = torch.as_tensor(random.normal(-2, 1, 5))[items] if corrected else None
    logits = scores - log_q if corrected else scores
    for i in range(n):
        for j in range(n):
            if i != j and items[i] == items[j]:
                logits = logits.masked_fill(torch.eye(n, dtype=bool)[i][:, None] & torch.eye(n, dtype=bool)[j], -torch.inf)
    expected = cross_entropy(logits, torch.arange(n))
    (wanted,) = torch.autograd.grad(expected, scores)
    loss = sampled_softmax(scores, items, log_q)
    (found,) = torch.autograd.grad(loss, scores)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found, wanted)
    written = sampled_softmax_gradient(scores.detach().numpy(), items.numpy(), None if log_q is None else log_q.numpy())
    np.testing.assert_allclose(written, wanted.numpy(), atol=1e-12)
    np.testing.assert_allclose(written.sum(axis=1), 0, atol=1e-12)


def test_extreme_scores_stay_finite():
    scores = torch.tensor([[1e4, -1e4], [1e4, 1e4]])
    assert torch.isfinite(sampled_softmax(scores, torch.tensor([0, 1])))
    assert np.isfinite(sampled_softmax_gradient(scores.numpy(), np.array([0, 1]))).all()


def skewed(n_items=30):
    random = np.random.default_rng(0)
    q = 1 / np.arange(1, n_items + 1)
    return q / q.sum(), random.normal(0, 1, n_items) + 0.5 * np.log(q)  # popular items score higher, as in life


def test_the_corrected_sum_estimates_the_whole_one():
    """E[mean of exp(s_j) / q_j] over draws from q is Σ exp(s): unbiased, whatever q; uncorrected it isn't."""
    q, s = skewed()
    random = np.random.default_rng(1)
    drawn = random.choice(len(q), size=(8_000, 50), p=q)
    whole = np.exp(s).sum()
    corrected = np.exp(s[drawn] - np.log(q[drawn])).mean(axis=1)
    error = corrected.std() / np.sqrt(len(corrected))
    assert abs(corrected.mean() - whole) < 4 * error and error < 0.02 * whole
    plain = len(q) * np.exp(s[drawn]).mean(axis=1)  # right where q is uniform
    assert abs(plain.mean() - whole) > 0.2 * whole


@pytest.mark.parametrize("corrected", [True, False])
def test_the_expected_gradient_with_the_correction_is_that_of_the_full_softmax(corrected):
    """For one pair in large batches, all the others drawn by popularity; without it: the softmax of s + log q."""
    q, s = skewed()
    random = np.random.default_rng(2)
    own, batch, rounds = 20, 300, 300
    mean = np.zeros(len(q))
    for _ in range(rounds):
        items = np.append(own, random.choice(len(q), size=batch - 1, p=q))
        row = in_batch_logits(torch.as_tensor(np.tile(s[items], (batch, 1))), torch.as_tensor(items),
                              torch.as_tensor(np.log(q[items])) if corrected else None)[0]  # fmt: skip
        share = torch.softmax(row, dim=0).numpy()
        share[0] -= 1
        mean += np.bincount(items, share, minlength=len(q)) / rounds
    full = np.exp(s if corrected else s + np.log(q))
    full /= full.sum()
    full[own] -= 1
    other = np.exp(s + np.log(q)) if corrected else np.exp(s)
    other /= other.sum()
    other[own] -= 1
    assert np.abs(mean - full).max() < 0.02 < 0.05 < np.abs(mean - other).max()


def test_full_softmax_and_binary_loss_by_hand():
    assert full_softmax(torch.zeros(2, 5), torch.tensor([0, 3])).item() == pytest.approx(np.log(5))
    chosen, drawn = torch.tensor([0.0]), torch.tensor([[0.0, 3.0]])
    assert binary_loss(chosen, drawn, torch.tensor([[True, False]])).item() == pytest.approx(np.log(2))


def test_sampling_chances():
    found = log_sampling_chance(np.array([0, 0, 2, 0]), 4)
    np.testing.assert_allclose(np.exp(found), [0.75, 0, 0.25, 0])
    assert np.isneginf(found[[1, 3]]).all()


# --- the contract


@pytest.mark.parametrize("name", MODELS)
def test_contract(name, fitted):
    make, model = MODELS[name], fitted[name]
    with pytest.raises(ContractError, match="fit"):
        make().recommend(["u0"])
    with pytest.raises(ContractError, match="no interactions"):
        make().fit(interactions_of([]))
    users = ["u3", "u0", "u59"]
    ranking = model.recommend(users, k=8, block=2)
    scores = model.score(users, block=2)
    assert ranking.keys == IdMap("user", users) and scores.shape == (3, N_ITEMS) and scores.dtype == np.float32
    for row, user in enumerate(users):
        shown = ranking.ids[row][ranking.ids[row] != PAD]
        np.testing.assert_array_equal(scores[row, shown], ranking.scores[row, : len(shown)])
        seen = model.interactions.matrix[model.interactions.users.rows([user])[0]].indices
        assert not set(seen) & set(shown)
    assert model.recommend(users, k=100).ids.shape == (3, 100)  # more than there are: pads
    assert (model.recommend(users, k=100).ids[:, N_ITEMS:] == PAD).all()
    with pytest.raises(UnknownIdError, match="nobody"):
        model.recommend(["nobody"])
    with pytest.raises(ContractError, match="k is"):
        model.recommend(["u0"], k=0)
    assert model.recommend([], k=3).ids.shape == (0, 3)


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_decides(name, fitted):
    state = torch.random.get_rng_state()
    again, other = MODELS[name]().fit(clustered()), MODELS[name](seed=1).fit(clustered())
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(again.score(["u1"]), fitted[name].score(["u1"]))
    assert (other.score(["u1"]) != again.score(["u1"])).any()


@pytest.mark.parametrize("loss", ["sampled", "full", "binary"])
@pytest.mark.parametrize("name", MODELS)
def test_every_loss_falls(name, loss):
    losses = MODELS[name](loss=loss, learning_rate=0.1).fit(clustered()).history.loss
    assert np.mean(losses[-3:]) < 0.97 * np.mean(losses[:3])


def test_planted_quarters_are_found():
    """Every model must list more of the user's own quarter than popularity does."""
    train = clustered(n_users=200, seed=1)
    users = train.users.ids

    def own(model):
        ids = model.fit(train).recommend(users, k=3).ids
        quarter = np.array([int(u[1:]) % 4 for u in users])[:, None]
        return float((ids[ids != PAD] // 10 == np.broadcast_to(quarter, ids.shape)[ids != PAD]).mean())

    longer = {"steps": 80, "batch_size": 256}
    floor = own(Popularity())
    for model in (MatrixFactorization(8, **longer), TwoTower(texts_of(), 8, **longer), NCF(8, "neumf", **longer, learning_rate=0.02)):
        assert own(model) > floor + 0.2, type(model).__name__


@pytest.mark.parametrize("name", MODELS)
def test_repeats_and_weights_of_nothing_add_nothing(name, fitted):
    data = clustered()
    pairs = list(zip(data.user_rows.tolist(), data.item_rows.tolist()))
    users = [(int(data.users.ids[u][1:]), i) for u, i in pairs]
    twice = interactions_of(users + users)
    np.testing.assert_array_equal(MODELS[name]().fit(twice).score(["u1"]), fitted[name].score(["u1"]))
    weights = (np.arange(len(users)) % 2).astype(float)
    kept = distinct_pairs(interactions_of(users, weights=weights))
    assert 0 < len(kept) < len(distinct_pairs(data))
    with pytest.raises(ContractError, match="above 0"):
        MODELS[name]().fit(interactions_of(users, weights=np.zeros(len(users))))
    with pytest.raises(ContractError, match="negative"):
        MODELS[name]().fit(interactions_of(users, weights=-np.ones(len(users))))


def test_one_user_one_item():
    for make in MODELS.values():
        assert np.isfinite(make().fit(interactions_of([(0, 3)])).score(["u0"])[0, 3])


@pytest.mark.parametrize(
    "make",
    [
        lambda: MatrixFactorization(0),
        lambda: MatrixFactorization(loss="hinge"),
        lambda: MatrixFactorization(steps=0),
        lambda: NCF(1),
        lambda: NCF(8, "cosine"),
        lambda: TwoTower(np.zeros((0, 3))),
        lambda: TwoTower(np.full((4, 3), np.nan)),
        lambda: TwoTower(np.zeros(4)),
        lambda: TwoTower(texts_of(), forget=1.0),
        lambda: TwoTower(texts_of()[:7]).fit(clustered()),
        lambda: Indexed(ItemCosine()).fit(clustered()),
        lambda: learn_dot_product(0, 10),
    ],
)
def test_misuse_is_said(make):
    with pytest.raises(ContractError):
        make()


# --- cold items, new users


COLD = (7, 17, 27, 37)


@pytest.fixture(scope="module")
def with_cold():
    train = clustered(n_users=200, seed=3, cold=COLD)
    longer = {"steps": 80, "batch_size": 256}
    return {"mf": MatrixFactorization(8, **longer).fit(train), "two": TwoTower(texts_of(), 8, **longer).fit(train)}


def test_cold_items_are_listed_by_their_text_alone(with_cold):
    mf, two = with_cold["mf"], with_cold["two"]
    users = two.interactions.users.ids
    assert np.isneginf(mf.score(users)[:, list(COLD)]).all()
    assert not np.isin(mf.recommend(users, k=N_ITEMS).ids, COLD).any()
    assert np.isin(two.recommend(users, k=N_ITEMS).ids, COLD).any()
    best = np.array(COLD)[two.score(users)[:, list(COLD)].argmax(axis=1)]
    right = best // 10 == np.array([int(u[1:]) % 4 for u in users])
    assert right.mean() > 0.8  # the cold item of one's own quarter


def test_products_and_users_of_after_the_training(with_cold):
    two = with_cold["two"]
    np.testing.assert_allclose(two.vectors_of_texts(texts_of()[list(COLD)]), two.item_vectors[list(COLD)], atol=1e-5)
    assert two.vectors_of_texts(texts_of()[:1]).shape == (1, 9)
    with pytest.raises(ContractError, match="texts"):
        two.vectors_of_texts(np.zeros((1, 3)))
    with pytest.raises(UnknownIdError):
        two.vectors_of_histories([["p999"]])
    served = Indexed(two)
    found, _ = served.of_vectors(two.vectors_of_histories([["p20", "p21"]]), k=3)
    assert (found[0] // 10 == 2).all()
    served.index.add(np.array([1_000]), two.vectors_of_texts(texts_of()[20:21] * 1.0))
    assert 1_000 in served.of_vectors(two.vectors_of_histories([["p20", "p21"]]), k=41)[0]


# --- serving


@pytest.mark.parametrize("name", ["mf", "two"])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_the_index_lists_what_the_model_lists(name, exclude_seen, with_cold):
    model = with_cold[name]
    users = model.interactions.users.ids[:50]
    own = model.recommend(users, k=9, exclude_seen=exclude_seen)
    served = Indexed(model).recommend(users, k=9, exclude_seen=exclude_seen, block=7)
    np.testing.assert_allclose(served.scores, own.scores, atol=1e-4)
    assert (served.ids == own.ids).mean() > 0.99 and served.keys == own.keys  # float sums may swap near-equal scores


def test_serving_by_other_indexes_and_of_other_models(with_cold):
    two, train = with_cold["two"], with_cold["two"].interactions
    everywhere = Indexed(two, lambda d: IVF(d, lists=4, probes=4)).recommend(["u1", "u2"], k=5)
    np.testing.assert_allclose(everywhere.scores, two.recommend(["u1", "u2"], k=5).scores, atol=1e-4)
    ids, scores = nearest(two.user_vectors[:20], two.item_vectors, 5)
    own = two.recommend(train.users.ids[:20], k=5, exclude_seen=False)
    np.testing.assert_allclose(scores, own.scores, atol=1e-4)
    ials = Indexed(IALS(4, 1.0, 10.0, iterations=2)).fit(train)
    assert (ials.recommend(["u3"], k=50).ids[0] == PAD).sum() > 0 and ials.score(["u3"]).shape == (1, N_ITEMS)
    with pytest.raises(ContractError, match="k is"):
        ials.recommend(["u3"], k=0)
    with pytest.raises(ContractError, match="fit"):
        Indexed(IALS()).recommend(["u3"])


# --- a network and a dot product


def test_a_network_learns_small_products_and_not_large_ones():
    small, large = (learn_dot_product(d, 5_000, steps=200, held_out=1_000) for d in (2, 64))
    assert small.error < 0.3 and small.correlation > 0.95
    assert large.error > 0.7 and 0.9 < large.nothing < 1.1 and large.weights > small.weights
    assert learn_dot_product(2, 100, steps=5) == learn_dot_product(2, 100, steps=5)


def test_dot_is_a_product_of_matrices():
    u, v = torch.randn(3, 4), torch.randn(5, 4)
    torch.testing.assert_close(Dot().table(u, v), Dot().pairs(u[:, None], v[None]))
