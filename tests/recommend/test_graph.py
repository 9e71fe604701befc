"""LightGCN: its propagation against plain numpy, its losses against their definitions, and what a recommender owes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from course_lib import Shop
from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.recommend.graph import (
    GraphFilter,
    LightGCN,
    UserItemGraph,
    alikeness,
    bpr_loss,
    draw_triples,
    full_softmax,
    largest_singular,
    layers_of,
    propagate,
    response,
    shuffled_graph,
    spectral_vectors,
    train_bpr,
    train_softmax,
    user_item_graph,
)
from course_lib.shop.interactions import Interactions


def random_graph(n_users: int = 30, n_items: int = 20, share: float = 0.2, seed: int = 0) -> UserItemGraph:
    met = np.random.default_rng(seed).random((n_users, n_items)) < share
    met[-1], met[:, -1] = False, False  # a user and an item without an edge
    return UserItemGraph(csr_matrix(met.astype(np.float32)))


def some_interactions(pairs: list[tuple[str, str]], weights: list[float] | None = None, n_items: int = 6):
    users, items = zip(*pairs) if pairs else ((), ())
    catalogue = IdMap("item", [f"i{k}" for k in range(n_items)])
    return Interactions.from_ids(users, items, items=catalogue, weights=None if weights is None else np.array(weights))


def clusters() -> Interactions:
    """Two groups of users who never take what the other group takes; each lacks one item of its own group."""
    pairs = [(f"u{g}{u}", f"i{4 * g + i}") for g in range(2) for u in range(4) for i in range(4) if u != i]
    return some_interactions(pairs, n_items=9)  # i8 is met by nobody


def oracle(edges: np.ndarray, vectors: np.ndarray, layers: int) -> np.ndarray:
    """LightGCN's forward pass, edge by edge, in plain Python over numpy rows."""
    n_users = len(edges)
    degree = [*edges.sum(axis=1), *edges.sum(axis=0)]
    layer, total = vectors.astype(float), vectors.astype(float)
    for _ in range(layers):
        arrived = np.zeros_like(layer)
        for user, item in np.argwhere(edges):
            node = n_users + item
            share = 1 / (degree[user] * degree[node]) ** 0.5
            arrived[user] += share * layer[node]
            arrived[node] += share * layer[user]
        layer = arrived
        total = total + layer
    return total / (layers + 1)


@pytest.mark.parametrize("layers", range(5))
def test_propagation_is_that_of_twenty_lines_of_numpy(layers):
    graph = random_graph()
    vectors = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    ours = propagate(graph.adjacency, torch.from_numpy(vectors), layers).numpy()
    np.testing.assert_allclose(ours, oracle(graph.edges.toarray() > 0, vectors, layers), atol=1e-5)


