"""Where submissions lie: which path answers which topic, whether a folder lies around the class, and what to say of a
file that lies elsewhere. Works on paths alone (tuples of their parts); reads nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from course_lib.classroom.report.names import visible
from course_lib.core.bilingual import Text
from course_lib.core.fingerprint import ROOT

SUFFIXES = (".ipynb", ".py")

_ASTRAY = Text("not at LEARNER/BRANCH/TOPIC; skipped", "不在 LEARNER/BRANCH/TOPIC 位置；已跳过")
_BELONGS = Text("this lies in the wrong place: it belongs at {place}; skipped", "位置不对：应放在 {place}；已跳过")
_NO_TOPIC = Text("no graded topic has this name; skipped", "没有叫这个名字的评分主题；已跳过")
_SUGGESTED = Text("no graded topic has this name (is {topic} meant? then {place}); skipped",
                  "没有叫这个名字的评分主题（是 {topic} 吗？那应放在 {place}）；已跳过")  # fmt: skip
_KIND = Text(
    "neither a notebook (.ipynb) nor a script (.py); skipped", "既不是笔记本（.ipynb）也不是脚本（.py）；已跳过"
)


class Places:
    """The places that files may have.

    Args:
        topics: ids of the graded topics.
        resolve: gives the live id of a topic that was renamed.
    """

    def __init__(self, topics: Collection[str], resolve: Callable[[str], str]):
        self._topics, self._resolve = topics, resolve
        self._known: dict[str, str] = {}
        #: a topic's name without its branch -> the topics of that name
        self._named: dict[str, list[str]] = {}
        for topic in sorted(topics):
            self._named.setdefault(_plain(topic.partition(".")[2]), []).append(topic)

    def topic(self, parts: tuple[str, ...]) -> str | None:
        """The live topic that ``…/BRANCH/TOPIC.suffix`` names, wherever it lies and whatever its suffix."""
        if len(parts) < 2:
            return None
        written = f"{parts[-2]}.{PurePosixPath(parts[-1]).stem}"
        if written not in self._known:
            live = written if written in self._topics else self._resolve(written)
            self._known[written] = live if live in self._topics else ""
        return self._known[written] or None

    def likely(self, parts: tuple[str, ...]) -> str | None:
        """The topic that a file elsewhere or of another name seems to be meant for, if there is just one."""
        named = self._named.get(_plain(PurePosixPath(parts[-1]).stem), [])
        return self.topic(parts) or (named[0] if len(named) == 1 else None)

    def trouble(self, parts: tuple[str, ...]) -> Text:
        """Why a file is not graded, which is not at its place."""
        suffix, topic = PurePosixPath(parts[-1]).suffix, self.likely(parts)
        if suffix not in SUFFIXES and len(parts) == 3:
            return _KIND
        if topic is None:
            return _NO_TOPIC if len(parts) == 3 else _ASTRAY
        # BRANCH/TOPIC: what is missing is the learner, and the branch is not one
        learner = "LEARNER" if len(parts) == 1 or (len(parts) == 2 and self.topic(parts)) else parts[0]
        suffix = suffix if suffix in SUFFIXES else ".ipynb"
        place = visible(f"{learner}/{topic.replace('.', '/')}{suffix}")
        return (_SUGGESTED if len(parts) == 3 else _BELONGS).format(topic=topic, place=place)

    def wrapper(self, files: Sequence[tuple[str, ...]], folders: Iterable[tuple[str, ...]]) -> str:
        """The one folder that lies around all learners' folders, or "".

        A file that lies in the wrong place decides nothing: one that names a graded topic outweighs all that merely
        look like ``A/B/C.py``.
        """
        tops = {parts[0] for parts in folders} | {parts[0] for parts in files if len(parts) > 1}
        if len(tops) != 1:
            return ""
        answers = [parts for parts in files if is_answer(parts)]
        fitting = Counter(len(parts) for parts in answers if self.topic(parts))
        depths = fitting if fitting[3] or fitting[4] else Counter(map(len, answers))
        return tops.pop() if depths[4] and not depths[3] else ""

    def advice(self, root: Path, files: Iterable[tuple[str, ...]]) -> str:
        """What to do where no file at all is at its place: which level the path should name; or ""."""
        answers = [parts for parts in files if is_answer(parts)]
        fitting = [parts for parts in answers if self.topic(parts)]
        archive = root.is_file()
        deep = sorted({parts[:-3] for parts in fitting if len(parts) > 3})
        if any(len(parts) == 2 for parts in fitting) or (not fitting and any(
            len(parts) == 1 and self.likely(parts) for parts in answers
        )):  # fmt: skip
            levels = 1 if fitting else 2
            if archive:
                return "This looks like one learner's files: pack the folder that holds the learners' folders"
            above = root.absolute().parents[min(levels, len(root.absolute().parents)) - 1]
            if above.resolve() in (ROOT, *ROOT.parents):  # all that lies there would count as learners
                return ("This looks like one learner's work, and the folder above it is no class: make a folder for the "
                        "class, and in it one per learner, with LEARNER/BRANCH/TOPIC.ipynb")  # fmt: skip
            inside = "a folder inside " * (levels - 1)
            return (f"This looks like {inside}one learner's folder: name the folder that holds the learners' folders, "
                    f"{above}")  # fmt: skip
        if len(deep) == 1:
            inner = "/".join(deep[0])
            what = f"pack what lies in {inner}" if archive else f"name {root / inner}"
            return f"A folder seems to lie around the learners' folders, {inner}: {what}"
        if deep:
            return (f"A folder seems to lie around the learners' folders, for example {'/'.join(deep[0])}: grade each "
                    "such folder by itself, or move the learners' folders up")  # fmt: skip
        return ""


def is_answer(parts: tuple[str, ...]) -> bool:
    """Whether this is the name of a notebook or a script."""
    return PurePosixPath(parts[-1]).suffix in SUFFIXES


def _plain(name: str) -> str:
    """A file's name as its author may have meant it: ``First Hour (1)`` -> ``firsthour``."""
    return re.sub(r"[\W_]|copy|副本", "", re.sub(r"[ _-]*(?:\(\d+\)|\d+)$", "", name[:200].casefold()))
