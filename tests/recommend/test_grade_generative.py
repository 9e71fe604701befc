"""The exercise on generating: its solutions against the course's own code, its examples, and its wrong answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.recommend.generative import ResidualKMeans, Trie, beam_search
from course_lib.recommend.generative.beam import log_share

EXERCISE = load_exercise("recommend.generative")
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
    assert NAMES == ["residual_codes", "next_chances", "beam_step"] and EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_the_codes_are_those_of_the_course():
    vectors = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    model = ResidualKMeans(3, 5).fit(vectors)
    for vector, codes in zip(vectors, model.encode(vectors)):
        found, rest = function("residual_codes")(vector.tolist(), model.centres.tolist())
        assert found == codes.tolist()
        np.testing.assert_allclose(rest, vector - model.decode(codes[None])[0], atol=1e-5)


def test_the_chances_are_those_of_the_trie():
    for words, written, scores in drawn("next_chances", "random"):
        allowed = Trie(np.array(words)).allowed(written)
        expected = np.zeros(len(scores))
        if len(allowed):
            expected[allowed] = np.exp(log_share(np.array(scores)[allowed]))
        np.testing.assert_allclose(function("next_chances")(words, written, scores), expected, atol=1e-12)


@pytest.mark.parametrize("width", [1, 3, 9])
def test_steps_make_the_search_of_the_course(width):
    rng = np.random.default_rng(width)
    words = np.unique(rng.integers(4, size=(20, 3)), axis=0)
    table = rng.normal(size=(5, 5, 4))

    def logits(prefixes):
        return np.stack([table[(*(prefix + 1).tolist(), *[0] * (2 - len(prefix)))] if len(prefix) else table[0, 0]
                         for prefix in prefixes])  # fmt: skip

    beams = [([], 0.0)]
    for _ in range(3):
        chances = [function("next_chances")(words.tolist(), p, logits(np.array([p], dtype=int))[0].tolist()) for p, _ in beams]
        beams = function("beam_step")(beams, chances, width)
    items, scores = beam_search(logits, Trie(words), width)
    assert words[items].tolist() == [p for p, _ in beams]
    np.testing.assert_allclose(scores, [s for _, s in beams])


def test_the_examples_of_the_text_are_right():
    found = function("residual_codes")([5, 1], [[[0, 0], [4, 0]], [[2, 0], [0, 1]]])
    assert found == ([1, 1], [1.0, 0.0])
    assert function("next_chances")([[0, 2], [0, 1], [1, 0]], [0], [9, 0, 0]) == [0.0, 0.5, 0.5]
    found = function("beam_step")([([0], math.log(0.6)), ([1], math.log(0.4))], [[0.5, 0.5], [0.0, 1.0]], 2)
    assert [codes for codes, _ in found] == [[1, 1], [0, 0]]
    assert [s for _, s in found] == pytest.approx([math.log(0.4), math.log(0.3)])


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        for wrong in question.wrong:
            answer, found = function(name, wrong.code), []
            for given in inputs:
                with np.errstate(all="ignore"):
                    try:
                        found.append(question.agree(solution(*given), answer(*given), given))
                    except (ZeroDivisionError, IndexError, ValueError) as error:
                        found.append(error)
            assert any(found), f"{wrong.name} passes with seed {seed}"