def test_gradients_flow_back_through_the_same_edges():
    graph = random_graph(6, 5, 0.5)
    dense = graph.adjacency.to_dense().double()
    torch.testing.assert_close(dense, dense.T)
    vectors = torch.randn(11, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pull = torch.randn(11, 3, generator=torch.Generator().manual_seed(1))
    (propagate(graph.adjacency, vectors, 3) * pull).sum().backward()
    power, total = torch.eye(11).double(), torch.eye(11).double()
    for _ in range(3):
        power = power @ dense
        total = total + power
    torch.testing.assert_close(vectors.grad, (total.T @ pull.double() / 4).float())


def test_repeats_and_weights_make_one_edge_and_no_weight_makes_none():
    seen = some_interactions([("a", "i0"), ("a", "i0"), ("a", "i1"), ("b", "i1")], [1, 2, 0, 3])
    assert user_item_graph(seen).edges.toarray().tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    with pytest.raises(ContractError, match="negative weight"):
        user_item_graph(some_interactions([("a", "i0"), ("b", "i1")], [-1, 1]))
    with pytest.raises(ContractError, match="no edge"):
        user_item_graph(some_interactions([("a", "i0")], [0]))


def test_an_edge_weighs_less_between_busy_nodes():
    graph = user_item_graph(some_interactions([("a", "i0"), ("a", "i1"), ("b", "i0"), ("c", "i0")]))
    expected = {(0, 0): 1 / np.sqrt(2 * 3), (0, 1): 1 / np.sqrt(2), (1, 0): 1 / np.sqrt(3), (2, 0): 1 / np.sqrt(3)}
    for place, weight in expected.items():
        assert graph.normalised[place] == pytest.approx(weight)
    largest = np.linalg.eigvalsh(graph.adjacency.to_dense().double().numpy())[-1]
    assert largest == pytest.approx(1, abs=1e-6)  # float32 weights


def test_a_shuffled_graph_keeps_every_degree_and_little_else():
    graph = random_graph(60, 40, 0.1)
    other = shuffled_graph(graph, seed=3)
    assert (other.user_degrees == graph.user_degrees).all() and (other.item_degrees == graph.item_degrees).all()
    assert set(other.edges.data) == {1.0} and other.edges.nnz == graph.edges.nnz
    kept = graph.edges.multiply(other.edges).nnz / graph.edges.nnz
    assert kept < 0.3 and (shuffled_graph(graph, seed=3).edges != other.edges).nnz == 0


def test_triples_cover_every_edge_once_and_are_never_wrong():
    graph = random_graph()
    met = graph.edges.toarray().astype(bool)
    met[0] = True  # has every item: there is nothing to compare with
    graph = UserItemGraph(csr_matrix(met.astype(np.float32)))
    user, wanted, unwanted = draw_triples(graph, np.random.default_rng(0))
    assert met[user, wanted].all() and not met[user, unwanted].any() and 0 not in user
    assert len(set(zip(user.tolist(), wanted.tolist()))) == len(user) == met[1:].sum()
    counts = np.zeros(met.shape)
    for seed in range(300):
        user, _, unwanted = draw_triples(graph, np.random.default_rng(seed))
        np.add.at(counts, (user, unwanted), 1)
    row = counts[1][~met[1]]
    assert row.min() > 0.7 * row.mean()  # uniform over what the user lacks


def test_bpr_loss_is_its_definition():
    user, wanted, unwanted = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    margin = ((user * wanted).sum(1) - (user * unwanted).sum(1)).double().numpy()
    assert bpr_loss(user, wanted, unwanted).item() == pytest.approx(-np.log(1 / (1 + np.exp(-margin))).mean(), 1e-5)
    assert bpr_loss(1e4 * user, wanted, unwanted).isfinite()


@pytest.mark.parametrize(("fast", "tolerance"), [(False, 1e-5), (True, 0.02)])
def test_full_softmax_is_torch_cross_entropy_in_value_and_gradient(fast, tolerance):
    draw = torch.Generator().manual_seed(0)
    users, items = (torch.nn.functional.normalize(torch.randn(n, 16, generator=draw), dim=1) for n in (300, 70))
    row, item = torch.randint(300, (900,), generator=draw), torch.randint(70, (900,), generator=draw)
    weight, found = torch.rand(900, generator=draw), []
    for ours in (True, False):
        u, i = users.clone().requires_grad_(), items.clone().requires_grad_()
        if ours:
            loss = full_softmax(u, i, row, item, weight, temperature=0.2, fast=fast)
        else:
            each = torch.nn.functional.cross_entropy((u @ i.T / 0.2)[row], item, reduction="none")
            loss = (weight * each).sum()
        (3 * loss).backward()
        found.append((loss.detach() / weight.sum(), u.grad, i.grad))
    for ours, theirs in zip(*found):
        assert (ours - theirs).norm() <= tolerance * theirs.norm()


def test_singular_vectors_are_those_of_numpy():
    matrix = random_graph(60, 40).normalised
    left, size, right = largest_singular(matrix, 5, rounds=20)
    np.testing.assert_allclose(size, np.linalg.svd(matrix.toarray())[1][:5], rtol=1e-5)
    np.testing.assert_allclose(matrix @ right, left * size, atol=1e-3)
    with pytest.raises(ContractError, match="rank is 41"):
        largest_singular(matrix, 41)


def test_response_is_what_propagation_does_to_an_eigenvector():
    graph = random_graph()
    values, vectors = np.linalg.eigh(graph.adjacency.to_dense().double().numpy())
    after = propagate(graph.adjacency, torch.from_numpy(vectors.astype(np.float32)), 3).numpy()
    np.testing.assert_allclose(after, vectors * response(3, values), atol=1e-5)
    assert (response(0, values) == 1).all()


def test_many_steps_leave_the_degree_alone():
    graph = random_graph(40, 30, 0.3)
    vectors = torch.from_numpy(np.random.default_rng(0).standard_normal((70, 8)).astype(np.float32))
    steps = layers_of(graph.adjacency, vectors, 60)
    alike = [alikeness(step[:39].numpy()) for step in steps[::20]]
    assert alike[0] < 0.2 and alike[-1] > 0.999 and alike == sorted(alike)
    size = steps[-1].norm(dim=1).numpy()[:39] / np.sqrt(graph.user_degrees[:39])
    assert size.std() / size.mean() < 1e-3


def test_alikeness_is_the_mean_cosine():
    vectors = np.random.default_rng(0).standard_normal((12, 3))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert alikeness(vectors) == pytest.approx((unit @ unit.T).mean())
    assert alikeness(np.zeros((3, 2))) == 0


def test_both_trainings_lower_their_loss_and_repeat_with_their_seed():
    graph = user_item_graph(clusters())
    vectors, losses = train_bpr(graph, 8, 2, epochs=30, batch=8, seed=1)
    again, _ = train_bpr(graph, 8, 2, epochs=30, batch=8, seed=1)
    assert losses[-1] < losses[0] / 2 and torch.equal(vectors, again)
    fast = train_softmax(graph, 8, 2, epochs=30, users_per_step=4, seed=1)
    assert fast.losses[-1] < fast.losses[0] and not fast.stopped and fast.epochs == fast.planned == 30
    assert torch.equal(fast.vectors, train_softmax(graph, 8, 2, epochs=30, users_per_step=4, seed=1).vectors)


def test_time_bounds_the_training_and_what_it_reached_is_told():
    told = []
    graph = random_graph(400, 300, 0.05)
    short = train_softmax(graph, 16, 2, epochs=10_000, minutes=0.3 / 60, report=lambda *seen: told.append(seen))
    assert short.stopped and 0 < short.epochs < 10_000 and 0.25 < short.cpu_seconds < 3
    assert [number for number, _ in told] == list(range(1, len(short.losses) + 1))


def test_spectral_vectors_fill_up_what_the_spectrum_lacks():
    graph = random_graph(6, 5, 0.6)
    start = spectral_vectors(graph, 16, 0)
    assert start.shape == (11, 16) and start.isfinite().all() and (start.norm(dim=1) > 0).all()


@pytest.mark.parametrize("make", [
    lambda: LightGCN(8, epochs=40), lambda: LightGCN(8, loss="bpr", epochs=40), lambda: GraphFilter(rank=2),
])  # fmt: skip
def test_the_one_item_left_of_a_users_group_comes_first(make):
    seen = clusters()
    ranking = make().fit(seen).recommend(seen.users.ids, k=1)
    for row, name in enumerate(seen.users.ids):
        assert ranking.public_ids(row) == [f"i{4 * int(name[1]) + int(name[2])}"]


def test_new_users_get_the_vector_of_their_edges():
    model = LightGCN(8, 3, epochs=5).fit(clusters())
    graph = user_item_graph(model.interactions)
    history = ["i0", "i2", "i5", "i2"]
    new = np.zeros((1, 9))
    new[0, [0, 2, 5]] = 1
    before = graph.edges.toarray()
    # The oracle sends nothing back over the new edges: degrees of the items stay, the rest of the graph is as it was.
    square = graph.adjacency.to_dense().numpy()
    layer, total = model.training.vectors.numpy(), np.zeros(8)
    for _ in range(3):
        total = total + (new / np.sqrt(3 * np.maximum(before.sum(axis=0), 1)))[0] @ layer[len(before) :]
        layer = square @ layer
    np.testing.assert_allclose(model.vectors_of_new([history, []]), [total / 4, np.zeros(8)], atol=1e-5)
    with pytest.raises(UnknownIdError):
        model.vectors_of_new([["nothing"]])


def test_misuse_is_told():
    for wrong in ({"dimensions": 0}, {"layers": -1}, {"loss": "hinge"}, {"temperature": 0}, {"minutes": 0},
                  {"minutes": 1, "loss": "bpr"}, {"epochs": 0}):  # fmt: skip
        with pytest.raises(ContractError):
            LightGCN(**wrong)
    with pytest.raises(ContractError, match="learned nothing"):
        LightGCN().vectors_of_new([["i0"]])
    with pytest.raises(ContractError, match="one row per node"):
        propagate(random_graph().adjacency, torch.zeros(3, 2), 1)
    with pytest.raises(ContractError):
        GraphFilter(rank=0)


def test_on_a_shop_it_is_far_above_chance_and_needs_the_real_edges():
    shop = Shop.simulate(n_items=400, n_users=300, n_queries=50, events_per_user=60, seed=5)
    past, later = shop.interactions(until=shop.split_time(0.8)), shop.interactions(since=shop.split_time(0.8))
    wanted = later.without(past).of_users(past.active_users())
    users, hits = wanted.active_users(), []
    graph = user_item_graph(past)
    for kept in (graph, shuffled_graph(graph)):
        pairs = kept.edges.tocoo()
        seen = Interactions(past.users, past.items, pairs.row, pairs.col, pairs.data, np.zeros(len(pairs.row), int))
        ids = LightGCN(16, epochs=20).fit(seen).recommend(users, 20).ids
        rows = wanted.matrix[wanted.users.rows(users)]
        hits.append(np.mean([rows[u, ids[u]].sum() > 0 for u in range(len(users))]))
    assert hits[0] > 1.1 * hits[1]
