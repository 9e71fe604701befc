"""Waiting until a file has new content, on any system: its time and size are looked at a few times a second."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

PAUSE = 0.3  #: seconds between two looks


def watch(
    path: Path, changed: Callable[[], None], *, pause: float = PAUSE, stop: Callable[[], bool] = lambda: False
) -> None:
    """Call ``changed`` once now and after every change of a file's content, until ``stop`` says so or Ctrl-C.

    The call at the start is for a change since the caller looked last: no moment goes unwatched.

    A file that an editor is still writing (it differs between two looks) or replacing (it is gone for a moment) is
    waited for; one that is saved without a change is no change.

    Args:
        pause: seconds between two looks.
        stop: asked at every look.
    """
    stamp = done = _stamp(path)
    content = _digest(path)
    changed()
    while not stop():
        time.sleep(pause)
        before, stamp = stamp, _stamp(path)
        if stamp is None or stamp != before or stamp == done:
            continue
        done, fresh = stamp, _digest(path)
        if fresh is not None and fresh != content:
            content = fresh
            changed()


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _digest(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
