"""What a learner types in a notebook or a script: ``question("shop.measurement/recall_at_k").check()``.

His code never runs in the notebook's own process to be checked, so an endless loop leaves the notebook alive.
"""

from __future__ import annotations

import difflib
import html
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.classroom import executed
from course_lib.classroom.aliases import live_id
from course_lib.classroom.display import Help, as_html, as_text, framed, harmless, wants_colour
from course_lib.classroom.grading import Prepared, grade, prepare
from course_lib.classroom.invoked import program
from course_lib.classroom.loading import Exercise, graded_topics, load_exercise
from course_lib.classroom.own_names import explained
from course_lib.classroom.process import Plain
from course_lib.classroom.progress import kept
from course_lib.classroom.verdict import Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.fingerprint import ROOT

_EXAMPLE = "shop.measurement/recall_at_k"
_NOT_RUN = Text(
    "No cell that defines {name} has been run yet: run your answer cell first (Shift+Enter).",
    "还没有运行过定义 {name} 的单元格：请先运行你的答案单元格（Shift+Enter）。",
)
_CHECKED = Text("Checked: {place}, as you ran it last.", "检查的是{place}最近一次运行的内容。")
_NO_HINTS = Text("This question has no hints.", "这道题没有提示。")
_HINT = Text("Hint {number} of {total}. {hint}", "提示 {number}/{total}：{hint}")
_LAST = Text("That was the last hint. The solution: {ask}", "这是最后一条提示。参考答案：{ask}")
_TRY_FIRST = Text(
    "Try it first: you have not checked an answer of your own yet. A hint: {hint}. The solution anyway: {ask}",
    "先自己试一试：你还没有检查过自己的答案。看提示：{hint}。仍要看参考答案：{ask}",
)
_SOLUTION = Text("One solution of {question}:", "{question} 的一种解法：")


@dataclass(frozen=True)
class Checked:
    """The answer to ``check()``; a notebook shows it as HTML, ``print`` as text.

    Attributes:
        verdict: outcome, points and words.
        help: where the next hint is.
    """

    verdict: Verdict
    help: Help

    def __str__(self) -> str:
        return as_text(self.verdict, self.help, colour=wants_colour())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        text = as_text(self.verdict, self.help)
        if os.environ.get("NBGRADER_EXECUTION"):
            text = f"{self.verdict.points:g}"  # nbgrader reads points from here
        return {"text/plain": text, "text/html": as_html(self.verdict, self.help)}


@dataclass(frozen=True)
class Note:
    """A text that a notebook shows: a hint, a solution. ``code`` is Python, shown as such."""

    text: str
    code: str = ""

    def __str__(self) -> str:
        return harmless(f"{self.text}\n\n{self.code}".strip())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = html.escape(harmless(self.text)).replace("\n", "<br>")
        code = f"<pre>{html.escape(harmless(self.code))}</pre>" if self.code else ""
        return {"text/plain": str(self), "text/html": framed(shown + code)}


class LearnerQuestion:
    """One question, as ``question(…)`` returns it: ``check()``, ``hint()``, ``solution()``.

    Attributes:
        id: full id, ``shop.measurement/recall_at_k``.
    """

    def __init__(self, topic: str, name: str, root: Path = ROOT):
        self.id = f"{topic}/{name}"
        self._topic, self._name, self._root = topic, name, root

    def check(self) -> Checked:
        """Check the answer: in a notebook that of the cell run last that defines the question's name, in a script that
        of the script. The result is kept in the progress file.

        Raises:
            CourseError: there is neither a notebook nor a script.
        """
        prepared = _prepared(self._topic, self._name, self._root)
        found = executed.answer(self._name, prepared.exercise.master, self._topic)
        given = {} if found.source is None else {self._name: found.source}
        [verdict] = grade(prepared, given, confinement=Plain(), reveal=True)
        if found.source is None:
            verdict = replace(verdict, message=_NOT_RUN.format(name=self._name))
        verdict = explained(verdict, executed.names_there())
        kept(lambda progress: progress.record(verdict), self._root)
        checked = _CHECKED.format(place=found.place) if found.place.en else Text("", "")
        return Checked(verdict, replace(self.help(self._seen()), checked=checked, doubt=found.doubt))

    def hint(self, number: int | None = None) -> Note:
        """The next hint, or the one of this number (from 1); seen hints are counted in the progress file.

        Raises:
            ContractError: there is no hint of that number.
        """
        hints = self._hints
        if not hints:
            return Note(str(_NO_HINTS))
        if number is None:
            number = min(self._seen() + 1, len(hints))
        if type(number) is not int or not 1 <= number <= len(hints):
            remedy = f"Ask for one of 1 to {len(hints)}, or for the next: {self._call('hint()')}"
            raise ContractError(f"there is no hint {number!r}", where=self.id, remedy=remedy)
        kept(lambda progress: progress.record_hint(self.id, number), self._root)
        text = str(_HINT.format(number=number, total=len(hints), hint=hints[number - 1]))
        if number == len(hints):
            text += "\n" + str(_LAST.format(ask=self._call("solution()")))
        return Note(text)

    def solution(self, anyway: bool = False) -> Note:
        """The master's solution, after an attempt of one's own (or ``anyway``); before, a note without ``code``."""
        attempts = kept(lambda progress: progress.entry(self.id)["attempts"], self._root)
        if not attempts and not anyway:
            return Note(str(_TRY_FIRST.format(hint=self._call("hint()"), ask=self._call("solution(anyway=True)"))))
        kept(lambda progress: progress.record_solution(self.id), self._root)
        master = loaded(self._topic, self._root).master
        return Note(str(_SOLUTION.format(question=self.id)), master.questions[self._name].solution)

    def help(self, seen: int) -> Help:
        """Where more help is, after so many hints."""
        return Help(seen, len(self._hints), self._call("hint()"), self._call("solution()"))

    def __repr__(self) -> str:
        worth = loaded(self._topic, self._root).master.questions[self._name].points
        return f'question("{self.id}"), {worth:g} points: .check(), .hint(), .solution()'

    @property
    def _hints(self) -> tuple[Text, ...]:
        return loaded(self._topic, self._root).question(self._name).hints

    def _seen(self) -> int:
        return kept(lambda progress: progress.entry(self.id)["hints"], self._root) or 0

    def _call(self, method: str) -> str:
        return f'question("{self.id}").{method}'


