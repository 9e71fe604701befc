"""A small course of one topic in a temporary folder, whose master and spec a test may bend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from course_lib.classroom.loading import Exercise, load_exercise

MASTER = '''\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Sums
#
# Prose with `code`, a formula $a_1 + \\dots$ and an empty line above.

# %% setup=true
import numpy as np

# %% [markdown]
# ## The share of hits
#
# `share(hits, n)` is the share of hits among the first `n`.

# %% question="share" points=2
def share(hits: list[int], n: int) -> float:
    """Share of ones among the first n; 0.0 for n = 0."""
    ### BEGIN SOLUTION
    if n == 0:
        return 0.0
    return float(np.sum(hits[:n])) / n
    ### END SOLUTION


# %% [markdown]
# ## Which stage?
# One letter.

# %% question="stage" points=1
stage = ...  # one letter, for example "a"
### BEGIN SOLUTION
stage = "c"
### END SOLUTION

# %% [markdown]
# ## How much?
# Of 40 orders 12 came back. What percentage stayed?

# %% question="stayed" points=1.5
stayed = ...  # a number
### BEGIN SOLUTION
stayed = (40 - 12) / 40 * 100
### END SOLUTION
'''

SPEC = """\
from course_lib.classroom.spec import Case, Choice, Code, Number, Text, Wrong


def draw(generator):
    n = int(generator.integers(5, 30))
    return [int(hit) for hit in generator.integers(0, 2, size=n)], int(generator.integers(1, n))


def wrong_letter(letter):
    return Wrong(name=letter, code=f'stage = "{letter}"', message=Text(f"{letter} comes later", f"{letter} 在后面"))


QUESTIONS = (
    Code(
        name="share",
        cases=(
            Case("basic", Text("a short list", "短列表"), 1.0,
                 inputs=(([1, 0, 1, 1], 2), ([1, 0, 1, 1], 3), ([0, 0, 1, 0, 1], 5)),
                 expect=Text("hits among the first n, over n", "前 n 个中的命中数除以 n"),
                 advice=Text("count by hand", "手算一遍")),
            Case("nothing", Text("n is 0", "n 为 0"), 0.25, inputs=(([1, 0], 0),), expect=Text("zero", "零")),
            Case("drawn", Text("longer lists", "更长的列表"), 0.75, draw=draw, hidden=True),
        ),
        hints=(Text("cut the list first", "先截断列表"), Text("then divide by n", "再除以 n")),
        wrong=(
            Wrong("whole_list", "def share(hits, n):\\n    return sum(hits) / n if n else 0.0",
                  Text("you count beyond n", "你数到了 n 之外")),
            Wrong("by_length", "def share(hits, n):\\n    return sum(hits[:n]) / len(hits)",
                  Text("you divide by the length of the list", "你除以了列表的长度")),
            Wrong("count", "def share(hits, n):\\n    return float(sum(hits[:n]))",
                  Text("this is a count, not a share", "这是个数，不是比例")),
        ),
    ),
    Choice(name="stage", options="abcde", hints=(Text("think of the list", "想想列表"),),
           wrong=tuple(wrong_letter(letter) for letter in "abde")),
    Number(name="stayed", tolerance=0.01, unit=Text("%", "%"), hints=(Text("what stayed, not what left", "留下的"),),
           wrong=(
               Wrong("returned", "stayed = 30", Text("this is what came back", "这是退回的")),
               Wrong("fraction", "stayed = 0.7", Text("a percentage was asked for", "问的是百分数")),
               Wrong("difference", "stayed = 28", Text("this is a number of orders", "这是订单数")),
           )),
)
"""


@dataclass
class Course:
    """A repository with one topic, ``demo.sums``."""

    root: Path

    @property
    def master(self) -> Path:
        return self.root / "solutions" / "demo" / "sums.py"

    @property
    def spec(self) -> Path:
        return self.root / "tests" / "demo" / "grade_sums.py"

    @property
    def stub(self) -> Path:
        return self.root / "exercises" / "demo" / "sums.ipynb"

    def exercise(self) -> Exercise:
        return load_exercise("demo.sums", self.root)

    @staticmethod
    def change(path: Path, old: str, new: str) -> None:
        """Replace one part of a file; it must be there exactly once, so that a test can't bend nothing."""
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def demo(tmp_path: Path) -> Course:
    """A fresh copy of the small course."""
    course = Course(tmp_path / "course")
    for path, text in ((course.master, MASTER), (course.spec, SPEC)):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return course


@pytest.fixture(autouse=True)
def progress_apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test checks (also in a process of its own) stays out of the progress of whoever runs the tests."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path_factory.mktemp("progress") / "progress.json"))
