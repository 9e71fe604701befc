"""Reading exercise masters: solved notebooks in jupytext's percent format, ``solutions/<branch>/<topic>.py``.

A master is prose cells (``# %% [markdown]``), one setup cell (``# %% setup=true``, imports that every answer may use)
and answer cells (``# %% question="recall_at_k" points=2``) with nbgrader's ``### BEGIN SOLUTION`` … ``### END
SOLUTION``. This reader needs no jupytext, so that a check starts in a moment; a test holds the two equal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.core.errors import DataError

#: what stands in a stub where the solution was
YOUR_CODE = "...  # your code here"
_HEAD = re.compile(r"^# %%(?P<rest>(?: .*)?)$")
_OPTION = re.compile(r"(?P<key>[a-z_]+)=(?P<value>\"[^\"]*\"|[^\s]+)")


@dataclass(frozen=True)
class Cell:
    """One cell: ``kind`` is ``"markdown"`` or ``"code"``; ``options`` are those of its head line."""

    kind: str
    source: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MasterQuestion:
    """One answer cell of a master.

    Attributes:
        name: the id after the slash.
        points: as the head line states them.
        solution: the cell without the two marker lines.
        stub: what the learner gets.
        prompt: the markdown since the answer cell before.
    """

    name: str
    points: float
    solution: str
    stub: str
    prompt: str


@dataclass(frozen=True)
class Master:
    """A whole master: its cells in order, the setup cell's source, and its questions by name."""

    cells: tuple[Cell, ...]
    setup: str
    questions: dict[str, MasterQuestion]


def read_master(path: Path) -> Master:
    """Read a master.

    Raises:
        DataError: no such file, a head line that can't be read, a question twice or without a solution region.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror})", where=str(path)) from error
    cells = _cells(text, path)
    questions: dict[str, MasterQuestion] = {}
    prompt: list[str] = []
    for cell in cells:
        if cell.kind == "markdown":
            prompt.append(cell.source)
        elif "question" in cell.options:
            question = _question(cell, "\n\n".join(prompt), path)
            if question.name in questions:
                raise DataError(f"question {question.name!r} stands here twice", where=str(path))
            questions[question.name] = question
            prompt = []
    setup = "\n".join(cell.source for cell in cells if cell.options.get("setup"))
    return Master(cells, setup, questions)


def stub_of(source: str) -> str:
    """A solved cell with its solution regions cleared, as nbgrader's ``ClearSolutions`` does it.

    Inside a function a region becomes ``YOUR_CODE``; at the left margin it goes without a trace, since the line above
    already holds the placeholder (``answer = ...``).
    """
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        if "BEGIN SOLUTION" in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + YOUR_CODE] if indent else []
        elif "END SOLUTION" in line:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept).rstrip()


def _cells(text: str, path: Path) -> tuple[Cell, ...]:
    cells: list[tuple[str, dict[str, Any], list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        head = _HEAD.match(line)
        if head:
            kind = "markdown" if "[markdown]" in head["rest"] else "code"
            cells.append((kind, _options(head["rest"], f"{path}, line {number}"), []))
        elif cells:  # what stands above the first cell is jupytext's header
            cells[-1][2].append(line)
    return tuple(Cell(kind, _body(kind, lines), options) for kind, options, lines in cells)


def _options(rest: str, where: str) -> dict[str, Any]:
    options = {}
    for found in _OPTION.finditer(rest.replace("[markdown]", "")):
        try:
            options[found["key"]] = json.loads(found["value"])
        except json.JSONDecodeError:
            raise DataError(f"{found['key']}={found['value']} is not JSON", where=where,
                            remedy='Write question="name" points=2') from None  # fmt: skip
    return options


def _body(kind: str, lines: list[str]) -> str:
    if kind == "markdown":
        lines = [line[2:] if line.startswith("# ") else line.removeprefix("#") for line in lines]
    return "\n".join(lines).strip("\n")


def _question(cell: Cell, prompt: str, path: Path) -> MasterQuestion:
    name, points = cell.options["question"], cell.options.get("points")
    where = f"{path}, question {name}"
    if not isinstance(points, (int, float)) or isinstance(points, bool) or not points > 0:
        raise DataError(f"points is {points!r}; it must be a number above 0", where=where)
    if "### BEGIN SOLUTION" not in cell.source or "### END SOLUTION" not in cell.source:
        raise DataError("the solution region is missing", where=where,
                        remedy="Put the answer between ### BEGIN SOLUTION and ### END SOLUTION")  # fmt: skip
    solution = "\n".join(line for line in cell.source.split("\n") if "### BEGIN" not in line and "### END" not in line)
    return MasterQuestion(name, float(points), solution, stub_of(cell.source), prompt)
