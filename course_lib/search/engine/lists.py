"""Approximate search in lists (IVF), for many queries at once.

Products are divided into lists by their nearest centroid, and a query looks into the ``probes`` lists whose centroids are
nearest to it. Taken query by query, most of the time goes into reading the same lists from memory again and again. Here
each list is read once, by all queries that look into it, as one product of matrices.

Source: Sivic & Zisserman, "Video Google" (ICCV 2003), for the inverted file; Jégou, Douze & Schmid, "Product Quantization
for Nearest Neighbor Search" (TPAMI 2011), for searching several lists of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.engine.nearest import best, cores, kth_best, nearest, shared_out
from course_lib.search.retrieval.vectors import recall_of

#: lists for n products: this times √n
LISTS = 1.6
_ROOM = 16_000_000  #: scores of products and centroids that are held at a time
_FIRST = 2  #: lists that a query looks into before there is a bound


class ListIndex:
    """An index of vectors in lists.

    Args:
        lists: how many; by default 1.6 √n. probes: lists that each query looks into; see ``tune``.
        sample: products that the centroids are learned from. seed: of the sample and of k-means.

    Raises:
        ContractError: a number below 1.
    """

    def __init__(self, lists: int | None = None, probes: int = 32, *, sample: int = 50_000, seed: int = 0):
        if min(probes, sample, 1 if lists is None else lists) < 1:
            raise ContractError("lists, probes and sample must be at least 1")
        self.lists, self.probes, self.sample, self.seed = lists, probes, sample, seed

    def fit(self, vectors: np.ndarray) -> ListIndex:
        """Learn centroids (k-means on the sphere, by faiss) and sort the products by list.

        Args:
            vectors: float [n, d], n ≥ 1.

        Raises:
            ContractError: another shape, or a value that is not finite.
        """
        import faiss

        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors[:, 0]).all():
            raise ContractError(f"vectors {vectors.shape} must be [n, d], at least one, and finite")
        n = len(vectors)
        lists = min(self.lists or max(1, round(LISTS * math.sqrt(n))), n)
        drawn = np.random.default_rng(self.seed).permutation(n)[: self.sample]
        means = faiss.Kmeans(vectors.shape[1], min(lists, len(drawn)), niter=10, seed=self.seed, spherical=True,
                             min_points_per_centroid=1, max_points_per_centroid=self.sample)  # fmt: skip
        means.train(vectors[drawn])
        self.centroids = means.centroids.copy()
        some = max(1, _ROOM // len(self.centroids))  # all products at once would need n × lists numbers
        belongs = np.concatenate([nearest(vectors[start : start + some], self.centroids, 1)[0][:, 0]
                                  for start in range(0, n, some)])  # fmt: skip
        self.order = np.argsort(belongs, kind="stable")  # sorted place -> row of ``vectors``
        self.vectors = vectors[self.order]
        self.starts = np.searchsorted(belongs[self.order], np.arange(len(self.centroids) + 1))
        return self

    def search(
        self, queries: np.ndarray, k: int, *, probes: int | None = None, workers: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest among the products of the probed lists: ids int64 [n, k], scores float32 [n, k] (``nearest``).

        Raises:
            ContractError: dimensions differ, k, probes or workers below 1, not fitted yet.
        """
        if not hasattr(self, "order"):
            raise ContractError("the index has no products yet", remedy="Call fit(vectors) first")
        queries, probes = np.asarray(queries, dtype=np.float32), self.probes if probes is None else probes
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise ContractError(f"queries {queries.shape} must be [n, {self.vectors.shape[1]}]")
        workers = cores() if workers is None else workers
        if min(k, probes, workers) < 1:
            raise ContractError("k, probes and workers must be at least 1")
        return shared_out(queries, k, workers, lambda part: self._scan(part, k, min(probes, len(self.centroids))))

    def tune(self, queries: np.ndarray, exact: np.ndarray, recall: float) -> ListIndex:
        """Set ``probes`` to the fewest (in steps of a fifth) that reach a recall on sample queries.

        Args:
            queries: float [n, d], of people in the past; those that a result is reported for belong elsewhere.
            exact: int [n, k], their exact nearest. recall: share of these to be found, on average.
        """
        probes = 1
        while probes < len(self.centroids):
            found, _ = self.search(queries, exact.shape[1], probes=probes)
            if recall_of(found, exact).mean() >= recall:
                break
            probes = max(probes + 1, math.ceil(probes * 1.2))
        self.probes = min(probes, len(self.centroids))
        return self

    def _scan(self, queries: np.ndarray, k: int, probes: int) -> tuple[np.ndarray, np.ndarray]:
        n, near = len(queries), queries @ self.centroids.T
        chosen = np.argpartition(-near, probes - 1, axis=1)[:, :probes]
        nearest_first = np.argsort(-np.take_along_axis(near, chosen, axis=1), axis=1, kind="stable")
        chosen = np.take_along_axis(chosen, nearest_first, axis=1)
        bound = np.full(n, -np.inf, dtype=np.float32)
        entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for begin, end in ((0, _FIRST), (_FIRST, probes)):
            entries += self._look(queries, chosen[:, begin:end], bound)
            if not begin and entries:  # the nearest lists say how good a product must be to matter
                bound = kth_best(*(np.concatenate([e[i] for e in entries]) for i in (0, 2)), n, k)
        rows, items, scores = (np.concatenate([e[i] for e in entries]) for i in range(3))
        return best(rows, items, scores, n, k)

    def _look(
        self, queries: np.ndarray, chosen: np.ndarray, bound: np.ndarray
    ) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Each list that anybody chose, once: (rows, items, scores) of what reaches the bound."""
        order = np.argsort(chosen, axis=None, kind="stable")
        lists, rows = chosen.reshape(-1)[order], order // max(chosen.shape[1], 1)
        ends = np.searchsorted(lists, np.arange(len(self.centroids) + 1))
        for one in np.flatnonzero(np.diff(ends)):
            asking, start, stop = rows[ends[one] : ends[one + 1]], self.starts[one], self.starts[one + 1]
            if start == stop:
                continue
            scores = queries[asking] @ self.vectors[start:stop].T
            passed = np.flatnonzero(scores >= bound[asking, None])
            row, column = np.divmod(passed, stop - start)
            yield asking[row], self.order[start + column], scores.reshape(-1)[passed]
