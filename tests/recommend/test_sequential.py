"""Sequential recommendation: histories, counting, losses, networks against definitions, and live sessions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.collaborative import ItemCosine
from course_lib.recommend.sequential import (
    HSTU,
    LSTM,
    Examples,
    Histories,
    RecentCosine,
    SASRec,
    SequentialRules,
    binary_loss,
    joined,
    leave_last_out,
    sampled_softmax_loss,
    softmax_loss,
)
from course_lib.shop.interactions import Interactions

SMALL = {"width": 16, "heads": 2, "length": 6, "epochs": 2, "dropout": 0.1, "tokens": 64}
MODELS = [
    RecentCosine,
    lambda: RecentCosine(decay=0.8, half_life_days=1e-2),
    SequentialRules,
    lambda: SequentialRules(gap_minutes=5, half_life_days=1e-2),
    *(lambda kind=kind: kind(**SMALL) for kind in (SASRec, HSTU, LSTM)),
    lambda: SASRec(loss="binary", fast=False, **SMALL),
    lambda: SASRec(loss="sampled", negatives=5, **SMALL),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def interactions_of(events, n_items=8):
    """(user, item, time) triples in log order."""
    users, items, times = zip(*events) if events else ((), (), ())
    return Interactions.from_ids(
        [f"u{u}" for u in users], [f"p{i}" for i in items],
        items=IdMap("item", [f"p{i}" for i in range(n_items)]), timestamps=np.array(times, dtype=np.int64),
    )  # fmt: skip


def chains(n_users=60, n_items=12, length=6, seed=0):
    """Users who go round the items in order: after i comes i + 1."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(n_items, size=n_users)
    return interactions_of(
        [(u, (s + step) % n_items, 100 * step + u % 7) for u, s in enumerate(starts) for step in range(length)], n_items
    )


# --- histories


def test_histories_keep_log_order_among_equal_times():
    data = interactions_of([(1, 3, 5), (0, 2, 5), (1, 1, 5), (0, 4, 1), (1, 1, 5), (1, 3, 9)])
    histories = Histories(data)
    assert histories.of(0)[0].tolist() == [4, 2] and histories.of(1)[0].tolist() == [3, 1, 3]  # not 1 right after 1
    assert histories.of(1, last=2)[0].tolist() == [1, 3] and histories.of(1)[1].tolist() == [5, 5, 9]
    assert Histories(data, repeats=True).of(1)[0].tolist() == [3, 1, 1, 3]
    assert histories.lengths.tolist() == [2, 3] and len(histories) == 5


def test_sessions_end_with_a_pause_or_a_user():
    data = interactions_of([(0, 0, 0), (0, 1, 60), (0, 2, 121), (1, 3, 121)])
    assert Histories(data).sessions(gap_minutes=1).tolist() == [0, 0, 1, 2]
    assert Histories(data).sessions(gap_minutes=2).tolist() == [0, 0, 0, 1]
    assert len(Histories(interactions_of([])).sessions()) == 0
    with pytest.raises(ContractError, match="gap_minutes"):
        Histories(data).sessions(0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_leave_last_out_takes_the_last_two_of_each(events):
    data = interactions_of(events)
    if np.bincount(data.user_rows).max() < 3:
        with pytest.raises(ContractError, match="no user has 3"):
            leave_last_out(data)
        return
    split = leave_last_out(data)
    assert sum(map(len, split)) == len(data) and len(split.test) == len(split.validation)
    for user in range(len(data.users)):
        whole, *parts = (p.item_rows[p.user_rows == user].tolist() for p in (data, *split))
        assert sum(parts, []) == whole  # in log order, ties included
        assert [len(p) for p in parts[1:]] == ([1, 1] if len(whole) >= 3 else [0, 0])
    together = joined(*split)
    np.testing.assert_array_equal(np.sort(together.timestamps), np.sort(data.timestamps))


def test_split_and_join_refuse():
    with pytest.raises(ContractError, match="shortest"):
        leave_last_out(chains(), shortest=2)
    with pytest.raises(ContractError, match="same users and items"):
        joined(chains(), chains(n_items=13))


# --- counting


def test_rules_by_hand():
    data = interactions_of([(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 0), (1, 2, 1)], 4)
    votes = SequentialRules(falloff=1, back=0, own=0, other=0).fit(data).votes.toarray()
    expected = np.zeros((4, 4))
    expected[0, 1], expected[1, 2], expected[0, 2] = 1, 1, 1 / 2 + 1
    np.testing.assert_allclose(votes, expected)
    both = SequentialRules(falloff=1, back=0.5, own=1, other=0.5).fit(data).votes.toarray()
    n = np.array([2, 1, 2, 1])
    np.testing.assert_allclose(both, (expected + 0.5 * expected.T) / n[:, None] / np.sqrt(n)[None, :], rtol=1e-6)
    assert SequentialRules(gap_minutes=1 / 120, back=0).fit(data).votes.nnz == 0  # every event a session of its own


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=7), min_size=1, max_size=5), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_rules_are_their_definition(sequences, reach):
    data = interactions_of([(u, i, t) for u, items in enumerate(sequences) for t, i in enumerate(items)], 6)
    model = SequentialRules(reach=reach, falloff=0.5, back=0.25, own=0.5, other=0.25).fit(data)
    n = np.maximum(np.bincount(data.item_rows, minlength=6), 1)
    expected = np.zeros((6, 6))
    for items in sequences:
        items = [i for place, i in enumerate(items) if place == 0 or items[place - 1] != i]
        for a in range(len(items)):
            for b in range(a + 1, min(len(items), a + reach + 1)):
                expected[items[a], items[b]] += (b - a) ** -0.5
    expected = (expected + 0.25 * expected.T) / n[:, None] ** 0.5 / n[None, :] ** 0.25
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.votes.toarray(), expected, rtol=1e-5, atol=1e-7)


