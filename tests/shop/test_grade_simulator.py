"""The exercise on the simulated shop: its answers against libraries, the simulator's own code, and its own text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from course_lib import Shop
from course_lib.classroom.literal import read_literal
from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Choice, Code, Number
from course_lib.shop.log import CLICK, IMPRESSION, Log, read_log
from course_lib.shop.simulator import Parameters, credibility, learnability, simulate

EXERCISE = load_exercise("shop.simulator")
CODE = [question.name for question in EXERCISE.questions if isinstance(question, Code)]


def function(name: str, source: str | None = None) -> Callable:
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


@pytest.fixture(scope="module")
def shop() -> Shop:
    """One page a session, so that a click belongs to its impression without doubt; many pages are shuffled."""
    one_page = Parameters(further_pages=0.0, randomised=0.3)
    return Shop(**simulate(300, 1_500, 60, 60, 2, "en", one_page))


@pytest.fixture(scope="module")
def log(shop) -> Log:
    return read_log(shop)


def test_every_question_teaches():
    kinds = {question.name: type(question) for question in EXERCISE.questions}
    assert kinds == {
        "mixture_propensity": Number, "simulator_claims": Choice, "zipf_exponent": Code, "examination_curve": Code,
        "weighted_click_rate": Code,
    }  # fmt: skip
    assert EXERCISE.max_points == 11
    for question in EXERCISE.questions:
        prompt = EXERCISE.master.questions[question.name].prompt
        assert "**Task.**" in prompt and len(question.hints) >= 2 and len(question.wrong) >= 5
        if isinstance(question, Code):
            assert all(part in prompt for part in ("**Example.**", "**Contract.**", "**In the shop.**"))
            assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
            assert all(case.advice for case in question.cases if not case.hidden)
        else:
            assert "**Form.**" in prompt


# -- number and choice ------------------------------------------------------------------------------------------------


def test_the_propensity_is_that_of_pages_drawn_at_random():
    """The shop of the task, played 400,000 times."""
    rng, n = np.random.default_rng(0), 400_000
    shuffled = rng.random(n) < 1 / 5
    first_of_list = rng.integers(8, size=n) < 3  # three of eight lists begin with Lux
    first_of_stock = rng.integers(40 - 24, size=n) == 0
    played = np.where(shuffled, first_of_stock, first_of_list).mean()
    assert answer("mixture_propensity") == pytest.approx(played, abs=0.003)
    question = EXERCISE.question("mixture_propensity")
    assert abs(round(answer(question.name), 3) - answer(question.name)) < question.tolerance  # three digits will do
    apart = sorted([answer(question.name), *(read_literal(one.code, question.name) for one in question.wrong)])
    assert min(np.diff(apart)) > 4 * question.tolerance


def test_the_example_of_the_propensity_is_right():
    prompt = EXERCISE.master.questions["mixture_propensity"].prompt
    assert f"= {0.9 / 4 + 0.1 / 25:.3f}" in prompt


def test_the_propensity_of_a_real_line_is_made_in_the_same_way(shop, log):
    truth = shop.truth
    shown = log.kind == IMPRESSION
    eighths = truth.production_propensity[shown] * 8  # eight prepared lists
    assert np.allclose(eighths, np.round(eighths), atol=1e-4)
    share, uniform = truth.randomised_share, truth.random_propensity[shown]
    assert np.allclose((1 - share) * np.round(eighths) / 8 + share * uniform, log.propensity[shown], atol=1e-6)


def test_options_are_those_of_the_table_and_every_wrong_one_is_foreseen():
    question = EXERCISE.question("simulator_claims")
    prompt = EXERCISE.master.questions[question.name].prompt
    assert "".join(re.findall(r"^\| ([a-z]) \|", prompt, re.MULTILINE)) == question.options
    right = set(answer(question.name))
    given = [set(read_literal(wrong.code, question.name)) for wrong in question.wrong]
    extra = [one - right for one in given]
    assert right not in given and all({letter} in extra for letter in set(question.options) - right)


# -- the solutions against libraries and against the simulator --------------------------------------------------------


@pytest.mark.parametrize("case", ["basic", "cut", "random"])
def test_the_exponent_agrees_with_scipy(case):
    for counts, ranks in drawn("zipf_exponent", case):
        kept = [count for count in sorted(counts)[::-1][:ranks] if count]
        theirs = -stats.linregress(np.log(np.arange(1, len(kept) + 1)), np.log(kept)).slope
        assert function("zipf_exponent")(counts, ranks) == pytest.approx(theirs, abs=1e-9)


def test_the_exponent_is_that_of_the_simulator(shop, log):
    clicks = credibility.popularity(shop, log)["clicks"]
    ours = function("zipf_exponent")(clicks.tolist(), max(30, len(clicks) // 5))
    assert ours == pytest.approx(credibility.zipf_exponent(clicks)) and ours > 0.3


def test_an_exponent_that_was_put_in_comes_out():
    counts = [round(1e6 * rank**-0.8) for rank in range(1, 200)]
    np.random.default_rng(0).shuffle(counts)
    assert function("zipf_exponent")(counts, 150) == pytest.approx(0.8, abs=1e-3)


def shown_and_clicked(log: Log, chosen: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Rows of the impressions among the chosen events, and whether each was clicked."""
    page = log.session * 1_000 + log.position
    clicked = np.isin(page, page[chosen & (log.kind == CLICK)])
    rows = np.flatnonzero(chosen & (log.kind == IMPRESSION))
    return rows, clicked[rows].astype(int).tolist()


