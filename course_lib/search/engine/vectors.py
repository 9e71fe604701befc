"""Vectors of a catalogue that changes: rows are appended, and those of products that have gone are never found."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, top_k

_EXTRA = 8  # columns behind the d of the encoder: one says whether the row is there, the rest keep rows aligned
_GONE = np.float32(-1e4)  # inner product of a query with a row that has gone; that of two unit vectors is at least -1


class VectorStore:
    """Exact search among vectors of length 1 that come and go.

    A removed row isn't moved: one column more than the encoder's holds 0, or ``_GONE`` for a row that has gone, and every
    query has a 1 there. So the product of matrices itself rules such rows out. When half of the rows are gone, the rest
    move together.

    Args:
        dimension: d of the encoder.

    Raises:
        ContractError: d < 1.
    """

    def __init__(self, dimension: int):
        if dimension < 1:
            raise ContractError(f"dimension is {dimension}; it must be at least 1")
        self.dimension = dimension
        self._rows = np.zeros((64, dimension + _EXTRA), dtype=np.float32)
        self._row_of: dict[str, int] = {}  # public id -> row, in the order of adding
        self._used = 0
        self._order: np.ndarray | None = None

    def add(self, ids: Iterable[str], vectors: np.ndarray) -> None:
        """Append rows; nothing changes if one of them can't be.

        Raises:
            ContractError: an id that is there already, vectors of another shape or not finite.
        """
        new, vectors = IdMap("item", ids), np.asarray(vectors, dtype=np.float32)
        if vectors.shape != (len(new), self.dimension) or not np.isfinite(vectors).all():
            raise ContractError(f"vectors {vectors.shape} must be finite and [{len(new)}, {self.dimension}]")
        if known := [one for one in new if one in self._row_of]:
            raise ContractError(f"the product {known[0]!r} has a vector already", remedy="Remove it first to update it")
        end = self._used + len(new)
        if end > len(self._rows):
            grown = np.zeros((max(end, 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            grown[: self._used] = self._rows[: self._used]
            self._rows = grown
        self._rows[self._used : end, : self.dimension] = vectors
        self._rows[self._used : end, self.dimension :] = 0
        self._row_of.update(zip(new, range(self._used, end)))
        self._used, self._order = end, None

    def remove(self, ids: Iterable[str]) -> None:
        """Rule rows out; raises KeyError at an id that is not there (the engine asks before)."""
        for public in ids:
            self._rows[self._row_of.pop(public), self.dimension] = _GONE
        self._order = None
        if self._used > 2 * len(self._row_of) + 64:
            self._compact()

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest rows of each query, exactly.

        Args:
            queries: float [n, d].
            allowed: bool [len(self)], in the order of adding: rows that may be found. A filter loses no result: what
                it leaves is searched whole.

        Returns:
            places int64 [n, k] in the order of adding (``PAD`` where there are no more), scores float32 [n, k].
        """
        order = self.order()
        if allowed is None:
            rows, place_of = self._rows[: self._used], np.full(self._used, PAD, dtype=np.int64)
            place_of[order] = np.arange(len(order))
        else:
            rows, place_of = self._rows[order[allowed]], np.flatnonzero(allowed)
        asked = np.zeros((len(queries), self._rows.shape[1]), dtype=np.float32)
        asked[:, : self.dimension], asked[:, self.dimension] = queries, 1
        found, scores = top_k(asked, rows, k)
        found[scores < _GONE / 2] = PAD  # a row that has gone, where there are fewer than k others
        scores[found == PAD] = -np.inf
        if len(place_of):
            found[found != PAD] = place_of[found[found != PAD]]
        return found, scores

    def cosines(self, query: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Inner products of one query [d] with the rows at these places: float32 [m]."""
        return self._rows[self.order()[places], : self.dimension] @ np.asarray(query, dtype=np.float32)

    def order(self) -> np.ndarray:
        """Rows in the order of adding: int64 [len(self)]."""
        if self._order is None:
            self._order = np.fromiter(self._row_of.values(), np.int64, len(self._row_of))
        return self._order

    def matrix(self) -> np.ndarray:
        """A copy of the vectors in the order of adding: float32 [len(self), d]."""
        return self._rows[self.order(), : self.dimension]

    def __len__(self) -> int:
        return len(self._row_of)

    def _compact(self) -> None:
        order = self.order()
        kept = np.zeros((2 * len(order) + 64, self._rows.shape[1]), dtype=np.float32)
        kept[: len(order)] = self._rows[order]
        self._rows, self._used = kept, len(order)
        self._row_of = {public: row for row, public in enumerate(self._row_of)}
        self._order = None
