"""Errors that a reader can act on: one line that says where, what, and what to do."""

from __future__ import annotations


class CourseError(Exception):
    """Base of every error that the course raises on purpose.

    ``str(error)`` is always one line: ``where: what. remedy``. The command line prints exactly that line and exits
    with code 2; any other exception is a fault of ours and keeps its traceback.

    Args:
        what: what is wrong, a clause without a final full stop.
        where: file, row or argument that is at fault.
        remedy: what the reader can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None):
        self.what, self.where, self.remedy = what, where, remedy
        place = f"{where}: " if where else ""
        line = f"{place}{what}. {remedy}" if remedy else f"{place}{what}"
        # Untrusted file names and cells may carry line breaks or terminal escapes: flatten them.
        line = " ".join(line.split())
        super().__init__("".join(c if c.isprintable() else "?" for c in line))

    def _render_traceback_(self) -> list[str]:
        """What notebooks show: the line, without our traceback (IPython asks for this method)."""
        return [str(self)]


class DataError(CourseError):
    """An input file or table does not hold what its schema says."""


class ContractError(CourseError, ValueError):
    """A function was called with values that break its contract (shape, type, order, kind of id)."""


class UnknownIdError(ContractError):
    """An id is not in the map it was looked up in."""
