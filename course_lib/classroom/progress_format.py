"""What a progress file holds, checked value by value: it may come from another program, or from somebody else."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any

from course_lib.classroom.verdict import Outcome
from course_lib.core.errors import CourseError

FORMAT, VERSION = "course-progress", 1
_QUESTION = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")
_TOPIC = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_LONGEST_ID = 200
_MOST = 1_000_000  # of anything that is counted
_COUNTS, _POINTS = ("attempts", "hints"), ("points", "max_points", "best_points")
_RANK = (Outcome.NOT_ATTEMPTED.value, Outcome.ERROR.value, Outcome.FAIL.value, Outcome.PASS.value)


class CorruptError(Exception):
    """Not a progress file; ``value`` is what could be read of it (None: nothing)."""

    def __init__(self, what: str, value: Any = None):
        super().__init__(what)
        self.value = value


def empty() -> dict[str, Any]:
    """The content of a new file."""
    return {"format": FORMAT, "version": VERSION, "questions": {}, "topics": {}}


def new_entry() -> dict[str, Any]:
    """What is kept of a question before its first check."""
    return {"outcome": Outcome.NOT_ATTEMPTED.value, "points": 0.0, "max_points": 0.0, "best_points": 0.0,
            "attempts": 0, "hints": 0, "solution_shown": False, "first_passed": None, "last_checked": None}  # fmt: skip


def parse(content: bytes) -> dict[str, Any]:
    """Read and check a file's bytes; keys that an older version lacks are filled in.

    Raises:
        CorruptError: it does not hold what a progress file holds.
        CourseError: it is from a newer version of the course.
    """
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse)
        if not _shallow(value):
            raise CorruptError("nested too deep")
        # What can't be written again is refused too: half of a surrogate pair, 1e999.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CorruptError("a text in it is not Unicode") from error
    except UnicodeDecodeError as error:
        raise CorruptError(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise CorruptError(f"not valid JSON ({error.msg}, line {error.lineno})") from error
    except (ValueError, RecursionError) as error:
        raise CorruptError("not valid JSON") from error
    head(value)
    for question, entry in value["questions"].items():
        fault = _question_fault(question, entry)
        if fault:
            raise CorruptError(fault, value)
        value["questions"][question] = {**new_entry(), **entry}
    for topic, state in value["topics"].items():
        if not _is_topic(topic, state):
            raise CorruptError(f"the reading state of {topic[:80]!r} is wrong", value)
    return value


def head(value: Any) -> None:
    """Check all but the entries; adds the two tables where they are missing."""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise CorruptError(f'not a progress file: its "format" is not "{FORMAT}"')
    version = value.get("version")
    if type(version) is not int or version < 1:
        raise CorruptError(f'"version" is {str(version)[:20]!r}, not a whole number')
    if version > VERSION:
        raise CourseError(f"a progress file of version {str(version)[:20]}; this course knows version {VERSION}",
                          remedy="Update the course; the file is left as it is")  # fmt: skip
    for table in ("questions", "topics"):
        if not isinstance(value.setdefault(table, {}), dict):
            raise CorruptError(f'"{table}" is not an object')


def salvage(error: CorruptError) -> dict[str, Any]:
    """The good entries of a damaged file."""
    if error.value is None:
        return empty()
    questions = {question: {**new_entry(), **entry} for question, entry in error.value["questions"].items()
                 if not _question_fault(question, entry)}  # fmt: skip
    topics = {topic: state for topic, state in error.value["topics"].items() if _is_topic(topic, state)}
    return {**error.value, "questions": questions, "topics": topics}


def merged_entry(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Two entries of one question as one that loses nothing: the better result, the larger counts, the first pass."""

    def worth(entry: dict[str, Any]) -> tuple[int, float]:
        return _RANK.index(entry["outcome"]), entry["points"]

    better = theirs if worth(theirs) > worth(ours) else ours
    passed = [one["first_passed"] for one in (ours, theirs) if one["first_passed"]]
    checked = [one["last_checked"] for one in (ours, theirs) if one["last_checked"]]
    return {
        **theirs,
        **ours,
        **{key: better[key] for key in ("outcome", "points", "max_points")},
        **{key: max(ours[key], theirs[key]) for key in ("best_points", *_COUNTS)},
        "solution_shown": ours["solution_shown"] or theirs["solution_shown"],
        "first_passed": min(passed, key=_moment, default=None),
        "last_checked": max(checked, key=_moment, default=None),
    }


def passed(entry: dict[str, Any]) -> bool:
    """Whether the question was ever answered right."""
    return entry["first_passed"] is not None or entry["outcome"] == Outcome.PASS.value


def _question_fault(question: str, entry: Any) -> str:
    """What is wrong with an entry, or ""."""
    if not _QUESTION.fullmatch(question) or len(question) > _LONGEST_ID:
        return f"{question[:80]!r} is not the id of a question"
    where = f"the entry of {question}"
    if not isinstance(entry, dict):
        return f"{where} is not an object"
    entry = {**new_entry(), **entry}
    if entry["outcome"] not in _RANK:
        return f"{where} has an unknown outcome"
    for key in _COUNTS:
        if type(entry[key]) is not int or not 0 <= entry[key] <= _MOST:
            return f"{where}: {key!r} is not a count"
    for key in _POINTS:
        if type(entry[key]) not in (int, float) or not 0 <= entry[key] <= _MOST or not math.isfinite(entry[key]):
            return f"{where}: {key!r} is not a number of points"
    if type(entry["solution_shown"]) is not bool:
        return f"{where}: 'solution_shown' is neither true nor false"
    for key in ("first_passed", "last_checked"):
        if entry[key] is not None and _moment(entry[key]) is None:
            return f"{where}: {key!r} is not a time"
    return ""


def _is_topic(topic: str, state: Any) -> bool:
    return bool(_TOPIC.fullmatch(topic)) and len(topic) <= _LONGEST_ID and isinstance(state, str) and len(state) <= 40


def _moment(text: Any) -> datetime | None:
    """A time in UTC such as 2026-01-31T08:00:00Z; None for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError):
        return None


def _shallow(value: Any, levels: int = 20) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_shallow(one, levels - 1) for one in inside)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