def test_recent_cosine_without_fading_is_item_cosine():
    data = chains()
    users = [data.users.ids[u] for u in (0, 3, 5)]
    np.testing.assert_allclose(RecentCosine(decay=1.0).fit(data).score(users), ItemCosine().fit(data).score(users), rtol=1e-5)


def test_votes_fade_with_events_and_with_time():
    data = interactions_of([(0, 0, 0), (0, 1, 86_400), (1, 0, 0), (1, 2, 1), (2, 1, 0), (2, 3, 1)], 4)
    model = RecentCosine(decay=0.5, half_life_days=1).fit(data)
    expected = model.votes.toarray()[1] + 0.5 * 0.5 * model.votes.toarray()[0]
    np.testing.assert_allclose(model.score(["u0"])[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: RecentCosine(decay=0), "decay"), (lambda: RecentCosine(half_life_days=0), "half_life"),
        (lambda: SequentialRules(reach=0), "reach"), (lambda: SequentialRules(other=-1), "at least 0"),
        (lambda: SequentialRules(gap_minutes=0), "gap_minutes"), (lambda: SASRec(loss="hinge"), "loss"),
        (lambda: SASRec(width=0), "at least 1"), (lambda: SASRec(minutes=0), "minutes"),
        (lambda: SASRec(dropout=1.0), "dropout"),
        (lambda: SASRec(width=10, heads=3).fit(chains()), "shared"), (lambda: HSTU(width=10, heads=3).fit(chains()), "shared"),
    ],
)  # fmt: skip
def test_settings_out_of_range(make, what):
    with pytest.raises(ContractError, match=what):
        make()


# --- the contract


@pytest.mark.parametrize("make", MODELS)
def test_contract(make):
    with pytest.raises(ContractError, match="fit"):
        make().recommend(["u0"])
    with pytest.raises(ContractError, match="fit"):
        make().session()
    with pytest.raises(ContractError, match="no interactions"):
        make().fit(interactions_of([]))
    data = chains()
    model = make().fit(data)
    users = [data.users.ids[u] for u in (3, 0, 11)]
    ranking = model.recommend(users, k=20, block=2)  # longer than the catalogue: padded
    assert ranking.ids.shape == (3, 20) and ranking.keys == IdMap("user", users)
    scores = model.score(users, block=2)
    assert scores.dtype == np.float32 and scores.shape == (3, 12) and np.isfinite(scores).all()
    for row, user in enumerate(users):
        seen = data.matrix[data.users.rows([user])[0]].indices
        assert not set(seen) & set(ranking.ids[row]) and (ranking.ids[row] == PAD).sum() >= 20 - 12 + len(seen)
        np.testing.assert_allclose(model.score([user])[0], scores[row], rtol=1e-4, atol=1e-5)  # not of the company
    with pytest.raises(UnknownIdError):
        model.recommend(["nobody"])
    with pytest.raises(UnknownIdError):
        model.score_session(["p99"])
    with pytest.raises(ContractError, match="list of item ids"):
        model.score_session("p0")
    with pytest.raises(ContractError, match="must not fall"):
        model.score_session(["p0", "p1"], [5, 4])


@pytest.mark.parametrize("make", MODELS)
def test_who_has_no_history_gets_the_popular(make):
    data = chains()
    users = IdMap("user", [*data.users.ids, "new"])
    data = Interactions(users, data.items, data.user_rows, data.item_rows, data.weights, data.timestamps)
    model = make().fit(data)
    counts = np.bincount(data.item_rows, minlength=12)
    np.testing.assert_array_equal(model.score(["new"])[0], counts)
    np.testing.assert_array_equal(model.score_session([]), counts)
    np.testing.assert_array_equal(model.session().scores(), counts)


