"""The mind map, the course's one source of order: reading it, checking it, and the ``course map`` command."""

from __future__ import annotations

import sys
from pathlib import Path

from course_lib.core.bilingual import chosen_language
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapcheck import check, room_paths
from course_lib.publishing.mapfile import MAP_PATH, load_map
from course_lib.publishing.mapmodel import Branch, Concept, MindMap, Text, Topic, language_of
from course_lib.publishing.mapoutput import toc, write_ledger, write_toc

__all__ = ["Branch", "Concept", "MAP_PATH", "MindMap", "Text", "Topic", "check", "load_map", "outline", "room_paths",
           "run_map_command", "summary_line", "toc", "write_toc"]  # fmt: skip


def run_map_command(
    check: bool = False, write: bool = False, root: Path | str = ROOT, language: str | None = None
) -> int:
    """``course map [--check] [--write] [--lang en|zh]``; without a flag it prints the outline.

    Args:
        check: print the problems to stderr, or one line ``OK: …`` to stdout.
        write: write ``_toc.yml`` and the ledger of ids first.
        root: the repository.
        language: of the outline; by default ``$COURSE_LANG``, else English.

    Returns:
        The exit code: 1 when the check found problems, else 0.

    Raises:
        CourseError: the map can't be read, a file can't be written, or the language is not one of the map's.
    """
    root = Path(root)
    mindmap = load_map(root / "book" / "mindmap.yml")
    if write:
        new = write_ledger(mindmap, root)
        print(f"wrote {write_toc(mindmap, root).name}; {len(new)} new id(s) in the ledger")
    if check:
        problems = _check(mindmap, root)
        for problem in problems:
            print(problem, file=sys.stderr)
        if problems:
            print(f"{len(problems)} problem(s) in the map", file=sys.stderr)
            return 1
        print(summary_line(mindmap))
    if not (check or write):
        print(outline(mindmap, language or chosen_language()))
    return 0


_check = check  # the command's flag has the same name


def summary_line(mindmap: MindMap) -> str:
    """``OK: 11 branches, 43 topics (2 ready, 41 planned), 30 hours``."""
    topics = mindmap.order()
    ready = sum(topic.ready for topic in topics)
    hours = round(sum(topic.minutes for topic in topics) / 60)
    return (f"OK: {len(mindmap.branches)} branches, {len(topics)} topics "
            f"({ready} ready, {len(topics) - ready} planned), {hours} hours")  # fmt: skip


def outline(mindmap: MindMap, language: str = "en") -> str:
    """The map as an indented text tree: ``●`` ready, ``○`` planned, ``★`` beyond the source article."""
    language = language_of(language)
    legend, minutes = {
        "en": ("● ready  ○ planned  ★ beyond the source article", "min"),
        "zh": ("● 已完成  ○ 计划中  ★ 原文之外的内容", "分钟"),
    }[language]
    width = max(len(topic.id) for topic in mindmap.order())
    lines = []
    for branch in mindmap.branches:
        lines.append(branch.title.get(language))
        for topic in branch.topics:
            star = " ★" if topic.beyond else ""
            mark = "●" if topic.ready else "○"
            lines.append(f"  {mark} {topic.id:<{width}}  {topic.title.get(language)}{star} · {topic.minutes} {minutes}")
    return "\n".join([*lines, "", legend])
