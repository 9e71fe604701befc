"""Isotropy: do the vectors use all directions, or do they huddle in a narrow cone? And two repairs.

Ethayarajh 2019, https://arxiv.org/abs/1909.00512 (the cosine of random pairs); Mu & Viswanath 2018,
https://arxiv.org/abs/1702.01417 (take away the mean and the top directions); Su et al. 2021,
https://arxiv.org/abs/2103.15316 (whitening).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.language.features.pooling import normalise


def mean_cosine(vectors: np.ndarray) -> float:
    """Mean cosine of all pairs of two different rows: 0 where all directions are used alike, near 1 in a cone.

    No pair is drawn: with unit vectors u the sum over all pairs is ‖Σ u‖² − n, which takes one pass.

    Raises:
        ContractError: fewer than two rows, not finite.
    """
    unit = normalise(_checked(vectors)).astype(np.float64)
    n = len(unit)
    return float(((unit.sum(axis=0) ** 2).sum() - (unit**2).sum()) / (n * (n - 1)))


def spectrum(vectors: np.ndarray) -> np.ndarray:
    """Share of the variance along each principal direction, descending, summing to 1: float64 [min(n, d)].

    Raises:
        ContractError: fewer than two rows, not finite, or all rows equal.
    """
    centred = _checked(vectors).astype(np.float64)
    centred = centred - centred.mean(axis=0)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    if not variance.sum() > 0:
        raise ContractError("all vectors are equal: there is no variance to share out")
    return variance / variance.sum()


def used_dimensions(vectors: np.ndarray) -> float:
    """How many directions carry the variance: 1 / Σ share², from 1 (a line) to d (all alike)."""
    return float(1 / (spectrum(vectors) ** 2).sum())


@dataclass(frozen=True)
class Repair:
    """A linear repair, learned on the catalogue: ``repair(vectors)`` is (v − mean) @ matrix, of length 1.

    Attributes:
        mean: float64 [d]. matrix: float64 [d, m].
    """

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """float32 [n, m] of length 1; queries go through the same repair as products."""
        return normalise((_checked(vectors, least=0) - self.mean) @ self.matrix)


def centre(vectors: np.ndarray) -> Repair:
    """Take away the catalogue's mean vector and nothing else."""
    vectors = _checked(vectors)
    return Repair(vectors.mean(axis=0, dtype=np.float64), np.eye(vectors.shape[1]))


def remove_top(vectors: np.ndarray, directions: int) -> Repair:
    """Take away the mean, and the directions in which the catalogue varies most (Mu & Viswanath 2018, algorithm 1).

    Raises:
        ContractError: as many directions as there are, or fewer than 0.
    """
    mean, axes, _ = _principal(vectors)
    if not 0 <= directions < len(axes):
        raise ContractError(f"can't remove {directions} of {len(axes)} directions")
    top = axes[:directions]
    return Repair(mean, np.eye(axes.shape[1]) - top.T @ top)


def whiten(vectors: np.ndarray, dimension: int | None = None) -> Repair:
    """Take away the mean, turn to the principal directions, and give each the same variance (Su et al. 2021, eq. 7).

    Args:
        dimension: keep the first of them; default all in which the catalogue varies at all.

    Raises:
        ContractError: more dimensions than the catalogue varies in.
    """
    mean, axes, deviation = _principal(vectors)
    there = int((deviation > 1e-6 * deviation[0]).sum()) if len(deviation) and deviation[0] > 0 else 0
    dimension = there if dimension is None else dimension
    if not 1 <= dimension <= there:
        raise ContractError(f"the catalogue varies in {there} directions; {dimension} can't be whitened")
    return Repair(mean, axes[:dimension].T / deviation[:dimension])


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [d], principal directions [r, d], and standard deviation along each [r], descending."""
    vectors = _checked(vectors).astype(np.float64)
    mean = vectors.mean(axis=0)
    _, sizes, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    return mean, axes, sizes / np.sqrt(len(vectors))


def _checked(vectors: np.ndarray, least: int = 2) -> np.ndarray:
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or len(vectors) < least or not np.isfinite(vectors).all():
        raise ContractError(f"vectors must be a finite matrix of at least {least} rows, not of shape {vectors.shape}")
    return vectors
