"""Cells of a text file as typed values: each function names column, place and remedy where a cell is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from course_lib.core.errors import DataError
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.reading import FETCH_AGAIN, csv_rows, parse_text

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_REMEDY = "Correct the cell, or fetch the file again from its publisher"


def whole_lines(content: bytes, where: str) -> bytes:
    """The content itself, if its last line has an end. Raises DataError: a file cut off in a line has none."""
    if not content.endswith((b"\n", b"\r")):
        what = "the last line has no line end, so the file seems cut off"
        line = content.count(b"\n") + 1
        remedy = "Fetch the file again; if it is whole, add a line end"
        raise DataError(what, where=f"{where}, line {line}", remedy=remedy)
    return content


def table_rows(folder: Folder, name: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file, each with its place ("file, line 7"). DataError as of ``csv_rows``, and for a cut file."""
    content, where = folder.read(name), folder.where(name)
    parse_text(content, where)  # bad bytes are named before a missing line end, which they may have caused
    for line, row in csv_rows(whole_lines(content, where), columns, where):
        yield f"{where}, line {line}", row


def text(row: Mapping[str, str], column: str, where: str) -> str:
    """The cell without spaces around it. Raises DataError where it is empty."""
    value = row[column].strip()
    if not value:
        raise DataError(f"{column} is empty", where=where, remedy="Fill it in, or remove the line")
    return value


def label(row: Mapping[str, str], column: str, where: str) -> str:
    """A class label: one word. Raises DataError for an empty cell or a sentence (columns that changed places)."""
    value = text(row, column, where)
    if len(value.split()) > 1 or len(value) > 100:
        raise DataError(f"{column} is {value[:40]!r}, not one word", where=where, remedy=_REMEDY)
    return value


def whole(row: Mapping[str, str], column: str, where: str, low: int = 0, high: int = 10**18) -> int:
    """A whole number, ``low ≤ n ≤ high``."""
    value = row[column].strip()
    if not _WHOLE.fullmatch(value) or not low <= int(value) <= high:
        span = f"between {low} and {high}" if high < 10**18 else f"of at least {low}"
        raise DataError(f"{column} is {value[:40]!r}, not a whole number {span}", where=where, remedy=_REMEDY)
    return int(value)


def number(row: Mapping[str, str], column: str, where: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number, ``low ≤ x ≤ high``."""
    value = row[column].strip()
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)) or not low <= float(value) <= high:
        span = "" if (low, high) == (-math.inf, math.inf) else f" from {low:g} to {high:g}"
        raise DataError(f"{column} is {value[:40]!r}, not a number{span}", where=where, remedy=_REMEDY)
    return float(value)


def one_of(row: Mapping[str, str], column: str, known: Collection[str], where: str) -> str:
    """A cell that holds one of the known values."""
    value = row[column].strip()
    if value not in known:
        raise DataError(f"{column} is {value[:40]!r}, none of {', '.join(known)}", where=where, remedy=_REMEDY)
    return value


def no_rows(where: str) -> DataError:
    """The error for a file with a header and nothing below."""
    return DataError("the file holds no rows", where=where, remedy=FETCH_AGAIN)
