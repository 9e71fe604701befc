"""BPR: a user's item above an item that the user has not had, one drawn pair at a time."""

from __future__ import annotations

import time

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions

BATCH = 1024  #: triples whose gradients are taken at the same vectors


def bpr_step(
    p: np.ndarray, q: np.ndarray, triples: tuple[np.ndarray, np.ndarray, np.ndarray], rate: float, regularization: float
) -> float:
    """One step of gradient descent on −ln σ(p_u · q_i − p_u · q_j) + λ/2 (|p_u|² + |q_i|² + |q_j|²), in place.

    Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback" (UAI 2009), section 4.3.1.

    Args:
        p, q: float32 [n_users, d] and [n_items, d]; the triples' rows change.
        triples: rows u, i (had) and j (not had), int [m] each; the gradients of a row that occurs twice add up.

    Returns:
        The mean of −ln σ before the step.
    """
    u, i, j = triples
    pu, qi, qj = p[u], q[i], q[j]
    margin = np.einsum("md,md->m", pu, qi - qj)
    push = (1 / (1 + np.exp(margin)))[:, None]  # how wrong the order is, 0 to 1
    _add(p, u, rate * (push * (qi - qj) - regularization * pu))
    _add(q, np.concatenate([i, j]), rate * np.concatenate([push * pu - regularization * qi, -push * pu - regularization * qj]))
    return float(np.logaddexp(0, -margin).mean())


def _add(vectors: np.ndarray, rows: np.ndarray, changes: np.ndarray) -> None:
    """``np.add.at`` on rows, several times as fast: equal rows are brought together first."""
    order = np.argsort(rows, kind="stable")
    distinct, first = np.unique(rows[order], return_index=True)
    vectors[distinct] += np.add.reduceat(changes[order], first, axis=0)


class BPR(Recommender):
    """Matrix factorisation that learns the order of pairs: score(u, i) = p_u · q_i, fitted by ``bpr_step``.

    Each epoch draws as many triples as there are distinct user–item pairs: such a pair, and an item that its user has
    not had. The step length falls to 0 in a straight line, as the budget of time allows.

    Args:
        factors: length of the vectors. epochs: passes. rate: of the first step. regularization: λ ≥ 0.
        minutes: CPU time of the training at most; ``None``: no limit.

    Attributes:
        user_vectors, item_vectors: float32 [n_users, factors], [n_items, factors].
        losses: mean of each epoch, in order. reached_epochs: how many the budget allowed.

    Raises:
        ContractError: a parameter out of range.
    """

    def __init__(
        self,
        factors: int = 64,
        epochs: int = 30,
        rate: float = 0.05,
        regularization: float = 0.01,
        seed: int = 0,
        minutes: float | None = None,
    ):
        if factors < 1 or epochs < 1 or not rate > 0 or not regularization >= 0:
            raise ContractError("factors and epochs must be at least 1, rate more than 0 and regularization at least 0")
        if minutes is not None and not minutes > 0:
            raise ContractError(f"minutes is {minutes}; it must be more than 0, or None")
        self.factors, self.epochs, self.rate, self.regularization = factors, epochs, rate, regularization
        self.seed, self.minutes = seed, minutes

    def _fit(self, interactions: Interactions) -> None:
        rng, start = generator(self.seed, "recommend", "bpr"), time.process_time()
        user, item = (rows.astype(np.int64) for rows in interactions.matrix.nonzero())
        n_users, n_items = interactions.matrix.shape
        known = np.sort(user * n_items + item)
        p, q = (rng.normal(0, 0.1, (n, self.factors)).astype(np.float32) for n in (n_users, n_items))
        per_epoch, losses = -(-len(user) // BATCH), []
        for step in range(self.epochs * per_epoch):
            if step % per_epoch == 0:
                order = rng.permutation(len(user))
            spent = 0.0 if self.minutes is None else (time.process_time() - start) / (60 * self.minutes)
            rest = 1 - max(spent, step / (self.epochs * per_epoch))
            if rest <= 0:
                break
            batch = order[step % per_epoch * BATCH :][:BATCH]
            other = rng.integers(n_items, size=len(batch))
            fair = ~_held(known, user[batch] * n_items + other)
            triples = (user[batch][fair], item[batch][fair], other[fair])
            losses.append(bpr_step(p, q, triples, self.rate * rest, self.regularization) if fair.any() else np.nan)
        self.reached_epochs = len(losses) / per_epoch
        self.losses = [float(np.nanmean(losses[at : at + per_epoch])) for at in range(0, len(losses), per_epoch)]
        self.user_vectors, self.item_vectors = p, q

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.user_vectors[rows] @ self.item_vectors.T


def _held(ascending: np.ndarray, asked: np.ndarray) -> np.ndarray:
    at = np.minimum(np.searchsorted(ascending, asked), len(ascending) - 1)
    return ascending[at] == asked
