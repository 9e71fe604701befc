"""What the map's script has to know beyond the page: order, prerequisites, retired ids, questions, words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from course_lib.core.errors import DataError
from course_lib.publishing.mapcheck import room_paths
from course_lib.publishing.maplayout import halves
from course_lib.publishing.mapmodel import LANGUAGES, MindMap, Topic
from course_lib.publishing.mapwords import SPOKEN, in_language


def map_data(mindmap: MindMap, language: str, root: Path) -> dict[str, Any]:
    """The data that ``static/map.js`` reads from the page.

    Titles and concepts come in both languages, so that a search finds either.

    Args:
        root: the repository, whose exercises are counted.

    Raises:
        DataError: an exercise notebook can't be read.
    """
    own = LANGUAGES.index(language)
    return {
        "own": own,
        "left": halves(mindmap),
        "words": in_language(SPOKEN, language),
        "branches": [
            {"id": branch.id, "title": [branch.title.get(one) for one in LANGUAGES],
             "topics": [_topic(topic, root) for topic in branch.topics]}
            for branch in mindmap.branches
        ],
        "aliases": aliases(mindmap),
    }  # fmt: skip


def aliases(mindmap: MindMap) -> dict[str, str]:
    """Retired ids and where each leads today."""
    return {alias: topic.id for topic in mindmap.order() for alias in topic.aliases}


def questions(topic: Topic, root: Path) -> list[str]:
    """Names of a topic's graded questions, from its exercise notebook; empty where it has none.

    Raises:
        DataError: the notebook can't be read.
    """
    path = root / room_paths(topic, "exercises")[0]
    if not path.is_file():
        return []
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        return [mark["grade_id"] for mark in marks if mark.get("solution")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"no exercise notebook ({type(error).__name__})", where=str(path),
                        remedy=f"Run course exercises build {topic.id}") from error  # fmt: skip


def script_json(value: Any) -> str:
    """JSON that may stand in a ``<script type="application/json">``: no ``</`` can end it early."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _topic(topic: Topic, root: Path) -> dict[str, Any]:
    return {
        "id": topic.id,
        "title": [topic.title.get(one) for one in LANGUAGES],
        "concepts": [[concept.name.get(one) for one in LANGUAGES] for concept in topic.concepts],
        "needs": list(topic.prerequisites),
        "role": topic.role,
        "minutes": topic.minutes,
        "ready": topic.ready,
        "questions": questions(topic, root),
    }
