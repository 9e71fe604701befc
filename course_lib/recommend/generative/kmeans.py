"""Residual k-means: name a vector by the nearest of some centres, then what is left by the nearest of others, and so on.

The residual quantiser of Juang & Gray 1982 ("Multiple stage vector quantization for speech coding"), with the centres of
k-means (Lloyd 1982) and the start of k-means++ (Arthur & Vassilvitskii 2007).
"""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


def check_vectors(vectors: np.ndarray, width: int | None = None) -> np.ndarray:
    """The vectors as float32 [n, d]. Raises ContractError where they are something else, empty or not finite."""
    found = np.asarray(vectors)
    if found.ndim != 2 or not found.size or found.dtype.kind not in "fiu":
        raise ContractError(f"vectors are {found.dtype} {list(found.shape)}; they must be numbers [n, d], n and d at least 1")
    if width is not None and found.shape[1] != width:
        raise ContractError(f"vectors have {found.shape[1]} columns; the codes were learned from {width}")
    found = found.astype(np.float32)
    if not np.isfinite(found).all():
        raise ContractError("a vector holds something that is no finite number")
    return found


def nearest(vectors: np.ndarray, centres: np.ndarray, block: int = 4096) -> np.ndarray:
    """The number of each vector's nearest centre, int64 [n]; the lower one of two that are equally near."""
    length = (centres**2).sum(axis=1)  # |x − c|² = |x|² − 2 x·c + |c|², and |x|² is the same for all centres
    parts = [
        np.argmin(length - 2 * vectors[i : i + block] @ centres.T, axis=1) for i in range(0, len(vectors), block)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def k_means(vectors: np.ndarray, size: int, *, rounds: int = 20, seed: int = 0) -> np.ndarray:
    """``size`` centres of vectors float32 [n, d]: each the mean of the vectors that it is nearest to.

    A centre that nobody is nearest to moves onto the vector that is worst served. With fewer different vectors than
    centres, the last centres stay without a vector.
    """
    random = generator(seed, "k-means")
    centres = vectors[[random.integers(len(vectors))]]
    apart = ((vectors - centres[0]) ** 2).sum(axis=1)
    while len(centres) < size:  # the farther a vector is from all centres, the likelier it is the next one
        total = apart.sum(dtype=np.float64)
        row = random.choice(len(vectors), p=apart.astype(np.float64) / total) if total > 0 else random.integers(len(vectors))
        centres = np.vstack([centres, vectors[row]])
        apart = np.minimum(apart, ((vectors - vectors[row]) ** 2).sum(axis=1))
    for _ in range(rounds):
        code = nearest(vectors, centres)
        count = np.bincount(code, minlength=size)
        moved = np.zeros_like(centres, dtype=np.float64)
        np.add.at(moved, code, vectors)
        moved = (moved / np.maximum(count, 1)[:, None]).astype(np.float32)
        far = ((vectors - centres[code]) ** 2).sum(axis=1)
        for empty in np.flatnonzero(count == 0):
            row = int(far.argmax())
            moved[empty], far[row] = vectors[row], 0.0
        if np.allclose(moved, centres, atol=1e-7):
            break
        centres = moved
    return centres


class ResidualKMeans:
    """Codes of vectors, coarse to fine: level 1 says the region, each next level where in it.

    Args:
        levels: codes of a vector. size: centres of each level. rounds: of k-means. seed: of its starts.

    Attributes:
        centres: float32 [levels, size, d].

    Raises:
        ContractError: a setting below 1.
    """

    def __init__(self, levels: int = 3, size: int = 256, *, rounds: int = 20, seed: int = 0):
        if min(levels, size, rounds) < 1:
            raise ContractError("levels, size and rounds must be at least 1")
        self.levels, self.size, self.rounds, self.seed = levels, size, rounds, seed
        self.centres: np.ndarray | None = None

    def fit(self, vectors: np.ndarray) -> Self:
        """Learn the centres of each level from what the levels before it left of the vectors, float [n, d]."""
        left, found = check_vectors(vectors).copy(), []
        for level in range(self.levels):
            found.append(k_means(left, self.size, rounds=self.rounds, seed=self.seed + level))
            left -= found[-1][nearest(left, found[-1])]
        self.centres = np.stack(found)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """int64 [n, levels]. Raises ContractError: nothing learned yet, or vectors of another width."""
        centres = self._learned()
        left = check_vectors(vectors, centres.shape[2]).copy()
        codes = np.empty((len(left), self.levels), dtype=np.int64)
        for level in range(self.levels):
            codes[:, level] = nearest(left, centres[level])
            left -= centres[level][codes[:, level]]
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """float32 [n, d]: the sum of the centres that the codes (int64 [n, m], m ≤ levels) name."""
        centres = self._learned()
        return sum(centres[level][codes[:, level]] for level in range(codes.shape[1]))

    def _learned(self) -> np.ndarray:
        if self.centres is None:
            raise ContractError("no codes are learned yet", remedy="Call fit(vectors) first")
        return self.centres
