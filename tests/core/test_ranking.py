"""Rankings keep their contract; ``top_k`` and ``from_scores`` equal a full sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking, top_k

ITEMS = IdMap("item", range(5))
INF = np.inf


def keys(n: int, kind: str = "query") -> IdMap:
    return IdMap(kind, [f"k{i}" for i in range(n)])


def sorted_list(scores: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    """The plain definition: descending score, ties by column, -inf never."""
    order = sorted((c for c in range(len(scores)) if scores[c] > -INF), key=lambda c: (-scores[c], c))[:k]
    pads = k - len(order)
    return order + [PAD] * pads, [float(scores[c]) for c in order] + [-INF] * pads


# Few distinct values make many ties; 200 columns reach the grouped path of the selection.
matrices = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 3), st.integers(1, 200)), elements=st.sampled_from([-INF, -1.5, 0, 0.25, 2, 7])
)


@settings(max_examples=150, deadline=None)
@given(matrices, st.integers(1, 12))
def test_from_scores_is_a_full_sort(scores, k):
    found = Ranking.from_scores(scores, k, keys=keys(len(scores)), items=IdMap("item", range(scores.shape[1])))
    assert found.ids.shape == found.scores.shape == (len(scores), k) and found.k == k and len(found) == len(scores)
    assert found.ids.dtype == np.int64 and found.scores.dtype == np.float32
    for row in range(len(scores)):
        ids, best = sorted_list(scores[row], k)
        assert found.ids[row].tolist() == ids and found.scores[row].tolist() == best


@settings(max_examples=60, deadline=None)
@given(matrices, st.integers(1, 12), st.integers(1, 4))
def test_blocks_equal_the_whole(scores, k, block):
    names, items = keys(len(scores)), IdMap("item", range(scores.shape[1]))
    whole = Ranking.from_scores(scores, k, keys=names, items=items)
    parts = rank_in_blocks(lambda rows: scores[rows], k, keys=names, items=items, block=block)
    assert np.array_equal(parts.ids, whole.ids) and np.array_equal(parts.scores, whole.scores)
    assert parts.keys == names and parts.items == items


@pytest.mark.parametrize("n_items", [1, 7, 64, 1_000, 5_000])
def test_top_k_equals_brute_force(n_items):
    random = np.random.default_rng(n_items)
    # Whole numbers: inner products are exact, so ties are real and BLAS's order of summation doesn't matter.
    queries = random.integers(-3, 4, size=(9, 6)).astype(np.float32)
    vectors = random.integers(-3, 4, size=(n_items, 6)).astype(np.float32)
    for k in (1, 10, n_items + 3):
        ids, scores = top_k(queries, vectors, k, block=4)
        for row in range(9):
            expected = sorted_list(vectors @ queries[row], k)
            assert (ids[row].tolist(), scores[row].tolist()) == expected


def test_top_k_of_nothing():
    ids, scores = top_k(np.empty((0, 3)), np.ones((4, 3)), 2)
    assert ids.shape == scores.shape == (0, 2) and ids.dtype == np.int64
    ids, scores = top_k(np.ones((2, 3)), np.empty((0, 3)), 2)
    assert (ids == PAD).all() and (scores == -INF).all()


@pytest.mark.parametrize(
    ("queries", "vectors", "k", "says"),
    [
        (np.ones((2, 3)), np.ones((4, 5)), 1, "must be .n, d. and"),
        (np.ones(3), np.ones((4, 3)), 1, "must be"),
        (np.ones((2, 3)), np.ones((4, 3)), 0, "k is 0"),
        (np.ones((2, 3)), np.ones((4, 3)), 2.5, "k is 2.5"),
        (np.full((2, 3), np.nan), np.ones((4, 3)), 1, "a score is NaN"),
    ],
)
def test_top_k_refuses(queries, vectors, k, says):
    with pytest.raises(ContractError, match=says):
        top_k(queries, vectors, k)


def test_exclude_hides_items():
    exclude = np.zeros((1, 5), dtype=bool)
    exclude[0, [4, 3]] = True
    found = Ranking.from_scores(np.arange(5.0)[None], 4, keys=keys(1), items=ITEMS, exclude=exclude)
    assert found.ids.tolist() == [[2, 1, 0, PAD]] and found.public_ids(0) == ["2", "1", "0"]
    assert found.scores[0, 3] == -INF


@pytest.mark.parametrize(
    ("scores", "options", "says"),
    [
        (np.ones((1, 4)), {}, r"must be \[n, 5\]"),
        (np.ones(5), {}, "must be"),
        (np.array([[0, 1, np.nan, 2, 3]]), {}, "a score is NaN"),
        (np.ones((1, 5)), {"k": 0}, "k is 0"),
        (np.ones((1, 5)), {"exclude": np.zeros(5, dtype=bool)}, "must have one shape"),
        (np.ones((2, 5)), {}, "1 keys for 2 rows"),
    ],
)
def test_from_scores_refuses(scores, options, says):
    with pytest.raises(ContractError, match=says):
        Ranking.from_scores(scores, **{"k": 2, "keys": keys(1), "items": ITEMS, **options})


@pytest.mark.parametrize(
    ("ids", "scores", "change", "says"),
    [
        ([[0, 1]], [[1]], {}, "two equal"),
        ([0, 1], [1, 0], {}, "two equal"),
        ([[0.0, 1.0]], [[1, 0]], {}, "not integer catalogue rows"),
        ([[0, 5]], [[1, 0]], {}, "outside the catalogue of 5 rows"),
        ([[0, -2]], [[1, 0]], {}, "outside the catalogue"),
        ([[PAD, 1]], [[1, 0]], {}, "a pad .-1. stands before a result"),
        ([[0, 1]], [[1, np.nan]], {}, "the score in place 1 of row 0 is NaN"),
        ([[0, 1]], [[0, 1]], {}, "must not rise"),
        ([[3, 3]], [[1, 0]], {}, "an item stands twice"),
        ([[0, 1]], [[1, 0]], {"keys": keys(2)}, "2 keys for 1 rows"),
        ([[0, 1]], [[1, 0]], {"keys": ["k0"]}, "must be IdMap objects"),
        ([[0, 1]], [[1, 0]], {"keys": keys(1, "item")}, "keys name items"),
        ([[0, 1]], [[1, 0]], {"items": keys(5, "user")}, "got a map of user ids where item ids belong"),
    ],
)
def test_ranking_refuses(ids, scores, change, says):
    with pytest.raises(ContractError, match=says):
        Ranking(np.array(ids), np.array(scores), **{"keys": keys(1), "items": ITEMS, **change})


def test_pads_lose_their_scores_and_ties_stand():
    found = Ranking(np.array([[3, 1, PAD, PAD]]), np.array([[1, 1, np.nan, 9]]), keys(1), ITEMS)
    assert found.ids.tolist() == [[3, 1, PAD, PAD]] and found.scores.tolist() == [[1, 1, -INF, -INF]]


def test_head_and_repr():
    found = Ranking.from_scores(np.arange(10.0).reshape(2, 5), 4, keys=keys(2, "user"), items=ITEMS)
    assert found.head(2).ids.tolist() == [[4, 3], [4, 3]] and found.head(9).k == 4
    assert repr(found.head(2)) == "Ranking(2 × top 2 of 5 items, keys: user)"
    for k in (0, -1):
        with pytest.raises(ContractError, match="it must be at least 1"):
            found.head(k)
