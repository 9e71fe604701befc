"""Finished stages in a folder: resumable, atomic, and repeated only when something they depend on has changed."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_folder, read_json, unwritable, write_json

MARKER = "course-run.json"  #: says that a folder is ours, so that nobody else's files are ever replaced
RECORD = "stage.json"
#: faults of the disk, not of the code: full, over quota, read-only
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Stage:
    """One finished stage: its folder, its key and result (JSON), its seconds, and whether it was found finished."""

    name: str
    folder: Path
    key: str
    result: dict[str, Any]
    seconds: float
    reused: bool


class StageStore:
    """The stages of one run, a sub-folder each, under ``folder``; a context manager, which holds the folder's lock.

    A stage appears under its own name only when it is complete: it is made in a hidden neighbour and renamed. A kill
    leaves the finished stages whole; the neighbour it may leave behind is cleared by the next run.

    Raises:
        CourseError: the folder can't be made or written, holds something that is not a run of this course, or another
            run is at work in it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            if folder.exists() and not folder.is_dir():
                raise CourseError("is a file, not a folder", where=str(folder), remedy="Choose another --out")
            if folder.exists() and not _ours(folder):
                raise CourseError(
                    "is not empty and holds no earlier run",
                    where=str(folder),
                    remedy="Choose an empty or new folder for --out; nothing was changed",
                )
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            try:
                for left in filter(_half_made, list(folder.iterdir())):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                write_json(folder / MARKER, {"format": 1, "what": "stages of `course run`"})
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise unwritable(folder, error) from error

    def close(self) -> None:
        """Let other runs into the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, name: str, key: str, make: Callable[[Path], dict[str, Any]]) -> Stage:
        """The stage ``name``: as it stands when its key matches, else made anew by ``make(empty folder) -> result``.

        Args:
            name: sub-folder of the stage.
            key: fingerprint of everything the stage depends on.
            make: writes what it wants to keep into the folder it gets, and returns a JSON-able result.

        Raises:
            CourseError: the disk is full or read-only.
        """
        folder = self.folder / name
        found = self._finished(folder, key)
        if found is not None:
            return found
        start = time.perf_counter()
        try:
            with atomic_folder(folder) as temporary:
                result = make(temporary)
                seconds = time.perf_counter() - start
                write_json(temporary / RECORD, {"key": key, "seconds": round(seconds, 2), "result": result})
        except OSError as error:
            if error.errno in _DISK:
                raise unwritable(folder, error) from error
            raise
        return Stage(name, folder, key, result, seconds, reused=False)

    @staticmethod
    def _finished(folder: Path, key: str) -> Stage | None:
        if not (folder / RECORD).is_file():
            return None
        try:
            record = read_json(folder / RECORD)
            same, seconds, result = record["key"] == key, float(record["seconds"]), record["result"]
        except (CourseError, KeyError, TypeError, ValueError):
            # Somebody edited or damaged the record: say so and make the stage again, which replaces it.
            print(f"{folder / RECORD} can't be read; the stage is repeated", file=sys.stderr)
            return None
        return Stage(folder.name, folder, key, result, seconds, reused=True) if same else None


def _ours(folder: Path) -> bool:
    """Whether the folder holds an earlier run or nothing; a run killed at once leaves no more than half a marker."""
    return (folder / MARKER).is_file() or all(_half_made(f) and MARKER in f.name for f in folder.iterdir())


def _half_made(path: Path) -> bool:
    """Whether a run that was killed left this behind (the names of ``atomic_file`` and ``atomic_folder``)."""
    return path.name.startswith(".") and path.suffix in (".part", ".old")


def _lock(folder: Path) -> int | None:
    """A lock on the folder, which the system lifts when the process ends in whatever way: two runs in one folder would
    clear each other's half-made stages."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    except BlockingIOError as error:
        os.close(handle)
        remedy = "Wait for it, or choose another --out"
        raise CourseError("another run is at work here", where=str(folder), remedy=remedy) from error
    except OSError:  # a file system without locks
        os.close(handle)
        return None
