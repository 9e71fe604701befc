"""Where the course keeps what it can make again: ``COURSE_HOME``, or the platform's cache folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def course_home() -> Path:
    """The cache folder, not yet created: ``$COURSE_HOME``, else ``course`` in the user's cache folder."""
    chosen = os.environ.get("COURSE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "course"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "course"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "course"
