"""Micro and macro scores of a classifier, with intervals that respect groups.

The examples of one query share their luck, so whole groups are drawn in the bootstrap, not single examples (Efron &
Tibshirani 1993, "An Introduction to the Bootstrap", §8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


@dataclass(frozen=True)
class Score:
    """A score with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelScores:
    """How well labels were guessed.

    Attributes:
        accuracy: share of right guesses, which is micro-F1 where every example has one label.
        macro_f1: mean of the labels' F1, over the labels that occur.
        f1: of each label, float [n_labels], NaN where it doesn't occur. n: examples of each label, int [n_labels].
        confusion: int [n_groups, n_labels, n_labels], true label by row, guessed by column.
    """

    accuracy: Score
    macro_f1: Score
    f1: np.ndarray
    n: np.ndarray
    confusion: np.ndarray


def label_scores(
    truth: Sequence[int] | np.ndarray,
    guess: Sequence[int] | np.ndarray,
    n_labels: int,
    *,
    groups: Sequence[int] | np.ndarray | None = None,
    resamples: int = 1_000,
    seed: int = 0,
) -> LabelScores:
    """Accuracy, macro-F1 and each label's F1 of guesses.

    Args:
        truth, guess: whole numbers [n], 0 to n_labels − 1.
        groups: [n], the query, or family of queries, of each example. ``None``: each example is a group.

    Raises:
        ContractError: lists of different lengths, none at all, labels out of range.
    """
    truth, guess = np.asarray(truth), np.asarray(guess)
    groups = np.arange(len(truth)) if groups is None else np.asarray(groups)
    if not len(truth) == len(guess) == len(groups) or not len(truth):
        raise ContractError(f"{len(truth)} labels, {len(guess)} guesses and {len(groups)} groups: equally many, ≥ 1")
    if min(truth.min(), guess.min()) < 0 or max(truth.max(), guess.max()) >= n_labels:
        raise ContractError(f"a label or a guess is not in 0 to {n_labels - 1}")
    names, group = np.unique(groups, return_inverse=True)
    confusion = np.zeros((len(names), n_labels, n_labels), dtype=np.int64)
    np.add.at(confusion, (group.reshape(-1), truth, guess), 1)
    draws = _draws(len(names), resamples, seed) @ confusion.reshape(len(names), -1)
    drawn = draws.reshape(resamples, n_labels, n_labels)
    whole = confusion.sum(axis=0)
    return LabelScores(
        _score(_accuracy(whole[None])[0], _accuracy(drawn)),
        _score(_macro(whole[None])[0], _macro(drawn)),
        f1_of(whole),
        whole.sum(axis=1),
        confusion,
    )


def macro_f1_difference(a: LabelScores, b: LabelScores, *, resamples: int = 1_000, seed: int = 0) -> Score:
    """macro-F1 of a minus that of b on the same examples, with a paired bootstrap interval over the groups.

    An interval that holds 0 says: as far as these queries can tell, there is no difference.

    Raises:
        ContractError: the two were measured on different examples.
    """
    if a.confusion.shape != b.confusion.shape or not np.array_equal(a.confusion.sum(2), b.confusion.sum(2)):
        raise ContractError("the two scores are of different examples or groups")
    draws = _draws(len(a.confusion), resamples, seed)
    both = [(draws @ s.confusion.reshape(len(draws.T), -1)).reshape(-1, *s.confusion.shape[1:]) for s in (a, b)]
    return _score(a.macro_f1.mean - b.macro_f1.mean, _macro(both[0]) - _macro(both[1]))


def macro_f1(truth: Sequence[int] | np.ndarray, guess: Sequence[int] | np.ndarray, n_labels: int) -> float:
    """The mean of the labels' F1 alone, without an interval: what early stopping looks at."""
    confusion = np.zeros((n_labels, n_labels), dtype=np.int64)
    np.add.at(confusion, (np.asarray(truth), np.asarray(guess)), 1)
    return float(_macro(confusion))


def f1_of(confusion: np.ndarray) -> np.ndarray:
    """2 · right / (guessed + true) of each label: float [..., n_labels], NaN for a label that doesn't occur.

    Args:
        confusion: counts [..., n_labels, n_labels], true label by row, guessed by column.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, guessed = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return np.where(true > 0, 2 * right / np.maximum(true + guessed, 1), np.nan)


def _draws(n: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of n groups is drawn: float [resamples, n]; the same for both sides of a comparison."""
    return generator(seed, "label scores").multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _accuracy(confusion: np.ndarray) -> np.ndarray:
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def _macro(confusion: np.ndarray) -> np.ndarray:
    return np.nanmean(f1_of(confusion), axis=-1)


def _score(mean: float, values: np.ndarray) -> Score:
    low, high = np.percentile(values, [2.5, 97.5])
    return Score(float(mean), float(low), float(high))
