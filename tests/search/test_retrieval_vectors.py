"""Indexes of vectors: one contract for all, against the exact list; deletions, updates, filters."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ranking import PAD, top_k
from course_lib.search.retrieval.faiss_index import FaissIndex
from course_lib.search.retrieval.filters import allowed_items, over_fetch, planned, post_filter, pre_filter, selector
from course_lib.search.retrieval.frontier import frontier
from course_lib.search.retrieval.graph import Graph
from course_lib.search.retrieval.ivf import IVF, centroids_of
from course_lib.search.retrieval.vectors import ExactIndex, recall_of

D = 12
MADE = {
    "exact": lambda: ExactIndex(D),
    "ivf": lambda: IVF(D, lists=12, probes=4),
    "graph": lambda: Graph(D, links=8, beam=40, build_beam=30),
    "faiss flat": lambda: FaissIndex(D),
    "faiss ivf": lambda: FaissIndex(D, "ivf", lists=12, probes=4),
    "faiss hnsw": lambda: FaissIndex(D, "hnsw", links=8, beam=40),
}
EXACT = ("exact", "faiss flat")


def crowds(n, seed=0, crowd=20):
    """Unit vectors in crowds, as products come."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(crowd, D))
    vectors = centres[rng.integers(crowd, size=n)] + 0.6 * rng.normal(size=(n, D))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


VECTORS, QUERIES = crowds(600), crowds(40, seed=0)[::-1] + np.float32(0.01)
ROWS = np.arange(600)


@cache
def graph():
    index = MADE["graph"]()
    index.add(ROWS, VECTORS)
    return index


def full(name):
    """The index with all vectors; a graph takes a second to build, so it is built once and copied."""
    if name == "graph":
        return deepcopy(graph())
    index = MADE[name]()
    index.add(ROWS, VECTORS)
    return index


@pytest.fixture(params=list(MADE))
def filled(request):
    return request.param, full(request.param)


