"""Maximal marginal relevance: the next product is good *and* unlike those already chosen."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError


def mmr(score: np.ndarray, vectors: np.ndarray, k: int, trade: float = 0.7) -> np.ndarray:
    """int64 [min(k, n)]: rows in the order of choice; each time the largest trade · s − (1 − trade) · (likeness).

    The likeness is the cosine to the nearest product chosen so far, 0 for the first. Scores and cosines must be of one
    size, so scores are brought to 0–1 first (lowest to highest). Ties go to the earlier row.

    Source: Carbonell & Goldstein 1998, "The Use of MMR, Diversity-Based Reranking" (SIGIR).

    Args:
        score: float [n]. vectors: float [n, d]. k: length of the list. trade: 1 is the score alone, 0 likeness alone.

    Raises:
        ContractError: other lengths, values not finite, a vector of zeros, k below 1, a trade outside 0–1.
    """
    s, unit = checked(score, vectors, k)
    if not 0 <= trade <= 1:
        raise ContractError(f"trade is {trade}; it must lie between 0 and 1")
    s = (s - s.min()) / (np.ptp(s) or 1) if len(s) else s
    likeness, left, chosen = np.zeros(len(s)), np.ones(len(s), dtype=bool), []
    for _ in range(min(k, len(s))):
        best = int(np.argmax(np.where(left, trade * s - (1 - trade) * likeness, -np.inf)))
        cosine = unit @ unit[best]
        likeness = np.maximum(likeness, cosine) if chosen else cosine
        chosen.append(best)
        left[best] = False
    return np.array(chosen, dtype=np.int64)


def checked(score: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The scores, and the vectors with length 1; raises ContractError as the re-rankers say."""
    s, v = np.asarray(score, dtype=np.float64), np.asarray(vectors, dtype=np.float64)
    if s.ndim != 1 or v.ndim != 2 or len(s) != len(v) or not (np.isfinite(s).all() and np.isfinite(v).all()):
        raise ContractError(f"scores {s.shape} and vectors {v.shape} must be finite, one vector per score")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    length = np.linalg.norm(v, axis=1, keepdims=True)
    if not (length > 0).all():
        raise ContractError("a vector is zero, so that it is like nothing", remedy="Leave that product out")
    return s, v / length
