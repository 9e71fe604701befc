"""Comparison: right for what agrees, words for what does not, and never an exception."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.classroom.compare import close, numbers_close
from course_lib.classroom.form import Form
from course_lib.classroom.render import render
from course_lib.classroom.wire import Tensor

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**350), 10**350) | st.floats() | st.text(max_size=5)
    | st.sampled_from([np.float64(1), np.array([1.0, np.nan]), np.array(["a"], dtype=object), Tensor(np.zeros(2)), set()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
agree = close()


@given(ANY, ANY)
@settings(max_examples=300, deadline=None)
def test_comparing_is_total_and_a_value_agrees_with_itself(a, b):
    assert agree(a, a, ()) is None
    found = agree(a, b, ())
    assert found is None or (found.en and found.zh)
    assert render(a) and len(render(a)) <= 240 and render(a).isprintable()


@pytest.mark.parametrize(
    ("expected", "got"),
    [(1, 1.0), (0.3, 0.1 + 0.2), (math.nan, math.nan), (math.inf, math.inf), ([1, 2], (1, 2)), ({1, 2}, {2, 1}),
     (2.0, np.float32(2)), (np.array([1, 2]), np.array([1.0, 2.0])), (True, np.True_), ({"a": [1.0]}, {"a": [1]}),
     (10**400, 10**400), (np.array([np.nan]), np.array([np.nan]))],
)  # fmt: skip
def test_agreeing(expected, got):
    assert agree(expected, got, ()) is None


@pytest.mark.parametrize(
    ("expected", "got"),
    [(1, True), (1, "1"), (1.0, None), (0.5, 0.5001), (math.nan, 0.0), (math.inf, -math.inf), ([1], [1, 1]), ([1], {1}),
     (np.array([1.0]), [1.0]), (np.zeros((2, 1)), np.zeros(2)), (np.array([True]), np.array([1])), ({"a": 1}, {"b": 1}),
     (Tensor(np.zeros(2)), np.zeros(2)), (10**400, 10**400 + 1), (1.0, 10**400), (np.float64(1.0), 10**400), (10**400, np.float32(1.0)), (np.zeros(2), np.array(["a", 0], object)),
     ("a", "A"), ({1}, {2}), ({"a": 1}, {"a": 2}), (None, 0)],
)  # fmt: skip
def test_differing(expected, got):
    found = agree(expected, got, ())
    assert found is not None and found.en != found.zh


@pytest.mark.parametrize(
    ("expected", "got", "words", "advice"),
    [([1.0], np.array([1.0]), "a list was expected, a NumPy array came", ".tolist()"),
     ([[1.0]], [np.array([1.0])], "place 0, a list was expected", ".tolist()"),
     ([1], (1, 2), "a list was expected, a tuple came", "`list(…)`"), ((1, 2), [1], "a tuple was expected, a list", "return a, b"),
     ({"a": [1]}, {"a": {1}}, "key 'a': a list was expected, a set", "sorted"), ([1, 2], [1], "length is another one (1 came)", ""),
     ([1.0, 2.0], [1.0, None], "place 1: a number was expected, None came", ""), (1.0, None, "None came", "return"),
     (np.zeros(2), np.zeros((2, 1)), "the shape (2, 1)", ""), ({"a": 1}, {"b": 1}, "keys", ""), (1.0, "1", "a text", "")],
)  # fmt: skip
def test_another_form_is_told_from_another_value(expected, got, words, advice):
    found = agree(expected, got, ())
    assert isinstance(found, Form) and words in found.en and found.zh != found.en
    assert advice in found.advice.en and bool(found.advice.en) == bool(found.advice.zh) == bool(advice)
    assert found.typed == ("expected" in found.en)
    assert not isinstance(agree([1.0], [2.0], ()), Form)


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [([1.0, 2.0], [1.0, math.nan], "place 1: nan came: was something divided by 0?"), (1.0, math.inf, "inf came: was something"),
     (1, np.float32("-inf"), "-inf came: was the logarithm"), (np.array([1.0, 2.0]), np.array([1.0, np.nan]), "1 of 2 values are other ones; nan came"),
     (math.nan, math.inf, "the number is another one"), (10**400, math.nan, "nan came"), (np.array([np.nan, 1.0]), np.array([np.nan, 2.0]), "1 of 2 values are other ones")],
)  # fmt: skip
def test_what_is_not_finite_is_named(expected, got, words):
    found = agree(expected, got, ())
    assert words in found.en and ("came" in found.en) == ("came" in words)


def test_the_words_never_hold_the_expected_value():
    for expected, got in ((0.123456, 0.5), ("secret", "x"), ([0.123456], [0.5]), ({"k": 0.123456}, {"k": 1.0}),
                          (np.array([0.123456]), np.array([1.0]))):  # fmt: skip
        words = agree(expected, got, ())
        assert "0.1234" not in words.en + words.zh and "secret" not in words.en + words.zh


def test_tolerances_are_absolute_or_relative():
    assert numbers_close(1e6, 1e6 + 0.5, 1.0, 0.0) and not numbers_close(1e6, 1e6 + 2, 1.0, 0.0)
    assert numbers_close(1e6, 1e6 + 2, 0.0, 1e-5)
    assert close(absolute=0.1)(1.0, 1.05, ()) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [((1,), "(1,)"), (set(), "set()"), ({"c", "a", "b"}, "{'a', 'b', 'c'}"), (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 20 in all]"),
     (np.zeros(3), "array([0.0, 0.0, 0.0])"), ({"a": [1]}, "{'a': [1]}"), (10**999, "<a whole number of 3,319 bits>"),
     (Tensor(np.zeros(1)), "tensor([0.0])"), ("\x1b[31m\u202e", "'\\x1b[31m\\u202e'"), (np.float64(0.5), "0.5")],
)  # fmt: skip
def test_values_as_a_learner_sees_them(value, text):
    assert render(value) == text


def test_long_and_strange_values_are_cut():
    assert render("x" * 1_000).endswith("…") and len(render("x" * 1_000)) == 240
    assert "shape (10, 10)" in render(np.zeros((10, 10)))
    nested: list = []
    nested.append(nested)
    assert "…" in render(nested)
