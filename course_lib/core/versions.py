"""A folder that holds one version of something: written whole or not at all, checked before it is read.

    DIR/<pointer>.json       which version is the present one
    DIR/v-<random>/          manifest.json (format, what the writer tells, sha256 of each file), and the files

A new version is written beside the old one; the pointer is replaced in one step when all files are on disk. A kill at any
moment leaves the old version or the new one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import read_json, unwritable, write_json

MANIFEST = "manifest.json"
_PREFIX = "v-"
_VERSION = re.compile(_PREFIX + "[a-z0-9_]{8}")  #: as ``tempfile`` ends the name; a folder ``v-1.0`` is somebody's own


@dataclass(frozen=True)
class VersionedFolder:
    """One kind of such folder: the words that its files and messages use; by them it is written and read.

    Attributes:
        pointer: name of the pointer file.
        format: what the present code writes, and the newest that it reads.
        what: full name of what it holds (``"search engine"``).
        short: the name where that is enough (``"engine"``).
        saver: name of the function that writes it, for remedies (``"save_engine"``).
    """

    pointer: str
    format: int
    what: str
    short: str
    saver: str

    @property
    def again(self) -> str:
        """The remedy for what can't be read."""
        return f"Make it again with {self.saver}"

    def damaged(self, path: Path, why: object) -> DataError:
        """The error for a file or a version that isn't what the saver wrote."""
        return DataError(f"is damaged ({why})", where=str(path), remedy=self.again)

    # -- writing ------------------------------------------------------------------------------------------------------
    def write(self, folder: str | os.PathLike[str], write_files: Callable[[Path], Mapping[str, Any]]) -> None:
        """Make a new version the present one; the version before it is removed.

        Args:
            folder: new, empty, or one of this kind.
            write_files: gets the version's folder, writes the files there (in folders too), and returns what else the
                manifest is to tell, as JSON values: any names but ``format`` and ``files``.

        Raises:
            CourseError: the folder can't be written, or holds something else. What ``write_files`` raises comes through,
                an OSError as CourseError.
        """
        folder = Path(folder)
        try:
            self._refuse_others(folder)
            folder.mkdir(parents=True, exist_ok=True)
            # By its name, since newer Pythons return an absolute path: it must equal what the folder lists.
            version = folder / Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder)).name
            try:
                self._seal(version, write_files(version))
                pointer = {"what": f"a {self.what} of the course", "format": self.format, "version": version.name}
                write_json(folder / self.pointer, pointer)
            except BaseException:
                if not self._is_present(folder, version):  # an interrupt can come right after the pointer was replaced
                    shutil.rmtree(version, ignore_errors=True)
                raise
        except OSError as error:
            raise unwritable(folder, error) from error
        for old in list(self._own(folder)):  # the version before, and what a kill has left
            if old.is_file():
                old.unlink(missing_ok=True)
            elif old != version:
                shutil.rmtree(old, ignore_errors=True)

    def _own(self, folder: Path) -> Iterator[Path]:
        """Versions, and pointers that were never finished."""
        for path in folder.iterdir():
            if path.is_dir() and _VERSION.fullmatch(path.name):
                yield path
            elif path.is_file() and path.name.startswith(f".{self.pointer}.") and path.suffix == ".part":
                yield path

    def _is_present(self, folder: Path, version: Path) -> bool:
        try:
            return self.open(folder)[0] == version
        except DataError:
            return False

    def _refuse_others(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise CourseError("this is a file, not a folder", where=str(folder), remedy="Choose another name")
        if folder.exists() and not (folder / self.pointer).is_file() and set(folder.iterdir()) != set(self._own(folder)):
            raise CourseError(f"is not empty and holds no {self.short}", where=str(folder), remedy="Choose a new folder")

    def _seal(self, version: Path, told: Mapping[str, Any]) -> None:
        """Bring the files to the disk, then the manifest that lists them."""
        files = sorted(path for path in version.rglob("*") if path.is_file())
        for path in files:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        digests = {path.relative_to(version).as_posix(): _digest(path) for path in files}
        write_json(version / MANIFEST, {"format": self.format, **told, "files": digests})

    # -- reading ------------------------------------------------------------------------------------------------------
    def open(self, folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
        """The folder of the present version, and its manifest; the files are not looked at (``check`` does that).

        Raises:
            DataError: nothing of this kind there, one of a newer format, or a pointer or manifest that is damaged.
        """
        folder = Path(folder)
        name = self._record(folder / self.pointer).get("version")
        if not isinstance(name, str) or not _VERSION.fullmatch(name):
            raise DataError("names no version", where=str(folder / self.pointer), remedy=self.again)
        return folder / name, self._record(folder / name / MANIFEST)

    def check(self, version: Path, files: Mapping[Any, Any], needed: Collection[str]) -> None:
        """Hold every file against its checksum.

        Args:
            files: the manifest's list, not trusted yet: name (``"encoder/config.json"``) -> sha256 in hex.
            needed: names that must be among them.

        Raises:
            DataError: a file is missing, damaged or outside the version's folder, or a needed one isn't listed.
        """
        for name, digest in files.items():
            path = version / str(name)
            if ".." in Path(str(name)).parts or Path(str(name)).is_absolute():
                raise DataError(f"lists the file {name!r} outside its folder", where=str(version / MANIFEST), remedy=self.again)
            if not path.is_file():
                raise DataError("is missing", where=str(path), remedy=self.again)
            if _digest(path) != digest:
                raise DataError("is damaged: its checksum differs", where=str(path), remedy=self.again)
        if missing := set(needed) - set(files):
            raise DataError(f"doesn't list {sorted(missing)[0]}", where=str(version / MANIFEST), remedy=self.again)

    def _record(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise DataError(f"no {self.what} here", where=str(path), remedy=f"Give the folder that {self.saver} wrote")
        value = read_json(path)
        if not isinstance(value, dict) or not isinstance(value.get("format"), int):
            raise DataError(f"is not the record of a {self.what}", where=str(path), remedy=self.again)
        if value["format"] > self.format:
            what = f"has format {value['format']}, this version of the course reads up to {self.format}"
            raise DataError(what, where=str(path), remedy=f"Update the course, or make the {self.short} again")
        return value


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
