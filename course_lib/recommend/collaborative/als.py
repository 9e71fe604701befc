"""Matrix factorisation for implicit feedback: one step written out, and the whole of it by ``implicit``."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix, diags
from threadpoolctl import threadpool_limits

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions


def als_step(x: csr_matrix, item_vectors: np.ndarray, regularization: float, alpha: float) -> np.ndarray:
    """The best user vectors for these item vectors; with ``x.T`` and user vectors, the best item vectors.

    Each user u solves a ridge regression over *all* items: (Qᵀ C_u Q + λI) p_u = Qᵀ C_u y_u. Confidence differs from 1
    only where u has an event, so that Qᵀ C_u Q = QᵀQ + Σ_{i of u} (α x_ui − 1) q_i q_iᵀ: QᵀQ is shared by all users, and
    a user costs as many outer products as the history has items.

    Source: Hu, Koren & Volinsky (ICDM 2008), equation 4.

    Args:
        x: float csr_matrix [n, m], weights ≥ 0 of users' events with items.
        item_vectors: float [m, d]. regularization: λ ≥ 0. alpha: α > 0.

    Returns:
        float64 [n, d]; zeros for a user without an event.

    Raises:
        ContractError: shapes that don't fit (a transposed matrix), λ < 0 or α ≤ 0.
    """
    q = np.asarray(item_vectors, dtype=np.float64)
    if q.ndim != 2 or x.shape[1] != len(q):
        remedy = "users × items needs one vector per item; for the items' step pass the transposed matrix"
        raise ContractError(f"x is {x.shape} but there are {len(q)} vectors", remedy=remedy)
    if not regularization >= 0 or not alpha > 0:
        raise ContractError("regularization must be at least 0 and alpha more than 0")
    shared = q.T @ q + regularization * np.eye(q.shape[1])
    p = np.zeros((x.shape[0], q.shape[1]))
    x = x.tocsr()
    for u in range(x.shape[0]):
        items = x.indices[x.indptr[u] : x.indptr[u + 1]]
        confidence = alpha * x.data[x.indptr[u] : x.indptr[u + 1]].astype(np.float64)
        if len(items):
            own = q[items]
            left = shared + own.T @ ((confidence - 1)[:, None] * own)
            p[u] = np.linalg.solve(left, own.T @ confidence)
    return p


def damped(x: csr_matrix, user_damping: float) -> csr_matrix:
    """Rows scaled by (number of their entries)^-β: float32 csr_matrix of the same shape."""
    if not user_damping:
        return x
    return (diags(np.maximum(np.diff(x.indptr), 1) ** -user_damping) @ x).tocsr().astype(np.float32)


class _BudgetSpent(Exception):
    """Ends ``implicit``'s loop from its callback."""


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
        user_damping: β ≥ 0; the confidence of an event becomes α x_ui n_u^-β, n_u being the number of the user's distinct
            items, so that those who have had half of the shop say less of each pair.
        minutes: CPU time of the training at most, but one sweep at least; ``None``: no limit.

    Attributes:
        user_vectors: float32 [n_users, factors].
        item_vectors: float32 [n_items, factors]; an item without an event has a vector of zeros.
        reached_iterations: how many sweeps the budget allowed.

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
        *,
        user_damping: float = 0.0,
        minutes: float | None = None,
    ):
        if factors < 1 or iterations < 1 or not regularization >= 0 or not alpha > 0:
            raise ContractError("factors and iterations must be at least 1, regularization ≥ 0 and alpha > 0")
        self.factors, self.regularization, self.alpha = factors, regularization, alpha
        if not user_damping >= 0 or (minutes is not None and not minutes > 0):
            raise ContractError("user_damping must be at least 0, and minutes more than 0 or None")
        self.iterations, self.seed = iterations, seed
        self.user_damping, self.minutes = user_damping, minutes

    def _fit(self, interactions: Interactions) -> None:
        self._x = damped(interactions.matrix, self.user_damping)
        start, self.reached_iterations = time.process_time(), 0

        def end_in_time(iteration: int, *_: object) -> None:
            self.reached_iterations = iteration + 1
            if self.minutes is not None and time.process_time() - start >= 60 * self.minutes:
                raise _BudgetSpent

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
            with suppress(_BudgetSpent):
                model.fit(self._x, show_progress=False, callback=end_in_time)
        self.user_vectors, self.item_vectors = model.user_factors, model.item_factors

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.user_vectors[rows] @ self.item_vectors.T

    def contributions(self, row: int, item: int) -> np.ndarray:
        """What each item of the user's history adds to the score of an item: float [n_history] (``explain.because``)."""
        had, q = self._x[row], self.item_vectors.astype(np.float64)
        confidence, own = self.alpha * had.data.astype(np.float64), q[had.indices]
        left = q.T @ q + self.regularization * np.eye(self.factors) + own.T @ ((confidence - 1)[:, None] * own)
        return confidence * (own @ np.linalg.solve(left, q[item]))