@pytest.mark.parametrize("make", MODELS)
def test_a_live_session_equals_scoring_anew(make):
    """Beyond the network's length too, with an item that comes again, and with pauses."""
    model, session = make().fit(chains()), None
    items = [f"p{i}" for i in (0, 1, 2, 2, 5, 0, 7, 8, 9, 10)]
    times = [0, 3, 3, 10, 700, 701, 9_000, 9_001, 90_000, 90_001]
    session = model.session()
    for n, (item, time) in enumerate(zip(items, times), start=1):
        session.add(item, time)
        anew = model.score_session(items[:n], times[:n])
        if n > 3 and times[n - 2] == 3:  # the repeat is no event
            anew = model.score_session(items[:3], times[:3])
        np.testing.assert_allclose(session.scores(), anew, rtol=1e-4, atol=1e-5)
    best = session.recommend(3)
    assert len(best) <= 3 and not {item for item, _ in best} & set(items)
    with pytest.raises(ContractError, match="time order"):
        session.add("p3", 5)
    before = session.scores()
    with pytest.raises(UnknownIdError):
        session.add("p99")
    np.testing.assert_array_equal(session.scores(), before)


@pytest.mark.parametrize("make", MODELS)
def test_follow_scores_by_newer_events_without_learning(make):
    data = chains()
    split = leave_last_out(data)
    model = make().fit(split.train)
    user = data.users.ids[4]
    before = model.score([user])[0]
    both = joined(split.train, split.validation)
    history = Histories(both).of(4)
    model.follow(both)
    after = model.score([user])[0]
    assert not np.allclose(before, after)
    np.testing.assert_allclose(
        after, model.score_session(data.items.take(history[0]), history[1]), rtol=1e-4, atol=1e-5
    )
    assert not set(history[0]) & set(model.recommend([user], 12).ids[0])
    with pytest.raises(ContractError, match="another catalogue"):
        model.follow(chains(n_items=13))


def test_every_model_learns_what_comes_next():
    data = chains(n_users=150, n_items=20, length=8)
    for model in (
        SequentialRules(reach=2, falloff=1, back=0),
        *(kind(width=32, heads=2, length=8, epochs=12, dropout=0.1, tokens=256, learning_rate=1e-2) for kind in (SASRec, HSTU, LSTM)),
    ):
        model.fit(data)
        hits = [model.score_session([f"p{i}", f"p{(i + 1) % 20}"], [0, 100]).argmax() == (i + 2) % 20 for i in range(20)]
        assert np.mean(hits) > 0.9, type(model).__name__


# --- losses


def parts(n=5, n_items=9, d=4, seed=0):
    torch.manual_seed(seed)
    return torch.randn(n, d), torch.randint(n_items, (n,)), torch.randn(n_items, d)


def test_losses_against_their_definitions():
    hidden, target, table = parts()
    scores = (hidden @ table.T).double().numpy()
    rows = np.arange(5)
    expected = np.mean(np.log(np.exp(scores).sum(1)) - scores[rows, target])
    assert float(softmax_loss(hidden, target, table)) == pytest.approx(expected, rel=1e-5)
    negatives = torch.tensor([[0, 1], [2, 2], [3, 8], [int(target[3]), 5], [6, 7]])
    sigma = 1 / (1 + np.exp(-scores))
    each = [
        -np.log(sigma[i, target[i]]) - np.mean([np.log(1 - sigma[i, j]) for j in negatives[i].tolist() if j != target[i]])
        for i in rows
    ]
    assert float(binary_loss(hidden, target, table, negatives)) == pytest.approx(np.mean(each), rel=1e-5)


def test_sampled_softmax_of_all_items_is_the_full_one():
    hidden, target, table = parts()
    full = softmax_loss(hidden, target, table)
    assert float(sampled_softmax_loss(hidden, target, table, torch.arange(9))) == pytest.approx(float(full), rel=1e-5)
    with pytest.raises(ContractError, match="negatives"):
        sampled_softmax_loss(hidden, target, table, torch.empty(0, dtype=torch.long))


def test_sampled_softmax_comes_near_the_full_one_only_with_its_correction():
    hidden, target, table = parts(n=50, n_items=2_000)
    table = table / 3  # scores that differ as much as those of a network do
    full = float(softmax_loss(hidden, target, table))
    draws = [torch.randint(2_000, (200,)) for _ in range(20)]
    found = np.mean([float(sampled_softmax_loss(hidden, target, table, n)) for n in draws])
    assert abs(found - full) < 0.1 < full - (found - np.log(10) + 0.1)  # 1 in 10 is drawn


