"""Graph search: every vector knows some near ones, and a search walks from one to the next towards the query.

The graph is a navigable small world (Malkov et al., Information Systems 2014), each vector inserted by searching for
its own place, with the choice of links and the pruning of HNSW (Malkov & Yashunin, TPAMI 2020, algorithms 1, 2 and 4)
but on one level: HNSW's upper levels find a good place to start, here the first vector is the start.
"""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.retrieval.vectors import Found, Slots, best, check_vectors, room, stacked


class Graph:
    """An index as a graph (see ``vectors.VectorIndex``). Made for vectors of length 1.

    A vector that is removed stays as a bridge that no search returns; once half of them are dead, the graph is built
    anew.

    Args:
        dimension: components d of a vector.
        links: neighbours that a new vector looks for; with the links of later ones it has at most twice as many.
        beam: candidates that a search keeps while it walks, at least k; ``effort`` multiplies it.
        build_beam: the same while a vector is inserted.
    """

    def __init__(self, dimension: int, *, links: int = 12, beam: int = 64, build_beam: int = 48):
        if min(dimension, links, beam, build_beam) < 1:
            raise ContractError("dimension, links, beam and build_beam must be at least 1")
        self.dimension, self.links, self.beam, self.build_beam = dimension, links, beam, build_beam
        self._start()

    def _start(self) -> None:
        self._slots, self.compared = Slots(), 0  # compared: inner products since the start, of adding and searching
        self._vectors = np.empty((16, self.dimension), dtype=np.float32)
        self._near: list[list[int]] = []  # by slot, the slots that it is linked to

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """See ``VectorIndex``."""
        vectors = check_vectors(vectors, len(rows), self.dimension)
        slots = self._slots.add(rows)
        self._vectors = room(self._vectors, self._slots.size)
        for slot, vector in zip(slots.tolist(), vectors):
            self._vectors[slot] = vector
            near = [other for _, other in self._walk(vector, self.build_beam)]
            self._near.append(self._diverse(slot, near, self.links))
            for other in self._near[slot]:  # links lead both ways
                self._near[other].append(slot)
                if len(self._near[other]) > 2 * self.links:
                    self._near[other] = self._diverse(other, self._near[other], self.links)

    def remove(self, rows: np.ndarray) -> None:
        """See ``VectorIndex``."""
        self._slots.remove(rows)
        if self._slots.mostly_dead:
            slots = np.flatnonzero(self._slots.usable(None))
            rows, vectors = self._slots.rows[slots], self._vectors[slots]
            self._start()
            self.add(rows, vectors)

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: float = 1) -> Found:
        """See ``VectorIndex``. What isn't allowed is walked through, not returned."""
        queries = check_vectors(queries, None, self.dimension)
        usable = self._slots.usable(allowed)
        found = []
        for query in queries:
            walked = self._walk(query, max(k, round(self.beam * effort)), usable)
            slots = np.array([slot for _, slot in walked], dtype=np.int64)
            found.append(best(self._slots.rows[slots], np.array([score for score, _ in walked]), k))
        return stacked(found, k)

    def _walk(self, query: np.ndarray, beam: int, usable: np.ndarray | None = None) -> list[tuple[float, int]]:
        """The best ``beam`` usable vectors met on the way, (score, slot), best first.

        From the best candidate not yet left, look at all its neighbours; end when even the best candidate is worse than
        the worst of a full beam.
        """
        if not self._near:
            return []
        seen = np.zeros(len(self._near), dtype=bool)
        ahead, kept = [], []  # heaps: candidates to leave from, best on top; results, worst on top
        fresh = np.zeros(1, dtype=np.int64)
        while True:
            seen[fresh] = True
            self.compared += len(fresh)
            for score, slot in zip((self._vectors[fresh] @ query).tolist(), fresh.tolist()):
                if len(kept) < beam or score > kept[0][0]:
                    heappush(ahead, (-score, slot))
                    if usable is None or usable[slot]:
                        (heapreplace if len(kept) == beam else heappush)(kept, (score, slot))
            if not ahead or (len(kept) == beam and -ahead[0][0] < kept[0][0]):
                return sorted(kept, reverse=True)
            fresh = np.array(self._near[heappop(ahead)[1]], dtype=np.int64)
            fresh = fresh[~seen[fresh]]

    def _diverse(self, slot: int, candidates: list[int], n: int) -> list[int]:
        """At most n of the candidates, best first, each nearer to the vector than to any chosen before it.

        Otherwise all links would lead into the same crowd, and none to the next one.
        """
        vectors = self._vectors[candidates]
        own, mutual = vectors @ self._vectors[slot], vectors @ vectors.T
        chosen: list[int] = []
        for one in np.argsort(-own, kind="stable").tolist():
            if len(chosen) < n and all(mutual[one, other] < own[one] for other in chosen):
                chosen.append(one)
        return [candidates[one] for one in chosen]

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """See ``VectorIndex``; a link counts 4 bytes, as it would in an array."""
        return self._slots.size * (4 * self.dimension + 8) + 4 * sum(map(len, self._near))
