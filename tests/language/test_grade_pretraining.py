"""The exercise on pretraining: its solutions against libraries and the course, its tolerances, its wrong answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code

EXERCISE = load_exercise("language.pretraining")
NAMES = [question.name for question in EXERCISE.questions]
ODD = [None, True, "x", math.nan, math.inf, 10**5_000, [], [1], [None, "x"], [[1], [2]], {"a": 1}, {1, 2},
       np.zeros(2), np.zeros((2, 2)), np.array(3.0), object(), ([0.5], "x"), ([1], None), (np.zeros((2, 2)), [1])]  # fmt: skip


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
    assert NAMES == ["mask_rule", "causal_perplexity", "corrupt_spans"] and EXERCISE.max_points == 10
    for question in EXERCISE.questions:
        assert isinstance(question, Code)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))
        assert '"""' in EXERCISE.master.questions[question.name].stub


def test_perplexity_is_that_of_transformers():
    import torch
    from transformers.loss.loss_utils import ForCausalLMLoss

    perplexity = function("causal_perplexity")
    for case in ("basic", "padded", "random"):
        for logits, labels in drawn("causal_perplexity", case):
            if not (labels[:, 1:] != -100).any():
                assert math.isnan(perplexity(logits, labels))
                continue
            z, y = torch.tensor(logits.copy(), dtype=torch.float64), torch.tensor(labels.copy())
            theirs = ForCausalLMLoss(z, y, vocab_size=z.shape[-1])
            assert perplexity(logits, labels) == pytest.approx(math.exp(float(theirs)), rel=1e-5)


def test_large_logits_change_nothing():
    perplexity = function("causal_perplexity")
    for logits, labels in drawn("causal_perplexity", "random", 3):
        if (labels[:, 1:] != -100).any():
            assert perplexity(logits + 3000.0, labels) == pytest.approx(perplexity(logits, labels))


def test_spans_agree_with_the_course_and_come_back():
    from course_lib.language.pretraining import corrupt, restore

    spans = function("corrupt_spans")
    for case in ("basic", "ends", "nothing", "random"):
        for ids, hidden, sentinels in drawn("corrupt_spans", case):
            source, target = spans(ids, hidden, sentinels)
            assert (source, target) == corrupt(ids, hidden, sentinels) and restore(source, target, sentinels) == ids


@pytest.mark.parametrize("seed", range(3))
def test_the_masking_rule_keeps_its_promises(seed):
    rule = function("mask_rule")
    for ids, special, draw, fate, other, mask_id, share in drawn("mask_rule", "random", seed):
        seen, labels = rule(ids, special, draw, fate, other, mask_id, share)
        for i, x in enumerate(ids):
            assert labels[i] == (x if draw[i] < share and not special[i] else -100)
            assert seen[i] == x if labels[i] == -100 else seen[i] in (x, mask_id, other[i])


def test_the_masking_rule_is_the_courses():
    import torch

    from course_lib.language.pretraining import replace

    n, random = 400, torch.Generator().manual_seed(0)
    ids, words = torch.arange(100, 100 + n)[None], torch.arange(1000, 2000)
    chosen = torch.rand((1, n), generator=random) < 0.5
    state = random.get_state()
    fate = torch.rand((1, n), generator=random)
    other = words[torch.randint(len(words), (1, n), generator=random)]
    random.set_state(state)
    theirs = replace(ids, chosen, 4, words, random)[0].tolist()
    draws = (~chosen[0]).double().tolist()  # 0 where chosen
    rest = (fate[0].tolist(), other[0].tolist(), 4, 0.5)
    assert function("mask_rule")(ids[0].tolist(), [False] * n, draws, *rest)[0] == theirs


def test_the_examples_of_the_text_are_right():
    rule = function("mask_rule")
    seen, labels = rule([1, 40, 41, 42, 2], [True, False, False, False, True], [0.0, 0.1, 0.05, 0.9, 0.0],
                        [0.5, 0.3, 0.95, 0.1, 0.5], [60, 61, 62, 63, 64], 4, 0.15)  # fmt: skip
    assert seen == [1, 4, 62, 42, 2] and labels == [-100, 40, 41, -100, -100]
    logits = np.array([[[math.log(3), 0], [0, math.log(3)], [5, 5]]])
    assert function("causal_perplexity")(logits, np.array([[1, 0, 1]])) == pytest.approx(4 / 3)
    marks = [False, True, True, False, False, True]
    found = function("corrupt_spans")([30, 31, 32, 33, 34, 35], marks, [90, 91, 92, 93])
    assert found == ([30, 90, 33, 34, 91], [90, 31, 32, 91, 35, 92])


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)

    def outcomes(answer: Callable, inputs: list[tuple]) -> list[object]:
        with np.errstate(all="ignore"):
            return [answer(*arguments) for arguments in inputs]

    def alike(one: list[object], other: list[object], inputs: list[tuple]) -> bool:
        return all(question.agree(x, y, a) is None for x, y, a in zip(one, other, inputs, strict=True))

    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        right = outcomes(solution, inputs)
        given = {wrong.name: outcomes(function(name, wrong.code), inputs) for wrong in question.wrong}
        for wrong, came in given.items():
            assert not alike(right, came, inputs), f"{wrong} passes with seed {seed}"
            others = [other for other in given if other != wrong and alike(given[other], came, inputs)]
            assert not others, f"{wrong} looks like {others} with seed {seed}"


@pytest.mark.parametrize("name", NAMES)
def test_comparing_takes_whatever_comes(name):
    question, solution = EXERCISE.question(name), function(name)
    arguments = drawn(name, "basic")[0]
    for odd in ODD:
        assert question.agree(solution(*arguments), odd, arguments) is not None, f"{odd!r:.40}"


@pytest.mark.parametrize("name", ["mask_rule", "corrupt_spans"])
def test_arrays_may_stand_for_lists(name):
    question, solution = EXERCISE.question(name), function(name)
    for case in question.cases:
        for arguments in drawn(name, case.name):
            one, other = solution(*arguments)
            got = (np.array(one, dtype=np.int64), np.array(other, dtype=np.int32))
            assert question.agree((one, other), got, arguments) is None
            assert question.agree((one, other), [one, other], arguments) is None


def test_the_part_that_differs_is_named():
    question = EXERCISE.question("corrupt_spans")
    arguments = drawn(question.name, "basic")[0]
    source, target = function(question.name)(*arguments)
    assert question.agree((source, target), (source, target[:-1]), arguments).en.startswith("target: ")
    assert question.agree((source, target), (source[:-1], target), arguments).en.startswith("source: ")
