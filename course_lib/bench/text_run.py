"""``course bench text``: read the data, train every system, guess the test part once, measure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.bench import text_intents as intents
from course_lib.bench import text_matching as matching
from course_lib.bench.text_data import Intents, Pairs, read
from course_lib.bench.text_features import Views
from course_lib.bench.text_options import TextOptions
from course_lib.bench.text_report import PUBLISHED
from course_lib.bench.text_scores import METRICS, measure, paired_tests
from course_lib.language.features import load_minilm

#: whose code the result depends on
MODULES = ("course_lib.bench.text_run", "course_lib.language.features", "course_lib.language.finetuning")
#: passes and peak learning rate of the fine-tuning, by kind; chosen on parts of the training data (matching: on valid)
RECIPES = {
    "banking77": {"epochs": 4.0, "learning_rate": 1e-4, "batch_size": 64},
    "hint3": {"epochs": 10.0, "learning_rate": 1e-4, "batch_size": 32},
    "matching": {"epochs": 6.0, "learning_rate": 1e-4},
}
SCOPE_FOLDS = 5  #: groups of intents, each of them out of scope in one fold
FINETUNED = "finetuned"


def run_text(options: TextOptions, *, progress: bool = True) -> dict[str, Any]:
    """Measure all systems on the data that ``options`` name; progress goes to stderr.

    Returns:
        JSON-ready: options, data, counts, systems, intervals, tests, chosen, seeds, published, seconds, peak_rss_mb
        (see README.md).

    Raises:
        CourseError: the data are missing or damaged, or too few to train on.
    """
    clock = _Clock(progress)
    data = read(options.data)
    kind = "intents" if isinstance(data, Intents) else "pairs"
    recipe = dict(RECIPES[data.name.split("/")[0]])
    if options.epochs is not None:
        recipe["epochs"] = options.epochs
    recipe.update(steps=options.steps, progress=progress)
    measured = _intents if isinstance(data, Intents) else _pairs
    truth, guesses, chosen = measured(data, options, recipe, clock)
    repeated = {name: guesses.pop(name) for name in list(guesses) if name.startswith(f"{FINETUNED} ")}
    values, intervals = measure(truth, guesses, kind, options.seed)
    more, _ = measure(truth, repeated, kind, options.seed) if repeated else ({}, {})
    if isinstance(data, Intents) and data.out_of_scope is not None:
        for system, guess in guesses.items():
            values[system].update(_by_scope(truth, guess, len(set(data.labels))))
    of_seeds = [{"seed": options.seed, **values[FINETUNED]}]
    of_seeds += [{"seed": int(name.split()[1]), **found} for name, found in more.items()]
    return {
        "options": {"data": data.name, "seed": options.seed, **{k: v for k, v in recipe.items() if k != "progress"}},
        "data": data.source,
        "counts": _counts(data),
        "systems": values,
        "intervals": intervals,
        "tests": paired_tests(truth, guesses, FINETUNED, kind, options.seed),
        "chosen": chosen,
        "seeds": of_seeds,
        "published": PUBLISHED.get(data.name, []),
        "seconds": clock.seconds(),
        "peak_rss_mb": round(_peak_rss_mb(), 1),
    }


def _intents(
    data: Intents, options: TextOptions, recipe: dict[str, Any], clock: _Clock
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """True label numbers of the test questions, each system's guesses, and what it chose."""
    names = sorted(set(data.labels))
    number = {name: i for i, name in enumerate(names)}
    outside = len(names)  # the number of "out of scope"
    labels = np.array([number[label] for label in data.labels])
    truth = np.array([number.get(label, outside) for label in data.test_labels])
    encoder = clock.run("load", lambda: load_minilm(max_length=intents.MAX_LENGTH))
    makers: dict[str, Callable[[], intents.IntentSystem]] = {
        "tfidf": intents.TfidfIntents,
        "minilm": lambda: intents.CentroidIntents(encoder),
    }
    for seed in range(options.seed, options.seed + options.seeds):
        name = FINETUNED if seed == options.seed else f"{FINETUNED} {seed}"
        makers[name] = lambda seed=seed: intents.FinetunedIntents(encoder, **recipe, seed=seed)
    guesses, chosen = {}, {}
    for name, make in makers.items():

        def guess(make: Callable[[], intents.IntentSystem] = make) -> tuple[np.ndarray, dict[str, Any]]:
            system = make().fit(data.texts, labels, len(names))
            scores = system.scores(data.test_texts)
            best = scores.argmax(axis=1)
            if data.out_of_scope is None:
                return best, dict(system.chosen)
            threshold, reached = intents.choose_threshold(
                make, data.texts, labels, n_folds=min(SCOPE_FOLDS, len(names)), seed=options.seed
            )
            told = {**system.chosen, "threshold": threshold, "balanced_accuracy_in_training": reached}
            return np.where(scores.max(axis=1) >= threshold, best, outside), told

        guesses[name], chosen[name] = clock.run(name, guess)
    return truth, guesses, chosen


