"""Retired ids: the map knows where they lead today, so that an answer or a progress file outlives a rename."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.core.errors import UnknownIdError
from course_lib.core.fingerprint import ROOT


def the_map(root: Path = ROOT) -> Any | None:
    """The course's map (a ``MindMap``), read once; None where there is none (an installed wheel).

    Raises:
        DataError: it can't be read.
    """
    path = root / "book" / "mindmap.yml"
    return _map(path, path.stat().st_mtime_ns) if path.is_file() else None


def live_topic(topic: str, known: Collection[str], root: Path = ROOT) -> str:
    """The id that a topic has today; the id itself where neither ``known`` nor the map has it.

    The map is read only for an id that is not in ``known``: it costs a tenth of a second.

    Raises:
        DataError: the map can't be read.
    """
    course_map = None if topic in known else the_map(root)
    try:
        return course_map.resolve(topic).id if course_map else topic
    except UnknownIdError:
        return topic


def live_id(question: str, known: Collection[str], root: Path = ROOT) -> str:
    """The same for a question's full id, ``shop.measurement/recall_at_k``."""
    topic, slash, name = question.partition("/")
    return f"{live_topic(topic, known, root)}{slash}{name}"


@lru_cache(maxsize=4)
def _map(path: Path, changed: int) -> Any:
    from course_lib.publishing.mapfile import load_map

    return load_map(path)
