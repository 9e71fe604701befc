"""Over-smoothing: with every step over the edges the vectors grow more alike, until only the degree is left."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError


def alikeness(vectors: np.ndarray) -> float:
    """Mean cosine over all pairs of rows (each with itself included): 1 means that all point the same way.

    It takes one pass, for the sum of all products is the squared length of the sum. A row of zeros counts as at a right
    angle to everything.

    Args:
        vectors: float [n, d], n ≥ 1.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or not len(vectors):
        raise ContractError(f"vectors {vectors.shape} must be [n, d] with at least one row")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    return float(np.square(unit.mean(axis=0)).sum())


def response(layers: int, frequencies: np.ndarray) -> np.ndarray:
    """What the mean of layers 0 … ``layers`` multiplies an eigenvector of the adjacency by: Σ_k λ^k / (layers + 1).

    Args:
        frequencies: λ, eigenvalues of the normalised adjacency, from −1 to 1: near 1 what all neighbours agree on.
    """
    if layers < 0:
        raise ContractError(f"layers is {layers}; it must be at least 0")
    powers = np.asarray(frequencies, dtype=np.float64)[..., None] ** np.arange(layers + 1)
    return powers.mean(axis=-1)
