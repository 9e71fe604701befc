"""The exercise on features: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.classroom.loading import load_exercise
from course_lib.language.features import mine_hard_negatives, normalise, pool, truncate

EXERCISE = load_exercise("language.features")
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
    assert NAMES == ["mean_pool_unit", "hard_negatives", "truncate_unit"] and EXERCISE.max_points == 8
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_solutions_agree_with_the_course():
    for hidden, mask in drawn("mean_pool_unit", "random") + drawn("mean_pool_unit", "nothing"):
        ours = normalise(pool(torch.tensor(hidden)[None], torch.tensor(mask)[None]).numpy())[0]
        np.testing.assert_allclose(function("mean_pool_unit")(hidden, mask), ours, atol=1e-5)
    for query, items, positives, k, skip in drawn("hard_negatives", "random"):
        if positives:
            ours = mine_hard_negatives(query[None], items, [positives], k=k, skip_top=skip)[0]
            assert function("hard_negatives")(query, items, positives, k, skip) == [r for r in ours.tolist() if r >= 0]
    for vectors, m in drawn("truncate_unit", "random") + drawn("truncate_unit", "zero"):
        np.testing.assert_allclose(function("truncate_unit")(vectors, m), truncate(vectors, m), atol=1e-6)


def test_the_examples_of_the_text_are_right():
    found = function("mean_pool_unit")(np.array([[2.0, 0], [4, 8], [9, 9]]), np.array([1, 1, 0]))
    np.testing.assert_allclose(found, [0.6, 0.8])
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.1]])
    assert function("hard_negatives")(np.array([1.0]), scores, {1}, 2, 1) == [2, 3]
    np.testing.assert_allclose(function("truncate_unit")(np.array([[0.36, 0.48, 0.8]]), 2), [[0.6, 0.8]])


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            found = [question.agree(solution(*given), answer(*given), given) for given in inputs]
            assert any(found), f"{wrong.name} passes with seed {seed}"
