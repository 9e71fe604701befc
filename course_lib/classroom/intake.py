"""Taking in a class's submissions: a folder or a zip archive with ``LEARNER/BRANCH/TOPIC.ipynb`` (or ``.py``).

Nothing is ever unpacked: an archive's members are read one at a time, each no further than the size cap. Links are
never followed, neither in the archive nor in the folder. What is odd about one file concerns that file alone.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.classroom.placing import Places, is_answer
from course_lib.classroom.report.names import visible
from course_lib.classroom.submission import MAX_FILE_BYTES, SubmissionError, read_handle, too_large, unreadable
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError, DataError

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 2_000_000_000
#: an archive that claims to grow by more than this, above a size that any class may have, is a bomb
_MAX_RATIO, _HARMLESS_BYTES = 200, 100_000_000
#: of an archive: as Python objects it takes ten times this
_MAX_DIRECTORY_BYTES = 8_000_000
#: folders inside folders that are looked into: one level around the learners, and two that should not be there
_MAX_DEPTH = 6

_LINK = Text("this is a symbolic link; links are not followed", "这是符号链接；不跟随链接")
_NO_FILE = Text("this is not a file (a pipe, a device or a socket)", "这不是普通文件（管道、设备或套接字）")
_TWICE = Text("the archive holds this file twice", "压缩包中有两个同名文件")
_LOCKED = Text("the file is encrypted", "文件已加密")
_METHOD = Text("the file is packed by a method other than deflate", "文件的压缩方法不是 deflate")
_HAND_IN = Text("Hand in a notebook or a script", "请提交笔记本或脚本")
_BOTH = Text("There are several files for this topic; {origin} was graded.", "该主题有多个文件；批改的是 {origin}。")
_OTHER = Text("there are several files for this topic; {origin} was graded, this one was not",
              "该主题有多个文件；批改的是 {origin}，而不是这一个")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What one learner handed in for one topic.

    Attributes:
        learner: name of his folder, as it was found.
        topic: live id.
        origin: path inside the submissions, for messages.
        suffix: ``.ipynb`` or ``.py``.
        read: gives the bytes, at most 5 MB; raises SubmissionError.
    """

    learner: str
    topic: str
    origin: str
    suffix: str
    read: Callable[[], bytes]
    notes: tuple[Text, ...] = ()


@dataclass
class Intake:
    """A class's submissions; a context manager that closes the archive.

    Attributes:
        learners: all names, sorted; also of those who handed in nothing that can be graded.
        entries: in the order of learners, then topics.
        problems: path and what is wrong with it, for what is not graded.
        unused: learner -> paths inside his folder of files that are not graded.
        wrapper: the one folder around all learners' folders, which is left out of every path, or "".
        advice: where there is no entry at all, what may be the matter with the path as a whole, or "".
    """

    learners: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    problems: list[tuple[str, Text]] = field(default_factory=list)
    unused: dict[str, list[str]] = field(default_factory=dict)
    wrapper: str = ""
    advice: str = ""
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *error: object) -> None:
        self.resources.close()


@dataclass(frozen=True)
class _Found:
    """A file or folder among the submissions: its path's parts, how to read it (None: a folder), if it is a link."""

    parts: tuple[str, ...]
    read: Callable[[], bytes] | None
    link: bool = False


def intake(path: str | os.PathLike[str], topics: Collection[str], resolve: Callable[[str], str] = str) -> Intake:
    """Find all submissions.

    Args:
        path: the folder or the zip archive. One folder that lies around all the learners' is looked into.
        topics: ids of the graded topics.
        resolve: gives the live id of a topic that was renamed.

    Raises:
        DataError: no such folder or archive, an archive that is broken or a bomb, too many files, no submission at all.
    """
    path = Path(path)
    taken = Intake()
    try:
        if path.is_dir():
            found = list(_in_folder(path, taken))
        elif path.is_file():
            found = list(_in_archive(path, taken))
        else:
            raise DataError("no such folder or archive", where=str(path),
                            remedy="Name a folder or a .zip of submissions")  # fmt: skip
        places = Places(topics, resolve)
        _sort_out(_unwrapped(found, taken, places), taken, places)
        if not taken.entries:
            taken.advice = places.advice(path, [one.parts for one in found if one.read is not None])
        if not taken.learners:
            raise DataError("no submissions here", where=str(path),
                            remedy=taken.advice or "Expected are files LEARNER/BRANCH/TOPIC.ipynb or .py")  # fmt: skip
    except BaseException:
        taken.resources.close()
        raise
    return taken


