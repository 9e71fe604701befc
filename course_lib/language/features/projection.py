"""Vectors to look at: two principal components for a page, and all of them for TensorBoard's projector."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from course_lib.core.errors import ContractError


def project_2d(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """The first two principal components: float32 [n, 2], for a picture.

    Signs are fixed (the heaviest loading of each axis is positive), so that a picture does not flip between machines.

    Args:
        vectors: [n, d]; an axis that the data do not have (d < 2, all rows equal) is 0.
        seed: of the randomised solver, which large inputs use.

    Raises:
        ContractError: not a matrix, or not finite.
    """
    from sklearn.decomposition import PCA

    vectors = np.asarray(vectors, dtype=np.float64)  # in float32 the variance of small numbers underflows to 0
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ContractError(f"vectors must be a finite matrix [n, d], not of shape {vectors.shape}")
    result = np.zeros((len(vectors), 2), dtype=np.float32)
    axes = min(2, *vectors.shape)
    if axes and np.ptp(vectors, axis=0).any():
        pca = PCA(n_components=axes, random_state=seed).fit(vectors)
        heaviest = pca.components_[np.arange(axes), np.abs(pca.components_).argmax(axis=1)]
        result[:, :axes] = pca.transform(vectors) * np.where(heaviest < 0, -1, 1)
    return result


def write_projector(
    log_dir: str | os.PathLike[str],
    vectors: np.ndarray,
    labels: Sequence[str] | Mapping[str, Sequence[str]],
    tag: str = "embeddings",
) -> Path:
    """Write vectors and labels for TensorBoard's embedding projector; returns ``log_dir``.

    Args:
        vectors: [n, d].
        labels: n labels, or columns of n labels by name (title, category, …). Line breaks and tabs become spaces.

    Raises:
        ContractError: a column whose length is not n.
    """
    from torch.utils.tensorboard import SummaryWriter

    columns = dict(labels) if isinstance(labels, Mapping) else {"label": labels}
    for name, column in columns.items():
        if isinstance(column, str) or len(column) != len(vectors):
            raise ContractError(f"column {name!r} must hold {len(vectors)} labels, one per vector")
    flat = [[" ".join(str(cell).split()) or "–" for cell in row] for row in zip(*columns.values())]
    several = len(columns) > 1
    with SummaryWriter(os.fspath(log_dir)) as writer:
        writer.add_embedding(
            np.asarray(vectors, dtype=np.float32),
            metadata=flat if several else [row[0] for row in flat],
            metadata_header=list(columns) if several else None,
            tag=tag,
        )
    return Path(log_dir)
