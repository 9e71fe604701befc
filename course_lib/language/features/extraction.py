"""Texts as vectors, checked: what goes into an index must be finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import CourseError
from course_lib.language.encoder import TextEncoder


def extract(
    encoder: TextEncoder, texts: Sequence[str], batch_size: int = 64, *, progress: bool = False
) -> np.ndarray:
    """Vectors of texts: float32 [n, d] of length 1, in the order of the texts.

    Raises:
        ContractError: as ``TextEncoder.encode``.
        CourseError: a vector is not finite.
    """
    vectors = encoder.encode(texts, batch_size, progress=progress)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise CourseError(f"the vector of text {broken[0]} is not finite", where=f"encoder {encoder.name}")
    return vectors
