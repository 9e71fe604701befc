"""The exercise on measurement: its solutions against libraries, and its tolerances against right and wrong answers."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import ndcg_score

from course_lib.classroom.loading import load_exercise
from course_lib.classroom.spec import Code

EXERCISE = load_exercise("shop.measurement")
NAMES = [question.name for question in EXERCISE.questions]
ODD = [None, True, "x", math.nan, math.inf, 10**5_000, [], [1], [1, 2, 3], [None, "x"], [[1], [2]], [10**400, 1.0],
       {"a": 1}, {1, 2}, np.zeros(2), np.zeros((2, 2)), np.array(["a", "b"]), np.array(3.0), object(),
       ([0.5], "x"), ([math.nan], [0]), ([10**400], [0]), ([[0]], [1]), ([True], [0])]  # fmt: skip


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


def same(value: float) -> object:
    return pytest.approx(value, abs=1e-12, nan_ok=True)


def test_every_question_teaches():
    assert NAMES == ["recall_at_k", "ndcg_at_k", "mean_reciprocal_rank", "bootstrap_interval", "paired_randomisation_p",
                     "temporal_split"]  # fmt: skip
    assert EXERCISE.max_points == 17
    for question in EXERCISE.questions:
        assert isinstance(question, Code)
        assert len(question.hints) >= 2 and len(question.wrong) >= 3
        assert any(case.hidden for case in question.cases) and not question.cases[0].hidden
        assert all(case.advice for case in question.cases if not case.hidden)
        prompt = EXERCISE.master.questions[question.name].prompt
        assert all(part in prompt for part in ("**Task.**", "**Example.**", "**Contract.**", "**In the shop.**"))
        assert '"""' in EXERCISE.master.questions[question.name].stub


# -- the solutions against libraries ----------------------------------------------------------------------------------


def measured(relevance: dict[str, dict[str, int]], lists: dict[str, list[str]], measure: object) -> dict[str, float]:
    """Per query, by ir_measures."""
    import ir_measures

    qrels = [ir_measures.Qrel(q, item, grade) for q, grades in relevance.items() for item, grade in grades.items()]
    run = [ir_measures.ScoredDoc(q, item, -float(n)) for q, shown in lists.items() for n, item in enumerate(shown)]
    return {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, run)}


def test_recall_agrees_with_ir_measures():
    from ir_measures import R

    recall = function("recall_at_k")
    for relevant, ranked, k in [*drawn("recall_at_k", "random"), *drawn("recall_at_k", "basic")]:
        expected = measured({"q": dict.fromkeys(relevant, 1)}, {"q": ranked}, R @ k).get("q", 0.0)
        assert recall(relevant, ranked, k) == same(expected)


def test_ndcg_agrees_with_ir_measures_and_scikit_learn():
    from ir_measures import nDCG

    ndcg, gain = function("ndcg_at_k"), {0: 0, 1: 1, 2: 3, 3: 7}
    for grades, ranked, k in [*drawn("ndcg_at_k", "random"), *drawn("ndcg_at_k", "basic")]:
        gains = {item: gain[grade] for item, grade in grades.items()}
        found = measured({"q": gains}, {"q": ranked}, nDCG @ k).get("q", 0.0)
        assert ndcg(grades, ranked, k) == same(found)
        everything = [*ranked, *(f"filler {n}" for n in range(k)), *(item for item in grades if item not in ranked)]
        truth = [[gains.get(item, 0) for item in everything]]
        assert ndcg(grades, ranked, k) == same(ndcg_score(truth, [np.arange(len(everything))[::-1]], k=k))


def test_mean_reciprocal_rank_agrees_with_ir_measures():
    from ir_measures import RR

    mrr = function("mean_reciprocal_rank")
    for relevant, ranked in [*drawn("mean_reciprocal_rank", "random"), *drawn("mean_reciprocal_rank", "odd")]:
        relevance = {f"q{n}": dict.fromkeys(wanted, 1) for n, wanted in enumerate(relevant) if wanted}
        lists = {f"q{n}": shown for n, shown in enumerate(ranked)}
        found = measured(relevance, lists, RR) if relevance and any(ranked) else {}
        values = [found.get(query, 0.0) for query in relevance]
        assert mrr(relevant, ranked) == same(statistics.fmean(values) if values else math.nan)


def test_what_is_undefined_is_nan():
    assert math.isnan(function("recall_at_k")(set(), ["a"], 1))
    assert math.isnan(function("ndcg_at_k")({"a": 0}, ["a"], 1))
    assert math.isnan(function("mean_reciprocal_rank")([set()], [["a"]]))


