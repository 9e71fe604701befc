"""``Folder``: the publisher's files of one data set, read safely, with the sha256 of everything that was read."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.core.errors import ContractError, DataError
from course_lib.shop.loaders.reading import FETCH_AGAIN, MAX_BYTES, read_bytes

_BLOCK = 1 << 20  # bytes hashed at a time


class Folder:
    """One folder in its publisher's layout.

    Attributes:
        path: where it is.
        files: name, bytes and sha256 of each file read so far, in order of reading.
    """

    def __init__(self, path: Path):
        self.path = path
        self.files: list[dict[str, Any]] = []

    def where(self, name: str) -> str:
        """How errors call a file."""
        return str(self.path / name)

    def has(self, name: str) -> bool:
        """Is there such a file?"""
        return (self.path / name).is_file()

    def need(self, *names: str, url: str = "") -> None:
        """Raises DataError, naming all of these files that are missing."""
        missing = [name for name in names if not self.has(name)]
        if missing:
            remedy = f"Put the files of {url} there" if url else "Put the publisher's files there"
            raise DataError(f"the folder lacks {' and '.join(missing)}", where=str(self.path), remedy=remedy)

    def read(self, name: str, max_bytes: int = MAX_BYTES) -> bytes:
        """A whole file. Raises DataError as ``read_bytes`` does, and for a name that leads out of the folder."""
        content = read_bytes(self.inside(name), max_bytes)
        self.files.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
        return content

    def large(self, name: str) -> Path:
        """The path of a file too large to hold in memory; its sha256 is computed block by block."""
        path = self.inside(name)
        try:
            digest, size = sha256_of(path)
        except FileNotFoundError as error:
            raise DataError("no such file", where=str(path), remedy=FETCH_AGAIN) from error
        except OSError as error:
            what = f"can't be read ({error.strerror})"
            raise DataError(what, where=str(path), remedy="Check its permissions") from error
        if not size:
            raise DataError("the file is empty", where=str(path), remedy=FETCH_AGAIN)
        self.files.append({"name": name, "bytes": size, "sha256": digest})
        return path

    def inside(self, name: str) -> Path:
        """The path of a file that a list names; raises DataError where it would lie outside the folder."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or not pure.parts or "\0" in name:
            raise DataError(f"the file name {name!r} leads out of the folder", where=str(self.path), remedy=FETCH_AGAIN)
        return self.path / pure

    def one_part(self, part: str, parts: list[str], data: str, kind: str) -> str:
        """The part of the data that is meant: ``part``, or the only one there is.

        Raises:
            DataError: the folder holds no part.
            ContractError: several and none is named, or no such part.
        """
        if not parts:
            remedy = "Put the publisher's files there"
            raise DataError(f"the folder holds no {kind}", where=str(self.path), remedy=remedy)
        if not part and len(parts) == 1:
            return parts[0]
        if part not in parts:
            what = f"there is no part {part!r} of {data}" if part else f"this folder holds several parts of {data}"
            remedy = f"Name one of {', '.join(f'{data}/{one}' for one in parts[:6])}"
            raise ContractError(what, where=str(self.path), remedy=remedy)
        return part


def sha256_of(path: Path) -> tuple[str, int]:
    """Hex digest and size of a file, read block by block. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
