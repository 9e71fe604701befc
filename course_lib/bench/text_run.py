"""``course bench text``: read the data, train every system, guess the test part once, measure."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.bench.output import Clock
from course_lib.bench.text_data import Intents, Pairs, read
from course_lib.bench.text_intents import RECIPES
from course_lib.bench.text_intents_guess import guess_intents
from course_lib.bench.text_matching import RECIPE, guess_pairs
from course_lib.bench.text_options import TextOptions, parse_data
from course_lib.bench.text_report import PUBLISHED
from course_lib.bench.text_scores import measure, paired_tests
from course_lib.core.provenance import peak_rss_mb

_SHARED = ("course_lib.bench.text_data", "course_lib.bench.text_scores")
#: kind → whose code the result depends on
MODULES = {
    "intents": (*_SHARED, "course_lib.bench.text_intents_guess"),
    "pairs": (*_SHARED, "course_lib.bench.text_matching"),
}
FINETUNED = "finetuned"


def kind_of(data: str) -> str:
    """``"pairs"`` for ``matching:…``, ``"intents"`` for the others."""
    return "pairs" if parse_data(data)[0] == "matching" else "intents"


def run_text(options: TextOptions, *, progress: bool = True) -> dict[str, Any]:
    """Measure all systems on the data that ``options`` name; progress goes to stderr.

    Returns:
        JSON-ready: options, data, counts, systems, intervals, tests, chosen, seeds, published, seconds, peak_rss_mb
        (see README.md).

    Raises:
        CourseError: the data are missing or damaged, or too few to train on.
    """
    clock = Clock(progress)
    data = read(options.data)
    kind = kind_of(options.data)
    recipe: dict[str, Any] = dict(RECIPES[data.name.split("/")[0]] if isinstance(data, Intents) else RECIPE)
    if options.epochs is not None:
        recipe["epochs"] = options.epochs
    recipe.update(steps=options.steps, progress=progress)
    seeds = range(options.seed, options.seed + options.seeds)
    ask = guess_intents if isinstance(data, Intents) else guess_pairs
    truth, guesses, chosen = ask(data, recipe, seeds, clock.run)
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
        # Figures of others belong to the publisher's files, not to any that are laid out alike.
        "published": PUBLISHED.get(data.name, []) if all(file["verified"] for file in data.source["files"]) else [],
        "seconds": clock.seconds(),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


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
