"""``course grade --private-specs DIR``: a folder that replaces nothing must not pass for one that does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from course_lib.classroom.aliases import live_topic, the_map
from course_lib.classroom.loading import graded_topics
from course_lib.core.errors import CourseError, DataError
from course_lib.core.fingerprint import ROOT


def private_topics(folder: Path | None, root: Path = ROOT) -> list[str]:
    """Topics that the folder holds a spec for, sorted; each is a topic of the course, or one with its own master.

    Raises:
        CourseError: no such folder; it holds no spec; a spec is for a topic that nobody knows, or that was renamed.
    """
    if folder is None:
        return []
    looked_for = "Name a folder with BRANCH/grade_TOPIC.py, for example start/grade_first_hour.py"
    if not folder.is_dir():
        raise CourseError("no such folder", where=str(folder), remedy=looked_for)
    specs = {f"{path.parent.name}.{path.stem.removeprefix('grade_')}": path for path in folder.glob("*/grade_*.py")}
    if not specs:
        elsewhere = sorted([*folder.glob("grade_*.py"), *folder.glob("*/*/grade_*.py")])
        found = f"; {elsewhere[0]} lies at another depth" if elsewhere else ""
        raise CourseError(f"no private spec here: nothing lies at BRANCH/grade_TOPIC.py{found}", where=str(folder),
                          remedy=looked_for)  # fmt: skip
    known = _known(root)
    for topic, path in sorted(specs.items()):
        live = live_topic(topic, known, root)
        if live != topic:
            raise DataError(f"the topic {topic} is now called {live}", where=str(path),
                            remedy=f"Rename it to {live.replace('.', '/grade_')}.py")  # fmt: skip
        if topic not in known and not path.with_name(path.name.removeprefix("grade_")).is_file():
            raise _unknown(topic, path, known)
    return sorted(specs)


def refuse_mistyped(folder: Path | None, private: Iterable[str], handed_in: Collection[str], root: Path = ROOT) -> None:
    """A topic of the instructor's own that is named almost like one of the course, and that nobody handed in, is a
    mistyped one: the course's own spec would decide in its place. Raises DataError."""
    if folder is None:
        return
    known = _known(root)
    for topic in private:
        if topic not in known and topic not in handed_in and _like(topic, known):
            branch, _, name = topic.partition(".")
            raise _unknown(topic, folder / branch / f"grade_{name}.py", known)


def _known(root: Path) -> list[str]:
    course_map = the_map(root)
    on_map = [topic.id for branch in course_map.branches for topic in branch.topics] if course_map else []
    return sorted({*on_map, *graded_topics(root)})


def _like(topic: str, known: Collection[str]) -> str:
    same = [one for one in known if one.partition(".")[2] == topic.partition(".")[2]]
    return next(iter(same or get_close_matches(topic[:100], known, 1, 0.8)), "")


def _unknown(topic: str, path: Path, known: Collection[str]) -> DataError:
    branch = topic.partition(".")[0]
    what = "topic" if branch in {one.partition(".")[0] for one in known} else "branch"
    like = _like(topic, known)
    return DataError(f"no {what} of the course is called {topic if what == 'topic' else branch}", where=str(path),
                     remedy=f"Is {like.replace('.', '/grade_')}.py meant?" if like else
                     "Put its master BRANCH/TOPIC.py beside it if it is a topic of your own")  # fmt: skip
