"""Serving: a model whose score is a dot product is an index of item vectors and one vector per request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.recommend.base import Recommender
from course_lib.search.retrieval.vectors import ExactIndex, VectorIndex
from course_lib.shop.interactions import Interactions


class Indexed(Recommender):
    """The lists of a model from an index of its item vectors: equal to the model's own where the index is exact.

    Args:
        model: with ``user_vectors`` and ``item_vectors`` once fitted: ``MatrixFactorization``, ``TwoTower``, ``IALS``.
        make: an empty index for vectors of d components, e.g. ``lambda d: IVF(d, lists=40, probes=4)``.

    Attributes:
        index: holds every item that the model can list, under its catalogue row. Products come and go by its ``add``
            and ``remove``; a ``TwoTower`` makes vectors of new ones from their texts.
    """

    def __init__(self, model: Recommender, make: Callable[[int], VectorIndex] = ExactIndex):
        self.model, self.make = model, make
        if model.interactions is not None:
            self._build(model.interactions)

    def _fit(self, interactions: Interactions) -> None:
        self.model.fit(interactions)
        self._build(interactions)

    def _build(self, interactions: Interactions) -> None:
        if not hasattr(self.model, "item_vectors"):
            remedy = "A network between user and item can't be served by an index"
            raise ContractError(f"{type(self.model).__name__} has no vectors", remedy=remedy)
        self.interactions, vectors = interactions, self.model.item_vectors
        listed = np.ones(len(vectors), dtype=bool)
        if not getattr(self.model, "reads_items", False):
            listed = np.bincount(interactions.item_rows, minlength=len(vectors)) > 0
        self.index = self.make(vectors.shape[1])
        self.index.add(np.flatnonzero(listed), vectors[listed])

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.model._score(rows)

    def recommend(
        self, users: Sequence[str], k: int = 20, *, exclude_seen: bool = True, block: int = 256
    ) -> Ranking:
        """See ``Recommender.recommend``. The index is asked for as many more as a user of the block has seen."""
        rows = self._rows(users)
        if not isinstance(k, (int, np.integer)) or k < 1:
            raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
        keys = IdMap("user", self.interactions.users.take(rows))
        seen = self.interactions.matrix[rows]
        ids, scores = np.full((len(rows), k), PAD, dtype=np.int64), np.full((len(rows), k), -np.inf, dtype=np.float32)
        vectors = self.model.user_vectors[rows]
        for i in range(0, len(rows), block):
            part = slice(i, i + block)
            more = int(np.diff(seen[part].indptr).max()) if exclude_seen else 0
            ids[part], scores[part] = self._unseen(vectors[part], k, more, seen[part] if more else None)
        return Ranking(ids, scores, keys, self.interactions.items)

    def of_vectors(self, vectors: np.ndarray, k: int = 20) -> tuple[np.ndarray, np.ndarray]:
        """The k best items of any user vectors float [n, d]: catalogue rows int64 [n, k] and scores, -1 pads."""
        return self.index.search(vectors, k)

    def _unseen(self, vectors: np.ndarray, k: int, more: int, seen) -> tuple[np.ndarray, np.ndarray]:
        found, scores = self.index.search(vectors, k + more)
        if seen is None:
            return found, scores
        gone = found == PAD
        for row in range(len(found)):
            gone[row] |= np.isin(found[row], seen[row].indices)
        order = np.argsort(gone, axis=1, kind="stable")[:, :k]  # what stays moves up, in its order
        gone, found, scores = (np.take_along_axis(a, order, axis=1) for a in (gone, found, scores))
        return np.where(gone, PAD, found), np.where(gone, -np.inf, scores)
