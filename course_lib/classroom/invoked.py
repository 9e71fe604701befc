"""How the reader starts the program ``course``: a command that is printed must run when it is copied."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """``course`` where the shell finds the program that runs (or that stands beside this Python); else its path.

    The path is relative to the current folder (``.venv/bin/course``) unless the full one is shorter.
    """
    running = sys.argv[0] if sys.argv and Path(sys.argv[0]).stem == "course" else ""
    if not os.path.isfile(running):  # a notebook, a script, `python -m`
        running = shutil.which("course", path=os.path.dirname(sys.executable or "")) or ""
    known = shutil.which("course")
    if not running or (known is not None and os.path.samefile(known, running)):
        return "course"
    path = _typed(os.path.abspath(running))
    return path if os.name == "nt" else shlex.quote(path)


def _typed(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    if os.path.basename(relative) == relative:
        relative = os.path.join(os.curdir, relative)
    return min(relative, path, key=len)