def _in_folder(root: Path, taken: Intake) -> Iterator[_Found]:
    waiting: list[tuple[str, ...]] = [()]
    count = 0
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(root.joinpath(*parts)) as listing:
                inside = sorted(listing, key=lambda one: one.name)
        except OSError as error:
            taken.problems.append(("/".join(parts) or str(root), unreadable(error).text))
            continue
        for one in inside:
            count += 1
            if count > MAX_FILES:
                raise _too_many(root)
            if _ignored(one.name):
                continue
            here = (*parts, one.name)
            if one.is_dir(follow_symlinks=False):
                yield _Found(here, None)
                if len(here) < _MAX_DEPTH:
                    waiting.append(here)
            else:
                yield _Found(here, _file_reader(root, here, one), one.is_symlink())


def _file_reader(root: Path, parts: tuple[str, ...], listed: os.DirEntry[str]) -> Callable[[], bytes]:
    mode = 0
    try:
        mode = listed.stat(follow_symlinks=False).st_mode
    except OSError:
        pass  # gone meanwhile: reading says so
    if stat.S_ISLNK(mode):
        return _refusing(_LINK)
    if mode and not stat.S_ISREG(mode):
        return _refusing(_NO_FILE)
    return lambda: _read_below(root, parts)


def _read_below(root: Path, parts: tuple[str, ...]) -> bytes:
    """Read a file folder by folder, so that none of them can have become a link since it was listed."""
    try:
        if os.open not in os.supports_dir_fd:  # Windows
            return read_handle(os.open(root.joinpath(*parts), os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            return read_handle(os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder))
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        raise unreadable(error) from error


class _Cautious:
    """A file for ``zipfile`` that refuses to read a list of members that is too long (it would be read in one go)."""

    def __init__(self, file: Any, path: Path):
        self._file, self._path = file, path

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = os.fstat(self._file.fileno()).st_size - self._file.tell()
        if size > _MAX_DIRECTORY_BYTES:
            raise _too_many(self._path)
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _in_archive(path: Path, taken: Intake) -> Iterator[_Found]:
    try:
        file = taken.resources.enter_context(path.open("rb"))
        archive = taken.resources.enter_context(zipfile.ZipFile(_Cautious(file, path)))
    except CourseError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError, MemoryError) as error:
        raise DataError(f"not a zip archive that can be read ({error})", where=str(path),
                        remedy="Pack the submissions anew, or give the folder") from error  # fmt: skip
    members = archive.infolist()
    total = sum(one.file_size for one in members)
    if len(members) > MAX_FILES:
        raise _too_many(path)
    if total > MAX_TOTAL_BYTES or (total > _HARMLESS_BYTES and total > _MAX_RATIO * max(path.stat().st_size, 1)):
        raise DataError(f"its files would take {total / 1e6:,.0f} MB unpacked; this looks like a zip bomb",
                        where=str(path), remedy="Nothing was unpacked. Remove what is no submission")  # fmt: skip
    seen: dict[tuple[str, ...], int] = {}
    for member in members:
        name = member.filename.replace("\\", "/")
        parts = tuple(PurePosixPath(name).parts)
        if any(map(_ignored, [part for part in parts if part != ".."])):
            continue
        if ".." in parts or name.startswith("/") or name[1:2] == ":" or not parts:
            taken.problems.append(
                (name, Text("a path that leads out of the archive; skipped", "路径指向压缩包之外；已跳过"))
            )
            continue
        if member.is_dir():
            yield _Found(parts, None)
            continue
        seen[parts] = seen.get(parts, 0) + 1
        if seen[parts] == 1:
            link = stat.S_ISLNK(member.external_attr >> 16)
            yield _Found(parts, lambda member=member, parts=parts: _read_member(archive, member, seen[parts]), link)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, copies: int) -> bytes:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if copies > 1:
        raise SubmissionError(_TWICE, _HAND_IN)
    if kind not in (0, stat.S_IFREG):
        raise SubmissionError(_LINK if kind == stat.S_IFLNK else _NO_FILE, _HAND_IN)
    if member.flag_bits & 1:
        raise SubmissionError(_LOCKED, _HAND_IN)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # lzma may ask for gigabytes
        raise SubmissionError(_METHOD, _HAND_IN)
    if member.file_size > MAX_FILE_BYTES:
        raise too_large(member.file_size)
    try:
        with archive.open(member) as file:
            content = file.read(MAX_FILE_BYTES + 1)  # the size that is stated may be a lie
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise SubmissionError(Text("the archive is broken here", "压缩包在此处已损坏"),
                              Text("Pack it anew", "请重新打包")) from error  # fmt: skip
    if len(content) > MAX_FILE_BYTES:
        raise too_large(len(content))
    return content


