"""Fingerprints: has anything changed that this result depends on?

A stage of ``course run`` and the execution cache of the book ask the same question, so both ask it here. Code is
followed statically: the modules named, and every ``course_lib`` module that they import, directly or not.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import course_lib
from course_lib.core.parsing import parse

PACKAGE = Path(course_lib.__file__).parent
ROOT = PACKAGE.parent
_NAME = "course_lib"


def fingerprint(*parts: Any) -> str:
    """Hex digest of JSON-like values, bytes, and paths of files (a path counts by its content).

    Inside a list or a dict, what JSON lacks counts by its ``str``: a path there by its name.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        # A digest per part, of one length and with its kind: no part can run into the next.
        if isinstance(part, (Path, bytes)):
            kind, content = b"b", part if isinstance(part, bytes) else part.read_bytes()
        else:
            kind, content = b"j", json.dumps(part, sort_keys=True, ensure_ascii=False, default=str).encode()
        digest.update(kind + hashlib.blake2b(content).digest())
    return digest.hexdigest()


def code_fingerprint(modules: Iterable[str], package: Path = PACKAGE) -> str:
    """Digest of the source of the modules and of all they import from ``course_lib``, package data included."""
    files = sorted(source_closure(modules, package))
    return fingerprint(*[part for f in files for part in (f.relative_to(package).as_posix(), f.read_bytes())])


def lock_fingerprint(root: Path = ROOT) -> str:
    """Digest of the lock file; where there is none (an installed wheel), of the installed package versions."""
    lock = root / "requirements.txt"
    if lock.is_file():
        return fingerprint(lock)
    from importlib.metadata import distributions

    return fingerprint(sorted({(d.name, d.version) for d in distributions()}))


def source_closure(modules: Iterable[str], package: Path = PACKAGE) -> set[Path]:
    """Files of the modules and of everything in the package that they import.

    A branch's data files (anything but Python beside a module in its folder's ``data``) belong to each module of the
    branch that is in the closure.
    """
    seen: set[Path] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module == _NAME:  # ``import course_lib`` reaches all of its face
            waiting += course_lib.FACE.values()
        path = module_path(module, package)
        if path is None or path in seen:
            continue
        seen.add(path)
        waiting += imported_modules(path.read_text(encoding="utf-8"), package)
    data = {f for path in seen for f in (path.parent / "data").rglob("*") if f.is_file() and path.parent != package}
    return seen | {f for f in data if "__pycache__" not in f.parts}


def module_path(module: str, package: Path = PACKAGE) -> Path | None:
    """The file of a ``course_lib`` module (``None`` for any other module, and for the package's face itself)."""
    parts = module.split(".")
    if parts[0] != _NAME or len(parts) == 1:
        return None
    base = package.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imported_modules(source: str, package: Path = PACKAGE) -> set[str]:
    """``course_lib`` modules that a source text imports anywhere, names of the face resolved to their module."""
    return set(_imported(source, str(package)))


@lru_cache(maxsize=1024)
def _imported(source: str, package: str) -> tuple[str, ...]:
    found: set[str] = set()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names if a.name.split(".")[0] == _NAME)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == _NAME:
            for alias in node.names:
                if node.module == _NAME and alias.name in course_lib.FACE:
                    found.add(course_lib.FACE[alias.name])
                elif module_path(f"{node.module}.{alias.name}", Path(package)):
                    found.add(f"{node.module}.{alias.name}")
                else:
                    found.add(node.module)
    return tuple(sorted(found))