def _pairs(
    data: Pairs, options: TextOptions, recipe: dict[str, Any], clock: _Clock
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """1 for each test pair that matches, each system's guesses, and what it chose."""
    encoder = clock.run("load", lambda: load_minilm(max_length=matching.MAX_LENGTH))
    truth = {split: rows[:, 2] for split, rows in data.splits.items()}
    views = clock.run("tfidf", lambda: Views.of(data))
    lexical = clock.run("similarity", lambda: matching.lexical_features(data, views))

    def tuned(seed: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        near = matching.encoder_features(data, encoder, **recipe, seed=seed)
        both = {split: np.hstack([lexical[split], near[split]]) for split in lexical}
        scores, told = matching.boosted_scores(data, both, seed)
        return scores, {**told, "epochs": recipe["epochs"], "learning_rate": recipe["learning_rate"]}

    makers: dict[str, Callable[[], tuple[dict[str, np.ndarray], dict[str, Any]]]] = {
        "tfidf": lambda: matching.tfidf_scores(data, views),
        "minilm": lambda: matching.minilm_scores(data, encoder),
        "similarity": lambda: matching.boosted_scores(data, lexical, options.seed),
    }
    for seed in range(options.seed, options.seed + options.seeds):
        name = FINETUNED if seed == options.seed else f"{FINETUNED} {seed}"
        makers[name] = lambda seed=seed: tuned(seed)
    guesses, chosen = {}, {}
    for name, make in makers.items():
        scores, told = clock.run(name, make)
        threshold, reached = matching.best_f1(truth["valid"], scores["valid"])
        guesses[name] = (scores["test"] >= threshold).astype(np.int64)
        chosen[name] = {**told, "threshold": threshold, "f1_on_valid": reached}
    return truth["test"], guesses, chosen


def _by_scope(truth: np.ndarray, guess: np.ndarray, outside: int) -> dict[str, float]:
    """Accuracy on the questions in scope, and the share of those out of scope that is refused."""
    within = truth != outside
    parts = {"accuracy_in_scope": within, "refused_out_of_scope": ~within}
    return {name: float((truth == guess)[rows].mean()) for name, rows in parts.items() if rows.any()}


def _counts(data: Intents | Pairs) -> dict[str, int]:
    if isinstance(data, Pairs):
        return {f"{split} pairs": len(rows) for split, rows in data.splits.items()}
    counts = {"intents": len(set(data.labels)), "train questions": len(data.texts), "test questions": len(data.test_texts)}
    if data.out_of_scope is not None:
        counts["of them out of scope"] = sum(label == data.out_of_scope for label in data.test_labels)
    return counts


class _Clock:
    """CPU seconds by name, added up; says on stderr what runs."""

    def __init__(self, progress: bool):
        self._progress, self._spent, self._start = progress, {}, time.process_time()

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        if self._progress:
            print(f"{name} …", file=sys.stderr, flush=True)
        start = time.process_time()
        value = work()
        self._spent[name] = self._spent.get(name, 0.0) + time.process_time() - start
        return value

    def seconds(self) -> dict[str, float]:
        return {
            **{name: round(spent, 2) for name, spent in self._spent.items()},
            "total": round(time.process_time() - self._start, 2),
        }


def _peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
