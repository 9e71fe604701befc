"""Names that strangers chose, made safe: to read, to stand in a table, to be a file's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

#: longest name shown; longer ones are cut and get a mark of their own
_SHOWN = 100
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,58}[A-Za-z0-9]|[A-Za-z0-9]")
#: devices on Windows, and what a web server shows for a folder
_RESERVED = {"index", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
#: first characters that make a spreadsheet read a cell as a formula, also as East Asian full-width signs
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")


def visible(text: str, keep_lines: bool = False) -> str:
    """A text in which nothing is hidden: control characters, direction marks and the like become ``‹U+202E›``.

    Args:
        keep_lines: leave line breaks and tabs.
    """
    kept = "\n\t" if keep_lines else ""
    return "".join(c if c.isprintable() or c in kept else f"‹U+{ord(c):04X}›" for c in text)


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Each name as it is shown: visible, at most about 100 characters, unlike every other.

    Names that would look the same, or that are too long, carry a mark made from their bytes.
    """
    ordered = sorted(set(names))
    looks = {name: _look(name) for name in ordered}
    alike: dict[str, int] = {}
    for look in looks.values():
        alike[look] = alike.get(look, 0) + 1
    found = {name: look for name, look in looks.items() if alike[look] == 1 and len(look) <= _SHOWN}
    taken = set(found.values())
    for name in ordered:
        if name not in found:
            digits = 8
            while (made := f"{looks[name][:_SHOWN]} ·{_mark(name, digits)}") in taken:
                digits += 4
            found[name] = made
            taken.add(made)
    return found


def _look(name: str) -> str:
    clear = visible(name)
    clear = re.sub(r"^ +| +$", lambda spaces: "‹U+0020›" * len(spaces[0]), clear) or "‹›"
    return unicodedata.normalize("NFC", clear)


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A file name (without a suffix) for each name: safe on every system, unlike every other whatever the case.

    A plain name stays; any other becomes a readable form of itself and a mark made from its bytes.
    """
    ordered = sorted(set(names))
    folded: dict[str, int] = {}
    for name in ordered:
        folded[name.casefold()] = folded.get(name.casefold(), 0) + 1
    found, taken = {}, set()
    for name in ordered:
        plain = _PLAIN.fullmatch(name) and name.split(".")[0].casefold() not in _RESERVED
        if plain and folded[name.casefold()] == 1:
            found[name] = name
            taken.add(name.casefold())
    for name in ordered:
        if name not in found:
            letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
            slug = re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")[:40] or "learner"
            digits = 8
            while (made := f"{slug}-{_mark(name, digits)}").casefold() in taken:
                digits += 4
            found[name] = made
            taken.add(made.casefold())
    return found


def cell(value: object) -> object:
    """A value for a CSV cell: a text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    # A text that begins with an apostrophe gets one more, so that two names never become one.
    return f"'{text}" if text.lstrip().startswith((*_FORMULA, "'")) else text


def _mark(name: str, digits: int = 8) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
