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
_SUFFIXES = (".ipynb", ".py")

_LINK = Text("this is a symbolic link; links are not followed", "这是符号链接；不跟随链接")
_NO_FILE = Text("this is not a file (a pipe, a device or a socket)", "这不是普通文件（管道、设备或套接字）")
_TWICE = Text("the archive holds this file twice", "压缩包中有两个同名文件")
_LOCKED = Text("the file is encrypted", "文件已加密")
_METHOD = Text("the file is packed by a method other than deflate", "文件的压缩方法不是 deflate")
_HAND_IN = Text("Hand in a notebook or a script", "请提交笔记本或脚本")
_ASTRAY = Text("not at LEARNER/BRANCH/TOPIC, or a link; skipped", "不在 LEARNER/BRANCH/TOPIC 位置，或是链接；已跳过")
_BOTH = Text("There are several files for this topic; {origin} was graded.", "该主题有多个文件；批改的是 {origin}。")


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
    """

    learners: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    problems: list[tuple[str, Text]] = field(default_factory=list)
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *error: object) -> None:
        self.resources.close()


@dataclass(frozen=True)
class _Found:
    """A file or folder among the submissions: its path's parts, and how to read it (None: a folder)."""

    parts: tuple[str, ...]
    read: Callable[[], bytes] | None


def intake(path: str | os.PathLike[str], topics: Collection[str], resolve: Callable[[str], str] = str) -> Intake:
    """Find all submissions.

    Args:
        path: the folder or the zip archive. One folder that wraps all the others is looked into.
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
        _sort_out(_unwrapped(found), taken, topics, resolve)
        if not taken.learners:
            raise DataError("no submissions here", where=str(path),
                            remedy="Expected are files LEARNER/BRANCH/TOPIC.ipynb or .py")  # fmt: skip
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
                if len(here) < 4:
                    waiting.append(here)
            else:
                yield _Found(here, _file_reader(root, here, one))


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
            taken.problems.append((name, Text("a path that leads out of the archive; skipped", "路径指向压缩包之外；已跳过")))
            continue
        if member.is_dir():
            yield _Found(parts, None)
            continue
        seen[parts] = seen.get(parts, 0) + 1
        if seen[parts] == 1:
            yield _Found(parts, lambda member=member, parts=parts: _read_member(archive, member, seen[parts]))


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


def _is_answer(one: _Found, depth: int) -> bool:
    return one.read is not None and len(one.parts) == depth and PurePosixPath(one.parts[-1]).suffix in _SUFFIXES


def _unwrapped(found: list[_Found]) -> list[_Found]:
    """Without the one folder that holds everything, where there is one."""
    if any(_is_answer(one, 3) for one in found) or len({one.parts[0] for one in found}) != 1:
        return found
    if not any(_is_answer(one, 4) for one in found):
        return found
    return [_Found(one.parts[1:], one.read) for one in found if len(one.parts) > 1]


def _sort_out(
    found: list[_Found], taken: Intake, topics: Collection[str], resolve: Callable[[str], str]
) -> None:
    learners: set[str] = set()
    chosen: dict[tuple[str, str], Entry] = {}
    for one in sorted(found, key=lambda each: each.parts):
        if one.read is None or len(one.parts) > 1:
            learners.add(one.parts[0])
        if not _is_answer(one, 3):
            if one.read is not None and len(one.parts) < 3:
                # Perhaps a learner's folder that is a link: say so, rather than grade one learner less in silence.
                taken.problems.append(("/".join(one.parts), _ASTRAY))
            continue
        learner, branch, file = one.parts
        origin, path = "/".join(one.parts), PurePosixPath(file)
        written = f"{branch}.{path.stem}"
        topic = written if written in topics else resolve(written)
        if topic not in topics:
            taken.problems.append((origin, Text("no graded topic has this name; skipped", "没有叫这个名字的评分主题；已跳过")))
            continue
        entry = Entry(learner, topic, origin, path.suffix, one.read)
        before = chosen.get((learner, topic))
        if before is not None:
            first = before if before.suffix == ".ipynb" else entry
            entry = Entry(learner, topic, first.origin, first.suffix, first.read,
                          (_BOTH.format(origin=visible(first.origin)),))  # fmt: skip
        chosen[learner, topic] = entry
    taken.learners = sorted(learners, key=lambda name: (name.casefold(), name))
    taken.entries = [chosen[key] for key in sorted(chosen)]
