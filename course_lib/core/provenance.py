"""Provenance of a measured result: enough to repeat it, to date it, and to see when the code has moved on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import read_json, unwritable, write_json
from course_lib.core.fingerprint import ROOT, code_fingerprint, lock_fingerprint

FORMAT = 1
STALE = "STALE"  #: in the note of a result whose code has changed
FIELDS = ("format", "command", "data", "seeds", "modules", "code", "lock", "commit", "date", "machine", "result")


def check_save(path: str | os.PathLike[str]) -> None:
    """Raises CourseError where a result couldn't be saved: asked before the work, not after minutes of it."""
    path = Path(path)
    try:
        if path.is_dir():
            raise CourseError("this is a folder, not a file", where=str(path), remedy="Choose another --save")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise unwritable(path.parent, error) from error


def save_result(
    path: str | os.PathLike[str],
    result: Mapping[str, Any],
    *,
    command: str,
    data: Mapping[str, Any],
    seeds: Iterable[int],
    modules: Iterable[str],
) -> None:
    """Write a result for a chapter to show later, as JSON (atomically).

    Args:
        path: usually ``benchmarks/results/<name>.json``.
        result: what was measured, with its seconds and memory.
        command: the command that measures it again, without paths of this machine.
        data: source and sha256 of the data.
        modules: the ``course_lib`` modules whose code it measured; their fingerprint is kept to tell when it is stale.
    """
    modules = sorted(modules)
    record = {
        "format": FORMAT,
        "command": command,
        "data": dict(data),
        "seeds": list(seeds),
        "modules": modules,
        "code": code_fingerprint(modules),
        "lock": lock_fingerprint(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "result": dict(result),
    }
    write_json(path, record)


def load_result(path: str | os.PathLike[str]) -> tuple[dict[str, Any], str]:
    """A saved result and the line that a page prints under its table: when, how, and whether it is stale.

    Raises:
        DataError: no such file, or not a saved result.
    """
    record = read_json(path)
    missing = [name for name in FIELDS if not isinstance(record, dict) or name not in record]
    if missing:
        raise DataError(f"not a saved result, lacks {', '.join(missing)}", where=str(path), remedy="Measure it again")
    note = f"Measured {record['date']} by “{record['command']}” on {record['machine']} (commit {record['commit'][:7]})."
    if record["code"] != code_fingerprint(record["modules"]):
        note += f" {STALE}: the code it measured has changed since."
    return record["result"], note


def stale_results(folder: str | os.PathLike[str]) -> list[str]:
    """Names of the saved results of a folder whose code has changed since, or that can't be read."""
    stale = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            if STALE in load_result(path)[1]:
                stale.append(path.name)
        except DataError:
            stale.append(path.name)
    return stale


def commit(root: Path = ROOT) -> str:
    """The checked-out commit, with ``+`` when tracked files differ from it; ``"unknown"`` outside git."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def machine() -> str:
    """The kind of machine, without its name: processor family, cores, system, Python."""
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} CPU cores ({_processor()}), {system}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
