"""Collaborative filtering: what a user will want, learned from who did what, without a word of text.

The baselines that every later model must beat come first; a tuned iALS is the strongest of them on most data (Rendle et
al., "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022).
"""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import coo_matrix, csr_matrix, vstack
from threadpoolctl import threadpool_limits

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions

DAY = 86_400  #: seconds


class Random(Recommender):
    """Every item has the same chance: the floor. A user's list depends on the seed and the user's id alone."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def _fit(self, interactions: Interactions) -> None:
        pass

    def _score(self, rows: np.ndarray) -> np.ndarray:
        users, n_items = self.interactions.users.take(rows), len(self.interactions.items)
        return np.stack([generator(self.seed, "random recommender", u).random(n_items, np.float32) for u in users])


class Popularity(Recommender):
    """The same list for everybody: the items with the most events (by weight) of late.

    Args:
        window_days: how far to look back from the last event of the training data; ``None`` means to its beginning.

    Attributes:
        counts: float64 [n_items], weight of the events in the window; an item without any is never listed.

    Raises:
        ContractError: a window that is not longer than 0.
    """

    needs_evidence = True

    def __init__(self, window_days: float | None = None):
        if window_days is not None and not window_days > 0:
            raise ContractError(f"window_days is {window_days}; it must be more than 0, or None for all the past")
        self.window_days = window_days

    def _fit(self, interactions: Interactions) -> None:
        self.counts = item_counts(interactions, self.window_days)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.counts, (len(rows), len(self.counts)))


def item_counts(interactions: Interactions, window_days: float | None = None) -> np.ndarray:
    """Weight of the events of each item in the last days of the data (all of them by default): float64 [n_items]."""
    recent = np.ones(len(interactions), dtype=bool)
    if window_days is not None:
        recent = interactions.timestamps > interactions.timestamps[-1] - window_days * DAY
    return np.bincount(
        interactions.item_rows[recent], interactions.weights[recent], minlength=len(interactions.items)
    )


class ItemCosine(Recommender):
    """Items that the same people want: score(u, i) = Σ_j x_uj · cos(x_·j, x_·i) over the items j of u's history.

    x is the users × items matrix (``Interactions.matrix``) and x_·i one of its columns. Each item j of the history
    votes for its nearest neighbours only, and never for itself.

    Source: Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms" (WWW 2001), with cosine as in
    their equation 1, on implicit feedback.

    Args:
        neighbours: how many of the most similar items each item votes for; ``None`` means all (more memory: one entry
            for each pair of items that share a user).

    Attributes:
        similarity: csr_matrix [n_items, n_items], row j holds the neighbours of j (ties by catalogue row).

    Raises:
        ContractError: fewer than one neighbour.
    """

    needs_evidence = True

    def __init__(self, neighbours: int | None = None):
        if neighbours is not None and neighbours < 1:
            raise ContractError(f"neighbours is {neighbours}; it must be at least 1, or None for all")
        self.neighbours = neighbours

    def _fit(self, interactions: Interactions) -> None:
        x = interactions.matrix
        length = np.sqrt(np.asarray(x.power(2).sum(axis=0)).ravel())
        unit = x.multiply(1 / np.where(length > 0, length, 1)).tocsc()  # each column has length 1, or 0
        blocks = [self._nearest((unit[:, i : i + 512].T @ unit).tocoo(), i) for i in range(0, x.shape[1], 512)]
        self.similarity = vstack(blocks, format="csr", dtype=np.float32)

    def _nearest(self, cosines: coo_matrix, first: int) -> csr_matrix:
        """The nearest neighbours in each row of a block of cosines, whose rows are the items from ``first`` on."""
        row, item, cosine = cosines.row, cosines.col, cosines.data
        others = row + first != item
        row, item, cosine = row[others], item[others], cosine[others]
        order = np.lexsort((item, -cosine, row))
        row, item, cosine = row[order], item[order], cosine[order]
        place = np.arange(len(row)) - np.searchsorted(row, row)
        near = place < (self.neighbours or cosines.shape[1])
        return csr_matrix((cosine[near], (row[near], item[near])), shape=cosines.shape)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return (self.interactions.matrix[rows] @ self.similarity).toarray()


class IALS(Recommender):
    """Matrix factorisation for implicit feedback: score(u, i) = p_u · q_i, fitted by alternating least squares.

    Minimises Σ_ui c_ui (y_ui − p_u · q_i)² + λ (Σ_u |p_u|² + Σ_i |q_i|²) over *all* pairs: y_ui = 1 and c_ui = α x_ui
    where u has an event with i (x as in ``Interactions.matrix``), y_ui = 0 and c_ui = 1 elsewhere. Only with α x_ui > 1
    does an event say more than its absence.

    Source: Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (ICDM 2008), equation 3;
    fitted by ``implicit`` on one thread, so that the same seed gives the same vectors.

    Args:
        factors: length of the vectors.
        regularization: λ.
        alpha: α, the confidence of one event.
        iterations: sweeps over users and items.
        seed: of the first vectors.

    Attributes:
        user_vectors: float32 [n_users, factors].
        item_vectors: float32 [n_items, factors]; an item without an event has a vector of zeros.

    Raises:
        ContractError: a parameter that is not positive (regularization may be 0).
    """

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 100.0,
        alpha: float = 40.0,
        iterations: int = 15,
        seed: int = 0,
    ):
        if factors < 1 or iterations < 1 or not regularization >= 0 or not alpha > 0:
            raise ContractError("factors and iterations must be at least 1, regularization ≥ 0 and alpha > 0")
        self.factors, self.regularization, self.alpha = factors, regularization, alpha
        self.iterations, self.seed = iterations, seed

    def _fit(self, interactions: Interactions) -> None:
        # Inside the limit: BLAS threads below implicit's own slow it down tenfold, and it warns about them.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                random_state=self.seed,
                num_threads=1,
            )
            model.fit(interactions.matrix, show_progress=False)
        self.user_vectors, self.item_vectors = model.user_factors, model.item_factors

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.user_vectors[rows] @ self.item_vectors.T