def test_more_effort_finds_more_and_all_of_it_finds_everything(filled):
    name, index = filled
    exact = top_k(QUERIES, VECTORS, 10)
    recalls = [recall_of(index.search(QUERIES, 10, effort=effort)[0], exact[0]).mean() for effort in (0.25, 1, 20)]
    assert recalls[0] <= recalls[1] + 0.01 and recalls[1] > 0.85 and recalls[2] > (0.99 if "graph" in name or "hnsw" in name else 0.9999)
    rows, scores = index.search(QUERIES, 10, effort=20)
    np.testing.assert_allclose(scores, np.take_along_axis(QUERIES @ VECTORS.T, rows, axis=1), atol=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all() and scores.dtype == np.float32 and rows.dtype == np.int64
    assert index.nbytes > VECTORS.nbytes and len(index) == 600


def test_what_was_removed_is_never_found_and_the_rest_still_is(filled):
    name, index = filled
    rng = np.random.default_rng(1)
    gone = rng.permutation(600)[:450]  # more than half: the graph and faiss build themselves anew
    for part in np.array_split(gone, 9):
        index.remove(part)
    stays = np.setdiff1d(ROWS, gone)
    rows, _ = index.search(QUERIES, 10, effort=2)
    assert not np.isin(rows, gone).any() and len(index) == 150
    exact = stays[top_k(QUERIES, VECTORS[stays], 10)[0]]
    assert recall_of(rows, exact).mean() > 0.95
    index.add(gone[:100], VECTORS[gone[:100]])  # back again
    index.remove(stays[:1])
    index.add(stays[:1], -VECTORS[stays[:1]])  # an update: the same row, another vector
    there = np.concatenate([stays[1:], gone[:100]])
    vectors = np.concatenate([VECTORS[there], -VECTORS[stays[:1]]])
    exact = np.append(there, stays[0])[top_k(QUERIES, vectors, 10)[0]]
    assert recall_of(index.search(QUERIES, 10, effort=2)[0], exact).mean() > 0.95
    assert index.search(-VECTORS[stays[:1]], 1, effort=20)[0].tolist() == [[stays[0]]]


def test_filters_inside_the_index(filled):
    name, index = filled
    allowed = ROWS % 3 == 0
    rows, _ = index.search(QUERIES, 10, allowed=allowed, effort=4)
    assert allowed[rows[rows != PAD]].all()
    assert recall_of(rows, pre_filter_rows(allowed)).mean() > 0.97
    rows, scores = index.search(QUERIES, 5, allowed=ROWS == 7, effort=1000)
    assert set(rows[:, 0]) <= {7, PAD} and (rows[:, 1:] == PAD).all() and (scores[:, 1:] == -np.inf).all()
    assert (index.search(QUERIES, 5, allowed=np.zeros(600, dtype=bool))[0] == PAD).all()


def pre_filter_rows(allowed, k=10):
    rows = np.flatnonzero(allowed)
    return rows[top_k(QUERIES, VECTORS[rows], k)[0]]


def test_an_index_that_empties_and_lists_that_are_short(filled):
    _, index = filled
    assert index.search(QUERIES[:0], 3)[0].shape == (0, 3)
    index.remove(ROWS[3:])
    rows, _ = index.search(QUERIES[:2], 5, effort=1000)
    assert (np.sort(rows, axis=1)[:, 2:] == [0, 1, 2]).all() and (rows[:, 3:] == PAD).all()
    index.remove(ROWS[:3])
    assert len(index) == 0 and (index.search(QUERIES[:2], 5)[0] == PAD).all()
    index.add(ROWS, VECTORS)
    assert recall_of(index.search(QUERIES, 10)[0], top_k(QUERIES, VECTORS, 10)[0]).mean() > 0.85


@pytest.mark.parametrize("name", MADE)
def test_misuse_is_told(name):
    index = MADE[name]()
    assert (index.search(QUERIES[:1], 2)[0] == PAD).all(), "an index without vectors finds nothing"
    index.add(ROWS[:50], VECTORS[:50])
    for rows, vectors in (([3], VECTORS[:1]), ([60, 60], VECTORS[:2]), ([-1], VECTORS[:1]), ([60.0], VECTORS[:1]), ([60], VECTORS[:2]),
                          ([60], VECTORS[:1, :5]), ([60], np.full((1, D), np.nan))):  # fmt: skip
        with pytest.raises(ContractError):
            index.add(np.array(rows), vectors)
    with pytest.raises(UnknownIdError, match="60"):
        index.remove([3, 60])
    with pytest.raises(ContractError):
        index.search(QUERIES, 0)
    with pytest.raises(ContractError):
        index.search(QUERIES, 2, allowed=np.ones(10, dtype=bool))
    with pytest.raises(ContractError):
        index.search(QUERIES[:, :3], 2)
    assert len(index) == 50


def test_settings_are_checked():
    for make in (lambda: FaissIndex(D, "kd tree"), lambda: FaissIndex(D, lists=0), lambda: Graph(D, links=0), lambda: IVF(D, lists=0),
                 lambda: IVF(D, lists=5).train(VECTORS[:4]), lambda: FaissIndex(D, "ivf", lists=5).add(ROWS[:4], VECTORS[:4])):  # fmt: skip
        with pytest.raises(ContractError):
            make()


def test_centroids_are_as_good_as_scikit_learns():
    from sklearn.cluster import KMeans

    ours = centroids_of(VECTORS, 20, sweeps=20)
    theirs = KMeans(20, n_init=1, random_state=0).fit(VECTORS).cluster_centers_
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert (VECTORS @ ours.T).max(axis=1).mean() > (VECTORS @ theirs.T).max(axis=1).mean() - 0.02
    doubled = np.repeat(VECTORS[:3], 10, axis=0)  # fewer different vectors than centroids
    assert np.isfinite(centroids_of(doubled, 8)).all()


def test_a_graph_links_within_bounds_and_compares_a_part():
    index = full("graph")
    assert all(len(set(near)) == len(near) <= 16 and slot not in near for slot, near in enumerate(index._near))
    before = index.compared
    index.search(QUERIES, 10)
    assert index.compared - before < 0.7 * len(QUERIES) * 600


def test_recall_counts_what_is_there():
    found, exact = np.array([[1, 2, PAD], [5, 6, 7]]), np.array([[2, 3, PAD], [PAD, PAD, PAD]])
    recall = recall_of(found, exact)
    assert recall[0] == 0.5 and np.isnan(recall[1])
    with pytest.raises(ContractError):
        recall_of(found[:1], exact)


# --- filters


def test_what_customers_choose():
    names = np.array(["kitchen > mug", "kitchen", "kitchenware", "shoes"])
    prices = np.array([5.0, 10.0, 7.0, np.nan])
    assert allowed_items(4, category=(names, "kitchen")).tolist() == [True, True, False, False]
    assert allowed_items(4, price=(prices, 5, 7)).tolist() == [True, False, True, False]
    stock = np.array([True, True, False, True])
    assert allowed_items(4, price=(prices, 0, 7), in_stock=stock).tolist() == [True, False, False, False]
    assert allowed_items(4).all()
    with pytest.raises(ContractError):
        allowed_items(4, in_stock=stock[:2])


@pytest.mark.parametrize("name", [n for n in MADE if n != "exact"])
@pytest.mark.parametrize("share", [0.3, 0.05])
def test_post_filtering_loses_recall_and_the_others_hold_it(name, share):
    index, exact = full(name), full("exact")
    allowed = np.random.default_rng(2).random(600) < share
    right = pre_filter(exact, QUERIES, 10, allowed)[0]
    np.testing.assert_array_equal(right, pre_filter_rows(allowed))
    found = {how.__name__: recall_of(how(index, QUERIES, 10, allowed)[0], right).mean() for how in (post_filter, over_fetch, selector)}
    assert found["post_filter"] < 0.6 < found["over_fetch"] and found["over_fetch"] > 0.95
    assert recall_of(planned(index, exact, QUERIES, 10, allowed)[0], right).mean() > 0.97
    wide = recall_of(post_filter(index, QUERIES, 10, allowed, fetch=600)[0], right).mean()
    assert wide >= found["post_filter"]


@pytest.mark.parametrize("name", ["ivf", "graph", "faiss hnsw"])
def test_a_filter_that_goes_against_the_query(name):
    """What is allowed lies on the other side: as many times the effort as the filter takes away isn't enough."""
    index, exact = full(name), full("exact")
    allowed = VECTORS @ QUERIES[0] < np.quantile(VECTORS @ QUERIES[0], 0.4)
    right = pre_filter(exact, QUERIES[:1], 10, allowed)[0]
    np.testing.assert_array_equal(planned(index, exact, QUERIES[:1], 10, allowed)[0], right)


def test_a_filter_that_leaves_too_little_ends():
    index, exact = full("ivf"), full("exact")
    allowed = np.isin(ROWS, [4, 400])
    for rows in (over_fetch(index, QUERIES, 10, allowed)[0], planned(index, exact, QUERIES, 10, allowed)[0]):
        assert (np.sort(rows, axis=1)[:, -2:] == [4, 400]).all() and (np.sort(rows, axis=1)[:, :-2] == PAD).all()
    with pytest.raises(ContractError):
        planned(MADE["ivf"](), exact, QUERIES, 10, allowed)


def test_the_frontier_measures_each_effort():
    index = full("ivf")
    exact = top_k(QUERIES, VECTORS, 10)[0]
    low, high = frontier(index, QUERIES, exact, efforts=(0.25, 3), rounds=1)
    assert low.recall.mean() < high.recall.mean() == 1 and low.recall.shape == low.milliseconds.shape == (40,)
    assert (low.milliseconds > 0).all() and low.megabytes == index.nbytes / 1e6
