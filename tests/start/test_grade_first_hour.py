"""The exercise on the first hour: its answers against the course's own code and its own tables."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from course_lib.classroom.literal import read_literal
from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Choice, Code, Number

EXERCISE = load_exercise("start.first_hour")
FUSION = EXERCISE.question("reciprocal_rank_fusion")


def fuse(words, meaning, c):
    """The solution, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup + "\n" + EXERCISE.master.questions[FUSION.name].solution, namespace)
    return namespace[FUSION.name](words, meaning, c)


def answer(name: str):
    return read_literal(EXERCISE.master.questions[name].solution, name)


def inputs(seed: int = 0) -> list[tuple]:
    generator = np.random.default_rng(seed)
    return [arguments for case in FUSION.cases for arguments in case.arguments(generator)]


def test_every_question_teaches():
    kinds = {question.name: type(question) for question in EXERCISE.questions}
    assert kinds == {"broken_stage": Choice, "mean_recall": Number, "supported": Choice, "reciprocal_rank_fusion": Code}
    assert EXERCISE.max_points == 7
    for question in EXERCISE.questions:
        prompt = EXERCISE.master.questions[question.name].prompt
        assert "**Task.**" in prompt
        assert ("**Contract.**" if isinstance(question, Code) else "**Form.**") in prompt
        assert len(question.hints) >= 2 and len(question.wrong) >= 5


@pytest.mark.parametrize("name", ["broken_stage", "supported"])
def test_options_are_those_of_the_table(name):
    prompt = EXERCISE.master.questions[name].prompt
    assert "".join(re.findall(r"^\| ([a-z]) \|", prompt, re.MULTILINE)) == EXERCISE.question(name).options


def test_every_wrong_option_is_foreseen():
    stage = EXERCISE.question("broken_stage")
    foreseen = {read_literal(wrong.code, stage.name) for wrong in stage.wrong}
    assert foreseen == set(stage.options) - {answer(stage.name)}
    supported = EXERCISE.question("supported")
    right = set(answer(supported.name))
    extra = [set(read_literal(wrong.code, supported.name)) - right for wrong in supported.wrong]
    assert all({letter} in extra for letter in set(supported.options) - right)
    assert right not in [set(read_literal(wrong.code, supported.name)) for wrong in supported.wrong]


def test_the_recall_is_that_of_the_table():
    question = EXERCISE.question("mean_recall")
    prompt = EXERCISE.master.questions[question.name].prompt
    rows = re.findall(r"^\| [a-z ]+ \| (\d+) \| ([^|]+) \|$", prompt, re.MULTILINE)
    assert len(rows) == 3
    places = [[int(one) for one in re.findall(r"\d+", shown)] for _, shown in rows]
    recalls = [sum(place <= 10 for place in shown) / int(n) for (n, _), shown in zip(rows, places, strict=True)]
    assert answer(question.name) == pytest.approx(sum(recalls) / 3)
    assert all(len(shown) <= int(n) for (n, _), shown in zip(rows, places, strict=True))
    assert abs(round(answer(question.name), 2) - answer(question.name)) < question.tolerance  # two digits will do
    wrong = [read_literal(one.code, question.name) for one in question.wrong]
    apart = sorted([answer(question.name), *wrong])
    assert min(np.diff(apart)) > 4 * question.tolerance


def test_the_example_of_the_fusion_is_right():
    words, meaning = ["tent", "rope", "stove"], ["rope", "lantern"]
    assert fuse(words, meaning, 1) == ["rope", "tent", "lantern", "stove"]
    assert "`" + str(fuse(words, meaning, 1)).replace("'", '"') + "`" in EXERCISE.master.questions[FUSION.name].prompt
    assert all(words != arguments[0] for arguments in inputs())


@pytest.mark.parametrize("seed", range(3))
def test_the_fusion_is_that_of_the_course(seed):
    from course_lib import Ranking
    from course_lib.core.ids import IdMap
    from course_lib.search.retrieval import reciprocal_rank_fusion

    for words, meaning, c in inputs(seed):
        items = IdMap("item", sorted({*words, *meaning, "~"}))  # catalogue rows in alphabetical order, for the ties
        width = max(len(words), len(meaning), 1)
        key = IdMap("query", ["q"])

        def ranking(ids, items=items, width=width, key=key):
            rows = np.full((1, width), -1)
            rows[0, : len(ids)] = items.rows(ids) if ids else []
            return Ranking(rows, np.zeros((1, width), dtype=np.float32), key, items)

        fused = reciprocal_rank_fusion([ranking(words), ranking(meaning)], 2 * width, c=c)
        assert fuse(words, meaning, c) == fused.public_ids(0)


@pytest.mark.parametrize("seed", range(3))
def test_no_order_hangs_on_rounding(seed):
    from fractions import Fraction

    for words, meaning, c in inputs(seed):
        score = {item: sum((Fraction(1, c + shown.index(item) + 1) for shown in (words, meaning) if item in shown),
                           Fraction(0)) for item in {*words, *meaning}}  # fmt: skip
        assert fuse(words, meaning, c) == sorted(score, key=lambda item: (-score[item], item))


@pytest.mark.parametrize("odd", [None, "ab", ["a"], {"a"}, [1, 2], [["a"]], math.nan, np.array(["a"])])
def test_comparing_takes_whatever_comes(odd):
    words, meaning, c = inputs()[0]
    assert FUSION.agree(fuse(words, meaning, c), odd, (words, meaning, c)) is not None
