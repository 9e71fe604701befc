"""Checking from a terminal: which questions and which file are meant, and what is printed."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from course_lib.classroom.aliases import live_topic
from course_lib.classroom.attempted import attempted
from course_lib.classroom.display import as_text, outcome_word, points, symbol, wants_colour
from course_lib.classroom.executed import read_own
from course_lib.classroom.grading import Prepared, grade, prepare
from course_lib.classroom.invoked import program
from course_lib.classroom.learner import LearnerQuestion, loaded, question, topic_of_path
from course_lib.classroom.loading import Exercise, graded_topics, load_exercise
from course_lib.classroom.mislaid import namesakes, topic_held, usual_path
from course_lib.classroom.process import Plain
from course_lib.classroom.progress import kept
from course_lib.classroom.submission import Sources
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import ContractError, CourseError, DataError, UnknownIdError
from course_lib.core.fingerprint import ROOT

WATCHING = Text(
    "Watching {file}; every save is checked. Ctrl-C ends.", "正在监视 {file}：每次保存都会检查。按 Ctrl-C 结束。"
)
WATCHED = Text("Watching has ended.", "监视已结束。")
_SUMMARY = Text(
    "{topic}: {right} of {n} right, {points} points ({file})",
    "{topic}：{n} 题中 {right} 题正确，得分 {points}（{file}）",
)
_ASKS = {"hint()": "--hint", "solution()": "--solution", "solution(anyway=True)": "--solution --anyway"}


class TerminalQuestion(LearnerQuestion):
    """A question whose help is asked for in a terminal."""

    @classmethod
    def find(cls, topic: str, name: str | None, alone: bool = False, root: Path = ROOT) -> list[TerminalQuestion]:
        """The questions meant by ``TOPIC``, ``TOPIC QUESTION`` or ``TOPIC/QUESTION``.

        Args:
            alone: one question must be meant.

        Raises:
            UnknownIdError: there is no such topic or question; the error names the nearest.
            ContractError: ``alone``, and the topic has several.
        """
        graded = graded_topics(root)
        if meant := topic_of_path(topic, graded):
            file = f" --file {shlex.quote(topic)}" if Path(topic).is_file() else ""
            one = f" {name}" if name else ""
            raise UnknownIdError(f"{topic[:200]!r} is a path, not a topic",
                                 remedy=f"Use `{program()} check {meant}{one}{file}`")  # fmt: skip
        if "/" in topic and name is None:
            topic, _, name = topic.partition("/")
        live = live_topic(topic, graded, root)
        if name is not None:
            found = question(f"{topic}/{name}", root=root)
            return [cls(*found.id.split("/"), root)]
        exercise = loaded(live, root) if live in graded else load_exercise(live, root)  # the latter raises
        if alone and len(exercise.questions) > 1:
            names = ", ".join(one.name for one in exercise.questions)
            raise ContractError(f"{live} has several questions", remedy=f"Add one of {names}")
        return [cls(live, one.name, root) for one in exercise.questions]

    def _call(self, method: str) -> str:
        return f"{program()} check {self._topic} {self._name} {_ASKS[method]}"


class Session:
    """Some questions of one topic, and the file with the answers.

    Args:
        asked: of one topic.
        file: notebook or script; None: the topic's notebook below the current folder, else in ``exercises/``.

    Attributes:
        path: the file.

    Raises:
        CourseError: there is no such file.
    """

    def __init__(self, asked: list[TerminalQuestion], file: str | None, root: Path = ROOT):
        self._asked = {one.id.partition("/")[2]: one for one in asked}
        self._topic = asked[0].id.partition("/")[0]
        self._root = root
        self._exercise: Exercise = loaded(self._topic, root)
        self._prepared: Prepared | None = None
        self._sources: dict[str, str] = {}
        self._verdicts: dict[str, Verdict] = {}
        self.path = Path(file) if file is not None else _usual_file(self._topic, root)
        if not self.path.exists():
            raise CourseError("there is no such file", where=str(self.path), remedy=self._where_else())

    def print_json(self) -> int:
        """Check all and print the verdicts as JSON; returns the exit code."""
        verdicts = self._check(self._read())
        print(json.dumps([one.to_dict() for one in verdicts], ensure_ascii=False, indent=2))
        return int(not all(one.outcome is Outcome.PASS for one in verdicts))

    def print_all(self) -> bool:
        """Check all and print them; returns whether all are right."""
        return self._print(self._check(self._read()))

    def print_changed(self) -> None:
        """Read the file again, check the questions whose source has changed, and print these. A file that can't be read
        is said, and waited for.
        """
        try:
            sources = self._read()
        except CourseError as error:
            print(f"course: {error}", file=sys.stderr)
            return
        changed = [name for name in self._asked if sources.get(name) != self._sources.get(name)]
        if changed:
            print()
            self._print(self._check(sources, changed))

    def _where_else(self) -> str:
        """What to do where the file is not there: another place of its name, or a fresh one."""
        found = namesakes(self._topic, self._root)
        usual = usual_path(self._topic, self._root)
        if usual in found:
            return f"Name yours with --file; without --file it is {_from_here(usual)}"
        if found:
            named = shlex.quote(_from_here(found[0]))
            more = f" (and in {len(found) - 1} other places)" if len(found) > 1 else ""
            return (f"A notebook of that name lies elsewhere{more}: check it by `{program()} check {self._topic} "
                    f"--file {named}`, or move it to its place")  # fmt: skip
        return f"Name yours with --file, or make it by `{program()} exercises build {self._topic}`"

    def _read(self) -> dict[str, str]:
        sources: Sources = read_own(self.path, self._exercise.master)
        other = None if sources.cells else topic_held(self.path, self._topic, self._root)
        if other:
            raise DataError(f"this file holds the questions of {other}, and none of {self._topic}", where=str(self.path),
                            remedy=f"Use `{program()} check {other} --file {shlex.quote(str(self.path))}`, or name the "
                                   f"file of {self._topic} with --file")  # fmt: skip
        for note in sources.notes:
            print(note, file=sys.stderr)
        return dict(sources.cells)

    def _check(self, sources: dict[str, str], names: Collection[str] | None = None) -> list[Verdict]:
        """Verdicts on these questions (all), in the exercise's order; kept in the progress."""
        names = self._asked if names is None else names
        stubs = self._exercise.master.questions
        tried = [name for name in names if name in sources and attempted(sources[name], stubs[name].stub, name)]
        prepared = self._prepare(tried)
        asked = tuple(one for one in self._exercise.questions if one.name in names)
        given = {name: sources[name] for name in tried}
        verdicts = grade(replace(prepared, questions=asked), given, confinement=Plain(), reveal=True)
        kept(lambda progress: progress.record(*verdicts), self._root)
        self._sources = sources
        self._verdicts.update((one.question, one) for one in verdicts)
        return verdicts

    def _prepare(self, names: Collection[str]) -> Prepared:
        """What judging these questions needs, and those prepared before: nothing is prepared twice, or for nothing."""
        known = self._prepared
        new = prepare(self._exercise, only=[one for one in names if known is None or one not in known.inputs])
        if known is not None:
            tables = ("inputs", "encoded", "expected", "mistakes")
            new = replace(new, **{table: {**getattr(known, table), **getattr(new, table)} for table in tables})
        self._prepared = new
        return new

    def _print(self, verdicts: list[Verdict]) -> bool:
        """A block per question; those not attempted on one line, unless it was asked for alone."""
        empty = [one for one in verdicts if one.outcome is Outcome.NOT_ATTEMPTED and len(self._asked) > 1]
        entries = (kept(lambda progress: progress.read(), self._root) or {"questions": {}})["questions"]
        for verdict in verdicts:
            if verdict not in empty:
                one = self._asked[verdict.question.partition("/")[2]]
                seen = entries.get(verdict.question, {}).get("hints", 0)
                print(as_text(verdict, one.help(seen), colour=wants_colour()))
        if empty:
            names = ", ".join(one.question.partition("/")[2] for one in empty)
            what = f"{symbol(Outcome.NOT_ATTEMPTED)} {outcome_word(Outcome.NOT_ATTEMPTED)}"
            print(f"{what}: {names}")
        every = self._verdicts.values()
        right = sum(one.outcome is Outcome.PASS for one in every)
        score = points(sum(one.points for one in every), sum(one.max_points for one in every))
        print(_SUMMARY.format(topic=self._topic, right=right, n=len(every), points=score, file=self.path), flush=True)
        return right == len(every)


def prepare_output(language: str | None) -> None:
    """Choose the language, and let a terminal that lacks a sign (✓, 中文) show ``?`` instead of failing."""
    if language:
        os.environ["COURSE_LANG"] = language
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _usual_file(topic: str, root: Path) -> Path:
    branch, _, name = topic.partition(".")
    for path in (Path(branch) / f"{name}.ipynb", Path(f"{name}.ipynb")):
        if path.is_file():
            return path
    return Path(_from_here(usual_path(topic, root)))


def _from_here(path: Path) -> str:
    return os.path.relpath(path) if Path.cwd() in path.parents else str(path)
