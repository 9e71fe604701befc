"""A learner's progress: one JSON file, by question id, that no crash, second program or rename of a topic loses.

    {"format": "course-progress", "version": 1,
     "questions": {"shop.measurement/recall_at_k": {"outcome": "PASS", "points": 2.0, "max_points": 2.0,
        "best_points": 2.0, "attempts": 3, "hints": 1, "solution_shown": false,
        "first_passed": "2026-01-31T08:00:00Z", "last_checked": "2026-01-31T08:00:00Z"}},
     "topics": {"start.setup": "done"}}

``outcome`` and ``points`` are those of the last check (an emptied stub does not undo them); a question stays passed
once ``first_passed`` is set. ``attempts`` counts the checks up to the first pass: another look at a right answer is no
attempt. Keys that this version does not know are kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from course_lib.classroom.aliases import live_id, live_topic
from course_lib.classroom.invoked import program
from course_lib.classroom.loading import graded_topics
from course_lib.classroom.progress_format import CorruptError, empty, merged_entry, new_entry, parse, passed, salvage
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.cache import course_home
from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import write_json
from course_lib.core.fingerprint import ROOT
from course_lib.core.locks import locked

#: a progress file of a hundred topics has 200 kB
MAX_BYTES = 5_000_000
_SET_ASIDE = Text(
    "{path}: {what}. What stood there is kept as {aside}; {rest}",
    "{path}：{what}。原有内容保留为 {aside}；{rest}",
)
_ALL_NEW = Text("a new one is begun", "另起一份新的进度文件")
_REST_KEPT = Text("what could be read goes on in a new one", "可读的部分已转入新文件")
_ELSEWHERE = Text(
    "progress is kept in {path}, since {folder} can't be written",
    "进度保存在 {path}，因为 {folder} 无法写入",
)
_NOT_KEPT = Text("progress is not kept: {error}", "进度没有保存：{error}")
_said: set[str] = set()


def progress_path(root: Path = ROOT) -> Path:
    """Where progress is kept: ``$COURSE_PROGRESS``, else ``exercises/progress.json`` of the course's folder, else (that
    folder is missing or can't be written, which is said once on stderr) ``progress.json`` in ``course_home()``.
    """
    chosen = os.environ.get("COURSE_PROGRESS")
    if chosen:
        return Path(chosen).expanduser()
    folder = root / "exercises"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return folder / "progress.json"
    path = course_home() / "progress.json"
    _say_once(str(_ELSEWHERE.format(path=path, folder=folder)))
    return path


class Progress:
    """One progress file. Every change reads it, changes it and writes it whole, under a lock.

    Args:
        path: the file; default ``progress_path(root)``.
        root: the course's folder, whose map knows retired ids.

    Raises (all methods):
        CourseError: the file is from a newer version of the course (it is left alone), or can't be written.
    """

    def __init__(self, path: Path | None = None, root: Path = ROOT):
        # A link is followed, so that a file kept elsewhere (a synchronised folder) stays a link.
        self.path = Path(os.path.realpath(path if path is not None else progress_path(root)))
        self._root = root
        self._graded: list[str] | None = None

    def read(self) -> dict[str, Any]:
        """The file's content with live ids; that of an empty file where there is none. A sound file is only read."""
        if not os.path.lexists(self.path):
            return empty()
        try:
            data = parse(_content(self.path))
        except (CorruptError, CourseError):
            data = self._change(lambda data: None)
        self._rename(data, topics=True)
        return data

    def entry(self, question: str) -> dict[str, Any]:
        """What is kept of one question (a full id); zeros where there is nothing."""
        return self.read()["questions"].get(self._live(question)) or new_entry()

    def record(self, *verdicts: Verdict) -> None:
        """Keep the results of checks. No attempt is counted for an answer that is not attempted, nor after the
        first pass.
        """

        def change(data: dict[str, Any]) -> None:
            for verdict in verdicts:
                entry = data["questions"].setdefault(self._live(verdict.question), new_entry())
                entry["last_checked"] = _now()
                entry["max_points"] = float(verdict.max_points)
                if verdict.outcome is Outcome.NOT_ATTEMPTED:
                    continue
                entry["attempts"] += not passed(entry)
                entry["outcome"], entry["points"] = verdict.outcome.value, float(verdict.points)
                entry["best_points"] = max(entry["best_points"], float(verdict.points))
                if verdict.outcome is Outcome.PASS:
                    entry["first_passed"] = entry["first_passed"] or entry["last_checked"]

        self._change(change)

    def record_hint(self, question: str, number: int) -> None:
        """Keep that hints up to this number (from 1) were seen."""

        def change(data: dict[str, Any]) -> None:
            entry = data["questions"].setdefault(self._live(question), new_entry())
            entry["hints"] = max(entry["hints"], number)

        self._change(change)

    def record_solution(self, question: str) -> None:
        """Keep that the solution was looked at."""

        def change(data: dict[str, Any]) -> None:
            data["questions"].setdefault(self._live(question), new_entry())["solution_shown"] = True

        self._change(change)

    def export(self, path: Path | str) -> int:
        """Write a copy of the file; returns the number of questions in it.

        Raises:
            CourseError: the folder is missing, or another file than an older copy stands there; nothing is written.
        """
        path = Path(path)
        if not path.parent.is_dir():
            raise CourseError("there is no such folder", where=str(path.parent),
                              remedy="Make it first, or choose another name")  # fmt: skip
        data = self.read()
        if os.path.lexists(path) and not path.is_dir():
            try:
                parse(_content(path))
            except (CorruptError, CourseError) as error:
                raise CourseError("another file has this name, and it is no copy of a progress file", where=str(path),
                                  remedy="Choose another name, so that it is not overwritten") from error  # fmt: skip
        write_json(path, data)
        return len(data["questions"])

    def import_(self, path: Path | str) -> int:
        """Merge a file that ``export`` wrote, and lose nothing: of two results the better, of two counts the larger.

        Returns:
            The number of questions in it.

        Raises:
            DataError: it is not a progress file. Nothing is changed then.
        """
        content = _content(Path(path))
        try:
            theirs = parse(content)
        except CorruptError as error:
            raise DataError(str(error), where=str(path),
                            remedy=f"Import a file that `{program()} progress --export` wrote") from error  # fmt: skip
        except CourseError as error:  # a newer version
            raise CourseError(error.what, where=str(path), remedy=error.remedy) from error
        self._rename(theirs, topics=True)

        def change(data: dict[str, Any]) -> None:
            for question, entry in theirs["questions"].items():
                data["questions"][question] = merged_entry(data["questions"].get(question) or new_entry(), entry)
            for topic, state in theirs["topics"].items():
                data["topics"][topic] = _further(data["topics"].get(topic), state)
            for key, value in theirs.items():
                data.setdefault(key, value)

        self._change(change)
        return len(theirs["questions"])

    def _change(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Read, change and (where anything is different) write, while no other program does."""
        with locked(self.path.with_name(f".{self.path.name}.lock")):
            data, sound = self._load()
            before = repr(data)
            self._rename(data)
            change(data)
            if not sound or repr(data) != before:
                write_json(self.path, data)
        return data

    def _load(self) -> tuple[dict[str, Any], bool]:
        """The content, and whether the file on the disk holds just that. What is damaged is moved aside."""
        if not os.path.lexists(self.path):
            return empty(), True
        try:
            return parse(_content(self.path)), True
        except CorruptError as error:
            data, what = salvage(error), str(error)
        except CourseError as error:
            if not isinstance(error, DataError):  # a newer version
                raise CourseError(error.what, where=str(self.path), remedy=error.remedy) from error
            data, what = empty(), error.what
        aside = _free_name(self.path)
        try:
            os.rename(self.path, aside)
        except OSError as error:
            what += f", and it can't be moved aside ({error.strerror})"
            raise CourseError(what, where=str(self.path)) from error
        rest = _REST_KEPT if data["questions"] or data["topics"] else _ALL_NEW
        line = str(_SET_ASIDE.format(path=self.path, what=what, aside=aside.name, rest=rest))
        print(CourseError(line), file=sys.stderr)
        return data, False

    def _live(self, question: str) -> str:
        if self._graded is None:
            self._graded = graded_topics(self._root)
        return live_id(question, self._graded, self._root)

    def _rename(self, data: dict[str, Any], topics: bool = False) -> None:
        """Give retired ids their live names. Reading states follow when the map is wanted anyway (``topics``)."""
        for question in list(data["questions"]):
            live = self._live(question)
            if live != question:
                old, topics = data["questions"].pop(question), True
                there = data["questions"].get(live)
                data["questions"][live] = merged_entry(there, old) if there else old
        for topic in list(data["topics"]) if topics else ():
            live = live_topic(topic, (), self._root)
            if live != topic:
                state = data["topics"].pop(topic)
                data["topics"][live] = _further(data["topics"].get(live), state)


def kept(work: Callable[[Progress], Any], root: Path = ROOT) -> Any:
    """``work`` on the learner's progress; where that fails, None and a line on stderr (said once): a check is worth
    more than its record. In a grader's run of a notebook (``NBGRADER_EXECUTION``) it is not this person's progress.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return None
    try:
        return work(Progress(root=root))
    except CourseError as error:
        _say_once(str(_NOT_KEPT.format(error=error)))
        return None


def _further(ours: Any, theirs: Any) -> Any:
    """Of two reading states the one that is further on."""
    return theirs if ours is None or theirs == "done" else ours


def _content(path: Path) -> bytes:
    """The bytes of a plain file of bounded size; raises DataError. A pipe is refused, since reading it would wait."""
    if not path.exists():
        raise DataError("no such file", where=str(path))
    if not path.is_file():
        raise DataError("this is not a file", where=str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CourseError(f"can't be read ({error.strerror})", where=str(path)) from error
    if len(content) > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES // 10**6} MB: no progress file is", where=str(path))
    return content


def _free_name(path: Path) -> Path:
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.corrupt-{number}")):
        number += 1
    return aside


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr)
