"""The exercise on fine-tuning: its solutions against libraries and our own code, and its examples."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import f1_score

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code

EXERCISE = load_exercise("language.finetuning")
NAMES = [question.name for question in EXERCISE.questions]


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


def test_every_question_teaches():
    assert NAMES == ["info_nce", "macro_f1", "best_temperature"]
    assert EXERCISE.max_points == 10
    for question in EXERCISE.questions:
        assert isinstance(question, Code)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


@pytest.mark.parametrize("case", ["basic", "query", "product", "one", "apart", "shared"])
def test_info_nce_agrees_with_the_course(case):
    torch = pytest.importorskip("torch")
    from course_lib.language.finetuning import info_nce

    for scores, queries, products, temperature in drawn("info_nce", case):
        numbers = [np.unique(side, return_inverse=True)[1].reshape(-1) for side in (queries, products)]
        q = torch.tensor(scores, dtype=torch.float64)
        ours = info_nce(q, torch.eye(len(q), dtype=torch.float64), temperature,
                        torch.tensor(np.stack(numbers, axis=1)), symmetric=False)  # fmt: skip
        assert function("info_nce")(scores, queries, products, temperature) == pytest.approx(float(ours), abs=1e-9)


@pytest.mark.parametrize("case", ["basic", "never_guessed", "never_true", "random", "few"])
def test_macro_f1_agrees_with_scikit_learn(case):
    for truth, guess in drawn("macro_f1", case):
        theirs = f1_score(truth, guess, labels=sorted(set(truth)), average="macro", zero_division=0)
        assert function("macro_f1")(truth, guess) == pytest.approx(theirs)
    assert math.isnan(function("macro_f1")([], []))


@pytest.mark.parametrize("case", ["basic", "single", "random", "wild"])
def test_the_best_temperature_is_clearly_the_best(case):
    for seed in range(3):
        for logits, targets, grid in drawn("best_temperature", case, seed):
            rows = np.arange(len(targets))
            found = {t: -log_softmax(logits / t, axis=1)[rows, targets].mean() for t in grid}
            best = min(found, key=found.get)
            assert function("best_temperature")(logits, targets, grid) == best
            assert all(found[best] < value - 1e-6 for t, value in found.items() if t != best)


def test_the_examples_of_the_text_are_right():
    nce, scores = function("info_nce"), np.array([[0.5, 0.0], [0.2, 0.2]])
    assert nce(scores, ["a", "b"], ["x", "y"], 0.5) == pytest.approx(0.5032, abs=5e-5)
    assert nce(scores, ["a", "a"], ["x", "y"], 0.5) == 0
    assert function("macro_f1")(list("EIII"), list("IIII")) == pytest.approx(0.4286, abs=5e-5)
    assert function("best_temperature")(np.array([[2.0, 0], [2, 0]]), [0, 1], [1, 4]) == 4


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            with np.errstate(all="ignore"):
                right = [question.agree(solution(*one), answer(*one), one) is None for one in inputs]
            assert not all(right), f"{wrong.name} passes with seed {seed}"
