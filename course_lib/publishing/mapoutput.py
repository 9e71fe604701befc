"""What is generated from the map: the table of contents, and the append-only list of ids that were ever published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from course_lib.core.bilingual import Text
from course_lib.core.errors import DataError
from course_lib.core.files import atomic_file
from course_lib.publishing.mapmodel import MindMap

TOC = "_toc.yml"
LEDGER = "book/mindmap-ids.txt"
INDEX = "book/index"
APPENDICES = Text("Reference", "参考")


def toc(mindmap: MindMap, language: str = "en") -> dict[str, Any]:
    """The table of contents in Jupyter Book's format: one part per branch that has a ready topic, then appendices.

    Planned topics have no page, so that they appear on the map page only. ``language`` is that of the captions.
    """
    parts = []
    for branch in mindmap.branches:
        chapters = [{"file": topic.page} for topic in branch.topics if topic.ready and "chapter" not in topic.never]
        if chapters:
            parts.append({"caption": branch.title.get(language), "chapters": chapters})
    if mindmap.appendices:
        chapters = [{"file": f"book/{name}"} for name in mindmap.appendices]
        parts.append({"caption": APPENDICES.get(language), "chapters": chapters})
    contents: dict[str, Any] = {"format": "jb-book", "root": INDEX}
    return {**contents, "parts": parts} if parts else contents


def write_toc(mindmap: MindMap, root: Path | str, language: str = "en", name: str = TOC) -> Path:
    """Write the table of contents under ``root`` and return its path."""
    path = Path(root) / name
    with atomic_file(path) as file:
        file.write("# Generated from book/mindmap.yml by `course map --write`: edit the map, not this file.\n")
        yaml.safe_dump(toc(mindmap, language), file, sort_keys=False, allow_unicode=True)
    return path


def read_ledger(root: Path | str) -> list[str]:
    """Ids ever published, oldest first; empty where the file is not there yet. Raises DataError if it is unreadable."""
    path = Path(root) / LEDGER
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't be read as UTF-8 text ({type(error).__name__})", where=str(path)) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def write_ledger(mindmap: MindMap, root: Path | str) -> list[str]:
    """Append the ids that the ledger lacks, never removing one; returns the ids appended."""
    known = read_ledger(root)
    new = [topic.id for topic in mindmap.order() if topic.id not in known]
    if new:
        with atomic_file(Path(root) / LEDGER) as file:
            file.write("# Every topic id ever published, written by `course map --write`. Lines are only ever added:\n")
            file.write("# an id that leaves the map must become an alias of another topic, so that links survive.\n")
            file.writelines(f"{topic_id}\n" for topic_id in known + new)
    return new
