"""The page that JupyterLab opens with: the map, each ready topic as a notebook, its exercises, and what is right so far.

It is Markdown, shown as a preview: nothing in it runs, so that JupyterLab asks for no trust. Links are relative; clicked in
JupyterLab, they open chapters and exercises as notebooks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.core.bilingual import LANGUAGES, Text
from course_lib.publishing.mapcheck import room_paths
from course_lib.publishing.mapmodel import Branch, MindMap, Topic

PAGE = "_build/lab/course.md"
_UP = "../" * PAGE.count("/")

WORDS = {
    "title": Text("The course", "课程"),
    "how": Text(
        "A chapter opens as a notebook: <kbd>Shift</kbd>+<kbd>Enter</kbd> runs a cell. Its exercises are a notebook of their own, and say "
        "at once what is right; drag their tab to the side to see both.",
        "章节会作为笔记本打开，按 <kbd>Shift</kbd>+<kbd>Enter</kbd> 运行单元格。练习在另一个笔记本中，立即告诉你对错；把它的标签拖到一侧，就能两者并看。",
    ),
    "next": Text("Next for you", "接下来"),
    "picture": Text(
        "The map of the course: its branches in reading order, each with its topics", "课程导图：分支按阅读顺序排列，各带其主题"
    ),
    "map": Text("The map", "导图"),
    "topic": Text("Topic", "主题"),
    "time": Text("Time", "用时"),
    "minutes": Text("{n} min", "{n} 分钟"),
    "exercises": Text("Exercises", "练习"),
    "right": Text("{right} of {n} right", "{n} 题对 {right} 题"),
    "open": Text("open", "打开"),
    "planned": Text("Planned", "计划中"),
    "lost": Text(
        "Your progress could not be read; `course progress` in a terminal says why.",
        "无法读取你的学习进度；在终端中运行 `course progress` 可查看原因。",
    ),
}


@dataclass(frozen=True)
class Progress:
    """What the learner has done.

    Args:
        topics: topic id -> (right, questions), for topics with graded questions.
        next: full id of the next question, or None where all are right.
    """

    topics: Mapping[str, tuple[int, int]]
    next: str | None


def read_progress(root: Path) -> Progress | None:
    """What ``course progress --json`` says; None where it can't say it (the page is shown all the same).

    The command is asked, not its module: grading stands above publishing.
    """
    ask = [sys.executable, "-m", "course_lib.cli", "progress", "--json"]
    try:
        said = subprocess.run(ask, cwd=root, capture_output=True, timeout=30, check=True, encoding="utf-8").stdout
        data = json.loads(said)
        topics = {one["topic"]: [bool(question["passed"]) for question in one["questions"]] for one in data["topics"]}
        return Progress({topic: (sum(marks), len(marks)) for topic, marks in topics.items()}, data["next"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def page(mindmap: MindMap, root: Path, language: str, progress: Progress | None) -> str:
    """The page as MyST Markdown, headed in ``language``; titles stand there in both languages."""

    def say(name: str, **values: object) -> str:
        return WORDS[name].get(language).format(**values)

    parts = [_HEADER, f"# {say('title')}", say("how")]
    if progress is None:
        parts.append(say("lost"))
    elif progress.next:
        topic = mindmap.resolve(progress.next.partition("/")[0])
        parts.append(f"**{say('next')}:** {_link(_titles(topic.title, language), _exercise(topic))}, "
                     f"`{progress.next.partition('/')[2]}`")  # fmt: skip
    ready = [branch for branch in mindmap.branches if any(topic.ready for topic in branch.topics)]
    for branch in ready:
        rows = [f"| {say('topic')} | {say('time')} | {say('exercises')} |", "|---|---|---|"]
        rows += [_row(topic, root, language, progress) for topic in branch.topics if topic.ready]
        parts += [f"## {_titles(branch.title, language)}", "\n".join(rows)]
    parts += [f"## {say('map')}", f"![{say('picture')}]({_UP}book/map.png)"]
    planned = [line for branch in mindmap.branches if (line := _planned(branch, language))]
    if planned:
        parts += [f"**{say('planned')}**", "\n".join(planned)]
    return "\n\n".join(parts) + "\n"


# With it, the page is also read where somebody opens it as a notebook.
_HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3 (ipykernel)
  language: python
---"""


def _row(topic: Topic, root: Path, language: str, progress: Progress | None) -> str:
    exercises = ""
    if (root / _exercise(topic)).is_file():
        right, n = progress.topics.get(topic.id, (0, 0)) if progress else (0, 0)
        said = WORDS["right"].get(language).format(right=right, n=n) if n else WORDS["open"].get(language)
        exercises = _link(said, _exercise(topic)) + (" ✓" if n and right == n else "")
    time = WORDS["minutes"].get(language).format(n=topic.minutes)
    first, second = _in_order(topic.title, language)
    return f"| {_link(first, f'{topic.page}.md')} {_cell(second)} | {time} | {exercises} |"


def _planned(branch: Branch, language: str) -> str:
    topics = [_cell(topic.title.get(language)) for topic in branch.topics if not topic.ready]
    return f"- **{_cell(branch.title.get(language))}**: {' · '.join(topics)}" if topics else ""


def _exercise(topic: Topic) -> str:
    return room_paths(topic, "exercises")[0]


def _in_order(title: Text, language: str) -> tuple[str, str]:
    """The title in the reader's language, then in the other."""
    other = next(code for code in LANGUAGES if code != language)
    return title.get(language), title.get(other)


def _titles(title: Text, language: str) -> str:
    return " · ".join(_cell(one) for one in _in_order(title, language) if one)


def _link(text: str, path: str) -> str:
    return f"[{_cell(text)}]({_UP}{path})"


def _cell(text: str) -> str:
    """A text of the map in a table's cell: its own pipes and brackets are no markup."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[").replace("]", "\\]")