@pytest.mark.parametrize("case", ["basic", "scores", "revenue"])
def test_bootstrap_agrees_with_scipy(case):
    question, interval = EXERCISE.question("bootstrap_interval"), function("bootstrap_interval")
    for arguments in drawn(question.name, case):
        values, n_resamples, _ = arguments
        theirs = stats.bootstrap((values,), np.mean, n_resamples=n_resamples, method="percentile", rng=1)
        assert question.agree(interval(*arguments), tuple(theirs.confidence_interval), arguments) is None


@pytest.mark.parametrize("case", ["basic", "equal", "few", "pairs", "clear"])
def test_randomisation_agrees_with_scipy(case):
    question, p_value = EXERCISE.question("paired_randomisation_p"), function("paired_randomisation_p")
    for arguments in drawn(question.name, case):
        a, b, rounds, _ = arguments
        if len(a) == 1:  # scipy wants two
            assert p_value(*arguments) == 1.0
            continue
        # scipy tries all 2^n signs where they are no more than the rounds; else it draws them.
        theirs = stats.permutation_test((np.array(a), np.array(b)), lambda x, y: np.mean(x - y), n_resamples=rounds,
                                        permutation_type="samples", rng=1)  # fmt: skip
        assert question.agree(p_value(*arguments), float(theirs.pvalue), arguments) is None
        if case == "equal":
            assert p_value(*arguments) == theirs.pvalue == 1.0


def test_bootstrap_and_randomisation_agree_with_the_course():
    from course_lib.shop.measurement.resampling import bootstrap, sign_flip

    interval, p_value = EXERCISE.question("bootstrap_interval"), EXERCISE.question("paired_randomisation_p")
    for arguments in drawn(p_value.name, "pairs"):
        a, b, rounds, seed = arguments
        ours = sign_flip(np.array(a) - np.array(b), rounds, seed)
        assert p_value.agree(function(p_value.name)(*arguments), ours, arguments) is None
    arguments = drawn(interval.name, "scores")[0]
    low, high = bootstrap(np.array(arguments[0])[:, None], seed=3)
    error = np.std(arguments[0]) / math.sqrt(len(arguments[0]))
    assert function(interval.name)(*arguments) == pytest.approx((low[0], high[0]), abs=0.5 * error)  # 1,000 resamples


@pytest.mark.parametrize("seed", range(3))
def test_temporal_split_keeps_its_promises(seed):
    split = function("temporal_split")
    for times, fraction in drawn("temporal_split", "random", seed):
        train, test = split(times, fraction)
        assert [*train, *test] == np.argsort(times, kind="stable").tolist()
        assert len(train) <= fraction * len(times) and test
        assert max((times[row] for row in train), default=-1) < min(times[row] for row in test)
        together = times.count(times[test[0]])  # one more moment would be too much
        assert len(train) + together > fraction * len(times)


def test_the_examples_of_the_text_are_right():
    lamps = {"lamp", "bulb", "torch", "candle"}
    shown = ["lamp", "chair", "torch", "desk", "bulb"]
    assert [function("recall_at_k")(lamps, shown, k) for k in (3, 5)] == [0.5, 0.75]
    grades = {"lamp": 2, "bulb": 1, "chair": 0}
    assert function("ndcg_at_k")(grades, ["bulb", "desk", "lamp"], 3) == pytest.approx(0.6885, abs=5e-5)
    lists = [["x", "a", "b"], ["x", "y", "z", "a"], ["x"]]
    assert function("mean_reciprocal_rank")([{"a", "b"}, {"a"}, {"a"}], lists) == 0.25
    assert function("bootstrap_interval")([0, 0, 3], 10_000, 0) == (0.0, 3.0)
    p = function("paired_randomisation_p")([0.5, 0.5, 0.5, 0.5], [0.3, 0.4, 0.2, 0.3], 10_000, 0)
    assert p == pytest.approx(0.125, abs=0.02)
    for fraction in (0.5, 0.75):
        assert function("temporal_split")([50, 20, 40, 20, 40], fraction) == ([1, 3], [2, 4, 0])


def test_the_examples_of_the_text_are_no_cases():
    for question in EXERCISE.questions:
        prompt = EXERCISE.master.questions[question.name].prompt
        for case in question.cases:
            for arguments in case.arguments(np.random.default_rng(0)):
                given = str(list(arguments[0]))
                assert given not in prompt or not arguments[0]


# -- the tolerances ---------------------------------------------------------------------------------------------------


def other_interval(values, n_resamples, seed):
    """A right answer with other random numbers, in plain Python."""
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(n_resamples))
    return [means[round(0.025 * n_resamples)], means[round(0.975 * n_resamples) - 1]]


