"""Finding a topic's exercise: its grading spec and its solved master, in the repository or in a private folder."""

from __future__ import annotations

import difflib
import importlib.util
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.classroom.masters import Master, read_master
from course_lib.classroom.spec import Code, Question, find
from course_lib.core.errors import CourseError, DataError, UnknownIdError
from course_lib.core.fingerprint import ROOT


@dataclass(frozen=True)
class Exercise:
    """A topic's graded questions.

    Attributes:
        topic: live id, ``shop.measurement``.
        questions: from the spec, in the master's order.
        master: prompts, stubs, points and solutions.
        spec_path, master_path: where they were found.
    """

    topic: str
    questions: tuple[Question, ...]
    master: Master
    spec_path: Path
    master_path: Path

    def question(self, name: str) -> Question:
        """The question of this name; raises UnknownIdError, which lists those there are."""
        found = find(self.questions, name)
        if found is None:
            names = ", ".join(question.name for question in self.questions)
            raise UnknownIdError(f"{self.topic} has no question {name!r}", remedy=f"Choose one of {names}")
        return found

    def full_id(self, question: Question) -> str:
        """``shop.measurement/recall_at_k``."""
        return f"{self.topic}/{question.name}"

    @property
    def max_points(self) -> float:
        """Points of all questions together."""
        return sum(one.points for one in self.master.questions.values())


def load_exercise(topic: str, root: Path = ROOT, private: Path | None = None) -> Exercise:
    """The exercise of a live topic id.

    Args:
        private: an instructor's folder with ``<branch>/grade_<topic>.py`` and, if he likes, ``<branch>/<topic>.py``;
            each takes the place of the public file.

    Raises:
        UnknownIdError: the topic has no graded exercise.
        DataError: spec and master don't fit each other, or one can't be read.
    """
    branch, _, name = topic.partition(".")
    if topic not in graded_topics(root, private):
        there = graded_topics(root, private)
        if not there:
            raise CourseError("no graded exercises here", where=str(root),
                              remedy="Work in a clone of the course, where solutions/ and tests/ stand")  # fmt: skip
        raise UnknownIdError(f"{topic[:80]!r} has no graded exercise", remedy=which_topic(topic, there))
    spec_path = _first(private and private / branch / f"grade_{name}.py", root / "tests" / branch / f"grade_{name}.py")
    master_path = _first(private and private / branch / f"{name}.py", root / "solutions" / branch / f"{name}.py")
    master = read_master(master_path)
    questions = _spec(spec_path)
    ordered = tuple(question for name in master.questions if (question := find(questions, name)))
    _agree(questions, master, spec_path, master_path)
    return Exercise(topic, ordered, master, spec_path, master_path)


def graded_topics(root: Path = ROOT, private: Path | None = None) -> list[str]:
    """Ids of the topics that have a grading spec, sorted."""
    found = list((root / "tests").glob("*/grade_*.py")) + (list(private.glob("*/grade_*.py")) if private else [])
    return sorted({f"{path.parent.name}.{path.stem.removeprefix('grade_')}" for path in found})


def which_topic(wanted: str, graded: Sequence[str]) -> str:
    """What to choose instead of a topic that is not there: those that look like it, else those of its branch, else all."""
    branch, dot, name = wanted.lower().partition(".")
    if not dot:  # only the part after the point was typed, or a branch
        branch, name = "", branch

    def likeness(topic: str) -> float:
        of_branch, _, of_topic = topic.partition(".")
        return (_like(branch, of_branch) if branch else 1.0) * _like(name, of_topic)

    scores = {topic: likeness(topic) for topic in graded}
    best = max(scores.values(), default=0.0)
    # What is much less like it than the best is no help.
    near = sorted((topic for topic in graded if scores[topic] > max(0.5, best - 0.2)), key=lambda one: -scores[one])
    if near:
        return f"Did you mean {' or '.join(near[:3])}?"
    beside = [topic for topic in graded if topic.startswith(f"{branch or name}.")]
    return f"Choose one of {', '.join(beside or graded)}"


def _like(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _first(*paths: Path | None) -> Path:
    return next((path for path in paths if path is not None and path.is_file()), paths[-1])


def _spec(path: Path) -> tuple[Question, ...]:
    """Run a spec file. It is the instructor's own code and is trusted; learners' files never come here."""
    module_spec = importlib.util.spec_from_file_location(f"grading_spec_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:
        where = f"{path}, line {line}" if (line := _line_in(error, path)) else str(path)
        if isinstance(error, CourseError):
            raise DataError(error.what, where=where, remedy=error.remedy) from error
        raise DataError(f"the spec can't be run ({type(error).__name__}: {error})", where=where) from error
    questions = getattr(module, "QUESTIONS", None)
    if not isinstance(questions, tuple) or not all(isinstance(one, Question) for one in questions) or not questions:
        raise DataError("QUESTIONS must be a tuple of Code, Choice and Number", where=str(path))
    return questions


def _line_in(error: BaseException, path: Path) -> int | None:
    """The line of a file where an error came up, or that Python could not read."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [
        number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)
    ]
    return lines[-1] if lines else None


def _agree(questions: tuple[Question, ...], master: Master, spec_path: Path, master_path: Path) -> None:
    names = [question.name for question in questions]
    if sorted(names) != sorted(master.questions):
        different = ", ".join(sorted(set(names) ^ set(master.questions))) or "a question twice"
        raise DataError(f"spec and master name different questions: {different}", where=f"{spec_path}, {master_path}")
    for question in questions:
        stated = master.questions[question.name].points
        if isinstance(question, Code) and abs(question.points - stated) > 1e-9:
            raise DataError(f"question {question.name}: its cases add up to {question.points:g} points, the master says "
                            f"{stated:g}", where=str(spec_path))  # fmt: skip
