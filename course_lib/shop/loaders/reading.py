"""Reading files that we don't trust: sizes are capped, nothing is unpacked to disk, every error names its place."""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.core.errors import DataError

MAX_BYTES = 200_000_000  #: of a file, and of a decompressed member of an archive
MAX_RATIO = 200  #: decompressed to compressed size; text reaches about 20, a zip bomb 1,000
FETCH_AGAIN = "Fetch the file again from its publisher"
#: what zipfile raises on damaged archives, by where the damage is
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OSError, ValueError)


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The whole file. Raises DataError: it is absent, unreadable, empty, or larger than ``max_bytes``."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise DataError("no such file", where=str(path), remedy=FETCH_AGAIN) from error
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror})", where=str(path), remedy="Check its permissions") from error
    if len(content) > max_bytes:
        what = f"{size:,} bytes are more than the {max_bytes:,} that are read"
        raise DataError(what, where=str(path), remedy=FETCH_AGAIN)
    if not content:
        raise DataError("the file is empty", where=str(path), remedy=FETCH_AGAIN)
    return content


def zip_member(content: bytes, member: str, where: str, max_bytes: int = MAX_BYTES) -> bytes:
    """One member of a zip archive, decompressed in memory; whatever else the archive holds is not touched.

    Args:
        content: the archive.
        member: exact name of the member.
        where: how errors call the archive.
        max_bytes: the largest decompressed size.

    Raises:
        DataError: not a zip archive, truncated, a wrong checksum, no such member, encrypted, too large, a bomb.
    """
    with open_zip(content, where) as archive:
        return read_member(archive, member, where, max_bytes)


@contextmanager
def open_zip(content: bytes, where: str) -> Iterator[zipfile.ZipFile]:
    """The archive in ``content``, for ``read_member``. Raises DataError: not a zip archive, or a truncated one."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGE as error:
        raise DataError(f"not a whole zip archive ({error})", where=where, remedy=FETCH_AGAIN) from error
    with archive:
        yield archive


def read_member(archive: zipfile.ZipFile, member: str, where: str, max_bytes: int = MAX_BYTES) -> bytes:
    """One member of an open archive; arguments and errors as of ``zip_member``."""
    try:
        info = archive.NameToInfo.get(member)
        if info is None:
            held = ", ".join(archive.namelist()[:3]) or "nothing"
            raise DataError(f"the archive lacks {member!r}; it holds {held}", where=where, remedy=FETCH_AGAIN)
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{member!r} is encrypted or of an unusual method", where=where, remedy=FETCH_AGAIN)
        if info.file_size > max_bytes or info.file_size > MAX_RATIO * max(info.compress_size, 1):
            sizes = f"{info.compress_size:,} bytes unpack to {info.file_size:,}"
            raise DataError(f"{member!r} is suspicious: {sizes}", where=where, remedy=FETCH_AGAIN)
        with archive.open(info) as file:
            return file.read(max_bytes)  # zipfile stops at the size that the archive states, checked above
    except _DAMAGE as error:
        raise DataError(f"not a whole zip archive ({error})", where=where, remedy=FETCH_AGAIN) from error


def parse_text(content: bytes, where: str) -> str:
    """UTF-8 text, without a byte-order mark. Raises DataError naming the line of the first byte that isn't UTF-8."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} (offset {error.start:,}) is not UTF-8"
        raise DataError(what, where=f"{where}, line {line}", remedy="Save the file as UTF-8") from error


def parse_json(content: bytes, where: str) -> Any:
    """Strict JSON (no NaN, no Infinity). Raises DataError naming the line."""
    text = parse_text(content, where)
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = f"not valid JSON: {error.msg}, column {error.colno}"
        raise DataError(what, where=f"{where}, line {error.lineno}", remedy=FETCH_AGAIN) from error
    except (ValueError, RecursionError) as error:  # a constant or a number we refuse; brackets thousands deep
        raise DataError(f"not valid JSON: {error}", where=where, remedy=FETCH_AGAIN) from error


def csv_rows(content: bytes, columns: Sequence[str], where: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with a header, each with the line (from 1) on which it ends; blank lines are skipped.

    Args:
        columns: what the header must hold, in any order; columns beyond them are kept.

    Raises:
        DataError: a column is missing or named twice, a row has too few or too many fields, a quote never closes.
    """
    reader = csv.reader(io.StringIO(parse_text(content, where), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            if not row:
                continue
            if header is None:
                header = _header(row, columns, f"{where}, line {reader.line_num}")
                continue
            if len(row) != len(header):
                what = f"{len(row)} field(s) where the header has {len(header)}"
                remedy = "Put quotes around a field that holds a comma, and close every quote"
                raise DataError(what, where=f"{where}, line {reader.line_num}", remedy=remedy)
            yield reader.line_num, dict(zip(header, row))
    except csv.Error as error:
        remedy = "Close every quote"
        raise DataError(f"malformed CSV: {error}", where=f"{where}, line {reader.line_num}", remedy=remedy) from error
    if header is None:
        raise DataError("the file holds no header", where=where, remedy=f"Its first line is {','.join(columns)}")


def _header(row: list[str], columns: Sequence[str], where: str) -> list[str]:
    missing = [column for column in columns if row.count(column) != 1]
    if missing:
        what = f"the header needs the column(s) {', '.join(missing)}, once each; it is {','.join(row)[:80]}"
        raise DataError(what, where=where, remedy=f"The first line is {','.join(columns)}")
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