def question(id: str, *, root: Path | str = ROOT) -> LearnerQuestion:
    """A question by its full id, live or retired.

    Args:
        id: ``"shop.measurement/recall_at_k"``.
        root: the course's folder.

    Raises:
        UnknownIdError: there is no such question; the error names the nearest.
        ContractError: ``id`` is no text.
    """
    root = Path(root)
    executed.without_traceback()
    if not isinstance(id, str):
        raise ContractError(f"a question's id is a text, not {type(id).__name__}",
                            remedy=f'Write question("{_EXAMPLE}")')  # fmt: skip
    graded = graded_topics(root)
    live = live_id(id.strip(), graded, root)
    topic, _, name = live.partition("/")
    if not graded:
        load_exercise(topic, root)  # raises: there are no exercises here at all
    if topic not in graded or name not in loaded(topic, root).master.questions:
        raise UnknownIdError(f"no question {id[:80]!r}", remedy=_nearest(live, graded, root))
    return LearnerQuestion(topic, name, root)


def _nearest(wanted: str, graded: list[str], root: Path) -> str:
    """Which questions may have been meant: those whose topic and name look like it, taken together."""

    def likeness(topic: str, name: str) -> float:
        wanted_topic, slash, wanted_name = wanted.partition("/")
        if not slash:  # only a name was typed
            wanted_topic, wanted_name = topic, wanted
        return _like(wanted_topic, topic) * _like(wanted_name, name)

    bare = wanted.removesuffix("/")  # a topic without a question, or a path, or a topic misspelt
    alike = difflib.get_close_matches(bare, graded, 1, 0.8) if "/" not in bare and "." in bare else []
    if topic := topic_of_path(wanted, graded) or next(iter(alike), None):
        every = ", ".join(f"{topic}/{name}" for name in loaded(topic, root).master.questions)
        return f"The questions of the topic {topic} are {every}"
    names = [(topic, name) for topic in graded for name in loaded(topic, root).master.questions]
    found = [(likeness(topic, name), f"{topic}/{name}") for topic, name in names]
    near = [one for score, one in sorted(found, key=lambda pair: -pair[0]) if score > 0.35][:3]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"`{program()} progress` lists all questions, of {', '.join(graded)}"


def topic_of_path(text: str, graded: list[str]) -> str | None:
    """The topic that was meant by a path: ``exercises/start/first_hour.ipynb``, ``start/first_hour``; None: none."""
    *folders, name = re.split(r"[/\\]", re.sub(r"\.(?:ipynb|py)$", "", text.strip()))
    meant = f"{folders[-1]}.{name}" if folders else ""
    return meant if meant in graded else None


def _like(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other).ratio()


def loaded(topic: str, root: Path = ROOT) -> Exercise:
    """A graded topic's exercise, read again only when its files have changed."""
    return _loaded(topic, root, _stamps(topic, root))


def _prepared(topic: str, name: str, root: Path) -> Prepared:
    return _prepared_as(topic, name, root, _stamps(topic, root))


def _stamps(topic: str, root: Path) -> tuple[tuple[int, int] | None, ...]:
    """Time and size of the spec and the master."""
    branch, _, name = topic.partition(".")
    paths = (root / "tests" / branch / f"grade_{name}.py", root / "solutions" / branch / f"{name}.py")
    return tuple((path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None for path in paths)


@lru_cache(maxsize=32)
def _loaded(topic: str, root: Path, stamps: tuple) -> Exercise:
    return load_exercise(topic, root)


@lru_cache(maxsize=64)
def _prepared_as(topic: str, name: str, root: Path, stamps: tuple) -> Prepared:
    return prepare(_loaded(topic, root, stamps), only=(name,))