def test_the_curve_is_that_of_the_simulator(shop, log):
    length = len(shop.truth.examination)
    full = np.bincount(log.session[log.kind == IMPRESSION])[log.session] == length
    rows, clicked = shown_and_clicked(log, full)
    positions, shuffled = log.position[rows].tolist(), shop.truth.randomised[rows].astype(int).tolist()
    curve = function("examination_curve")(list(zip(positions, clicked, shuffled)), length)
    theirs = credibility.click_rate_by_position(shop, log)["randomised"]
    assert curve == pytest.approx((theirs / theirs[0]).tolist())
    assert np.abs(np.array(curve) - shop.truth.examination).max() < 0.12  # and near the truth


def test_the_click_rate_is_that_of_the_simulator(shop, log):
    """The production ranker, from the first places of the shuffled pages, as the chapter estimates it."""
    rows, clicked = shown_and_clicked(log, shop.truth.randomised & (log.position == 0))
    new, old = (part[rows].tolist() for part in (shop.truth.production_propensity, shop.truth.random_propensity))
    theirs = learnability.off_policy(shop, log)["weighted"]
    assert sum(clicked) > 100
    assert function("weighted_click_rate")(clicked, new, old, 1e9) == pytest.approx(theirs, rel=1e-5)  # float32


@pytest.mark.parametrize("case", ["basic", "never", "random", "same"])
def test_the_click_rate_agrees_with_numpy(case):
    for clicked, new, old, cap in drawn("weighted_click_rate", case):
        weights = np.minimum(np.array(new) / np.array(old), cap)
        ours = function("weighted_click_rate")(clicked, new, old, cap)
        assert ours == pytest.approx(np.average(clicked, weights=weights)) and 0 <= ours <= 1
        if case == "same":
            assert ours == pytest.approx(np.mean(clicked))


def test_the_weighted_rate_finds_a_ranker_that_was_never_live():
    """Two products, one liked: the old ranker mostly shows the wrong one, the new one the right one."""
    rng = np.random.default_rng(0)
    right = rng.random(40_000) < 0.2
    clicked = (rng.random(40_000) < np.where(right, 0.5, 0.1)).astype(int)
    old, new = np.where(right, 0.2, 0.8), np.where(right, 0.9, 0.1)
    rate = function("weighted_click_rate")(clicked.tolist(), new.tolist(), old.tolist(), 100)
    assert rate == pytest.approx(0.9 * 0.5 + 0.1 * 0.1, abs=0.02) and clicked.mean() < 0.2


def test_the_examples_of_the_text_are_right():
    assert function("zipf_exponent")([25, 100, 50], 3) == pytest.approx(1.234, abs=5e-4)
    assert function("zipf_exponent")([25, 100, 50], 2) == pytest.approx(1)
    shown = [(0, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 1), (1, 1, 1), (1, 0, 1), (1, 0, 1), (1, 0, 1), (1, 1, 0)]
    assert function("examination_curve")(shown, 2) == [1.0, 0.5]
    rate = function("weighted_click_rate")([1, 0, 1], [0.6, 0.2, 0.5], [0.2, 0.4, 0.1], 4)
    assert rate == pytest.approx(0.9333, abs=5e-5)


def test_what_is_undefined_is_nan():
    assert math.isnan(function("zipf_exponent")([5], 3))
    assert all(math.isnan(value) for value in function("examination_curve")([], 3))
    assert math.isnan(function("weighted_click_rate")([], [], [], 1.0))


# -- the wrong answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CODE)
def test_wrong_answers_are_found_out_and_told_apart_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)

    def outcomes(given: Callable, inputs: list[tuple]) -> list[object]:
        found: list[object] = []
        for arguments in inputs:
            try:
                found.append(given(*arguments))
            except (ZeroDivisionError, IndexError) as error:
                found.append(error)
        return found

    def alike(one: list[object], other: list[object], inputs: list[tuple]) -> bool:
        return all(type(x) is type(y) if isinstance(x, Exception) or isinstance(y, Exception)
                   else question.agree(x, y, arguments) is None
                   for x, y, arguments in zip(one, other, inputs, strict=True))  # fmt: skip

    for seed in range(4):
        inputs = [arguments for case in question.cases for arguments in drawn(name, case.name, seed)]
        right = outcomes(solution, inputs)
        given = {wrong.name: outcomes(function(name, wrong.code), inputs) for wrong in question.wrong}
        for wrong, came in given.items():
            assert not alike(right, came, inputs), f"{wrong} passes with seed {seed}"
            others = [other for other in given if other != wrong and alike(given[other], came, inputs)]
            assert not others, f"{wrong} looks like {others} with seed {seed}"


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("odd", [None, "x", [], [1, 2], {"a": 1}, math.inf, np.zeros((2, 2)), object()])
def test_comparing_takes_whatever_comes(name, odd):
    question, arguments = EXERCISE.question(name), drawn(name, "basic")[0]
    assert question.agree(function(name)(*arguments), odd, arguments) is not None
