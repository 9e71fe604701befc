"""Neighbours: items that the same people want, and people who want the same items."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions


class ItemCosine(Recommender):
    """Items that the same people want: score(u, i) = Σ_j x_uj · s_ji over the items j of u's history.

    s_ji = Σ_v w_v x_vj x_vi / (|x_·j| |x_·i|^(2b)), with x the users × items matrix (``Interactions.matrix``), x_·i one of
    its columns, w_v = n_v^-β and n_v the number of v's distinct items. By default b = ½ and β = 0: the cosine. A smaller b
    takes less from popular items; β > 0 lets a user who has had half of the shop say less of each pair. Each item j of
    the history votes for its nearest neighbours only, and never for itself.

    Sources: Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms" (WWW 2001), with cosine as in
    their equation 1, on implicit feedback; b as the α of Deshpande & Karypis, "Item-based Top-N Recommendation
    Algorithms" (TOIS 2004), equation 3; β after the inverse user frequency of Breese et al. (UAI 1998).

    Args:
        neighbours: how many of the most similar items each item votes for; ``None`` means all (more memory: one entry
            for each pair of items that share a user).
        item_damping: b ≥ 0. user_damping: β ≥ 0.

    Attributes:
        similarity: csr_matrix [n_items, n_items], row j holds the neighbours of j (ties by catalogue row).

    Raises:
        ContractError: fewer than one neighbour, a negative damping.
    """

    needs_evidence = True

    def __init__(self, neighbours: int | None = None, *, item_damping: float = 0.5, user_damping: float = 0.0):
        if neighbours is not None and neighbours < 1:
            raise ContractError(f"neighbours is {neighbours}; it must be at least 1, or None for all")
        if not item_damping >= 0 or not user_damping >= 0:
            raise ContractError("item_damping and user_damping must be at least 0")
        self.neighbours, self.item_damping, self.user_damping = neighbours, item_damping, user_damping

    def _fit(self, interactions: Interactions) -> None:
        x = interactions.matrix
        length = np.sqrt(np.asarray(x.power(2).sum(axis=0)).ravel())
        length = np.where(length > 0, length, 1)
        n_items = np.maximum(np.diff(x.indptr), 1)
        giver = (x @ diags(1 / length)).tocsc().astype(np.float32)  # each column has length 1, or 0
        taker = (diags(n_items**-self.user_damping) @ x @ diags(length ** (-2 * self.item_damping))).tocsr()
        taker = taker.astype(np.float32)
        blocks = [self._nearest((giver[:, i : i + 512].T @ taker).tocoo(), i) for i in range(0, x.shape[1], 512)]
        self.similarity = vstack(blocks, format="csr", dtype=np.float32)

    def _nearest(self, cosines: coo_matrix, first: int) -> csr_matrix:
        """The nearest neighbours in each row of a block of cosines, whose rows are the items from ``first`` on."""
        row, item, cosine = cosines.row, cosines.col, cosines.data
        others = row + first != item
        row, item, cosine = row[others], item[others], cosine[others]
        if self.neighbours is None:
            return csr_matrix((cosine, (row, item)), shape=cosines.shape)
        order = np.lexsort((item, -cosine, row))
        row, item, cosine = row[order], item[order], cosine[order]
        near = np.arange(len(row)) - np.searchsorted(row, row) < self.neighbours
        return csr_matrix((cosine[near], (row[near], item[near])), shape=cosines.shape)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return (self.interactions.matrix[rows] @ self.similarity).toarray()

    def contributions(self, row: int, item: int) -> np.ndarray:
        """What each item of the user's history adds to the score of an item: float [n_history], their sum is the score."""
        had = self.interactions.matrix[row]
        return had.data * self.similarity[had.indices, item].toarray().ravel()


class UserCosine(Recommender):
    """What people with the same taste want: score(u, i) = Σ_v cos(x_u·, x_v·) x_vi over u's nearest users v.

    Source: Herlocker et al., "An Algorithmic Framework for Performing Collaborative Filtering" (SIGIR 1999), with cosine
    instead of correlation, as there are no ratings.

    Args:
        neighbours: how many of the most similar users count (more where several are as similar as the last of them).

    Raises:
        ContractError: fewer than one neighbour.
    """

    needs_evidence = True

    def __init__(self, neighbours: int = 100):
        if isinstance(neighbours, bool) or not isinstance(neighbours, (int, np.integer)) or neighbours < 1:
            raise ContractError(f"neighbours is {neighbours!r}; it must be a whole number of at least 1")
        self.neighbours = neighbours

    def _fit(self, interactions: Interactions) -> None:
        x = interactions.matrix
        length = np.sqrt(np.asarray(x.power(2).sum(axis=1)).ravel())
        self._unit = (diags(1 / np.where(length > 0, length, 1)) @ x).tocsr().astype(np.float32)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        cosine = (self._unit[rows] @ self._unit.T).toarray()  # [n, n_users]
        cosine[np.arange(len(rows)), rows] = 0  # nobody is their own neighbour
        if self.neighbours < cosine.shape[1]:
            last = np.partition(cosine, -self.neighbours, axis=1)[:, -self.neighbours, None]
            cosine[cosine < last] = 0
        return (csr_matrix(cosine) @ self.interactions.matrix).toarray()
