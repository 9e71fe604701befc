"""Metrics against scikit-learn, intervals and paired tests against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as oracle

from course_lib.bench.text_scores import METRICS, f1, macro_f1, measure, paired_tests
from course_lib.core.errors import ContractError


def guesses(n: int, labels: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(labels, size=n)
    return truth, np.where(random.random(n) < right, truth, random.integers(labels, size=n))


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_scikit_learns(seed):
    truth, guess = guesses(60, 2, 0.6, seed)
    theirs = {
        "f1": oracle.f1_score(truth, guess),
        "precision": oracle.precision_score(truth, guess),
        "recall": oracle.recall_score(truth, guess),
        "accuracy": oracle.accuracy_score(truth, guess),
    }
    assert {n: m(truth, guess, np.ones(60)) for n, m in METRICS["pairs"].items()} == pytest.approx(theirs)
    truth, guess = guesses(60, 9, 0.6, seed)
    present = np.unique(truth)
    expected = oracle.f1_score(truth, guess, labels=present, average="macro", zero_division=0)
    assert macro_f1(truth, guess, np.ones(60)) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [m for kind in METRICS.values() for m in kind.values()])
def test_a_weight_is_a_repeated_row(metric):
    truth, guess = guesses(30, 2, 0.7, 0)
    weights = np.random.default_rng(1).integers(4, size=30)
    again = np.repeat(np.arange(30), weights)
    expected = metric(truth[again], guess[again], np.ones(len(again)))
    assert metric(truth, guess, weights.astype(float)) == pytest.approx(expected)


def test_nothing_found_scores_0():
    truth, none = np.array([0, 1, 1]), np.zeros(3, dtype=int)
    assert {name: m(truth, none, np.ones(3)) for name, m in METRICS["pairs"].items() if name != "accuracy"} == {
        "f1": 0, "precision": 0, "recall": 0,
    }  # fmt: skip


def test_intervals_hold_the_value_and_narrow_with_rows():
    wide = {}
    for n in (50, 5_000):
        truth, guess = guesses(n, 5, 0.7, 0)
        values, intervals = measure(truth, {"a": guess}, "intents")
        for name, (low, high) in intervals["a"].items():
            assert low <= values["a"][name] <= high
        wide[n] = np.ptp(intervals["a"]["accuracy"])
    accuracy = values["a"]["accuracy"]
    assert wide[5_000] == pytest.approx(2 * 1.96 * np.sqrt(accuracy * (1 - accuracy) / 5_000), rel=0.15)
    assert wide[50] > 5 * wide[5_000]


def test_the_paired_test_of_accuracy_is_mcnemars():
    truth, b = guesses(400, 3, 0.7, 2)
    a = np.where(np.random.default_rng(3).random(400) < 0.1, truth, b)
    random = np.random.default_rng(4)
    a = np.where(random.random(400) < 0.05, (truth + 1) % 3, a)
    (test,) = paired_tests(truth, {"a": a, "b": b}, "a", "intents")
    only_a, only_b = int(((a == truth) & (b != truth)).sum()), int(((a != truth) & (b == truth)).sum())
    assert test["p_value"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, abs=0.02)
    assert test["difference"] == pytest.approx((only_a - only_b) / 400) and test["n"] == 400
    assert test["interval"][0] <= test["difference"] <= test["interval"][1]


def test_alike_systems_differ_by_nothing_and_holm_never_lowers_p():
    truth, guess = guesses(80, 2, 0.8, 0)
    worse = np.where(np.arange(80) < 20, 1 - truth, guess)
    tests = paired_tests(truth, {"a": guess, "same": guess.copy(), "worse": worse}, "a", "pairs")
    assert [t["b"] for t in tests] == ["same", "worse"] and tests[0]["p_value"] == 1 and tests[0]["difference"] == 0
    assert tests[1]["p_value"] < 0.01 and all(t["p_holm"] >= t["p_value"] for t in tests)
    assert tests[1]["difference"] == pytest.approx(f1(truth, guess, np.ones(80)) - f1(truth, worse, np.ones(80)))
    assert paired_tests(truth, {"a": guess}, "a", "pairs") == []


@pytest.mark.parametrize(("truth", "guess"), [([], []), ([0, 1], [0])])
def test_rows_must_fit(truth, guess):
    with pytest.raises(ContractError):
        measure(np.array(truth, dtype=int), {"a": np.array(guess, dtype=int)}, "intents")