# --- networks


def numpy_sasrec(w, items, heads):
    """SASRec with one small network per block, written down in numpy: float64 [l, d]."""
    def norm(x, name):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[name + ".weight"] + w[name + ".bias"]
    def linear(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]
    x = w["item.weight"][items] * np.sqrt(w["item.weight"].shape[1]) + w["place.weight"][: len(items)]
    for b in sorted({name.split(".")[1] for name in w if name.startswith("blocks.")}):
        at, y = f"blocks.{b}.", norm(x, f"blocks.{b}.first")
        q, k, v = (np.split(linear(y, f"{at}attention.{part}"), heads, axis=1) for part in ("query", "key", "value"))
        scores = [a @ c.T / np.sqrt(a.shape[1]) + np.triu(np.full((len(x),) * 2, -np.inf), 1) for a, c in zip(q, k)]
        weights = [np.exp(s) / np.exp(s).sum(1, keepdims=True) for s in scores]
        x = x + linear(np.concatenate([a @ c for a, c in zip(weights, v)], axis=1), at + "attention.output")
        h = linear(norm(x, at + "second"), at + "widen")
        x = x + linear(h * 0.5 * (1 + np.vectorize(__import__("math").erf)(h / np.sqrt(2))), at + "narrow")
    return norm(x, "norm")


@pytest.mark.parametrize("hidden", [1, 4])
def test_sasrec_agrees_with_numpy(hidden):
    network = SASRec(width=12, heads=3, layers=2, length=9, hidden=hidden, seed=3).build(30).eval()
    weights = {name: value.double().numpy() for name, value in network.state_dict().items()}
    for value in weights.values():
        value += np.random.default_rng(0).normal(0, 0.3, value.shape)
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    items = np.array([4, 29, 4, 0, 7, 7, 12])
    with torch.no_grad():
        found, _ = network(torch.from_numpy(items)[None], torch.zeros(1, 7, dtype=torch.long))
    np.testing.assert_allclose(found[0].numpy(), numpy_sasrec(weights, items, 3), atol=1e-5)


@pytest.mark.parametrize("kind", [SASRec, HSTU, LSTM])
def test_no_place_sees_what_comes_later(kind):
    network = kind(width=16, heads=2, length=10).build(20).eval()
    items, times = torch.randint(20, (2, 8)), torch.arange(8).repeat(2, 1) * 50
    changed, later = items.clone(), times.clone()
    changed[:, 5:], later[:, 5:] = (items[:, 5:] + 1) % 20, times[:, 5:] + 10_000
    with torch.no_grad():
        before, after = network(items, times)[0], network(changed, later)[0]
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])
    with pytest.raises(ContractError, match="reads 10"):
        network(torch.zeros(1, 11, dtype=torch.long), torch.zeros(1, 11, dtype=torch.long))


def test_hstu_alone_feels_the_gaps():
    items, near, far = torch.randint(20, (1, 6)), torch.arange(6)[None], torch.arange(6)[None] * 86_400
    for kind, feels in ((HSTU, True), (SASRec, False), (LSTM, False)):
        network = kind(width=16, heads=2, length=10).build(20).eval()
        for name, weight in network.named_parameters():
            if name.endswith("by_gap"):
                torch.nn.init.normal_(weight)
        with torch.no_grad():
            same = torch.allclose(network(items, near)[0], network(items, far)[0])
        assert same is not feels


# --- training


def test_the_same_seed_trains_the_same_network():
    data = chains()
    a, b, c = (SASRec(**SMALL, seed=seed).fit(data).score(["u1"]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)


def test_a_budget_ends_the_training_and_says_so():
    model = SASRec(**{**SMALL, "epochs": 100_000}, minutes=0.01).fit(chains())
    assert 0 < model.reached_epochs < 100_000 and model.planned_epochs < 100_000
    assert model.history.learning_rate[-1] < model.learning_rate  # it has cooled down at the end
    assert SASRec(**SMALL, minutes=60).fit(chains()).reached_epochs == SMALL["epochs"]


def test_examples():
    data = interactions_of([(0, i, t) for t, i in enumerate((1, 2, 3, 4, 5))] + [(1, 6, 0)])
    examples = Examples(Histories(data), length=3)
    batch = examples.batch(np.array([0]))
    assert batch.items.tolist() == [[2, 3, 4]] and batch.target.tolist() == [[3, 4, 5]] and len(examples) == 1
    with pytest.raises(ContractError, match="two events"):
        SASRec(**SMALL).fit(interactions_of([(0, 1, 0), (1, 2, 0)]))
