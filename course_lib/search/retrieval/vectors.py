"""What an index of vectors can do, and the exact one, which all others are measured against.

A *row* is a number that the caller gives to a vector (in a shop, the product's catalogue row). All indexes of this
topic keep the contract of ``VectorIndex``: vectors come and go, and a search may be confined to some rows.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ranking import PAD, top_k
from course_lib.search.retrieval.catalogue import as_vectors, no_results

Found = tuple[np.ndarray, np.ndarray]  #: rows int64 [n, k], padded with -1, and scores float32 [n, k], descending


class VectorIndex(Protocol):
    """Contract of an index of vectors, compared by inner product."""

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Vectors float [n, d] under new row numbers; ContractError where a number is taken or the shapes don't fit."""

    def remove(self, rows: np.ndarray) -> None:
        """Vectors go; UnknownIdError where a row isn't there. An update is a removal and an addition."""

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: float = 1) -> Found:
        """The k rows of the largest inner products that the index finds for each of the queries, float [n, d].

        Args:
            allowed: bool over row numbers, True where a row may be a result; all may without it.
            effort: how much more (or less) than usual is looked at; an exact index looks at everything anyway.
        """

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Bytes that the index holds in arrays, the vectors included."""


class Slots:
    """Which vector of an index is whose: vectors stand in *slots*, one after the other, in the order of adding.

    A slot is never used twice: what has gone leaves a dead slot, until the index is built anew without them.
    """

    def __init__(self) -> None:
        self.slot_of: dict[int, int] = {}
        self.size = self.beyond = 0  # slots; one more than the largest row number so far
        self._rows = np.empty(16, dtype=np.int64)

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Slots of new rows, int64 [n]; ContractError where a row is there already."""
        rows = row_numbers(rows)
        if taken := [row for row in rows.tolist() if row in self.slot_of]:
            raise ContractError(f"row {taken[0]} is in the index", remedy="Remove it first to update it")
        slots = np.arange(self.size, self.size + len(rows))
        self.size += len(rows)
        self.beyond = max(self.beyond, rows.max(initial=-1) + 1)
        self._rows = room(self._rows, self.size)
        self._rows[slots] = rows
        self.slot_of.update(zip(rows.tolist(), slots.tolist()))
        return slots

    def remove(self, rows: np.ndarray) -> np.ndarray:
        """The slots that died, int64 [n]; UnknownIdError where a row isn't there."""
        rows = row_numbers(rows).tolist()
        if unknown := [row for row in rows if row not in self.slot_of]:
            raise UnknownIdError(f"row {unknown[0]} is not in the index", remedy="Add it before removing it")
        slots = np.array([self.slot_of.pop(row) for row in rows], dtype=np.int64)
        self._rows[slots] = PAD
        return slots

    @property
    def rows(self) -> np.ndarray:
        """int64 [slots], -1 where the slot is dead."""
        return self._rows[: self.size]

    @property
    def mostly_dead(self) -> bool:
        """Is it time to build the index anew?"""
        return self.size > 2 * len(self) + 64

    def usable(self, allowed: np.ndarray | None) -> np.ndarray:
        """bool [slots]: alive, and allowed."""
        alive = self.rows != PAD
        return alive if allowed is None else alive & check_allowed(allowed, self.beyond)[self.rows]

    def __len__(self) -> int:
        return len(self.slot_of)


class ExactIndex:
    """All vectors are compared: the list is right, and the time grows with the catalogue.

    Args:
        dimension: components d of a vector.
    """

    def __init__(self, dimension: int):
        self.dimension, self._slots = dimension, Slots()
        self._vectors = np.empty((16, dimension), dtype=np.float32)

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """See ``VectorIndex``."""
        vectors = check_vectors(vectors, len(rows), self.dimension)
        slots = self._slots.add(rows)
        self._vectors = room(self._vectors, self._slots.size)
        self._vectors[slots] = vectors

    def remove(self, rows: np.ndarray) -> None:
        """See ``VectorIndex``."""
        self._slots.remove(rows)
        if self._slots.mostly_dead:
            slots = np.flatnonzero(self._slots.usable(None))
            rows, vectors = self._slots.rows[slots], self._vectors[slots]
            self.__init__(self.dimension)
            self.add(rows, vectors)

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: float = 1) -> Found:
        """See ``VectorIndex``. Of equal scores, the vector that was added first comes first."""
        usable = self._slots.usable(allowed)
        vectors = self._vectors[: self._slots.size]
        near, scores = top_k(queries, vectors if usable.all() else vectors[usable], k)
        return np.append(self._slots.rows[usable], PAD)[near], scores

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """See ``VectorIndex``."""
        return self._slots.size * (4 * self.dimension + 8)


def recall_of(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Which part of each row of ``exact`` the same row of ``found`` holds: float64 [n], pads aside; NaN where none is.

    Raises:
        ContractError: another number of rows.
    """
    if len(found) != len(exact):
        raise ContractError(f"{len(found)} rows found for {len(exact)} exact ones")
    held = (found[:, None, :] == exact[:, :, None]).any(axis=2) & (exact != PAD)
    wanted = (exact != PAD).sum(axis=1)
    return np.divide(held.sum(axis=1), wanted, out=np.full(len(exact), np.nan), where=wanted > 0)


def best(rows: np.ndarray, scores: np.ndarray, k: int) -> Found:
    """The k best of some rows: int64 [k] padded with -1, float32 [k]; ties by lower row."""
    if len(rows) > k:
        kept = scores >= np.partition(scores, -k)[-k]
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:k]
    missing = k - len(order)
    return np.pad(rows[order], (0, missing), constant_values=PAD), np.pad(
        scores[order].astype(np.float32), (0, missing), constant_values=-np.inf
    )


def stacked(found: list[Found], k: int) -> Found:
    """Single results as the rows of one."""
    ids, scores = no_results(len(found), k)
    for row, (one, its_scores) in enumerate(found):
        ids[row], scores[row] = one, its_scores
    return ids, scores


def check_vectors(vectors: np.ndarray, n: int | None, dimension: int) -> np.ndarray:
    """float32 [n, dimension], finite; ContractError otherwise. ``n`` None: however many there are."""
    vectors = as_vectors(vectors, len(vectors) if n is None else n)
    if vectors.shape[1] != dimension:
        raise ContractError(f"the vectors have {vectors.shape[1]} components, the index {dimension}")
    return vectors


def check_allowed(allowed: np.ndarray, beyond: int) -> np.ndarray:
    """bool with an entry for each row number below ``beyond``."""
    allowed = np.asarray(allowed)
    if allowed.dtype != bool or allowed.ndim != 1 or len(allowed) < beyond:
        raise ContractError("allowed must be bool, one entry per row number", remedy="E.g. prices < 50, of all")
    return allowed


def room(array: np.ndarray, size: int) -> np.ndarray:
    """The array, or a larger copy where ``size`` rows don't fit; doubling keeps adding one by one cheap."""
    if size <= len(array):
        return array
    larger = np.empty((max(size, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


def row_numbers(rows: np.ndarray) -> np.ndarray:
    """int64 [n], whole numbers of at least 0, none twice; ContractError otherwise."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0)):
        raise ContractError("rows must be whole numbers of at least 0, in one dimension")
    if len(np.unique(rows)) != len(rows):
        raise ContractError("a row occurs twice")
    return rows.astype(np.int64)
