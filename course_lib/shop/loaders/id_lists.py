"""Files with one user per line: ``user item item …``, whole numbers separated by spaces."""

from __future__ import annotations

import re

import numpy as np

from course_lib.core.errors import DataError
from course_lib.shop.loaders.fields import whole_lines
from course_lib.shop.loaders.reading import FETCH_AGAIN, parse_text

_LINE = re.compile(rb"[0-9]{1,18}( +[0-9]{1,18})*")
_DIGITS = b"0123456789 \n"


def parse_id_lists(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users and their items.

    Returns:
        users: int64 [n_users], in file order; each stands on one line.
        lengths: int64 [n_users], how many items each has (0 is allowed: LightGCN's test files hold such users).
        items: int64 [lengths.sum()], one user's after the other's.

    Raises:
        DataError: naming the line: other characters, a number of more than 18 digits, a user who stands on two lines,
            no line end at the end (a cut file), no users.
    """
    content = content.replace(b"\r\n", b"\n").removeprefix(b"\xef\xbb\xbf")
    if content.translate(None, _DIGITS):
        parse_text(content, where)  # bad bytes are named as such
        _first_bad_line(content, where)
    lines = whole_lines(content, where).split(b"\n")
    kept = [number for number, line in enumerate(lines, start=1) if line and not line.isspace()]
    tokens = [lines[number - 1].split() for number in kept]
    flat = [token for line in tokens for token in line]
    if not flat:
        raise DataError("the file holds no users", where=where, remedy=FETCH_AGAIN)
    if max(map(len, flat)) > 18:
        _first_bad_line(content, where)
    values = np.array(flat).astype(np.int64)
    sizes = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    starts = np.cumsum(sizes) - sizes
    users = values[starts]
    order = np.argsort(users, kind="stable")
    again = order[1:][users[order[1:]] == users[order[:-1]]]
    if len(again):
        row = int(again.min())
        what = f"user {users[row]} stands already in line {kept[int(np.flatnonzero(users == users[row])[0])]}"
        raise DataError(what, where=f"{where}, line {kept[row]}", remedy="Keep one of the two lines")
    items = np.ones(len(values), dtype=bool)
    items[starts] = False
    return users, sizes - 1, values[items]


def no_repeats(users: np.ndarray, lengths: np.ndarray, items: np.ndarray, where: str) -> None:
    """Raises DataError where one user has an item twice."""
    rows = np.repeat(np.arange(len(users)), lengths)
    order = np.lexsort((items, rows))
    same = (rows[order[1:]] == rows[order[:-1]]) & (items[order[1:]] == items[order[:-1]])
    if same.any():
        at = order[1:][same][0]
        what = f"user {users[rows[at]]} has item {items[at]} twice"
        raise DataError(what, where=where, remedy="Keep it once")


def _first_bad_line(content: bytes, where: str) -> None:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip() and not _LINE.fullmatch(line.strip(b" ")):
            at = next((m[0] for m in re.finditer(rb"[^ \r]+", line) if not re.fullmatch(rb"[0-9]{1,18}", m[0])), line)
            shown = at[:40].decode("utf-8", "replace")
            what = f"{shown!r} is not a whole number ≥ 0 of at most 18 digits"
            remedy = "A line is 'user item item …', separated by spaces"
            raise DataError(what, where=f"{where}, line {number}", remedy=remedy)
    raise DataError("holds characters other than digits and spaces", where=where, remedy=FETCH_AGAIN)
