"""IVF: vectors are sorted into lists by their nearest centroid, and a query reads the few lists that are near to it.

Sivic & Zisserman, "Video Google" (ICCV 2003) had the idea; Jégou, Douze & Schmid, "Product quantization for nearest
neighbor search" (TPAMI 2011, §IV) gave it this form and the name (inverted file).
"""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.seeds import generator
from course_lib.search.retrieval.vectors import (
    Found,
    best,
    check_allowed,
    check_vectors,
    row_numbers,
    stacked,
)

_NO_ROWS, _NO_SCORES = np.empty(0, np.int64), np.empty(0, np.float32)


def centroids_of(vectors: np.ndarray, n: int, *, sweeps: int = 10, seed: int = 0) -> np.ndarray:
    """Spherical k-means: n directions, each the mean of the vectors that are nearest to it: float32 [n, d], length 1.

    Dhillon & Modha, "Concept decompositions for large sparse text data using clustering" (Machine Learning 2001).

    Args:
        vectors: float [m, d]; n of them, drawn at random, are the start. A centroid that loses all its vectors is
            moved to one that is far from its own centroid.

    Raises:
        ContractError: fewer vectors than centroids, or n < 1.
    """
    if not 1 <= n <= len(vectors):
        raise ContractError(f"{n} centroids from {len(vectors)} vectors", remedy="Take fewer lists, or more vectors")
    rng = generator(seed, "retrieval", "centroids")
    centroids = vectors[rng.choice(len(vectors), n, replace=False)].astype(np.float32)
    for _ in range(sweeps):
        scores = vectors @ centroids.T
        nearest = scores.argmax(axis=1)
        order = np.argsort(nearest, kind="stable")
        filled, first = np.unique(nearest[order], return_index=True)
        centroids[filled] = np.add.reduceat(vectors[order], first, axis=0)
        empty = np.setdiff1d(np.arange(n), filled)
        centroids[empty] = vectors[np.argsort(scores.max(axis=1))[: len(empty)]]
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    return centroids


class IVF:
    """An index in lists (see ``vectors.VectorIndex``). Made for vectors of length 1.

    Args:
        dimension: components d of a vector.
        lists: how many lists; about the root of the number of vectors is usual.
        probes: how many lists a query reads; ``effort`` multiplies it.
        seed: of the start of k-means.
    """

    def __init__(self, dimension: int, *, lists: int, probes: int = 8, seed: int = 0):
        if lists < 1 or probes < 1:
            raise ContractError(f"lists is {lists} and probes {probes}; both must be at least 1")
        self.dimension, self.lists, self.probes, self.seed = dimension, lists, probes, seed
        self._start(np.empty((0, dimension), dtype=np.float32))

    def _start(self, centroids: np.ndarray) -> None:
        self.centroids = centroids
        self._vectors = [np.empty((0, self.dimension), np.float32) for _ in centroids]
        self._rows = [np.empty(0, np.int64) for _ in centroids]
        self._list_of: dict[int, int] = {}
        self._beyond = 0  # one more than the largest row number so far

    def train(self, vectors: np.ndarray) -> Self:
        """Find the centroids; the vectors themselves are not kept. Empties the index."""
        self._start(centroids_of(check_vectors(vectors, None, self.dimension), self.lists, seed=self.seed))
        return self

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """See ``VectorIndex``; the first call trains where nobody did."""
        rows = row_numbers(rows)
        vectors = check_vectors(vectors, len(rows), self.dimension)
        if taken := [row for row in rows.tolist() if row in self._list_of]:
            raise ContractError(f"row {taken[0]} is in the index", remedy="Remove it first to update it")
        if not len(self.centroids):
            self.train(vectors)
        nearest = (vectors @ self.centroids.T).argmax(axis=1)
        for one in np.unique(nearest):
            self._vectors[one] = np.concatenate([self._vectors[one], vectors[nearest == one]])
            self._rows[one] = np.concatenate([self._rows[one], rows[nearest == one]])
        self._list_of.update(zip(rows.tolist(), nearest.tolist()))
        self._beyond = max(self._beyond, rows.max(initial=-1) + 1)

    def remove(self, rows: np.ndarray) -> None:
        """See ``VectorIndex``: the vectors leave their lists at once, nothing stays behind."""
        rows = row_numbers(rows)
        if unknown := [row for row in rows.tolist() if row not in self._list_of]:
            raise UnknownIdError(f"row {unknown[0]} is not in the index", remedy="Add it before removing it")
        for one in {self._list_of.pop(row) for row in rows.tolist()}:
            stays = ~np.isin(self._rows[one], rows)
            self._vectors[one], self._rows[one] = self._vectors[one][stays], self._rows[one][stays]

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: float = 1) -> Found:
        """See ``VectorIndex``."""
        queries = check_vectors(queries, None, self.dimension)
        probes = min(len(self.centroids), max(1, round(self.probes * effort)))
        near = np.argsort(-(queries @ self.centroids.T), axis=1, kind="stable")[:, :probes]
        may = None if allowed is None else check_allowed(allowed, self._beyond)
        found = []
        for query, its_lists in zip(queries, near.tolist()):
            rows = np.concatenate([_NO_ROWS, *(self._rows[one] for one in its_lists)])
            scores = np.concatenate([_NO_SCORES, *(self._vectors[one] @ query for one in its_lists)])
            if may is not None:
                rows, scores = rows[may[rows]], scores[may[rows]]
            found.append(best(rows, scores, k))
        return stacked(found, k)

    def __len__(self) -> int:
        return len(self._list_of)

    @property
    def nbytes(self) -> int:
        """See ``VectorIndex``."""
        return len(self) * (4 * self.dimension + 8) + self.centroids.nbytes
