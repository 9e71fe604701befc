"""The same indexes for use: faiss behind the contract of ``vectors.VectorIndex``.

Douze et al., "The Faiss library" (2024, https://arxiv.org/abs/2401.08281).
"""

from __future__ import annotations

import faiss
import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD
from course_lib.search.retrieval.vectors import Found, Slots, check_vectors, no_results

KINDS = ("flat", "ivf", "hnsw")


class FaissIndex:
    """Flat, IVF or HNSW by faiss, inner products, with removals (which its HNSW lacks) and filters.

    What is removed stays in faiss as a dead slot that its selector hides; once half are dead, the index is built anew.

    Args:
        dimension: components d of a vector.
        kind: ``"flat"`` (exact), ``"ivf"`` or ``"hnsw"``.
        lists, probes: of IVF. links, beam, build_beam: of HNSW (M, efSearch, efConstruction). ``effort`` multiplies
            probes and beam.
    """

    def __init__(
        self,
        dimension: int,
        kind: str = "flat",
        *,
        lists: int = 128,
        probes: int = 8,
        links: int = 16,
        beam: int = 64,
        build_beam: int = 80,
    ):
        if kind not in KINDS:
            raise ContractError(f"no index of the kind {kind!r}", remedy=f"Choose one of {', '.join(KINDS)}")
        if min(dimension, lists, probes, links, beam, build_beam) < 1:
            raise ContractError("dimension, lists, probes, links, beam and build_beam must be at least 1")
        self.dimension, self.kind, self.lists, self.probes = dimension, kind, lists, probes
        self.links, self.beam, self.build_beam = links, beam, build_beam
        self._slots = Slots()
        if kind == "hnsw":
            self.index = faiss.IndexHNSWFlat(self.dimension, self.links, faiss.METRIC_INNER_PRODUCT)
            self.index.hnsw.efConstruction = self.build_beam
        elif kind == "ivf":
            inner = faiss.IndexFlatIP(self.dimension)
            self.index = faiss.IndexIVFFlat(inner, self.dimension, self.lists, faiss.METRIC_INNER_PRODUCT)
            self.index.cp.min_points_per_centroid = 1  # small shops are no reason for a warning on stderr
            self.index.cp.spherical = True
        else:
            self.index = faiss.IndexFlatIP(self.dimension)

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """See ``VectorIndex``; IVF finds its centroids from the first vectors it gets."""
        vectors = check_vectors(vectors, len(rows), self.dimension)
        if not self.index.is_trained and len(vectors) < self.lists:
            raise ContractError(f"{self.lists} lists need as many vectors to start with; there are {len(vectors)}")
        self._slots.add(rows)
        if not self.index.is_trained:
            self.index.train(vectors)
        if len(vectors):
            self.index.add(vectors)

    def remove(self, rows: np.ndarray) -> None:
        """See ``VectorIndex``."""
        self._slots.remove(rows)
        if self._slots.mostly_dead:
            slots = np.flatnonzero(self._slots.usable(None))
            rows, vectors = self._slots.rows[slots], self.index.reconstruct_n(0, self._slots.size)[slots]
            self.index.reset()  # IVF keeps its centroids
            self._slots = Slots()
            self.add(rows, vectors)

    def search(self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: float = 1) -> Found:
        """See ``VectorIndex``."""
        queries = check_vectors(queries, None, self.dimension)
        usable = self._slots.usable(allowed)
        nothing = no_results(len(queries), k)
        if not usable.any() or not len(queries):
            return nothing
        bits = None if usable.all() else np.packbits(usable, bitorder="little")
        chosen = {} if bits is None else {"sel": faiss.IDSelectorBitmap(bits)}
        if self.kind == "ivf":
            how = faiss.SearchParametersIVF(nprobe=min(self.lists, max(1, round(self.probes * effort))), **chosen)
        elif self.kind == "hnsw":
            how = faiss.SearchParametersHNSW(efSearch=max(k, round(self.beam * effort)), **chosen)
        else:
            how = faiss.SearchParameters(**chosen)
        scores, slots = self.index.search(queries, k, params=how)
        scores[slots < 0] = -np.inf
        return np.append(self._slots.rows, PAD)[slots], scores

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """See ``VectorIndex``: what faiss would write to a file, and the row numbers."""
        return faiss.serialize_index(self.index).nbytes + self._slots.rows.nbytes
