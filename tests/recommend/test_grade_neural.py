"""The exercise on neural recommendation: its solutions against the course's own code, its examples, its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.classroom.loading import load_exercise
from course_lib.recommend.neural import sampled_softmax
from course_lib.search.retrieval.vectors import ExactIndex

EXERCISE = load_exercise("recommend.neural")
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
    assert NAMES == ["corrected_softmax", "read_history", "serve_unseen"] and EXERCISE.max_points == 9
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_loss_agrees_with_the_course():
    for scores, items, q in drawn("corrected_softmax", "random"):
        log_q = torch.as_tensor(np.log(q))[torch.as_tensor(items)]
        ours = sampled_softmax(torch.as_tensor(scores), torch.as_tensor(items), log_q)
        assert function("corrected_softmax")(scores, items, q) == pytest.approx(float(ours))


def test_lists_agree_with_the_index():
    for user, vectors, bias, seen, k in drawn("serve_unseen", "random"):
        index = ExactIndex(4)
        index.add(np.arange(len(vectors)), np.column_stack([vectors, bias]))
        allowed = ~np.isin(np.arange(len(vectors)), seen)
        found = index.search(np.append(user, 1)[None], k, allowed=allowed)[0][0]
        assert function("serve_unseen")(user, vectors, bias, seen, k) == found[found >= 0].tolist()


def test_the_examples_of_the_text_are_right():
    loss = function("corrected_softmax")(np.zeros((2, 2)), np.array([0, 1]), np.array([0.8, 0.2]))
    assert loss == pytest.approx(0.916, abs=5e-4)
    vectors = np.array([[1.0, 0], [0, 1], [1, 1]])
    np.testing.assert_allclose(function("read_history")([0, 2, 2, 1], 1, vectors), [1, 0.5])
    np.testing.assert_allclose(function("read_history")([0, 2, 2, 1], -1, vectors), [2 / 3, 2 / 3])
    given = np.array([1, 0.2]), vectors, np.array([0, 0.5, -2]), [0]
    assert [function("serve_unseen")(*given, k) for k in (2, 1)] == [[1, 2], [1]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            found = [question.agree(solution(*given), answer(*given), given) for given in inputs]
            assert any(found), f"{wrong.name} passes with seed {seed}"
