"""Safe files: a reader never finds half a file, and a crash never loses the whole one."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.core.errors import ContractError, CourseError, DataError


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # once, while nobody else writes: another thread's file would be made in between with umask 0


@contextmanager
def atomic_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[Any]:
    """Open a temporary neighbour for writing; it takes the place of ``path`` only when the block ends well.

    Text is UTF-8 with ``\\n`` line ends. A crash, a kill or an exception leaves the old file as it was.

    Args:
        mode: ``"w"`` or ``"wb"``; the file is always written anew.

    Raises:
        CourseError: the folder can't be written, or ``path`` is a folder.
        ContractError: any other mode.
    """
    path = Path(path)
    if mode not in ("w", "wb"):
        raise ContractError(f"mode is {mode!r}; a file is written whole, by 'w' or 'wb'")
    if path.is_dir():
        raise CourseError("this is a folder, not a file", where=str(path), remedy="Choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
        with os.fdopen(handle, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block ends well; an older ``path`` stays until then.

    Raises:
        CourseError: the parent can't be written, or ``path`` is a file.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise CourseError("this is a file, not a folder", where=str(path), remedy="Choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
    except OSError as error:
        raise unwritable(path.parent, error) from error
    old = temporary.with_suffix(".old")
    try:
        os.chmod(temporary, 0o777 & ~_UMASK)
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write JSON atomically: UTF-8, two-space indent, keys in the order given, final newline; NaN is refused."""
    with atomic_file(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=2, allow_nan=False)
        file.write("\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON; raises DataError with the file, the line and what to do."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError("no such file", where=str(path)) from error
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror})", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8", where=str(path), remedy="Save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON: {error.msg}", where=f"{path}, line {error.lineno}") from error


def unwritable(folder: Path, error: OSError) -> CourseError:
    """The error for a folder that can't be written, with the system's reason."""
    reason = error.strerror or type(error).__name__
    return CourseError(f"can't write here ({reason})", where=str(folder), remedy="Choose another folder")
