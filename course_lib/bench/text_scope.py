"""What can be chosen on training questions alone: a rule, and the threshold under which a question is out of scope.

No training question is out of scope, so in cross-validation whole intents are left out of training and play that part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import CourseError
from course_lib.core.seeds import generator

if TYPE_CHECKING:
    from course_lib.bench.text_intents import IntentSystem


def choose_rule(make: Callable[[], IntentSystem], texts: Sequence[str], labels: np.ndarray, n_labels: int) -> str:
    """The rule with most right guesses in three-fold cross-validation on the training questions."""
    system = make()
    right = dict.fromkeys(system.rules, 0)
    for train, held in folds(labels, 3, seed=0):
        if not len(held):  # so few questions that there is nothing to hold out
            continue
        system.fit([texts[i] for i in train], labels[train], n_labels)
        for rule, scores in system.scores([texts[i] for i in held]).items():
            right[rule] += int((scores.argmax(axis=1) == labels[held]).sum())
    return max(system.rules, key=right.__getitem__)


def choose_threshold(
    make: Callable[[], IntentSystem], texts: Sequence[str], labels: np.ndarray, *, n_folds: int, seed: int
) -> tuple[str, float, float]:
    """The rule and the least best score at which a question counts as in scope, found without any out-of-scope question.

    In each fold one group of intents is left out of training, and their questions play the part of what is out of scope;
    a part of the other intents' questions is held out as well. Both kinds weigh the same, as nobody knows how often
    questions out of scope will come.

    Args:
        make: a new system of the kind that will be used.
        labels: int64 [n], numbers from 0.

    Returns:
        The rule, its threshold, and the mean of (share of held-out questions in scope with the right intent, share of questions
        out of scope that are refused) which they reach in cross-validation.

    Raises:
        CourseError: fewer than three intents.
    """
    n_labels = int(labels.max()) + 1
    if len(np.unique(labels)) < 3:
        what = "fewer than three intents; with one held out, nothing would be left to tell apart"
        raise CourseError(what, where="threshold of what is out of scope", remedy="Give training questions of more intents")
    best, right, inside = {}, {}, []
    for train, within, without in held_out_intents(labels, n_folds, seed):
        system = make().fit([texts[i] for i in train], labels[train], n_labels)
        rows = np.concatenate([within, without])
        for rule, scores in system.scores([texts[i] for i in rows]).items():
            best.setdefault(rule, []).append(scores.max(axis=1))
            right.setdefault(rule, []).append(scores.argmax(axis=1) == labels[rows])
        inside.append(np.arange(len(rows)) < len(within))
    inside = np.concatenate(inside)
    found = {rule: best_threshold(np.concatenate(best[rule]), np.concatenate(right[rule]), inside) for rule in best}
    rule = max(found, key=lambda rule: found[rule][1])
    return rule, *found[rule]


def best_threshold(best: np.ndarray, right: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """The threshold with the largest balanced accuracy, in the middle between two scores; and that accuracy.

    Args:
        best: float [n], the best score of each question. right: bool [n], is its intent the true one?
        inside: bool [n], is the question in scope?
    """
    best = np.asarray(best, dtype=np.float64)
    order = np.argsort(-best, kind="stable")
    score = best[order]
    accepted = np.concatenate([[0], np.cumsum((right & inside)[order])]) / max(1, inside.sum())
    refused = 1 - np.concatenate([[0], np.cumsum(~inside[order])]) / max(1, (~inside).sum())
    value = (accepted + refused) / 2
    value[1:-1][score[1:] == score[:-1]] = -1  # no threshold lies between equal scores
    cut = int(value.argmax())
    edges = np.concatenate([[score[0] + 1e-6], score, [score[-1] - 1e-6]])
    return float((edges[cut] + edges[cut + 1]) / 2), float(value[cut])


def held_out_intents(labels: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per fold: rows to train on, held-out rows in scope, rows of the intents that are out of scope in this fold.

    Every intent is out of scope in one fold. Intents are dealt out by size, so that the folds are about as large.
    """
    random = generator(seed, "bench", "held-out intents")
    counts = np.bincount(labels)
    intents = random.permutation(np.flatnonzero(counts))
    intents = intents[np.argsort(-counts[intents], kind="stable")]
    sizes, group = np.zeros(n_folds), np.zeros(len(counts), dtype=np.int64)
    for intent in intents:
        group[intent] = sizes.argmin()
        sizes[group[intent]] += counts[intent]
    parts = []
    for fold in range(n_folds):
        outside = np.flatnonzero(group[labels] == fold)
        rest = np.flatnonzero(group[labels] != fold)
        train, held = next(iter(folds(labels[rest], 4, seed=seed + fold)))
        parts.append((rest[train], rest[held], outside))
    return parts


def folds(labels: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cross-validation in which each label's rows are spread over the folds; every label stays in every training part.

    A label's only row is never held out.

    Returns:
        Per fold: rows to train on, rows held out.
    """
    random = generator(seed, "bench", "folds")
    place = np.full(len(labels), -1, dtype=np.int64)
    turn = 0  # goes on from label to label, so that rare labels don't all fall into the first fold
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        if len(rows) > 1:
            place[rows] = (turn + np.arange(len(rows))) % n_folds
            turn += len(rows)
    return [(np.flatnonzero(place != fold), np.flatnonzero(place == fold)) for fold in range(n_folds)]