def _refusing(what: Text) -> Callable[[], bytes]:
    def read() -> bytes:
        raise SubmissionError(what, _HAND_IN)

    return read


def _ignored(name: str) -> bool:
    """What systems and editors leave behind."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")


def _too_many(path: Path) -> DataError:
    return DataError(f"more than {MAX_FILES:,} files, or a list of them that is too long to read", where=str(path),
                     remedy="Grade in parts")  # fmt: skip


def _unwrapped(found: list[_Found], taken: Intake, places: Places) -> list[_Found]:
    """Without the one folder that holds every learner's, where there is one."""
    files = [one.parts for one in found if one.read is not None]
    taken.wrapper = places.wrapper(files, [one.parts for one in found if one.read is None])
    if not taken.wrapper:
        return found
    for one in found:
        if one.read is not None and len(one.parts) == 1:  # beside the wrapping folder
            taken.problems.append((one.parts[0], _LINK if one.link else places.trouble(one.parts)))
    return [_Found(one.parts[1:], one.read, one.link) for one in found if len(one.parts) > 1]


def _sort_out(found: list[_Found], taken: Intake, places: Places) -> None:
    learners: set[str] = set()
    candidates: dict[tuple[str, str], list[_Found]] = {}
    others: list[_Found] = []
    for one in sorted(found, key=lambda each: each.parts):
        if one.read is None or len(one.parts) > 1:
            learners.add(one.parts[0])
        if one.read is None:
            continue
        topic = places.topic(one.parts) if len(one.parts) == 3 and is_answer(one.parts) else None
        if topic is None:
            others.append(one)
        else:
            candidates.setdefault((one.parts[0], topic), []).append(one)
    for (learner, topic), files in sorted(candidates.items()):
        taken.entries.append(_chosen(learner, topic, files, taken))
    graded = {learner for learner, _ in candidates}
    for one in others:
        if len(one.parts) > 1:
            taken.unused.setdefault(one.parts[0], []).append("/".join(one.parts[1:]))
        if _told(one, candidates, graded, places):
            taken.problems.append(("/".join(one.parts), _LINK if one.link else places.trouble(one.parts)))
    taken.learners = sorted(learners, key=lambda name: (name.casefold(), name))


def _chosen(learner: str, topic: str, files: list[_Found], taken: Intake) -> Entry:
    """The file that is graded: a notebook before a script; the others are named as not graded."""
    first, *rest = sorted(files, key=lambda one: (not one.parts[-1].endswith(".ipynb"), one.parts))
    origin, notes = "/".join(first.parts), ()
    if rest:
        notes = (_BOTH.format(origin=visible(origin)),)
        taken.problems += [("/".join(one.parts), _OTHER.format(origin=visible(origin))) for one in rest]
        taken.unused.setdefault(learner, []).extend("/".join(one.parts[1:]) for one in rest)
    return Entry(learner, topic, origin, PurePosixPath(first.parts[-1]).suffix, first.read, notes)


def _told(one: _Found, candidates: Collection[tuple[str, str]], graded: Collection[str], places: Places) -> bool:
    """Whether the instructor should hear of a file that is not graded: it may be an answer. Somebody's data is not."""
    depth, learner = len(one.parts), one.parts[0]
    if depth < 3:
        return True  # perhaps a learner's folder that is a link: no learner may be graded less in silence
    if is_answer(one.parts):
        return depth == 3 or learner not in graded or places.likely(one.parts) is not None
    topic = places.topic(one.parts) if depth == 3 else None
    return topic is not None and (learner, topic) not in candidates
