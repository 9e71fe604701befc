"""The exercise on retrieval: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.retrieval import InvertedIndex, reciprocal_rank_fusion
from course_lib.search.retrieval.filters import post_filter
from course_lib.search.retrieval.ivf import IVF
from course_lib.search.retrieval.vectors import ExactIndex, recall_of

EXERCISE = load_exercise("search.retrieval")
NAMES = [question.name for question in EXERCISE.questions]


def function(name: str, source: str | None = None) -> Callable:
    """The solution of a question, or another answer to it, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def drawn(name: str, case: str, seed: int = 0) -> list[tuple]:
    found = next(one for one in EXERCISE.question(name).cases if one.name == case)
    return found.arguments(np.random.default_rng(seed))


def test_every_question_teaches():
    assert NAMES == ["bm25_score", "fuse_by_places", "probe_lists", "post_filter_recall"] and EXERCISE.max_points == 12
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_bm25_agrees_with_the_index():
    for query, catalogue, row, k1, b in drawn("bm25_score", "random"):
        found = InvertedIndex(k1, b).fit([" ".join(words) for words in catalogue]).search([" ".join(query)], len(catalogue))
        place = found.ids[0].tolist().index(row)
        assert function("bm25_score")(query, catalogue, row, k1, b) == pytest.approx(found.scores[0, place], abs=1e-5)


def test_fusion_agrees_with_the_course():
    for lists, k, c in drawn("fuse_by_places", "random"):
        rankings = []
        for one in lists:
            ids = np.array([one + [PAD] * (9 - len(one))])
            scores = np.where(ids == PAD, -np.inf, -np.arange(9.0)).astype(np.float32)
            rankings.append(Ranking(ids, scores, IdMap("query", ["q"]), IdMap("item", range(9))))
        ours = reciprocal_rank_fusion(rankings, k, c=c).ids[0]
        sums = {p: sum(1 / (c + one.index(p) + 1) for one in lists if p in one) for p in range(9)}
        found = function("fuse_by_places")(lists, k, c)
        np.testing.assert_allclose([sums[p] for p in found], [sums[p] for p in ours[ours != PAD]], atol=1e-7)


def test_probing_agrees_with_the_index():
    for query, centroids, assigned, vectors, probes, k in drawn("probe_lists", "random"):
        index = IVF(len(query), lists=len(centroids), probes=probes)
        index._start(centroids.astype(np.float32))
        for one in range(len(centroids)):
            rows = np.flatnonzero(assigned == one)
            index._vectors[one], index._rows[one] = vectors[rows].astype(np.float32), rows
        found = index.search(query[None].astype(np.float32), k)[0][0]
        assert function("probe_lists")(query, centroids, assigned, vectors, probes, k) == found[found != PAD].tolist()


def test_late_filters_agree_with_the_course():
    for scores, allowed, k, fetch in drawn("post_filter_recall", "random"):
        exact = ExactIndex(1)
        exact.add(np.arange(len(scores)), scores[:, None])
        one = np.ones((1, 1), dtype=np.float32)
        right = exact.search(one, k, allowed=allowed)[0]
        if fetch >= k and (right != PAD).any():
            ours = recall_of(post_filter(exact, one, k, allowed, fetch=fetch)[0], right)[0]
            assert function("post_filter_recall")(scores, allowed, k, fetch) == pytest.approx(ours)


def test_the_examples_of_the_text_are_right():
    shop = [["red", "running", "shoe"], ["red", "lamp"], ["desk", "lamp"]]
    assert function("bm25_score")(["red", "shoe"], shop, 0, 1.2, 0.75) == pytest.approx(0.590, abs=5e-4)
    assert function("fuse_by_places")([[7, 3, 5], [5, 9]], 3, 60) == [5, 7, 3]
    vectors, query = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]]), np.array([0.6, 0.8])
    given = query, np.eye(2), np.array([0, 0, 1]), vectors
    assert [function("probe_lists")(*given, probes, 2) for probes in (1, 2)] == [[2], [2, 1]]
    scores, allowed = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, False, True, True])
    assert [function("post_filter_recall")(scores, allowed, 2, fetch) for fetch in (2, 4)] == [0.5, 1.0]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            found = [question.agree(solution(*given), answer(*given), given) for given in inputs]
            assert any(found), f"{wrong.name} passes with seed {seed}"
