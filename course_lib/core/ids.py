"""Typed id maps: public ids on one side, rows on the other, and a kind that keeps users from passing as items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError


class IdMap:
    """An ordered, duplicate-free list of public ids of one kind.

    Row ``r`` of a matrix, a ranking or an index belongs to public id ``ids[r]``; ``rows`` goes the other way.

    Args:
        kind: what the ids name: ``"item"``, ``"user"`` or ``"query"``.
        ids: the public ids, in row order; each is kept as ``str``.

    Raises:
        ContractError: an id occurs twice, or is not a string or an integer.
    """

    __slots__ = ("kind", "ids", "_row_of")

    def __init__(self, kind: str, ids: Iterable[str | int]):
        self.kind = kind
        self.ids: tuple[str, ...] = tuple(_public_id(i, kind) for i in ids)
        self._row_of = {public: row for row, public in enumerate(self.ids)}
        if len(self._row_of) != len(self.ids):
            first = next(p for row, p in enumerate(self.ids) if self._row_of[p] != row)
            raise ContractError(f"{kind} id {first!r} occurs twice", remedy="Every id names exactly one row")

    def rows(self, ids: Iterable[str | int]) -> np.ndarray:
        """Rows of public ids: int64 [n]. Raises UnknownIdError, naming the first ids that are not in the map."""
        if isinstance(ids, str):  # iterating would look up its characters
            raise ContractError(f"got the text {ids!r} where {self.kind} ids belong", remedy="Put it in a list")
        wanted = [_public_id(i, self.kind) for i in ids]
        found = np.fromiter((self._row_of.get(i, -1) for i in wanted), dtype=np.int64, count=len(wanted))
        if (found < 0).any():
            unknown = [wanted[j] for j in np.flatnonzero(found < 0)]
            raise UnknownIdError(
                f"{len(unknown)} {self.kind} id(s) are unknown: {', '.join(map(repr, unknown[:3]))}",
                remedy=f"The map holds {len(self)} {self.kind} ids; check that the id comes from the same shop",
            )
        return found

    def take(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """Public ids of rows (each 0 ≤ row < len); raises ContractError beyond the map (-1, the pad, included)."""
        rows = np.asarray(rows)
        if rows.size and rows.dtype.kind not in "iu":
            raise ContractError(f"rows are {rows.dtype}, not integers", remedy="Give row numbers, not a mask")
        if rows.size and (rows.min() < 0 or rows.max() >= len(self.ids)):
            raise ContractError(f"a row lies outside the {len(self)} {self.kind} rows", remedy="Drop the -1 pads first")
        return [self.ids[r] for r in rows]

    def expect(self, kind: str) -> IdMap:
        """This map, if it is of that kind; raises ContractError otherwise."""
        if self.kind != kind:
            raise ContractError(f"got a map of {self.kind} ids where {kind} ids belong")
        return self

    def __contains__(self, public: object) -> bool:
        return (str(public) if _is_whole(public) else public) in self._row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdMap):
            return NotImplemented
        return self.kind == other.kind and (self.ids is other.ids or self.ids == other.ids)

    __hash__ = None  # maps are compared by content; none is used as a key

    def __repr__(self) -> str:
        shown = ", ".join(self.ids[:3]) + (", …" if len(self) > 3 else "")
        return f"IdMap({self.kind!r}, {len(self)} ids: {shown})"


def _public_id(value: str | int, kind: str) -> str:
    if isinstance(value, str):
        return value
    if _is_whole(value):
        return str(value)
    raise ContractError(f"a {kind} id is a {type(value).__name__}, not a string: {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
