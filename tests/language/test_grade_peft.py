"""The exercise on parameter-efficient fine-tuning: its solutions against the library, and its wrong answers apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code
from course_lib.language.peft import LoRALinear, keep_best, lora_size, merge, optimiser_bytes

EXERCISE = load_exercise("language.peft")
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


def test_every_question_teaches():
    assert NAMES == ["merge_lora", "lora_cost", "share_ranks"] and EXERCISE.max_points == 10
    for question in EXERCISE.questions:
        assert isinstance(question, Code) and question.uses == ("numpy",)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


@pytest.mark.parametrize("case", ["basic", "one", "square", "random"])
def test_merging_agrees_with_the_course(case):
    for W, A, B, alpha in drawn("merge_lora", case):
        base = nn.Linear(len(W[0]), len(W), bias=False).double()
        base.weight.data = torch.tensor(W, dtype=torch.float64)
        layer = LoRALinear(base, len(A), alpha, torch.tensor(A, dtype=torch.float64))
        layer.B.data = torch.tensor(B, dtype=torch.float64)
        merge(layer)
        np.testing.assert_allclose(function("merge_lora")(W, A, B, alpha), layer.base.weight.numpy(), atol=1e-12)


def test_the_cost_agrees_with_the_course():
    for shapes, rank in [*drawn("lora_cost", "random"), *drawn("lora_cost", "odd"), *drawn("lora_cost", "seven_billion")]:
        assert function("lora_cost")(shapes, rank) == (lora_size(shapes, rank), 8 * lora_size(shapes, rank))


def test_the_bytes_are_adam_s():
    layer = LoRALinear(nn.Linear(6, 9), 2, 4.0, torch.rand(2, 6))
    assert function("lora_cost")([(9, 6)], 2)[1] == optimiser_bytes(layer) - 2 * 4  # less its two step counters


@pytest.mark.parametrize("case", ["basic", "ties", "all", "nothing", "random", "random_ties"])
def test_ranks_agree_with_the_course(case):
    for scores, budget in drawn("share_ranks", case):
        kept = keep_best({str(n): torch.tensor(layer) for n, layer in enumerate(scores)}, budget)
        ranks = function("share_ranks")(scores, budget)
        assert ranks == [int(kept[str(n)].sum()) for n in range(len(scores))]
        assert sum(ranks) <= budget


def test_the_examples_of_the_text_are_right():
    assert function("merge_lora")([[1, 0], [0, 1]], [[1, 2]], [[3], [0]], 2) == [[7, 12], [0, 1]]
    assert function("lora_cost")([(8, 8), (16, 8)], 2) == (80, 640)
    assert function("share_ranks")([[0.9, 0.1, 0.4], [0.2, 0.3]], 2) == [2, 0]
    assert function("share_ranks")([[0.9, 0.1, 0.3], [0.2, 0.3]], 2) == [1, 0]


def agrees(question: Code, solution: Callable, answer: Callable, arguments: tuple) -> bool:
    try:
        return question.agree(solution(*arguments), answer(*arguments), arguments) is None
    except ValueError:  # the shapes don't fit
        return False


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer = function(name, wrong.code)
            assert not all(agrees(question, solution, answer, one) for one in inputs), f"{wrong.name} passes, seed {seed}"


@pytest.mark.parametrize("name", NAMES)
def test_comparing_takes_whatever_comes(name):
    question, solution = EXERCISE.question(name), function(name)
    arguments = drawn(name, "basic")[0]
    for odd in ODD:
        assert question.agree(solution(*arguments), odd, arguments) is not None, f"{odd!r:.40}"
