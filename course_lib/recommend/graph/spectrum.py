"""The slowest-varying patterns of the graph: the largest singular vectors of the normalised user–item matrix."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


def largest_singular(
    matrix: csr_matrix, rank: int, *, rounds: int = 4, spare: int = 16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U [n, rank], s [rank] descending and V [m, rank] with matrix ≈ U diag(s) Vᵀ, by subspace iteration.

    Source: Halko, Martinsson & Tropp, "Finding Structure with Randomness" (SIAM Review 2011), algorithm 4.4.

    Args:
        rounds: products with matrixᵀ·matrix; more separate singular values that lie close together.
        spare: additional directions that are carried along and dropped at the end.

    Raises:
        ContractError: a rank below 1, or above what the matrix has.
    """
    most = min(matrix.shape)
    if not 1 <= rank <= most:
        raise ContractError(f"rank is {rank}; it must be from 1 to {most}, the shorter side of the matrix")
    drawn = generator(seed, "graph", "subspace").standard_normal((matrix.shape[1], min(rank + spare, most)))
    basis = drawn.astype(matrix.dtype)
    for _ in range(rounds):
        basis, _ = np.linalg.qr(matrix.T @ (matrix @ basis))
    left, size, right = np.linalg.svd(matrix @ basis, full_matrices=False)
    return left[:, :rank], size[:rank], basis @ right[:rank].T