def other_p(a, b, n_permutations, seed):
    """A right answer with other random numbers: swaps values instead of flipping signs."""
    draw = np.random.RandomState(seed % 2**32)
    swap = draw.random_sample((n_permutations, len(a))) < 0.5
    x, y = np.where(swap, b, a), np.where(swap, a, b)
    seen = abs(np.mean(a) - np.mean(b))
    count = (np.abs(x.mean(axis=1) - y.mean(axis=1)) >= seen - 1e-12).sum()
    return np.float64((count + 1) / (n_permutations + 1))


@pytest.mark.parametrize(("name", "other", "seeds"), [("bootstrap_interval", other_interval, 1),
                                                      ("paired_randomisation_p", other_p, 8)])  # fmt: skip
def test_a_right_answer_passes_whatever_it_draws(name, other, seeds):
    question, solution = EXERCISE.question(name), function(name)
    for seed in range(seeds):
        for case in question.cases:
            for arguments in drawn(name, case.name, seed):
                assert question.agree(solution(*arguments), other(*arguments), arguments) is None


@pytest.mark.parametrize("name", ["bootstrap_interval", "paired_randomisation_p"])
def test_a_solution_with_another_seed_passes(name):
    question, solution = EXERCISE.question(name), function(name)
    for case in question.cases:
        for arguments in drawn(name, case.name, 7):
            expected = solution(*arguments)
            for seed in range(20):
                assert question.agree(expected, solution(*arguments[:-1], 1_000_003 * (seed + 1)), arguments) is None


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_found_out_whatever_is_drawn(name):
    question, solution = EXERCISE.question(name), function(name)

    def outcomes(answer: Callable, inputs: list[tuple]) -> list[object]:
        found: list[object] = []
        for arguments in inputs:
            try:
                found.append(answer(*arguments))
            except ZeroDivisionError as error:
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
            assert alike(came, came, inputs), f"{wrong} is not like itself with seed {seed}"
            others = [other for other in given if other != wrong and alike(given[other], came, inputs)]
            assert not others, f"{wrong} looks like {others} with seed {seed}"


@pytest.mark.parametrize("name", NAMES)
def test_comparing_takes_whatever_comes(name):
    question, solution = EXERCISE.question(name), function(name)
    arguments = drawn(name, "basic")[0]
    for odd in ODD:
        assert question.agree(solution(*arguments), odd, arguments) is not None, f"{odd!r:.40}"


def test_lists_and_arrays_may_stand_for_each_other():
    arguments = drawn("bootstrap_interval", "basic")[0]
    expected = function("bootstrap_interval")(*arguments)
    for got in (list(expected), np.array(expected), tuple(map(np.float64, expected))):
        assert EXERCISE.question("bootstrap_interval").agree(expected, got, arguments) is None
    for arguments in drawn("temporal_split", "ties"):
        train, test = function("temporal_split")(*arguments)
        for got in ([train, test], (np.array(train, dtype=np.int64), np.array(test)), (tuple(train), test)):
            assert EXERCISE.question("temporal_split").agree((train, test), got, arguments) is None


@pytest.mark.parametrize(("got", "words"), [
    (([0.9, 0.1]), "low end"), ((0.55, 0.56), "narrow"), ((0.0, 1.0), "wide"), ((0.0, 0.3), "another place"),
    ((0.4, 0.7, 0.9), "two numbers"), ((None, 0.3), "finite"),
])  # fmt: skip
def test_an_interval_is_told_what_is_wrong_with_it(got, words):
    question = EXERCISE.question("bootstrap_interval")
    arguments = drawn(question.name, "basic")[0]
    assert words in question.agree(function(question.name)(*arguments), got, arguments).en


@pytest.mark.parametrize(("got", "words"), [(0.0, "that small"), (1.5, "exceed"), (0.9, "too large"), ("x", "finite")])
def test_a_p_value_is_told_what_is_wrong_with_it(got, words):
    question = EXERCISE.question("paired_randomisation_p")
    arguments = drawn(question.name, "basic")[0]
    assert words in question.agree(function(question.name)(*arguments), got, arguments).en


@pytest.mark.parametrize(("got", "words"), [
    (([1, 3, 2], [4, 0]), "another one"), (([3, 1], [0, 2, 4]), "not in order"), (([1, 3], [2, 4]), "exactly one"),
    (([1, 2], [3, 4, 0]), "not earlier"), ([1, 3], "lists"), (([1, "x"], [0]), "row numbers"),
])  # fmt: skip
def test_a_split_is_told_what_is_wrong_with_it(got, words):
    question = EXERCISE.question("temporal_split")
    arguments = ([50, 20, 40, 21, 41], 0.5)
    assert words in question.agree(function(question.name)(*arguments), got, arguments).en
