"""The exercise on tokenization: its solutions against the library's code, and its tolerances."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code
from course_lib.language import tokenization

EXERCISE = load_exercise("language.tokenization")
NAMES = [question.name for question in EXERCISE.questions]


def function(name: str, source: str | None = None) -> Callable:
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def drawn(name: str, case: str, seed: int = 0) -> list[tuple]:
    found = next(one for one in EXERCISE.question(name).cases if one.name == case)
    return found.arguments(np.random.default_rng(seed))


def test_every_question_teaches():
    assert NAMES == ["learn_merges", "longest_match", "best_cut"]
    assert EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        assert isinstance(question, Code)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))


def test_merges_agree_with_the_library_where_nothing_ties():
    learn, compared = function("learn_merges"), 0
    for seed in range(4):
        for counts, n in drawn("learn_merges", "random", seed):
            # Odd weights of their own make equal sums rare; where one is left, the rules may differ.
            counts = {word: 1_000_003 * times + 7**row for row, (word, times) in enumerate(counts.items())}
            ours, theirs = learn(counts, n), tokenization.bpe_train(counts, n)
            if ours[:1] == theirs[:1]:
                compared += 1
            assert len(ours) == len(theirs)
    assert compared > 80


def test_longest_match_agrees_with_the_library():
    for case in ("basic", "unknown", "greedy", "empty", "random", "odd"):
        for word, vocabulary in drawn("longest_match", case):
            assert function("longest_match")(word, vocabulary) == tokenization.longest_match(word, vocabulary)


@pytest.mark.parametrize("case", ["basic", "late", "random"])
def test_best_cut_agrees_with_the_library(case):
    for word, scores in drawn("best_cut", case):
        pieces, total = function("best_cut")(word, scores)
        theirs = tokenization.viterbi(word, scores)
        assert total == pytest.approx(sum(scores[piece] for piece in theirs)) and "".join(pieces) == word


def test_the_examples_of_the_text_are_right():
    assert function("learn_merges")({"mugs": 2, "hug": 1}, 2) == [("u", "g"), ("m", "ug")]
    vocabulary = {"head", "he", "##phone", "##s", "##ad"}
    assert function("longest_match")("headphones", vocabulary) == ["head", "##phone", "##s"]
    assert function("longest_match")("headset", vocabulary) == ["[UNK]"]
    assert function("best_cut")("aba", {"a": -1.0, "b": -3.0, "ab": -3.5, "ba": -2.0}) == (["a", "ba"], -3.0)


def test_another_cut_with_the_same_sum_is_right():
    agree, scores = EXERCISE.question("best_cut").agree, {"c": -3.0, "cc": -5.0}
    expected = function("best_cut")("ccc", scores)
    for got in ((["c", "cc"], -8.0), [["cc", "c"], np.float64(-8)]):
        assert agree(expected, got, ("ccc", scores)) is None


@pytest.mark.parametrize(("got", "words"), [
    (["c", "cc"], "tuple of two"), ((["c", "c", "c"], -8.0), "don't have the sum"), ((["cc"], -8.0), "spell"),
    ((["cc", "c"], -9.0), "another one"), (None, "tuple of two"), ((["cc", 3], -8.0), "spell"),
    ((3, -8.0), "tuple of two"), ((["x"], math.nan), "another one"),
])  # fmt: skip
def test_a_cut_is_told_what_is_wrong_with_it(got, words):
    scores = {"c": -3.0, "cc": -5.0}
    question = EXERCISE.question("best_cut")
    assert words in question.agree(function("best_cut")("ccc", scores), got, ("ccc", scores)).en
