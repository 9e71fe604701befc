"""The intent systems on one data set: trained on the training questions, asked the test questions once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.bench.text_data import Intents
from course_lib.bench.text_intents import MAX_LENGTH, FinetunedIntents, IntentSystem, PublishedIntents, TfidfIntents
from course_lib.bench.text_scope import choose_rule, choose_threshold
from course_lib.language.features import load_minilm

FINETUNED = "finetuned"
SCOPE_FOLDS = 5  #: groups of intents, each of them out of scope in one fold


def guess_intents(
    data: Intents, recipe: dict[str, Any], seeds: Sequence[int], run: Callable[[str, Callable[[], Any]], Any]
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """Train every system, choose its rule (and threshold) on the training questions, guess the test questions once.

    Args:
        recipe: of the fine-tuning, as ``FinetunedIntents`` takes it.
        seeds: one fine-tuning each; those after the first are named ``"finetuned SEED"``.
        run: ``run(system, work)`` calls ``work`` and measures its time.

    Returns:
        True label numbers of the test questions; system → guesses (the number after the last label: out of scope);
        system → what it chose.
    """
    names = sorted(set(data.labels))
    number = {name: i for i, name in enumerate(names)}
    outside = len(names)  # the number of "out of scope"
    labels = np.array([number[label] for label in data.labels])
    truth = np.array([number.get(label, outside) for label in data.test_labels])
    encoder = run("load", lambda: load_minilm(max_length=MAX_LENGTH))
    published = PublishedIntents(encoder)  # one for all folds: it keeps the vectors
    makers: dict[str, Callable[[], IntentSystem]] = {"tfidf": TfidfIntents, "minilm": lambda: published}
    for seed in seeds:
        name = FINETUNED if seed == seeds[0] else f"{FINETUNED} {seed}"
        makers[name] = lambda seed=seed: FinetunedIntents(encoder, **recipe, seed=seed)
    guesses, chosen = {}, {}
    for name, make in makers.items():

        def guess(make: Callable[[], IntentSystem] = make) -> tuple[np.ndarray, dict[str, Any]]:
            system = make().fit(data.texts, labels, len(names))
            scores = system.scores(data.test_texts)
            if data.out_of_scope is None:
                several = system.quick and len(system.rules) > 1
                rule = choose_rule(make, data.texts, labels, len(names)) if several else system.rules[0]
                return scores[rule].argmax(axis=1), {**system.chosen, "rule": rule}
            rule, threshold, reached = choose_threshold(
                make, data.texts, labels, n_folds=min(SCOPE_FOLDS, len(names)), seed=seeds[0]
            )
            told = {**system.chosen, "rule": rule, "threshold": threshold, "balanced_accuracy_in_training": reached}
            best = scores[rule].max(axis=1) >= threshold
            return np.where(best, scores[rule].argmax(axis=1), outside), told

        guesses[name], chosen[name] = run(name, guess)
    return truth, guesses, chosen
