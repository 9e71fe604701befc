"""``course progress``: what is done, topic by topic, and what comes next."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.aliases import the_map
from course_lib.classroom.invoked import program
from course_lib.core.bilingual import Text
from course_lib.core.fingerprint import ROOT

_BAR = 10  # characters
_NOTHING = Text("Nothing is checked yet.", "还没有检查过任何答案。")
_DONE = Text("All questions are right.", "所有题目都已答对。")
_NEXT = Text("Next: {id}   ({ask})", "下一题：{id}   （{ask}）")
_TOPIC = Text("{right} of {n} right", "{n} 题对 {right} 题")
_TOTAL = Text("Total", "合计")
_OTHERS = Text(
    "{n} results of questions that this version of the course does not have are kept too.",
    "另保留了 {n} 条本版课程已没有的题目的记录。",
)
_ATTEMPTS = Text("attempts: {n}", "尝试 {n} 次")
_HINTS = Text("hints: {n}", "提示 {n} 条")
_SEEN = Text("solution seen", "看过参考答案")
_EXPORTED = Text("Results of {n} questions written to {file}", "已将 {n} 道题的结果写入 {file}")
_IMPORTED = Text("Results of {n} questions merged from {file}", "已从 {file} 合并 {n} 道题的结果")


@dataclass(frozen=True)
class Line:
    """One question and what is kept of it."""

    id: str
    passed: bool
    points: float
    max_points: float
    attempts: int
    hints: int
    solution_shown: bool

    @property
    def sign(self) -> str:
        """✓ once right, ✗ tried, – not tried."""
        return "✓" if self.passed else "✗" if self.attempts else "–"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "progress",
        help="what you have done, and what comes next",
        description="Your progress by topic: ✓ right, ✗ tried, – not tried; your best points; the next question.",
    )
    moving = parser.add_mutually_exclusive_group()
    moving.add_argument(
        "--export", metavar="FILE", help="write a copy of your progress; only an older copy is replaced"
    )
    moving.add_argument("--import", metavar="FILE", dest="import_", help="merge a copy: the better result is kept")
    parser.add_argument("--json", action="store_true", help="print the progress as one JSON object")
    parser.add_argument("--lang", choices=("en", "zh"), help="language (default: COURSE_LANG, else en)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, root: Path = ROOT) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: this installation has no exercises, or a file can't be read or written.
    """
    from course_lib.classroom.progress import Progress
    from course_lib.classroom.terminal import prepare_output

    prepare_output(options.lang)
    progress = Progress(root=root)
    if options.export:
        print(_EXPORTED.format(n=progress.export(options.export), file=options.export))
        return 0
    if options.import_:
        print(_IMPORTED.format(n=progress.import_(options.import_), file=options.import_))
        return 0
    data = progress.read()
    topics = lines_by_topic(data, root)
    if options.json:
        print_json(topics)
    else:
        print_table(topics, data, root)
    return 0


def lines_by_topic(data: dict[str, Any], root: Path = ROOT) -> dict[str, list[Line]]:
    """All graded topics in the map's order, with their questions in the masters'.

    Raises:
        CourseError: this installation has no exercises.
    """
    from course_lib.classroom.learner import loaded
    from course_lib.classroom.loading import graded_topics, load_exercise
    from course_lib.classroom.progress_format import new_entry, passed

    graded = graded_topics(root)
    if not graded:
        load_exercise("", root)  # raises: says what to do
    found: dict[str, list[Line]] = {}
    for topic in sorted(graded, key=lambda one: (_order(root).get(one, len(_order(root))), one)):
        lines = found[topic] = []
        for name, question in loaded(topic, root).master.questions.items():
            entry = data["questions"].get(f"{topic}/{name}") or new_entry()
            # A question may have been worth more in an older version of the course.
            best = question.points if passed(entry) else min(entry["best_points"], question.points)
            counts = (entry["attempts"], entry["hints"], entry["solution_shown"])
            lines.append(Line(f"{topic}/{name}", passed(entry), best, question.points, *counts))
    return found


def print_table(topics: dict[str, list[Line]], data: dict[str, Any], root: Path = ROOT) -> None:
    """One block per topic, the total, and the next question."""
    from course_lib.classroom.display import padded, width

    every = [line for lines in topics.values() for line in lines]
    titles = {topic: f"{topic}  {_title(topic, root)}".rstrip() for topic in topics}
    wide = max(map(width, [*titles.values(), str(_TOTAL)]))
    names = max((len(line.id.partition("/")[2]) for line in every), default=0)
    for topic, lines in topics.items():
        print(f"{padded(titles[topic], wide)}  {_sum(lines)}")
        for line in lines:
            print(f"  {line.sign} {line.id.partition('/')[2].ljust(names)}  {_score(line):>7}  {_notes(line)}".rstrip())
        print()
    print(f"{padded(str(_TOTAL), wide)}  {_sum(every)}")
    others = len(set(data["questions"]) - {line.id for line in every})
    if others:
        print(_OTHERS.format(n=others))
    if not any(line.attempts for line in every):
        print(_NOTHING)
    after = next_question(topics)
    print(_NEXT.format(id=after, ask=f"{program()} check {after.replace('/', ' ')}") if after else _DONE)


def print_json(topics: dict[str, list[Line]]) -> None:
    """The same as one JSON object."""
    import json
    from dataclasses import asdict

    every = [line for lines in topics.values() for line in lines]
    print(json.dumps({
        "topics": [{"topic": topic, "questions": [asdict(line) for line in lines]} for topic, lines in topics.items()],
        "points": sum(line.points for line in every),
        "max_points": sum(line.max_points for line in every),
        "next": next_question(topics),
    }, ensure_ascii=False, indent=2))  # fmt: skip


def next_question(topics: dict[str, list[Line]]) -> str | None:
    """The first question, in the map's order, that is not right yet."""
    return next((line.id for lines in topics.values() for line in lines if not line.passed), None)


def _sum(lines: list[Line]) -> str:
    from course_lib.classroom.display import points

    right = sum(one.passed for one in lines)
    earned, worth = sum(one.points for one in lines), sum(one.max_points for one in lines)
    full = int(_BAR * earned / worth) if worth else 0
    return f"{'█' * full}{'░' * (_BAR - full)}  {_TOPIC.format(right=right, n=len(lines))}  {points(earned, worth)}"


def _score(line: Line) -> str:
    from course_lib.classroom.display import points

    return points(line.points, line.max_points) if line.attempts or line.passed else f"–/{line.max_points:g}"


def _notes(line: Line) -> str:
    notes = [_ATTEMPTS.format(n=line.attempts)] if line.attempts else []
    notes += [_HINTS.format(n=line.hints)] if line.hints else []
    notes += [_SEEN] if line.solution_shown else []
    return "  ".join(map(str, notes))


def _order(root: Path) -> dict[str, int]:
    course_map = the_map(root)
    return {topic.id: place for place, topic in enumerate(course_map.order())} if course_map else {}


def _title(topic: str, root: Path) -> str:
    course_map = the_map(root)
    return next((str(one.title) for one in course_map.order() if one.id == topic), "") if course_map else ""
