"""Reranking with the user's history: among products that answer the query, those that this person tends to like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking

LATEST = 20  #: products of a history that count
HALF = 5  #: after so many later products, one counts half


def profiles(history: Sequence[np.ndarray], vectors: np.ndarray) -> np.ndarray:
    """One vector for each user: the weighted mean of what the user chose, of length 1; zeros without a history.

        u = Σ_j 2^(−j / 5) x_j / ‖…‖,   x_j: vector of the j-th product before now, j = 0 … 19

    Args:
        history: rows of ``vectors``, the latest first. vectors: float32 [n_items, d].

    Returns:
        float32 [n_users, d].
    """
    users = np.zeros((len(history), vectors.shape[1]), dtype=np.float32)
    for row, items in enumerate(history):
        latest = np.asarray(items, dtype=np.int64)[:LATEST]
        if len(latest):
            users[row] = 0.5 ** (np.arange(len(latest)) / HALF) @ vectors[latest]
    return users / np.maximum(np.linalg.norm(users, axis=1, keepdims=True), 1e-12)


def rerank(candidates: Ranking, users: np.ndarray, vectors: np.ndarray, k: int, *, weight: float = 0.2) -> Ranking:
    """The k best candidates by  s = f / f_best + weight · ⟨u, x⟩,  f: the candidate's score before.

    The weight is small: what was asked for now comes before what was liked once.

    Args:
        candidates: of n queries. users: float32 [n, d], the profile of who asks. vectors: float32 [n_items, d].

    Raises:
        ContractError: shapes that don't fit each other, k < 1.
    """
    if users.shape != (len(candidates), vectors.shape[1]) or len(vectors) != len(candidates.items):
        raise ContractError(f"users {users.shape} and vectors {vectors.shape} don't fit {candidates!r}")
    rows = np.where(candidates.ids == PAD, 0, candidates.ids)
    near = np.empty(rows.shape, dtype=np.float32)
    for row, items in enumerate(rows):  # the vectors of all candidates at once would not fit into the cache
        near[row] = vectors[items] @ users[row]
    top = candidates.scores[:, :1]
    before = candidates.scores / np.where(np.isfinite(top) & (top > 0), top, 1)
    scores = np.where(candidates.ids == PAD, -np.inf, before + weight * near).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")  # ties as they stood
    ids, scores = np.take_along_axis(candidates.ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return Ranking(ids, scores, candidates.keys, candidates.items).head(k)
