"""The machine-readable parts of a report: grades.csv, Moodle, Canvas, Gradescope, results.json.

CSV files are UTF-8 without a byte order mark, comma-separated, ``\\r\\n`` between rows (RFC 4180). No text begins like
a formula (OWASP, "CSV injection": a leading ``= + - @`` or tab is preceded by an apostrophe).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from course_lib.classroom.batch import Graded
from course_lib.classroom.loading import Exercise
from course_lib.classroom.report.names import cell, visible
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text

_NEXT = Text("Next step", "下一步")


def number(value: float) -> str:
    """Points as written in tables: ``2``, ``0.5``."""
    return f"{round(value, 4):g}"


class Grades:
    """``grades.csv``: a row for every learner and every question."""

    def __init__(self, file: TextIO):
        self._rows = csv.writer(file)
        self._rows.writerow(["learner", "question", "outcome", "points", "max_points"])

    def add(self, learner: str, results: Sequence[Graded]) -> None:
        """Write one learner's rows."""
        for graded in results:
            for one in graded.verdicts:
                row = [learner, one.question, one.outcome.value, number(one.points), number(one.max_points)]
                self._rows.writerow(list(map(cell, row)))


class Moodle:
    """A file for Moodle's *Grades → Import → CSV*: map ``Username`` (or ``Email address``) to the user; grades and
    feedback of a topic belong to one grade item (https://docs.moodle.org/405/en/Grade_import)."""

    def __init__(self, file: TextIO, exercises: dict[str, Exercise]):
        self._rows = csv.writer(file)
        columns = [column for topic in exercises for column in (f"{topic} (Real)", f"{topic} (Feedback)")]
        self._rows.writerow(["Username", "Email address", *columns])

    def add(self, learner: str, results: Sequence[Graded]) -> None:
        """Write one learner's row."""
        row = [learner, learner if "@" in learner else ""]
        for graded in results:
            right = sum(one.outcome is Outcome.PASS for one in graded.verdicts)
            # Not "1/3": a spreadsheet makes a date of it.
            row += [number(sum(one.points for one in graded.verdicts)), f"{right} of {len(graded.verdicts)} right"]
        self._rows.writerow(list(map(cell, row)))


class Canvas:
    """A file for Canvas's *Grades → Import*: learners are found by ``SIS Login ID``, one assignment per topic, its
    points in the row ``Points Possible``."""

    def __init__(self, file: TextIO, exercises: dict[str, Exercise]):
        self._rows = csv.writer(file)
        self._rows.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *exercises])
        possible = [number(one.max_points) for one in exercises.values()]
        self._rows.writerow(["Points Possible", "", "", "", "", *possible])

    def add(self, learner: str, results: Sequence[Graded]) -> None:
        """Write one learner's row."""
        points = [number(sum(one.points for one in graded.verdicts)) for graded in results]
        self._rows.writerow(list(map(cell, [learner, "", "", learner, "", *points])))


def gradescope(results: Sequence[Graded], language: str) -> dict[str, Any]:
    """One learner's ``results.json`` as Gradescope's autograder expects it."""
    tests = [_test(verdict, language) for graded in results for verdict in graded.verdicts]
    return {
        "score": round(sum(test["score"] for test in tests), 4),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "output": "\n".join(visible(note.get(language)) for graded in results for note in graded.notes),
        "output_format": "text",
        "tests": tests,
    }


def _test(verdict: Verdict, language: str) -> dict[str, Any]:
    lines = [f"{verdict.outcome.value}: {verdict.message.get(language)}"]
    lines += [f"{label.get(language)}: {value.get(language)}" for label, value in verdict.shown]
    if verdict.outcome in (Outcome.FAIL, Outcome.ERROR) and verdict.advice.get(language):
        lines.append(f"{_NEXT.get(language)}: {verdict.advice.get(language)}")
    lines += [f"✓ {case.title.get(language)}" for case in verdict.cases if case.passed]
    return {
        "name": verdict.question,
        "name_format": "text",
        "score": round(verdict.points, 4),
        "max_score": round(verdict.max_points, 4),
        "status": "passed" if verdict.outcome is Outcome.PASS else "failed",
        "output": visible("\n".join(lines), keep_lines=True),
        "output_format": "text",
        "visibility": "visible",
    }


class Results:
    """``results.json``: everything that is known, written learner by learner."""

    def __init__(self, file: TextIO, head: dict[str, Any]):
        self._file, self._first = file, True
        text = json.dumps(head, ensure_ascii=False, indent=1)
        file.write(text.removesuffix("\n}") + ',\n "learners": [')

    def add(self, learner: str, page: str, results: Sequence[Graded]) -> None:
        """Write one learner."""
        verdicts = [verdict for graded in results for verdict in graded.verdicts]
        data = {
            "learner": learner,
            "page": page,
            "points": round(sum(one.points for one in verdicts), 4),
            "max_points": round(sum(one.max_points for one in verdicts), 4),
            "topics": [
                {
                    "topic": graded.topic,
                    "submission_found": not graded.absent,
                    "submission_sha256": graded.sha256 or None,
                    "grader_fault": bool(graded.trouble),
                    "notes": [{"en": note.en, "zh": note.zh} for note in graded.notes],
                    "verdicts": [one.to_dict() for one in graded.verdicts],
                }
                for graded in results
            ],
        }
        self._file.write(("\n" if self._first else ",\n") + json.dumps(data, ensure_ascii=True))
        self._first = False

    def close(self) -> None:
        """End the list and the object."""
        self._file.write("\n ]\n}\n")


def write_gradescope(folder: Path, results: Sequence[Graded], language: str) -> None:
    """Write one learner's file into his folder."""
    folder.mkdir()
    with (folder / "results.json").open("w", encoding="utf-8", newline="\n") as file:
        json.dump(gradescope(results, language), file, ensure_ascii=False, indent=1)
