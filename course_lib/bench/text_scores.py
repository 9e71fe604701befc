"""Predictions of several systems on the same test rows: metrics, intervals, and paired tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.measurement import holm

RESAMPLES = 1_000  #: of the bootstrap
PERMUTATIONS = 10_000  #: of the paired test
CONFIDENCE = 95  #: per cent


def accuracy(truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> float:
    """Share of the rows that are right; ``weights``: how often each row counts."""
    return float(weights @ (truth == guess) / weights.sum())


def macro_f1(truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> float:
    """Mean of F1 over the labels that occur in ``truth`` (int64 [n] label numbers) with weight above 0."""
    n = int(max(truth.max(), guess.max())) + 1
    right, predicted, present = (
        np.bincount(rows, counts, minlength=n)
        for rows, counts in ((truth, weights * (truth == guess)), (guess, weights), (truth, weights))
    )
    return float((2 * right / np.maximum(predicted + present, 1e-12))[present > 0].mean())


def precision(truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> float:
    """Of the rows called matches (1), the share that are; 0 where none is called one."""
    return float(weights @ (truth * guess) / max(weights @ guess, 1e-12))


def recall(truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> float:
    """Of the matches (1), the share that is found; 0 where there is none."""
    return float(weights @ (truth * guess) / max(weights @ truth, 1e-12))


def f1(truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> float:
    """Harmonic mean of precision and recall of the matches."""
    return float(2 * (weights @ (truth * guess)) / max(weights @ truth + weights @ guess, 1e-12))


#: kind of data → metrics, the first is the one that is tested
METRICS = {
    "intents": {"accuracy": accuracy, "macro_f1": macro_f1},
    "pairs": {"f1": f1, "precision": precision, "recall": recall, "accuracy": accuracy},
}


def measure(
    truth: np.ndarray, guesses: Mapping[str, np.ndarray], kind: str, seed: int = 0
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, list[float]]]]:
    """Metrics of each system with percentile intervals by bootstrap over the test rows, the same draws for all.

    Args:
        truth: int64 [n] label numbers; 1 is a match. guesses: system → int64 [n].
        kind: ``"intents"`` or ``"pairs"``.

    Returns:
        system → metric → value, and system → metric → [low, high].

    Raises:
        ContractError: no rows, or a system with another number of them.
    """
    n = len(truth)
    if not n or any(len(guess) != n for guess in guesses.values()):
        raise ContractError(f"{n} test rows; every system needs one guess for each, and at least one")
    random = generator(seed, "bench", "bootstrap")
    draws = [np.bincount(random.integers(n, size=n), minlength=n).astype(float) for _ in range(RESAMPLES)]
    tail = (100 - CONFIDENCE) / 2
    values, intervals = {}, {}
    for system, guess in guesses.items():
        values[system] = {name: metric(truth, guess, np.ones(n)) for name, metric in METRICS[kind].items()}
        intervals[system] = {
            name: np.percentile([metric(truth, guess, weights) for weights in draws], [tail, 100 - tail]).tolist()
            for name, metric in METRICS[kind].items()
        }
    return values, intervals


def paired_tests(
    truth: np.ndarray, guesses: Mapping[str, np.ndarray], a: str, kind: str, seed: int = 0
) -> list[dict[str, Any]]:
    """System ``a`` against each other one, by the kind's first metric, with Holm's correction over these tests.

    The randomisation test swaps the two systems' guesses of a row by chance, which leaves the difference as it is where
    they are alike (Yeh 2000, https://arxiv.org/abs/cs/0008005, §3.2); for accuracy this is McNemar's test.

    Returns:
        One dict per other system: a, b, metric, difference (a − b), interval (paired bootstrap), p_value, p_holm, n.
    """
    name, metric = next(iter(METRICS[kind].items()))
    n = len(truth)
    everyone = np.ones(n)
    tests = []
    for b in guesses:
        if b == a:
            continue
        first, second = guesses[a], guesses[b]
        difference = metric(truth, first, everyone) - metric(truth, second, everyone)
        random = generator(seed, "bench", "paired test")
        differ = np.flatnonzero(first != second)
        extreme = 0
        for _ in range(PERMUTATIONS if len(differ) else 0):
            swap = differ[random.random(len(differ)) < 0.5]
            one, other = first.copy(), second.copy()
            one[swap], other[swap] = second[swap], first[swap]
            swapped = metric(truth, one, everyone) - metric(truth, other, everyone)
            extreme += abs(swapped) >= abs(difference) - 1e-12
        random = generator(seed, "bench", "bootstrap")
        draws = (np.bincount(random.integers(n, size=n), minlength=n).astype(float) for _ in range(RESAMPLES))
        spread = [metric(truth, first, w) - metric(truth, second, w) for w in draws]
        tail = (100 - CONFIDENCE) / 2
        tests.append(
            {
                "a": a,
                "b": b,
                "metric": name,
                "difference": difference,
                "interval": np.percentile(spread, [tail, 100 - tail]).tolist(),
                "p_value": (extreme + 1) / (PERMUTATIONS + 1) if len(differ) else 1.0,
                "n": n,
            }
        )
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests]) if tests else []):
        test["p_holm"] = float(adjusted)
    return tests
