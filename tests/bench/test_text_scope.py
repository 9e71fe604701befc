"""Folds, held-out intents, thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.bench.text_scope import best_threshold, choose_rule, choose_threshold, folds, held_out_intents
from course_lib.core.errors import CourseError

LABELS = np.repeat(np.arange(8), [30, 20, 9, 5, 4, 2, 2, 1])


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_hold_out_each_row_once_and_keep_every_label(n_folds):
    parts = folds(LABELS, n_folds, seed=0)
    held = np.concatenate([h for _, h in parts])
    assert sorted(held) == np.flatnonzero(np.isin(LABELS, range(7))).tolist()  # the only row of label 7 stays
    for train, out in parts:
        assert not set(train) & set(out) and len(train) + len(out) == len(LABELS)
        assert set(LABELS[train]) == set(range(8))


def test_every_intent_is_out_of_scope_once_and_never_trained_on_then():
    parts = held_out_intents(LABELS, 3, seed=0)
    outside = [set(LABELS[o]) for *_, o in parts]
    assert sorted(label for group in outside for label in group) == list(range(8))
    for (train, held, out), group in zip(parts, outside):
        assert not group & set(LABELS[train]) and not group & set(LABELS[held]) and len(held)
        assert set(LABELS[held]) <= set(LABELS[train])
        assert sorted([*train, *held, *out]) == list(range(len(LABELS)))
    sizes = [len(out) for *_, out in parts]
    assert max(sizes) <= 30  # the largest intent has a fold to itself


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), min_size=1, max_size=25))
def test_the_threshold_is_the_best_there_is(rows):
    best, right, inside = (np.array(column) for column in zip(*rows))
    best = best / 6

    def value(threshold: float) -> float:
        accepted = best >= threshold
        return ((accepted & right & inside).sum() / max(1, inside.sum())
                + 1 - (accepted & ~inside).sum() / max(1, (~inside).sum())) / 2  # fmt: skip

    threshold, reached = best_threshold(best, right, inside)
    assert reached == pytest.approx(value(threshold))
    assert reached == pytest.approx(max(value(t) for t in [*(np.arange(8) / 6 - 0.01)]))


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0]])
def test_a_threshold_needs_three_intents(labels):
    with pytest.raises(CourseError, match="three intents"):
        choose_threshold(Oracle, ["0"] * len(labels), np.array(labels), n_folds=2, seed=0)


class Oracle:
    """Knows the intent; the "sure" rule also knows whether it has seen it."""

    rules, quick, chosen = ("unsure", "sure"), True, {}

    def fit(self, texts, labels, n_labels):
        self.seen, self.n = set(labels.tolist()), n_labels
        return self

    def scores(self, texts):
        labels = np.array([int(text) for text in texts])
        sure = np.zeros((len(texts), self.n))
        for row, label in enumerate(labels):
            sure[row, label if label in self.seen else min(self.seen)] = 0.9 if label in self.seen else 0.2
        return {"unsure": (sure > 0).astype(float), "sure": sure}


def test_rule_and_threshold_come_from_held_out_intents():
    texts = [str(label) for label in LABELS]
    rule, threshold, reached = choose_threshold(Oracle, texts, LABELS, n_folds=3, seed=0)
    assert rule == "sure" and 0.2 < threshold < 0.9 and reached == 1
    assert choose_rule(Oracle, texts, LABELS, 8) in Oracle.rules
