"""What is known of each real data set: publisher, licence, citation, files with their sha256, tables and row counts.

One JSON file per data set in ``data/``.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.core.errors import ContractError

_DATA = Path(__file__).parent / "data"
#: the order in which they are listed
_NAMES = (
    "chorus", "esci", "gowalla", "lightgcn", "s3rec", "amazon-reviews-2023", "online-retail", "obd", "hillstrom",
    "banking77", "hint3", "matching", "grocery",
)  # fmt: skip
#: what the licence says about showing the data's texts and pictures elsewhere, in a book's outputs for instance
REDISTRIBUTION = ("allowed", "unclear", "forbidden")


@dataclass(frozen=True)
class File:
    """One file: name in the folder (with "/"), size, sha256 in hex, and address, "" where only a copy can be given."""

    name: str
    bytes: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Manifest:
    """What is known of a data set before it is read.

    Attributes:
        name: the name for ``Shop.load``.
        about: one line.
        url: the publisher's page.
        licence, citation: of the data, as the publisher states them.
        redistribution: ``"allowed"`` (with the citation), ``"unclear"`` or ``"forbidden"``: only where allowed may
            a text or picture of the data enter the book's outputs. Numbers computed from them may always.
        files: with pinned sha256; empty where the format, not the content, is what is known.
        schema: table -> column -> type, of what ``Shop.load`` gives beyond the columns of ``core.tables.SCHEMAS``, and
            of its further tables.
        rows: table (or a part of it) -> rows.
        parts: whether ``Shop.load`` takes "name/part", and how parts are called; "" where the data have none.
        how: what to do to get the files where ``course data fetch`` can't get all of them; "" else.
    """

    name: str
    about: str
    url: str
    licence: str
    redistribution: str
    citation: str
    files: tuple[File, ...]
    schema: dict[str, dict[str, str]]
    rows: dict[str, int]
    parts: str
    how: str

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def needs_part(self) -> bool:
        """Is a part to be named where a folder holds several?"""
        return bool(self.parts) and "where none is named" not in self.parts

    @property
    def can_be_fetched(self) -> bool:
        """Has each file an address at the publisher's?"""
        return bool(self.files) and all(file.url for file in self.files)

    @property
    def may_be_shown(self) -> bool:
        """May texts and pictures of these data stand in the book's outputs?"""
        return self.redistribution == "allowed"


def names() -> tuple[str, ...]:
    """The names of all data sets."""
    return _NAMES


@cache
def manifest(name: str) -> Manifest:
    """What is known of a data set, by its name (a part after "/" is left aside). Raises ContractError: no such name."""
    base = str(name).partition("/")[0]
    if base not in _NAMES and (base in ("", ".", "..", "~") or "\\" in str(name)):
        remedy = "The name comes first, then the folder: Shop.load('gowalla', '/my/data/gowalla')"
        raise ContractError(f"{str(name)!r} is a folder, not the name of a data set; known are {', '.join(_NAMES)}", remedy=remedy)
    if base not in _NAMES:
        like = difflib.get_close_matches(base.lower(), _NAMES, n=1)
        remedy = f"Did you mean {like[0]}?" if like else None
        raise ContractError(f"no data set is called {name!r}; known are {', '.join(_NAMES)}", remedy=remedy)
    known: dict[str, Any] = json.loads((_DATA / f"{base}.json").read_text(encoding="utf-8"))
    return Manifest(**{**known, "files": tuple(File(**file) for file in known["files"])})
