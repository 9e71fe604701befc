"""One program at a time: a lock on a file, which the system lifts when the process ends in whatever way."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib.core.errors import CourseError
from course_lib.core.files import unwritable


@contextmanager
def locked(path: str | os.PathLike[str], patience: float = 10.0) -> Iterator[None]:
    """Hold an exclusive lock on a file (made when missing, left in place) while the block runs.

    Where the system has no such locks (Windows, some network folders) the block runs without one.

    Args:
        patience: seconds to wait for another holder.

    Raises:
        CourseError: another program holds it longer, or the folder can't be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        _wait(handle, path, patience)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, patience: float) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise CourseError("another program is at work here", where=str(path),
                                  remedy="Wait for it, or end it") from error  # fmt: skip
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return
