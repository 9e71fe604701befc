"""Matryoshka vectors: the first components alone are already a good vector, so one model serves many sizes.

Kusupati et al. 2022, https://arxiv.org/abs/2205.13147, eq. 1: the loss is the sum of the same loss over nested prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.language.features.pooling import normalise
from course_lib.language.finetuning import info_nce


def truncate(vectors: np.ndarray, dimension: int) -> np.ndarray:
    """The first components, brought back to length 1: float32 [n, dimension].

    Without the second step the products would no longer be cosines: a vector whose weight lies in the part that was
    cut off would score low against everything.

    Raises:
        ContractError: not a matrix, or a dimension that it does not have.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or not 1 <= dimension <= vectors.shape[1]:
        raise ContractError(f"vectors {vectors.shape} can't be cut to {dimension} components")
    return normalise(vectors[:, :dimension])


def matryoshka_info_nce(
    queries: Tensor,
    documents: Tensor,
    dimensions: Sequence[int],
    temperature: float = 0.05,
    ids: Tensor | None = None,
    *,
    weights: Sequence[float] | None = None,
    symmetric: bool = True,
) -> Tensor:
    """Σ_m w_m · InfoNCE of the first m components, brought back to length 1: a scalar.

    Args:
        queries, documents: [b, d], of any length.
        dimensions: the prefixes m; the whole, d, is one of them only if it is named.
        weights: w_m, of each prefix; 1 by default, as in the paper.
        temperature, ids, symmetric: as in ``info_nce``.

    Raises:
        ContractError: no prefix, one that the vectors do not have, or another number of weights.
    """
    dimensions = list(dimensions)
    if not dimensions or not all(1 <= m <= queries.shape[-1] for m in dimensions):
        raise ContractError(f"dimensions {dimensions} must lie between 1 and {queries.shape[-1]}")
    weights = [1.0] * len(dimensions) if weights is None else list(weights)
    if len(weights) != len(dimensions):
        raise ContractError(f"{len(weights)} weights for {len(dimensions)} dimensions")
    return sum(
        weight * info_nce(*(normalize(side[:, :m], dim=-1) for side in (queries, documents)), temperature, ids,
                          symmetric=symmetric)
        for m, weight in zip(dimensions, weights)
    )  # fmt: skip
