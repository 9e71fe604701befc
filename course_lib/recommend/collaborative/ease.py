"""EASE: the linear model of item neighbours in closed form."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative.engine import gram, invert
from course_lib.shop.interactions import Interactions


def ease_weights(x: np.ndarray, regularization: float) -> np.ndarray:
    """The item weights B that rebuild x from itself, no item from itself: float64 [n_items, n_items].

    B minimises |X − XB|² + λ|B|² with a diagonal of zeros. With P = (XᵀX + λI)⁻¹ the answer is B_ij = −P_ij / P_jj off
    the diagonal: each column j is the ridge regression of item j on all others.

    Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), equation 8.

    Args:
        x: float [n_users, n_items]. regularization: λ > 0.
    """
    if not regularization > 0:
        raise ContractError(f"regularization is {regularization}; it must be more than 0")
    p = np.linalg.inv(x.T @ x + regularization * np.eye(x.shape[1]))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


class EASE(Recommender):
    """Each item predicted from all others by one ridge regression: score(u, ·) = x_u B (``ease_weights``).

    x_ui is 1 where u has an event with i. The n_items × n_items matrix is inverted in place in 32 bits (``engine``), and
    B is never formed: with P symmetric, (x B)_j = x_j − (x P)_j / P_jj.

    Args:
        regularization: λ; more of it for fewer users.
        most_items: model only so many items, those that most users had (ties by catalogue row): time falls with the cube
            and memory with the square. The others say nothing and are never listed. ``None``: all.

    Attributes:
        modelled: int64 [n], catalogue rows of the items modelled, ascending.
        inverse: float32 [n, n], P of these items.

    Raises:
        ContractError: λ that isn't more than 0, fewer than one item, or (on ``fit``) more items than LAPACK's 32-bit
            sizes hold.
    """

    def __init__(self, regularization: float = 100.0, *, most_items: int | None = None):
        if not regularization > 0:
            raise ContractError(f"regularization is {regularization}; it must be more than 0")
        if most_items is not None and most_items < 1:
            raise ContractError(f"most_items is {most_items}; it must be at least 1, or None for all")
        self.regularization, self.most_items = regularization, most_items

    def _fit(self, interactions: Interactions) -> None:
        had = interactions.matrix.sign()
        users = np.asarray(had.sum(axis=0)).ravel()
        self.modelled = np.sort(np.argsort(-users, kind="stable")[: self.most_items])
        self._had = had[:, self.modelled]
        self.inverse = None  # an earlier fit's, which would stand beside the new one
        self.inverse = invert(gram(self._had, self.regularization))
        self._diagonal = self.inverse.diagonal().copy()

    def _score(self, rows: np.ndarray) -> np.ndarray:
        had = self._had[rows]
        scores = had @ self.inverse
        scores /= -self._diagonal
        scores[had.nonzero()] += 1
        if len(self.modelled) == len(self.interactions.items):
            return scores
        everything = np.full((len(rows), len(self.interactions.items)), -np.inf, dtype=np.float32)
        everything[:, self.modelled] = scores
        return everything

    def contributions(self, row: int, item: int) -> np.ndarray:
        """What each item of the user's history adds to the score of an item: float [n_history], their sum is the score."""
        history = self.interactions.matrix[row].indices
        at = np.full(len(self.interactions.items), -1)
        at[self.modelled] = np.arange(len(self.modelled))
        if at[item] < 0:
            return np.zeros(len(history))
        adds = -self.inverse[at[history], at[item]] / self._diagonal[at[item]]
        return np.where((history == item) | (at[history] < 0), 0, adds)
