"""The three exercises of one title, and labels without training."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.language.transformers import causal, masked, nearest_label, span_corruption

TITLE = "red running shoes for women".split()


def test_masked_asks_for_the_hidden_ones_alone():
    asked = masked(TITLE, [0, 2], "[MASK]")
    assert asked.inputs == ["[MASK]", "running", "[MASK]", "for", "women"]
    assert asked.targets == ["red", None, "shoes", None, None] and asked.written == []


def test_causal_asks_for_the_next():
    asked = causal(TITLE)
    assert asked.inputs == TITLE[:4] and asked.targets == TITLE[1:]
    assert causal([3, 5]).targets == [5]


def test_span_corruption_is_the_papers_figure():
    text = "Thank you for inviting me to your party last week".split()
    asked = span_corruption(text, [(2, 4), (8, 9)], ["<X>", "<Y>", "<Z>"], "<s>")
    assert asked.inputs == "Thank you <X> me to your party <Y> week".split()
    assert asked.targets == "<X> for inviting <Y> last <Z>".split()
    assert asked.written == "<s> <X> for inviting <Y> last".split()


@pytest.mark.parametrize("spans", [[(0, 1)], [(4, 5)], [(0, 2), (3, 5)], [(0, 5)]])
def test_nothing_is_lost_by_span_corruption(spans):
    marks = ["<0>", "<1>", "<2>"]
    asked = span_corruption(TITLE, spans, marks, "<s>")
    cut: dict[str, list[str]] = {}
    for token in asked.targets:
        cut.setdefault(token, []) if token in marks else cut[list(cut)[-1]].append(token)
    assert [t for token in asked.inputs for t in cut.get(token, [token])] == TITLE
    assert len(asked.written) == len(asked.targets)


@pytest.mark.parametrize("bad", [
    lambda: masked(TITLE, [], "m"), lambda: masked(TITLE, [5], "m"), lambda: causal(["a"]), lambda: causal([]),
    lambda: span_corruption(TITLE, [], ["a"], "s"), lambda: span_corruption(TITLE, [(1, 1)], ["a", "b"], "s"),
    lambda: span_corruption(TITLE, [(0, 2), (2, 3)], ["a", "b", "c"], "s"),
    lambda: span_corruption(TITLE, [(3, 6)], ["a", "b"], "s"), lambda: span_corruption(TITLE, [(0, 1)], ["a"], "s"),
    lambda: span_corruption(TITLE, [(2, 3), (0, 1)], ["a", "b", "c"], "s"),
])  # fmt: skip
def test_misuse_of_the_exercises_is_told(bad):
    with pytest.raises(ContractError):
        bad()


def test_nearest_label_is_the_largest_cosine():
    random = np.random.default_rng(0)
    texts, labels = random.normal(size=(40, 6)), random.normal(size=(5, 6))
    found = nearest_label(texts, labels)
    cosine = [[t @ k / np.linalg.norm(t) / np.linalg.norm(k) for k in labels] for t in texts]
    assert found.label.tolist() == np.argmax(cosine, axis=1).tolist()
    ordered = np.sort(cosine, axis=1)
    np.testing.assert_allclose(found.score, ordered[:, -1])
    np.testing.assert_allclose(found.margin, ordered[:, -1] - ordered[:, -2])
    np.testing.assert_allclose(nearest_label(7 * texts, 0.1 * labels).score, found.score)


def test_nearest_label_of_little():
    assert nearest_label(np.zeros((0, 3)), np.ones((2, 3))).label.shape == (0,)
    empty = nearest_label(np.zeros((1, 3)), np.eye(3))
    assert empty.label.tolist() == [0] and empty.margin.tolist() == [0.0]
    for texts, labels in ((np.ones((1, 3)), np.ones((0, 3))), (np.ones((1, 3)), np.ones((2, 4))),
                          (np.ones(3), np.ones((1, 3))), (np.full((1, 3), np.nan), np.ones((1, 3)))):  # fmt: skip
        with pytest.raises(ContractError):
            nearest_label(texts, labels)
