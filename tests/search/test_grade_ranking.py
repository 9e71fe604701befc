"""The exercise on ranking: its solutions against the library, and its wrong answers apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code
from course_lib.search.ranking import Isotonic, delta_ndcg, listnet_loss, ranknet_loss

EXERCISE = load_exercise("search.ranking")
NAMES = [question.name for question in EXERCISE.questions]
ODD = [None, True, "x", math.nan, math.inf, 10**5_000, [], [1], [1, 2, 3], [None, "x"], [[1], [2]], [10**400, 1.0],
       {"a": 1}, {1, 2}, np.zeros(2), np.zeros((2, 2)), np.array(["a", "b"]), object(), (1, "x"), ([0], 8)]  # fmt: skip


def function(name: str, source: str | None = None) -> Callable:
    """The solution of a question, or another answer to it, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def drawn(name: str, case: str, seed: int = 0) -> list[tuple]:
    """Inputs of a case of a question."""
    found = next(one for one in EXERCISE.question(name).cases if one.name == case)
    return found.arguments(np.random.default_rng(seed))


def every(name: str, seed: int = 0) -> list[tuple]:
    return [arguments for case in EXERCISE.question(name).cases for arguments in drawn(name, case.name, seed)]


def rows(*lists: list) -> list[np.ndarray]:
    """One list each, as the library takes them, and their mask."""
    return [*(np.array([one]) for one in lists), np.ones((1, len(lists[0])), dtype=bool)]


def test_every_question_teaches():
    assert NAMES == ["ranknet_gradient", "swap_weight", "listnet_loss", "pool_adjacent"] and EXERCISE.max_points == 12
    for question in EXERCISE.questions:
        assert isinstance(question, Code)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_gradient_agrees_with_the_course():
    for scores, grades in every("ranknet_gradient"):
        pairs = sum(a > b for a in grades for b in grades)
        _, slope = ranknet_loss(*rows(scores, grades))
        np.testing.assert_allclose(function("ranknet_gradient")(scores, grades), slope[0] * pairs, atol=1e-12)


def test_the_weight_agrees_with_the_course():
    for scores, grades, i, j in every("swap_weight"):
        expected = delta_ndcg(*rows(scores, grades))[0, i, j]
        assert function("swap_weight")(scores, grades, i, j) == pytest.approx(expected, abs=1e-12)


def test_the_loss_agrees_with_the_course():
    for scores, grades in every("listnet_loss"):
        value, _ = listnet_loss(*rows(scores, grades), target="gain")
        assert function("listnet_loss")(scores, grades) == pytest.approx(value, abs=1e-9)


def test_the_curve_agrees_with_the_course():
    for (outcomes,) in every("pool_adjacent"):
        place = np.arange(float(len(outcomes)))
        expected = Isotonic().fit(place, outcomes).probability(place)
        np.testing.assert_allclose(function("pool_adjacent")(outcomes), expected, atol=1e-12)


def test_the_examples_of_the_text_are_right():
    found = function("ranknet_gradient")([0, 0, 1], [2, 0, 1])
    np.testing.assert_allclose(found, [-1.2311, 0.7689, 0.4621], atol=1e-4)
    scores, grades = [0.2, 0.9, 0.5], [3, 0, 1]
    assert function("swap_weight")(scores, grades, 0, 1) == pytest.approx(0.4587, abs=5e-5)
    assert function("swap_weight")(scores, grades, 0, 2) == pytest.approx(0.1029, abs=5e-5)
    assert function("listnet_loss")([0, 0, math.log(2)], [2, 0, 1]) == pytest.approx(1.2130, abs=5e-5)
    assert function("pool_adjacent")([0, 1, 0, 0, 1]) == [0, 1 / 3, 1 / 3, 1 / 3, 1]


def test_the_example_of_the_chapter_is_right():
    def weight(i, j, gain):
        return delta_ndcg(*rows([3, 2, 1], [3, 0, 1]), gain=gain)[0, i, j]

    assert [round(weight(1, 2, g), 3) for g in ("exponential", "linear")] == [0.017, 0.036]
    assert [round(weight(0, 1, g), 3) for g in ("exponential", "linear")] == [0.339, 0.305]


def agrees(question: Code, solution: Callable, answer: Callable, arguments: tuple) -> bool:
    return question.agree(solution(*arguments), answer(*arguments), arguments) is None


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(3):
        inputs = every(name, seed)
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            with np.errstate(all="ignore"):
                same = all(agrees(question, solution, answer, one) for one in inputs if _fits(answer, one))
            assert not same, f"{wrong.name} passes, seed {seed}"


def _fits(answer: Callable, arguments: tuple) -> bool:
    try:
        answer(*arguments)
    except (ZeroDivisionError, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_comparing_takes_whatever_comes(name):
    question, solution = EXERCISE.question(name), function(name)
    arguments = drawn(name, "basic")[0]
    for odd in ODD:
        assert question.agree(solution(*arguments), odd, arguments) is not None, f"{odd!r:.40}"
