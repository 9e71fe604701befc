"""The exercise on query understanding: its solutions against the course's code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from course_lib.classroom.loading import load_exercise
from course_lib.search.understanding import ClickIntent, Rewriter, Segmenter

EXERCISE = load_exercise("search.understanding")
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
    assert NAMES == ["what_was_meant", "cut_words", "intent_of", "choose_rewrite"] and EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_cut_is_as_probable_as_the_courses():
    agree = EXERCISE.question("cut_words").agree
    for case in ("basic", "unknown", "long", "random"):
        for text, counts in drawn("cut_words", case):
            ours = Segmenter(counts).segment(text)
            assert agree(ours, function("cut_words")(text, counts), (text, counts)) is None
            assert agree(function("cut_words")(text, counts), ours, (text, counts)) is None


def test_the_intent_is_that_of_the_course():
    for clicks, said, m in drawn("intent_of", "random"):
        n = len(clicks)
        model = ClickIntent(prior=m).fit(["q"], csr_matrix(clicks[None]), [f"c{i}" for i in range(n)])
        trust = model.probabilities(["q"])[0]
        model._own = {}
        words = model.probabilities(["q"])[0]
        np.testing.assert_allclose(function("intent_of")(clicks, words, m), trust, atol=1e-9)
        assert np.isclose(function("intent_of")(clicks, said, m).sum(), 1)


def test_the_choice_is_that_of_the_course():
    """The course's rewriter, told by a guard what is allowed."""

    class Guard:
        def __init__(self, moved, lost, most):
            self.refuses = {f"t{i}": bool(lost[i] or moved[i] > most + 1e-9) for i in range(len(lost))}

        def objection(self, query, text):
            return "no" if self.refuses[text] else ""

        def drift(self, query, text):
            return None

    for query, rewrites, rewards, lost, most in drawn("choose_rewrite", "random"):
        moved = np.abs(rewrites - query).sum(axis=1) / 2
        names = [f"t{i}" for i in range(len(lost))]
        worth = dict(zip(["q", *names], rewards))
        weights = {name: 1 - i / 100 for i, name in enumerate(names)}
        reward = lambda _, texts: [worth[t] for t in texts]  # noqa: E731
        course = Rewriter({"all": lambda _: weights}, Guard(moved, lost, most), reward)
        chosen = course.rewrite("q").text
        number = function("choose_rewrite")(query, rewrites, rewards, lost, most)
        assert chosen == (["q", *names])[number]


def test_the_examples_of_the_text_are_right():
    counts = {"shoes": 90, "sheds": 10, "shoe": 300}
    assert function("what_was_meant")({"sheos": 0, "shoes": 1, "sheds": 1, "shoe": 2}, counts, 0.05, 0.001) == "shoes"
    words = {"运动": 3, "运动鞋": 7, "鞋": 2, "红色": 8}
    assert function("cut_words")("红色运动鞋", words) == ["红色", "运动鞋"]
    assert function("cut_words")("大红色", words) == ["大", "红色"]
    np.testing.assert_allclose(function("intent_of")(np.array([1.0, 4]), np.array([0.8, 0.2]), 5), [0.5, 0.5])
    rewrites, lost = np.array([[0.1, 0.9], [0.7, 0.3]]), np.zeros(2, dtype=bool)
    assert function("choose_rewrite")(np.array([0.9, 0.1]), rewrites, np.array([0, 0.8, 0.4]), lost, 0.5) == 2


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            found = [question.agree(solution(*given), answer(*given), given) for given in inputs]
            assert any(found), f"{wrong.name} passes with seed {seed}"
