"""The exercise on the second stage: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.classroom.loading import load_exercise
from course_lib.recommend.ranking import TargetAttention, count_before, expected_value, undo_sampling

EXERCISE = load_exercise("recommend.ranking")
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
    assert NAMES == ["rates_before", "interest", "order_by_money"] and EXERCISE.max_points == 10
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_rates_are_those_of_the_course():
    for showings, questions, m, u in drawn("rates_before", "random"):
        number = {name: row for row, name in enumerate(("mug", "lamp", "shoe"))}
        key = np.array([number[name] for name, _, _ in showings])
        day, hit = np.array([d for _, d, _ in showings]), np.array([c for _, _, c in showings], dtype=bool)
        asked, on = np.array([number[name] for name, _ in questions]), np.array([d for _, d in questions])
        n, c = count_before(key, day, asked, on), count_before(key[hit], day[hit], asked, on)
        np.testing.assert_allclose(function("rates_before")(showings, questions, m, u), (c + m * u) / (n + m))


def test_interest_is_that_of_the_course():
    for history, real, target, first, bias, second in drawn("interest", "random"):
        layer = TargetAttention(len(target), len(bias)).double()
        with torch.no_grad():
            layer.unit[0].weight.copy_(torch.from_numpy(first))
            layer.unit[0].bias.copy_(torch.from_numpy(bias))
            layer.unit[1].weight.zero_()  # PReLU of slope 0 is ReLU
            layer.unit[2].weight.copy_(torch.from_numpy(second)[None])
            layer.unit[2].bias.zero_()
            ours = layer(*(torch.from_numpy(one)[None] for one in (history, target, real)))[0].numpy()
        np.testing.assert_allclose(function("interest")(history, real, target, first, bias, second), ours, atol=1e-9)


def test_money_is_that_of_the_course():
    for q, buy, price, share in drawn("order_by_money", "random") + drawn("order_by_money", "basic"):
        value = expected_value(undo_sampling(np.array(q), share), np.array(buy), np.array(price))
        order, found = function("order_by_money")(q, buy, price, share)
        np.testing.assert_allclose(found, value)
        assert order == np.argsort(-np.array(found), kind="stable").tolist()


def test_the_examples_of_the_text_are_right():
    log = [("mug", 1, 1), ("mug", 2, 0), ("mug", 3, 1)]
    assert function("rates_before")(log, [("mug", 3), ("mug", 1)], 4.0, 0.1) == pytest.approx([1.4 / 6, 0.1])
    history, real = np.array([[1.0], [3.0]]), np.array([True, True])
    found = function("interest")(
        history, real, np.array([2.0]), np.array([[0.0, 0, 1, 0]]), np.zeros(1), np.array([0.5])
    )
    assert found == pytest.approx([10])
    order, value = function("order_by_money")([0.5, 0.8], [0.02, 0.02], [10.0, 4.0], 0.1)
    assert order == [1, 0] and value == pytest.approx([0.01818, 0.02286], abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer, found = function(name, wrong.code), []
            for given in inputs:
                try:
                    found.append(question.agree(solution(*given), answer(*given), given))
                except ZeroDivisionError as error:
                    found.append(error)
            assert any(found), f"{wrong.name} passes with seed {seed}"
