"""Choices and numbers are read, never run; and an untouched cell is told from an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.classroom.attempted import attempted
from course_lib.classroom.literal import NotPlain, read_literal


@pytest.mark.parametrize(
    ("source", "value"),
    [('x = "b"', "b"), ("x = 3/8", 0.375), ("x = -2", -2), ("x = 1 - .25 * 2", 0.5), ("y = 1\nx = 2", 2), ("x = 1\nx = 3", 3),
     ('x = ["a", "c"]', "ac"), ("x = ...", ...), ("x = None", ...), ("# 1\nx = +1e3  # note", 1e3), ("x = y = 4", 4)],
)  # fmt: skip
def test_reads(source, value):
    assert read_literal(source, "x") == value


@pytest.mark.parametrize(
    "source",
    ["", "y = 1", "x = f()", "x = y", "x = 10**9", "x = 1/0", "x = 1e999", "x = " + "9" * 40, "x = [1]", "x = (", "x = 1j",
     "x = True", 'x = "a" + "b"', "x = " + "-" * 4_000 + "1", "x = '" + "a" * 6_000 + "'", "x = __import__('os')", "x\0 = 1",
     "x: int = f()", "x = " + "(" * 3_000],
)  # fmt: skip
def test_refuses_with_words(source):
    with pytest.raises(NotPlain) as caught:
        read_literal(source, "x")
    assert caught.value.text.en and caught.value.text.zh


def test_a_decimal_comma_is_named():
    with pytest.raises(NotPlain, match="with a point, not with a comma"):
        read_literal("x = 0,56", "x")


@given(st.text(st.sampled_from("x=1.5/*-+()[]{}\"',\n ae#\\"), max_size=40))
@settings(max_examples=300, deadline=None)
def test_reading_is_total(source):
    try:
        read_literal(source, "x")
    except NotPlain:
        pass


STUB = 'def f(a):\n    """Doc."""\n    ...  # your code here'


@pytest.mark.parametrize(
    "source",
    [STUB, STUB + "\n\n", STUB.replace("    ...", "\n    ..."), "", "# only a thought", 'def f(a):\n    pass',
     'def f(a):\n    """Doc."""\n    raise NotImplementedError("later")', "def f(a):\n    # think\n    ...", STUB + "\nprint(1)", "def g():\n    return 1\ndef f(a):\n    ..."],
)  # fmt: skip
def test_not_attempted(source):
    assert not attempted(source, STUB, "f")


@pytest.mark.parametrize(
    "source",
    ["def f(a):\n    return a", "def f(a):\n  return (", "f = len",
     "def f(a):\n    raise ValueError", "import os", "\0"],
)  # fmt: skip
def test_attempted(source):
    assert attempted(source, STUB, "f")


def test_a_scaffold_left_as_it_was_is_no_attempt():
    scaffold = "def f(a):\n    b = sorted(a)\n    ...  # your code here\n    return b"
    assert not attempted(scaffold + "  ", scaffold, "f")
    assert attempted(scaffold.replace("...  # your code here", "b.pop()"), scaffold, "f")
