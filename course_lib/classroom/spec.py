"""What a grading spec is made of: questions, cases, hints and wrong answers, as plain frozen data.

A spec is a Python file, ``tests/<branch>/grade_<topic>.py``, that defines ``QUESTIONS``, a tuple of ``Code``,
``Choice`` and ``Number``. It holds no answers: these come from the solved master, ``solutions/<branch>/<topic>.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.classroom.compare import close
from course_lib.core.bilingual import LANGUAGES, Text
from course_lib.core.errors import ContractError

#: ``agree(expected, got, arguments)`` -> None where the two agree, else what differs, in words
Agree = Callable[[Any, Any, tuple], "Text | None"]


@dataclass(frozen=True)
class Case:
    """One thing that a code question tries: fixed inputs, or inputs drawn from a seeded generator.

    All inputs of a case must come out right for its points. The first case of a question is its *basic* case: while it
    fails, no other case earns anything (else a constant answer would collect the edge cases).

    Attributes:
        name: short, unique in the question: ``"basic"``, ``"empty"``.
        title: what is tried, in words; learners see it even when the case is hidden, so it must not tell the input.
        points: earned when every input comes out right.
        inputs: fixed inputs, each the tuple of the function's positional arguments.
        draw: instead of ``inputs``: called ``n`` times with one generator; returns such a tuple.
        n: number of draws.
        hidden: the inputs, the learner's result and his messages are not shown.
        expect: what should have come, in words; required unless hidden.
        advice: the next step when it fails.
        raises: name of the exception that the function must raise on each input, ``"ValueError"``; "" where it returns.
    """

    name: str
    title: Text
    points: float
    inputs: tuple[tuple, ...] = ()
    draw: Callable[[np.random.Generator], tuple] | None = None
    n: int = 20
    hidden: bool = False
    expect: Text | None = None
    advice: Text | None = None
    raises: str = ""

    def __post_init__(self) -> None:
        if bool(self.inputs) == (self.draw is not None):
            raise ContractError(f"case {self.name!r} needs either inputs or draw")
        if not all(isinstance(one, tuple) for one in self.inputs):
            raise ContractError(f"case {self.name!r}: each input is a tuple of arguments",
                                remedy="Write inputs=((arguments,), …)")  # fmt: skip
        if not self.hidden and self.expect is None:
            raise ContractError(f"case {self.name!r} is visible: say in expect what should come, in words")
        if not self.points > 0:
            raise ContractError(f"case {self.name!r} is worth {self.points!r} points; it must be more than 0")

    def arguments(self, generator: np.random.Generator) -> list[tuple]:
        """The inputs, one tuple of positional arguments each."""
        return [self.draw(generator) for _ in range(self.n)] if self.draw else list(self.inputs)


@dataclass(frozen=True)
class Wrong:
    """A realistic wrong answer. It is run like a learner's: who behaves like it gets its message.

    Attributes:
        name: short, unique in the question.
        code: the source of the cell.
        message: what the mistake is and where to look, without giving the answer away.
    """

    name: str
    code: str
    message: Text


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the three kinds of questions share.

    Attributes:
        name: unique in the topic, the id after the slash; also the name that the answer cell defines.
        hints: staged, each a little nearer to the answer.
        wrong: at least three for code, and one for each wrong option of a choice.
    """

    name: str
    hints: tuple[Text, ...]
    wrong: tuple[Wrong, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ContractError(f"question name {self.name!r}: lower case letters, digits and underscores")
        names = [one.name for one in self.wrong]
        if len(set(names)) < len(names):
            raise ContractError(f"question {self.name}: two wrong answers have one name")
        for text in (*self.hints, *(one.message for one in self.wrong)):
            if not all(text.get(language) for language in LANGUAGES):
                raise ContractError(f"question {self.name}: a text lacks one of the languages {', '.join(LANGUAGES)}")


@dataclass(frozen=True, kw_only=True)
class Code(Question):
    """A function to write.

    Attributes:
        cases: the first is the basic case (see ``Case``).
        agree: compares what the reference gave with what came.
        may_change_inputs: whether the function is allowed to change its arguments.
        uses: libraries that the worker imports before the clock starts.
        seconds: time limit of the question, all cases together.
        memory_mb: address space of the worker.
    """

    cases: tuple[Case, ...]
    agree: Agree = close()
    may_change_inputs: bool = False
    uses: tuple[str, ...] = ("numpy",)
    seconds: float = 2.0
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [case.name for case in self.cases]
        if not names or len(set(names)) < len(names):
            raise ContractError(f"question {self.name}: it needs cases, each with a name of its own")

    @property
    def points(self) -> float:
        """The sum over the cases; the master states the same number."""
        return sum(case.points for case in self.cases)


@dataclass(frozen=True, kw_only=True)
class Choice(Question):
    """One or several of some options; the answer is a string of letters, and no code is run.

    Attributes:
        options: the letters on offer, in order: ``"abcde"``.
        several: whether more than one letter may be right.
    """

    options: str = "abcde"
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class Number(Question):
    """A number, or a sum of numbers such as ``3/8``; no code is run.

    Attributes:
        tolerance: absolute.
        unit: shown with messages, for example ``%``.
    """

    tolerance: float
    unit: Text = Text("", "")


def find(questions: Sequence[Question], name: str) -> Question | None:
    """The question of this name, or None."""
    return next((question for question in questions if question.name == name), None)
