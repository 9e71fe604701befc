"""EASE at full size: XᵀX + λI built, factorised and inverted in one float32 array, n² · 4 bytes and little more.

``numpy.linalg.inv`` in 64 bits needs several such arrays of twice the size: 40 GB for Gowalla's 41,000 items, where this
takes 6.7. Cholesky's factor replaces the lower triangle (LAPACK ``spotrf``), the inverse replaces the factor
(``spotri``), and the upper triangle is copied from it at the end.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError

LARGEST = 46_340  #: items; LAPACK's 32-bit sizes hold no larger square
_BLOCK = 512


def gram(x: csr_matrix, regularization: float) -> np.ndarray:
    """XᵀX + λI: float32 [n_items, n_items] in Fortran's order, built a block of columns at a time.

    Raises:
        ContractError: more than ``LARGEST`` items.
    """
    n = x.shape[1]
    if n > LARGEST:
        remedy = "Keep the items with the most events, or use iALS, whose memory grows with the items, not their square"
        raise ContractError(f"EASE at {n:,} items needs a matrix beyond LAPACK's {LARGEST:,}", remedy=remedy)
    out = np.zeros((n, n), dtype=np.float32, order="F")
    by_item = x.T.tocsr().astype(np.float32)
    columns = x.tocsc().astype(np.float32)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        out[:, start:stop] = (by_item @ columns[:, start:stop]).toarray()
    out[np.arange(n), np.arange(n)] += np.float32(regularization)
    return out


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix, in its own memory: float32 [n, n] in C's order.

    Args:
        matrix: float32 [n, n] in Fortran's order; overwritten.

    Raises:
        ContractError: another type or order (which would be copied), or not positive definite in 32 bits.
    """
    if matrix.dtype != np.float32 or not matrix.flags.f_contiguous:
        raise ContractError("invert works in place on a float32 array in Fortran's order")
    factor, failed = lapack.spotrf(matrix, lower=True, clean=False, overwrite_a=True)
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=True, overwrite_c=True)
    if failed:
        raise ContractError("the matrix is not positive definite in 32 bits", remedy="Raise the regularization")
    assert np.shares_memory(inverse, matrix)
    for start in range(0, len(matrix), _BLOCK):
        stop = start + _BLOCK
        square = matrix[start:stop, start:stop]
        square[:] = np.tril(square) + np.tril(square, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
    return matrix.T  # in C's order, for it is symmetric: products with sparse rows read it as it lies
