"""The fast searches of the engine, held against the plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, top_k
from course_lib.search.engine.lists import ListIndex
from course_lib.search.engine.nearest import best, kth_best, nearest
from course_lib.search.retrieval.vectors import recall_of


def unit(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 9), m=st.integers(0, 80), k=st.integers(1, 30), block=st.integers(1, 40), seed=st.integers(0, 99),
       workers=st.integers(1, 3))  # fmt: skip
def test_nearest_is_top_k_ties_and_pads_included(n, m, k, block, seed, workers):
    rng = np.random.default_rng(seed)
    queries = rng.integers(-2, 3, size=(n, 3)).astype(np.float32)  # whole numbers: many ties, and no rounding
    vectors = rng.integers(-2, 3, size=(m, 3)).astype(np.float32)
    ids, scores = nearest(queries, vectors, k, block=block, workers=workers)
    expected_ids, expected_scores = top_k(queries, vectors, k)
    assert np.array_equal(ids, expected_ids) and np.array_equal(scores, expected_scores)


def test_nearest_on_real_numbers_beyond_one_block():
    rng = np.random.default_rng(0)
    queries, vectors = unit(rng, 40, 16), unit(rng, 5_000, 16)
    ids, scores = nearest(queries, vectors, 50, block=512)
    expected_ids, expected_scores = top_k(queries, vectors, 50)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert (ids == expected_ids).mean() > 0.999  # equal up to what rounding makes of near ties


def test_products_sorted_from_worst_to_best_are_no_trap():
    """Every block beats the bound of those before it."""
    vectors = np.linspace(0, 1, 3_000, dtype=np.float32)[:, None]
    ids, _ = nearest(np.ones((2, 1), np.float32), vectors, 5, block=64)
    assert ids.tolist() == [[2999, 2998, 2997, 2996, 2995]] * 2


@pytest.mark.parametrize("arguments", [
    (np.zeros((2, 3)), np.zeros((4, 2)), 1), (np.zeros(3), np.zeros((4, 3)), 1), (np.zeros((2, 3)), np.zeros((4, 3)), 0),
    (np.zeros((2, 3)), np.full((4, 3), np.nan), 1),
])  # fmt: skip
def test_nearest_refuses_what_can_not_be_right(arguments):
    with pytest.raises(ContractError):
        nearest(*arguments)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(-3, 3)), unique_by=lambda e: e[:2]),
       st.integers(1, 6))  # fmt: skip
def test_best_of_loose_entries(entries, k):
    rows, items, scores = (np.array([e[i] for e in entries], dtype=np.int64) for i in range(3))
    ids, values = best(rows, items, scores.astype(np.float32), 4, k)
    for row in range(4):
        own = sorted((-s, i) for r, i, s in entries if r == row)[:k]
        assert ids[row].tolist() == [i for _, i in own] + [PAD] * (k - len(own))
        assert values[row][: len(own)].tolist() == [-s for s, _ in own]
        kth = kth_best(rows, scores.astype(np.float32), 4, k)[row]
        assert kth == (-own[k - 1][0] if len(own) == k else -np.inf)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    centres = unit(rng, 20, 12)
    vectors = centres[rng.integers(20, size=2_000)] + 0.3 * rng.normal(size=(2_000, 12)).astype(np.float32)
    return unit(rng, 30, 12), (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_a_probe_looks_into_the_nearest_lists_and_nowhere_else(data):
    queries, vectors = data
    index = ListIndex(lists=25).fit(vectors)
    belongs = (vectors @ index.centroids.T).argmax(axis=1)
    for probes in (1, 3, 7):
        ids, scores = index.search(queries, 20, probes=probes, workers=2)
        for row, query in enumerate(queries):
            chosen = np.argsort(-(query @ index.centroids.T))[:probes]
            inside = np.flatnonzero(np.isin(belongs, chosen))
            expected = np.sort(vectors[inside] @ query)[::-1][:20]
            found = ids[row][ids[row] != PAD]
            assert len(found) == len(expected) and set(found) <= set(inside)
            np.testing.assert_allclose(scores[row, : len(expected)], expected, atol=1e-5)


def test_all_lists_are_exact_and_recall_grows_with_probes(data):
    queries, vectors = data
    index = ListIndex(lists=25).fit(vectors)
    exact, _ = top_k(queries, vectors, 20)
    recalls = [recall_of(index.search(queries, 20, probes=p)[0], exact).mean() for p in (1, 2, 5, 12, 25, 99)]
    assert recalls == sorted(recalls) and recalls[0] < 0.9 and recalls[-1] == recalls[-2] == 1


def test_tuning_reaches_its_recall_with_the_fewest_it_tried(data):
    queries, vectors = data
    index = ListIndex(lists=25).fit(vectors)
    exact, _ = top_k(queries, vectors, 20)
    index.tune(queries, exact, 0.95)
    assert recall_of(index.search(queries, 20)[0], exact).mean() >= 0.95
    assert recall_of(index.search(queries, 20, probes=1)[0], exact).mean() < 0.95


def test_the_same_seed_gives_the_same_index(data):
    a, b = (ListIndex(lists=10).fit(data[1]) for _ in range(2))
    assert np.array_equal(a.centroids, b.centroids) and np.array_equal(a.order, b.order)


def test_a_single_product_and_more_lists_than_products():
    index = ListIndex(lists=50).fit(np.eye(3, dtype=np.float32))
    assert index.search(np.eye(3, dtype=np.float32)[:1], 5, probes=50)[0].tolist() == [[0, 1, 2, PAD, PAD]]
    one = ListIndex().fit(np.ones((1, 4), dtype=np.float32))
    assert one.search(np.ones((2, 4)), 2)[0].tolist() == [[0, PAD]] * 2
    assert one.search(np.ones((0, 4)), 2)[0].shape == (0, 2)


@pytest.mark.parametrize("act", [
    lambda: ListIndex(lists=0), lambda: ListIndex(probes=0), lambda: ListIndex().search(np.ones((1, 2)), 1),
    lambda: ListIndex().fit(np.ones((0, 2))), lambda: ListIndex().fit(np.ones(3)),
    lambda: ListIndex().fit(np.ones((3, 2))).search(np.ones((1, 3)), 1),
    lambda: ListIndex().fit(np.ones((3, 2))).search(np.ones((1, 2)), 0),
])  # fmt: skip
def test_misuse_is_told(act):
    with pytest.raises(ContractError):
        act()
