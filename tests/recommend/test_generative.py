"""Generative recommendation: codes against definitions and a library, words, the trie, beams against every item, the contract."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.generative import (
    RQVAE,
    ByLot,
    Generative,
    ResidualKMeans,
    SemanticIds,
    Trie,
    beam_search,
    collisions,
    k_means,
    nearest,
    usage,
    word_loss,
)
from course_lib.recommend.generative.beam import log_share
from course_lib.recommend.sequential import Histories, joined, leave_last_out
from course_lib.shop.interactions import Interactions

SMALL = {"width": 16, "heads": 2, "length": 6, "epochs": 2, "dropout": 0.1, "tokens": 64}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def blobs(n=120, groups=6, d=5, spread=0.05, seed=0):
    """Vectors in clear groups, and the group of each."""
    rng = np.random.default_rng(seed)
    of = rng.integers(groups, size=n)
    return (rng.standard_normal((groups, d)) * 3)[of] + spread * rng.standard_normal((n, d)), of


def chains(n_users=60, n_items=12, length=6, seed=0, extra=0):
    """Users who go round the items in order: after i comes i + 1; ``extra`` items that nobody had."""
    rng = np.random.default_rng(seed)
    events = [(u, (s + step) % n_items, 100 * step + u % 7) for u, s in enumerate(rng.integers(n_items, size=n_users))
              for step in range(length)]  # fmt: skip
    users, items, times = zip(*events)
    return Interactions.from_ids(
        [f"u{u}" for u in users], [f"p{i}" for i in items],
        items=IdMap("item", [f"p{i}" for i in range(n_items + extra)]), timestamps=np.array(times),
    )  # fmt: skip


def fitted(beams=None, extra=2, seed=0, **more):
    data = chains(extra=extra)
    vectors = np.random.default_rng(seed).standard_normal((len(data.items), 4))
    return Generative(vectors, ResidualKMeans(2, 3), beams=beams, seed=seed, **SMALL | more).fit(data), data


# --- codes


def test_nearest_is_its_definition():
    rng = np.random.default_rng(0)
    x, c = rng.standard_normal((50, 3)).astype(np.float32), rng.standard_normal((7, 3)).astype(np.float32)
    expected = ((x[:, None] - c[None]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest(x, c, block=8), expected)
    assert nearest(x[:1], np.stack([c[0], c[0]])).tolist() == [0]


def test_k_means_is_a_fixed_point_and_as_good_as_the_library():
    vectors = np.random.default_rng(1).standard_normal((400, 6)).astype(np.float32)
    centres = k_means(vectors, 8, rounds=300, seed=3)
    code = nearest(vectors, centres)
    np.testing.assert_allclose(centres, [vectors[code == k].mean(0) for k in range(8)], atol=1e-4)
    ours = ((vectors - centres[code]) ** 2).sum()
    library = [KMeans(8, n_init=1, random_state=seed).fit(vectors).inertia_ for seed in range(8)]
    assert ours < 1.05 * np.median(library)
    begun = KMeans(8, init=centres, n_init=1, max_iter=1).fit(vectors)  # the library has nothing to mend
    assert begun.inertia_ == pytest.approx(ours, rel=1e-4)


def test_each_level_names_what_the_levels_before_left():
    vectors, _ = blobs(spread=0.4)
    model = ResidualKMeans(3, 4).fit(vectors)
    codes = model.encode(vectors)
    left = vectors.astype(np.float32)
    errors = []
    for level in range(3):
        distance = ((left[:, None] - model.centres[level][None]) ** 2).sum(-1)
        np.testing.assert_array_equal(codes[:, level], distance.argmin(1))
        left = left - model.centres[level][codes[:, level]]
        errors.append((left**2).mean())
        np.testing.assert_allclose(vectors - model.decode(codes[:, : level + 1]), left, atol=1e-4)
    assert errors[0] > errors[1] > errors[2]


def test_the_first_code_finds_clear_groups_and_alike_vectors_share_codes():
    vectors, group = blobs()
    codes = ResidualKMeans(2, 6).fit(vectors).encode(vectors)
    assert len({(a, b) for a, b in zip(group, codes[:, 0])}) == 6
    twice = ResidualKMeans(2, 6).fit(vectors).encode(np.vstack([vectors, vectors]))
    np.testing.assert_array_equal(twice[: len(codes)], twice[len(codes) :])


def test_fewer_vectors_than_centres():
    codes = ResidualKMeans(2, 8).fit(np.ones((3, 2))).encode(np.ones((3, 2)))
    assert (codes == codes[0]).all()
    one = RQVAE(2, 4, latent=2, hidden=4, steps=3, restart=1).fit(np.ones((1, 2)))
    assert one.encode(np.ones((1, 2))).shape == (1, 2)


def test_rqvae_gives_vectors_back_and_uses_its_codes():
    vectors, group = blobs(n=300, groups=8, spread=0.2)
    model = RQVAE(2, 8, latent=8, hidden=32, steps=300, batch=64).fit(vectors)
    codes, again = model.encode(vectors), RQVAE(2, 8, latent=8, hidden=32, steps=300, batch=64).fit(vectors).encode(vectors)
    np.testing.assert_array_equal(codes, again)  # the seed decides
    lost = ((model.decode(codes) - vectors) ** 2).mean() / vectors.var(axis=0).mean()
    assert lost < 0.1 and usage(codes, 8)[0]["used"] >= 6
    first = ((model.decode(codes[:, :1]) - vectors) ** 2).mean() / vectors.var(axis=0).mean()
    assert lost < first


def test_straight_through_gives_the_encoder_the_decoders_gradient():
    model = RQVAE(2, 4, latent=3, hidden=5, steps=1).fit(blobs()[0])
    network, x = model.network, torch.randn(6, 5)
    squeezed = network.squeeze(x).detach().requires_grad_()
    _, total, _ = network.quantise(squeezed)
    torch.nn.functional.mse_loss(network.give_back(squeezed + (total - squeezed).detach()), x).backward()
    as_if = total.detach().requires_grad_()
    torch.nn.functional.mse_loss(network.give_back(as_if), x).backward()
    torch.testing.assert_close(squeezed.grad, as_if.grad)


def test_restarts_put_unused_codes_where_vectors_are():
    network = RQVAE(1, 4, steps=1, restart=0).fit(blobs()[0]).network
    network.used.copy_(torch.tensor([[5.0, 0, 2, 0]]))
    network.rest = [torch.full((3, network.books.shape[2]), 7.0)]
    before = network.books.detach().clone()
    network.restart(np.random.default_rng(0))
    assert (network.books[0, [1, 3]] == 7).all() and torch.equal(network.books[0, [0, 2]], before[0, [0, 2]])
    assert network.used.sum() == 0


@pytest.mark.parametrize("make", [ResidualKMeans, RQVAE])
def test_quantisers_refuse(make):
    with pytest.raises(ContractError, match="at least"):
        make(levels=0)
    with pytest.raises(ContractError, match="fit"):
        make().encode(np.ones((2, 2)))
    for wrong in (np.ones(3), np.ones((0, 3)), np.array([["a"]]), np.array([[np.nan]])):
        with pytest.raises(ContractError):
            make(2, 2).fit(wrong)
    small = make(1, 2).fit(np.eye(3)) if make is ResidualKMeans else make(1, 2, steps=1).fit(np.eye(3))
    with pytest.raises(ContractError, match="columns"):
        small.encode(np.ones((2, 2)))


# --- words


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_two_words_are_alike_and_the_order_numbers_them(codes, seed):
    codes = np.array(codes)
    order = np.random.default_rng(seed).permutation(len(codes))
    ids = SemanticIds(codes, 3, order=order)
    assert len({tuple(word) for word in ids.words}) == len(codes)
    seen: dict = {}
    for row in order:
        assert ids.words[row, -1] == seen.setdefault(tuple(codes[row]), 0)
        seen[tuple(codes[row])] += 1
    assert ids.sizes == (3, 3, max(seen.values()))
    found = collisions(codes)
    assert found["names"] == len(seen) and found["largest"] == max(seen.values())
    assert found["shared"] == pytest.approx(sum(n for n in seen.values() if n > 1) / len(codes))


def test_new_items_leave_the_words_of_the_others():
    ids = SemanticIds(np.array([[0], [0], [1]]), 2, order=np.array([1, 0, 2]), numbers=3)
    longer = ids.extended(np.array([[0], [1]]))
    np.testing.assert_array_equal(longer.words[:3], ids.words)
    assert longer.words[3:].tolist() == [[0, 2], [1, 1]]
    with pytest.raises(ContractError, match="same codes"):
        longer.extended(np.array([[0]]))
    for wrong in (np.zeros(3, int), np.zeros((0, 1), int), np.array([[2]]), np.array([[0.5]])):
        with pytest.raises(ContractError):
            SemanticIds(wrong, 2)
    with pytest.raises(ContractError, match="order"):
        SemanticIds(np.array([[0], [1]]), 2, order=np.array([0, 0]))


def test_usage_by_hand():
    rows = usage(np.array([[0, 1], [0, 2], [0, 3], [0, 0]]), 4)
    assert rows == [{"used": 1, "effective": 1.0}, {"used": 4, "effective": 4.0}]


# --- trie and beams


@st.composite
def some_words(draw):
    length = draw(st.integers(1, 4))
    words = draw(st.sets(st.tuples(*[st.integers(0, 3)] * length), min_size=1, max_size=25))
    return np.array(draw(st.permutations(sorted(words))))


@given(some_words())
@settings(max_examples=60, deadline=None)
def test_the_trie_allows_exactly_what_begins_a_word(words):
    trie = Trie(words)
    for depth in range(words.shape[1] + 1):
        for prefix in {tuple(word[:depth]) for word in words} | {(3,) * depth}:
            expected = sorted({word[depth] for word in words.tolist() if tuple(word[:depth]) == prefix} if depth < words.shape[1] else ())
            assert trie.allowed(prefix).tolist() == expected
        assert {tuple(p) for p in trie.prefixes(depth)} == {tuple(word[:depth]) for word in words}
    np.testing.assert_array_equal(words[trie.items], trie.prefixes(words.shape[1]))
    part = trie.within(np.array([0]))
    assert len(part) == 1 and part.items.tolist() == [0]
    assert trie.allowed([0] * (words.shape[1] + 1)).tolist() == []


def test_the_trie_refuses():
    for wrong in (np.zeros((0, 2), int), np.zeros((2, 2), int), np.zeros(3, int), np.array([[-1]])):
        with pytest.raises(ContractError):
            Trie(wrong)
    with pytest.raises(ContractError, match="none of these"):
        Trie(np.array([[0]])).within(np.array([5]))


def language(seed, size=4):
    """A model of codes that depends on all the codes before: scores by a table drawn for each beginning."""

    def logits(prefixes):
        return np.stack([
            np.random.default_rng([seed, *(prefix + 1).tolist(), 99]).normal(scale=3, size=size) for prefix in prefixes
        ])  # fmt: skip

    return logits


@given(some_words(), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_beam_as_wide_as_the_catalogue_finds_what_scoring_every_item_finds(words, seed):
    trie, logits = Trie(words), language(seed)
    expected = []
    for word in words:
        total = 0.0
        for place in range(len(word)):
            codes = trie.allowed(word[:place])
            given_scores = logits(word[None, :place])[0]
            total += given_scores[word[place]] - np.log(np.exp(given_scores[codes]).sum())
        expected.append(total)
    assert np.exp(expected).sum() == pytest.approx(1)  # a distribution over the catalogue
    items, scores = beam_search(logits, trie, len(words))
    np.testing.assert_array_equal(np.sort(items), np.arange(len(words)))
    np.testing.assert_allclose(scores, np.array(expected)[items], rtol=1e-9, atol=1e-12)
    assert (np.diff(scores) <= 0).all()
    narrow, narrow_scores = beam_search(logits, trie, 2)
    assert len(narrow) == min(2, len(words)) and (narrow_scores <= scores[: len(narrow)] + 1e-9).all()
    np.testing.assert_allclose(narrow_scores, np.array(expected)[narrow], rtol=1e-9, atol=1e-12)
    with pytest.raises(ContractError, match="width"):
        beam_search(logits, trie, 0)


def test_a_narrow_beam_misses_the_best_word():
    """Two words begin likely and share that; one begins unlikely and has it alone."""
    trie = Trie(np.array([[0, 0], [0, 1], [1, 0]]))

    def logits(prefixes):
        return np.log([[0.6, 0.4]] * len(prefixes)) if not prefixes.size else np.log([[0.5, 0.5]] * len(prefixes))

    assert beam_search(logits, trie, 1)[0].tolist() == [0] and beam_search(logits, trie, 3)[0].tolist() == [2, 0, 1]


# --- the network and the recommender


def test_the_word_loss_is_minus_the_log_chance_without_a_trie():
    model, _ = fitted()
    network, hidden, target = model.network, torch.randn(5, 16), torch.tensor([0, 3, 7, 11, 3])
    expected = []
    for vector, row in zip(hidden, target.tolist()):
        word, total = model.ids.words[row], 0.0
        for place in range(3):
            scores = network.spell(vector[None], torch.tensor(word[None, :place]))[-1][0].detach().double().numpy()
            total -= log_share(scores)[word[place]]
        expected.append(total)
    assert float(word_loss(network, hidden, target).detach()) == pytest.approx(np.mean(expected), rel=1e-5)


def test_an_event_is_the_sum_of_its_codes():
    model, _ = fitted()
    table = model.network.item
    word = model.ids.words[5]
    expected = sum(table.of_place(place)[code] for place, code in enumerate(word))
    torch.testing.assert_close(table(torch.tensor([5]))[0], expected)


def test_beams_in_tensors_are_the_taught_search_and_all_beams_are_every_item():
    model, data = fitted()
    users = data.users.ids[:9]
    every = model.score(users)
    assert np.allclose(np.exp(every.astype(np.float64)).sum(1), 1, atol=1e-4)
    hidden = model.read([model.histories.of(row) for row in data.users.rows(users)])

    def logits(of):
        with torch.no_grad():
            return lambda prefixes: (
                model.network.spell(of.repeat(len(prefixes), 1), torch.from_numpy(prefixes))[-1].detach().double().numpy()
            )

    for width in (1, 2, 5, 50):
        model.beams = width
        found = model.score(users)
        for row, of in enumerate(hidden):
            items, scores = beam_search(logits(of), model.trie, width)
            np.testing.assert_allclose(found[row, items], scores, atol=1e-4)
            assert np.isfinite(found[row]).sum() == len(items)
    np.testing.assert_allclose(found, every, atol=1e-4)


@pytest.mark.parametrize("beams", [None, 50, 3])
def test_contract(beams):
    with pytest.raises(ContractError, match="fit"):
        Generative(np.ones((3, 2))).recommend(["u0"])
    with pytest.raises(ContractError, match="fit"):
        Generative(np.ones((3, 2))).session()
    model, data = fitted(beams)
    users = [data.users.ids[u] for u in (3, 0, 11)]
    ranking = model.recommend(users, k=30, block=2)
    assert ranking.ids.shape == (3, 30) and ranking.keys == IdMap("user", users)
    for row, user in enumerate(users):
        seen = data.matrix[data.users.rows([user])[0]].indices
        assert not set(seen) & set(ranking.ids[row]) and (ranking.ids[row] == PAD).sum() >= 30 - 14 + len(seen)
        np.testing.assert_allclose(model.score([user])[0], model.score(users)[row], rtol=1e-4, atol=1e-4)
    for what in (lambda: model.recommend(["nobody"]), lambda: model.score_session(["p99"]),
                 lambda: model.recommend(users, within=["p99"])):  # fmt: skip
        with pytest.raises(UnknownIdError):
            what()
    with pytest.raises(ContractError, match="list of item ids"):
        model.recommend(users, within="p1")
    with pytest.raises(ContractError):
        model.recommend(users, within=[])
    only = model.recommend(users, 4, within=["p12", "p13", "p2"], exclude_seen=False)
    assert set(only.ids.ravel()) == {12, 13, 2, PAD}
    assert len(model.trie) == 14  # as before


def test_a_live_session_equals_scoring_anew():
    model, _ = fitted()
    session, items = model.session(), [f"p{i}" for i in (0, 1, 2, 5, 0, 7, 8, 9, 10)]
    np.testing.assert_array_equal(session.scores(), model.counts)
    for n, item in enumerate(items, start=1):
        np.testing.assert_allclose(session.add(item).scores(), model.score_session(items[:n]), rtol=1e-4, atol=1e-4)
    model.beams = 2
    assert len(model.session().add("p0").recommend(5, exclude_seen=False)) == 2


def test_follow_scores_by_newer_events_without_learning():
    data = chains(extra=2)
    split = leave_last_out(data)
    model = Generative(np.eye(14), beams=None, **SMALL).fit(split.train)
    weights = [w.clone() for w in model.network.parameters()]
    both, user = joined(split.train, split.validation), data.users.ids[4]
    before = model.score([user])[0]
    model.follow(both)
    items, times = Histories(both).of(4)
    assert not np.allclose(before, model.score([user])[0])
    np.testing.assert_allclose(model.score([user])[0], model.score_session(data.items.take(items), times), atol=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.network.parameters()))
    with pytest.raises(ContractError, match="another catalogue"):
        model.follow(chains())


def test_new_products_are_named_without_learning():
    model, data = fitted()
    user = data.users.ids[0]
    words, before, vectors = model.ids.words.copy(), model.score([user])[0], model.vectors
    weights = [w.clone() for w in model.network.parameters()]
    model.extend(["new", "other"], vectors[:2])  # like p0 and p1
    np.testing.assert_array_equal(model.ids.words[:14], words)
    np.testing.assert_array_equal(model.ids.codes[14:], model.ids.codes[:2])
    after = model.score([user])[0]
    assert after.shape == (16,) and np.isfinite(after).all()
    assert (after[:14] <= before + 1e-4).all()  # what the new ones get, the others give
    assert all(torch.equal(a, b) for a, b in zip(weights, model.network.parameters()))
    later = Interactions.from_ids([user], ["new"], items=model.interactions.items, timestamps=np.array([9_999]))
    moved = model.follow(later)
    assert np.isfinite(moved.score([user])).all() and "new" not in [i for i, _ in moved.session().add("new").recommend(20)]
    for ids, given_vectors in ((["p0"], vectors[:1]), (["x"], vectors[:2]), ("x", vectors[:1]), (["x"], np.ones((1, 3)))):
        with pytest.raises(ContractError):
            model.extend(ids, given_vectors)
    with pytest.raises(ContractError, match="same codes"):
        model.extend([f"n{i}" for i in range(20)], np.repeat(vectors[:1], 20, axis=0))


def test_settings_and_data_that_do_not_fit():
    for make in (
        lambda: Generative(np.ones((3, 2)), beams=0), lambda: Generative(np.ones((3, 2)), spare=-1),
        lambda: Generative(np.ones((3, 2)), loss="binary"), lambda: Generative(np.ones((3, 2)), width=0),
        lambda: Generative(np.ones((3, 2)), **SMALL).fit(chains()), lambda: RQVAE(start="zeros"), lambda: RQVAE(restart=-1),
    ):  # fmt: skip
        with pytest.raises(ContractError):
            make()


def test_equal_codes_are_numbered_by_events_not_by_row():
    data = chains(n_users=40, extra=0)
    model = Generative(np.ones((12, 2)), ResidualKMeans(1, 1), beams=None, **SMALL).fit(data)
    by_number = model.counts[np.argsort(model.ids.words[:, -1])]
    assert (np.diff(by_number) <= 0).all()


def test_it_learns_what_comes_next_and_by_lot_too():
    data = chains(n_users=150, n_items=20, length=8)
    vectors = np.random.default_rng(0).standard_normal((20, 6))
    for quantiser in (ResidualKMeans(2, 5), ByLot(2, 5)):
        model = Generative(
            vectors, quantiser, beams=None, width=32, heads=2, length=8, epochs=25, dropout=0.1, tokens=256, learning_rate=1e-2
        ).fit(data)
        hits = [model.score_session([f"p{i}", f"p{(i + 1) % 20}"], [0, 100]).argmax() == (i + 2) % 20 for i in range(20)]
        assert np.mean(hits) >= 0.9
