"""A learner's notebook in another place than expected, or another topic's notebook in this one's place."""

from __future__ import annotations

from pathlib import Path

from course_lib.classroom.loading import graded_topics
from course_lib.classroom.masters import read_master
from course_lib.classroom.submission import SubmissionError, question_ids
from course_lib.core.errors import CourseError


def usual_path(topic: str, root: Path) -> Path:
    """``exercises/<branch>/<topic>.ipynb``."""
    branch, _, name = topic.partition(".")
    return root / "exercises" / branch / f"{name}.ipynb"


def namesakes(topic: str, root: Path) -> list[Path]:
    """Notebooks below ``exercises/`` that have the topic's file name and are not at another topic's place."""
    places = {usual_path(other, root) for other in graded_topics(root) if other != topic}
    found = (root / "exercises").rglob(usual_path(topic, root).name)
    # Jupyter's own copies lie in .ipynb_checkpoints.
    return sorted(path for path in found if path not in places and path.is_file()
                  and not any(part.startswith(".") for part in path.relative_to(root).parts))  # fmt: skip


def topic_held(path: Path, own: str, root: Path) -> str | None:
    """The other topic whose question ids a file carries, if it carries none of ``own`` and the other is clear."""
    try:
        ids = question_ids(path)
    except SubmissionError:
        return None
    held = {topic: len(ids & _questions(topic, root)) for topic in graded_topics(root)}
    most = max(held.values(), default=0)
    others = [topic for topic, number in held.items() if number == most]
    return others[0] if most and not held.get(own) and len(others) == 1 else None


def _questions(topic: str, root: Path) -> set[str]:
    branch, _, name = topic.partition(".")
    try:
        return set(read_master(root / "solutions" / branch / f"{name}.py").questions)
    except CourseError:  # a faulty master of another topic is not this learner's trouble
        return set()
