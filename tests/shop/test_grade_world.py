"""The exercise on how a shop shows products: its answers against the course's own code and its own tables."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.classroom.literal import read_literal
from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Choice, Code, Number
from course_lib.shop.log import Log
from course_lib.shop.world import DisplayRules, Request, Stage, funnel, stage_losses

EXERCISE = load_exercise("shop.world")
CODE = [question.name for question in EXERCISE.questions if isinstance(question, Code)]
KINDS = ("impression", "click", "cart", "purchase")


def function(name: str, source: str | None = None):
    """The solution of a question, or another answer to it, as a learner's cell would define it."""
    namespace: dict = {}
    exec(EXERCISE.master.setup, namespace)
    exec(source or EXERCISE.master.questions[name].solution, namespace)
    return namespace[name]


def answer(name: str):
    return read_literal(EXERCISE.master.questions[name].solution, name)


def drawn(name: str, case: str, seed: int = 0) -> list[tuple]:
    found = next(one for one in EXERCISE.question(name).cases if one.name == case)
    return found.arguments(np.random.default_rng(seed))


def inputs(name: str, seed: int = 0) -> list[tuple]:
    return [arguments for case in EXERCISE.question(name).cases for arguments in drawn(name, case.name, seed)]


def test_every_question_teaches():
    kinds = {question.name: type(question) for question in EXERCISE.questions}
    assert kinds == {"which_log": Choice, "worth_of_a_point": Number, "funnel_rates": Code, "page_fill": Code,
                     "display_list": Code}  # fmt: skip
    assert EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        prompt = EXERCISE.master.questions[question.name].prompt
        assert "**Task.**" in prompt
        assert ("**Contract.**" if isinstance(question, Code) else "**Form.**") in prompt
        assert len(question.hints) >= 3 and len(question.wrong) >= 5


def test_the_choice_is_that_of_the_table():
    question = EXERCISE.question("which_log")
    prompt = EXERCISE.master.questions[question.name].prompt
    assert "".join(re.findall(r"^\| ([a-z]) \|", prompt, re.MULTILINE)) == question.options
    right = set(answer(question.name))
    given = [set(read_literal(wrong.code, question.name)) for wrong in question.wrong]
    assert right not in given
    assert all({letter} in [one - right for one in given] for letter in set(question.options) - right)


def test_the_worth_is_that_of_the_text():
    question = EXERCISE.question("worth_of_a_point")
    prompt = EXERCISE.master.questions[question.name].prompt
    fill, sales = zip(*re.findall(r"^\| [a-z ]+ \| (\d+) % \| ([\d,]+) \|$", prompt, re.MULTILINE))
    (fill, full), (now, best) = map(int, fill), (int(number.replace(",", "")) for number in sales)
    lifted = int(re.search(r"lifts page fill to (\d+) %", prompt)[1])
    cost = float(re.search(r"costs ([\d.]+) per search", prompt)[1])
    margin = int(re.search(r"keeps (\d+) % of its sales", prompt)[1]) / 100
    assert "two million searches a year" in prompt
    thousands = 2_000
    gained = (best - now) * (lifted - fill) / (full - fill)
    assert answer(question.name) == pytest.approx(thousands * (gained * margin - 1_000 * cost))
    apart = sorted([answer(question.name), *(read_literal(one.code, question.name) for one in question.wrong)])
    assert min(np.diff(apart)) > 4 * question.tolerance


def test_the_examples_of_the_text_are_right():
    events = [("impression", 0, 9.0), ("impression", 1, 12.0), ("impression", 0, 9.0),
              ("click", 1, 12.0), ("cart", 1, 12.0), ("purchase", 1, 12.0)]  # fmt: skip
    assert list(function("funnel_rates")(events).values()) == [pytest.approx(1 / 3), 1, 1, 12, 6]
    stages = [["a", "x", "b", "c"], ["x", "c"], ["x"]]
    assert function("page_fill")(stages, {"a", "b", "c"}, 2) == [1.0, 0.5, 0.0]
    brand = {"a": "Lumo", "b": "Lumo", "c": "Lumo", "d": "", "e": ""}
    assert function("display_list")(list("abcde"), brand, set("bcde"), 1, 3) == ["b", "d", "e"]


@pytest.mark.parametrize("seed", range(3))
def test_the_funnel_is_that_of_the_course(seed):
    for (events,) in drawn("funnel_rates", "random", seed):
        kind, place, price = (np.array(column) for column in zip(*events))
        rows = np.array([KINDS.index(one) for one in kind])
        zero = np.zeros(len(events), dtype=np.int64)
        same = dict.fromkeys(("event", "timestamp", "user", "item", "query", "session", "propensity"), zero)
        ours = funnel(Log(**same, kind=rows, position=place, price=price, n_users=1, n_items=1, n_queries=0))
        theirs = function("funnel_rates")(events)
        assert all(theirs[name] == pytest.approx(ours.rates[name].value) for name in theirs)
        product = math.prod(theirs[name] for name in list(theirs)[:4])
        assert theirs["value per page"] == pytest.approx(product * ours.rates["impressions per page"].value)


@pytest.mark.parametrize("seed", range(3))
def test_the_fill_is_that_of_the_course(seed):
    for stages, wanted, places in drawn("page_fill", "random", seed):
        rows = {item: row for row, item in enumerate(sorted({*wanted, *(one for left in stages for one in left)}))}
        chain = [Stage(str(n), lambda r, _, left=left: np.array([rows[one] for one in left]), len(left))
                 for n, left in enumerate(stages)]  # fmt: skip
        ours = stage_losses([Request("q", 0)], chain, [np.array([rows[w] for w in wanted])], len(rows), places=places)
        assert function("page_fill")(stages, wanted, places) == pytest.approx(ours[0].tolist())


@pytest.mark.parametrize("seed", range(3))
def test_the_page_is_that_of_the_course(seed):
    for ranked, brand, in_stock, per_brand, places in inputs("display_list", seed):
        rules = DisplayRules([brand[one] for one in ranked], np.array([one in in_stock for one in ranked], dtype=bool),
                             per_brand)  # fmt: skip
        page = [ranked[row] for row in rules(SimpleNamespace(), np.arange(len(ranked)))[:places]]
        assert function("display_list")(ranked, brand, in_stock, per_brand, places) == page


@pytest.mark.parametrize("name", CODE)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(4):
        given = inputs(name, seed)
        right = [solution(*arguments) for arguments in given]
        came = {one.name: [function(name, one.code)(*arguments) for arguments in given] for one in question.wrong}

        def alike(one, other, given=given):
            return all(question.agree(x, y, a) is None for x, y, a in zip(one, other, given, strict=True))

        for wrong, values in came.items():
            assert not alike(right, values), f"{wrong} passes with seed {seed}"
            assert not [o for o in came if o != wrong and alike(came[o], values)], f"{wrong} looks like another"


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("odd", [None, "ab", 1.5, [None], {"a"}, {"a": "b"}, math.nan, np.array(["a"])])
def test_comparing_takes_whatever_comes(name, odd):
    arguments = drawn(name, "basic")[0]
    assert EXERCISE.question(name).agree(function(name)(*arguments), odd, arguments) is not None
