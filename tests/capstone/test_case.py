"""The worked case: its data have the article's lengths, its search equals the plain parts, history changes what it should."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.capstone.case import CaseData, CaseIndex, known_item, make_case, profiles, rerank
from course_lib.capstone.case.data import cut, lengthened
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking, top_k
from course_lib.search.retrieval import BM25, reciprocal_rank_fusion


@pytest.fixture(scope="module")
def data() -> CaseData:
    return make_case(300, 12, seed=0)


@pytest.fixture(scope="module")
def vectors(data) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(len(data.texts), 16)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_texts_and_queries_have_the_articles_lengths(data):
    assert len(data.texts) == 300 and len(data.queries) == len(data.targets) == len(data.history) == 12
    assert max(map(len, data.texts)) <= 200 and np.median([len(t) for t in data.texts]) > 170
    assert max(map(len, data.queries)) <= 50 and np.median([len(q) for q in data.queries]) > 35
    assert not set(data.queries) & set(data.past)
    for query, target in zip(data.queries, data.targets):
        assert set(query.lower().split()) & set(data.texts[target].lower().replace(",", " ").split())


def test_the_same_seed_gives_the_same_case(data):
    again, other = make_case(300, 12, seed=0), make_case(300, 12, seed=1)
    assert again.queries == data.queries and again.texts == data.texts and other.texts != data.texts
    assert all(np.array_equal(a, b) for a, b in zip(again.history, data.history))


@pytest.mark.parametrize("text, longest, expected", [
    ("", 5, ""), ("one two", 7, "one two"), ("one two three", 8, "one two"), ("one two", 4, "one"), ("x" * 9, 4, "xxxx"),
])  # fmt: skip
def test_cut(text, longest, expected):
    assert cut(text, longest) == expected


def test_lengthened_adds_what_the_query_lacks():
    assert lengthened("red shoes", "Red shoes, size 44", 20) == "red shoes size 44"
    assert lengthened("red shoes", "Red shoes, size 44", 14) == "red shoes size"


def test_the_answer_is_made_of_the_plain_parts(data, vectors):
    index = CaseIndex(workers=2).fit_words(data.texts).fit_vectors(vectors, vectors[:40], 20)
    index.lists.probes = len(index.lists.centroids)  # all lists: exact
    asked = vectors[data.targets]
    answers = index.answer(data.queries, asked, data.history, 20)
    keys = IdMap("query", range(12))
    words = BM25().fit(data.texts).search(data.queries, 20, keys=keys)
    ids, scores = top_k(asked, vectors, 20)
    near = Ranking(ids, scores, keys, IdMap("item", range(300)))
    assert np.array_equal(answers.words.ids, words.ids) and np.array_equal(answers.vectors.ids, ids)
    assert np.array_equal(answers.fused.ids, reciprocal_rank_fusion([words, near], 20).ids)
    for row in range(12):
        assert set(answers.reranked.ids[row]) == set(answers.fused.ids[row])
    assert known_item(answers.vectors, data.targets)["reciprocal_rank@10"] == 1
    with pytest.raises(ContractError):
        index.answer(data.queries, asked[:3], data.history, 20)


def ranking(ids, scores) -> Ranking:
    return Ranking(np.array(ids), np.array(scores, dtype=np.float32), IdMap("query", range(len(ids))), IdMap("item", range(4)))


def test_history_moves_what_the_user_likes_and_nothing_else():
    vectors = np.eye(4, dtype=np.float32)
    lists = ranking([[0, 1, 2], [0, 1, PAD]], [[1.0, 0.9, 0.8], [0.5, 0.45, -np.inf]])
    users = profiles([np.array([2]), np.array([], dtype=int)], vectors)
    assert users.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]
    found = rerank(lists, users, vectors, 3, weight=0.5)
    assert found.ids.tolist() == [[2, 0, 1], [0, 1, PAD]]
    assert rerank(lists, users, vectors, 2, weight=0.0).ids.tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ContractError):
        rerank(lists, users[:1], vectors, 2)


def test_profiles_weigh_the_latest_most_and_forget_the_oldest():
    vectors = np.eye(30, dtype=np.float32)
    (user,) = profiles([np.arange(30)], vectors)
    assert (np.diff(user[:20]) < 0).all() and (user[20:] == 0).all() and np.linalg.norm(user) == pytest.approx(1)
    assert user[5] / user[0] == pytest.approx(0.5)


def test_known_item():
    found = known_item(ranking([[3, 1], [0, PAD]], [[2, 1], [1, -np.inf]]), np.array([1, 2]))
    assert found == {"found@2": 0.5, "reciprocal_rank@10": 0.25}
    with pytest.raises(ContractError):
        make_case(300, 0)
