"""A bi-encoder for a few seconds: the encoder is frozen, and one matrix over its vectors is trained.

Queries and products pass through the same matrix, which begins as the identity: untrained, it is the encoder itself.
The loss is the bi-encoder's, so what it says about negatives and temperature can be tried before hours are spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.language.finetuning._start import contrastive_batches
from course_lib.language.finetuning.losses import info_nce
from course_lib.language.finetuning.negatives import BatchNegatives
from course_lib.language.training import device_of, fit


def train_projection(
    queries: np.ndarray,
    products: np.ndarray,
    pairs: Sequence[tuple[int, int]] | np.ndarray,
    *,
    negatives: np.ndarray | None = None,
    steps: int = 300,
    batch_size: int = 128,
    temperature: float = 0.05,
    learning_rate: float = 1e-3,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    **options: Any,
) -> np.ndarray:
    """Train a matrix W [d, d] so that ``project(queries, W)`` lies near the right rows of ``project(products, W)``.

    Args:
        queries, products: unit vectors [n_queries, d] and [n_products, d] of a frozen encoder.
        pairs: (row of the query, row of the product), the right answers.
        negatives: int [n_pairs, m], rows of products that are wrong for the pair's query; further columns for all
            queries of the batch, except where they are a right answer.
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``.

    Returns:
        float32 [d, d].

    Raises:
        ContractError: shapes that don't fit, rows outside the tables, fewer than two queries or products.
    """
    pairs = np.asarray(pairs)
    q, p = (torch.as_tensor(np.asarray(part), dtype=torch.float32) for part in (queries, products))
    if q.ndim != 2 or p.ndim != 2 or q.shape[1] != p.shape[1] or pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ContractError("a projection needs vectors [n, d] of one d, and pairs [n, 2] of their rows")
    if not len(pairs) or pairs.min() < 0 or (pairs.max(axis=0) >= (len(q), len(p))).any():
        raise ContractError("a pair names a row that is not there, or there is none")
    if negatives is not None and np.shape(negatives)[:1] != (len(pairs),):
        raise ContractError(f"{len(negatives)} rows of negatives for {len(pairs)} pairs")
    batches = contrastive_batches(pairs, batch_size, seed)
    hard = None if negatives is None else BatchNegatives(pairs, np.asarray(negatives))
    model = nn.Linear(q.shape[1], q.shape[1], bias=False)
    nn.init.eye_(model.weight)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        where, (asked, sold) = device_of(model), pairs[rows].T
        further = blocked = None
        if hard is not None:
            wrong, blocked = hard.columns(rows)
            further, blocked = normalize(model(p[wrong].to(where)), dim=-1), blocked.to(where)
        u, v = normalize(model(q[asked].to(where)), dim=-1), normalize(model(p[sold].to(where)), dim=-1)
        ids = torch.from_numpy(pairs[rows]).to(where)
        return info_nce(u, v, temperature, ids, negatives=further, blocked=blocked)

    fit(
        model, batches, loss, steps=steps, learning_rate=learning_rate, seed=seed, autocast=False, device=device,
        tag="projection", progress=progress, **options,
    )  # fmt: skip
    return model.weight.detach().cpu().numpy()


def project(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Vectors through the matrix, of length 1 again: float32 [n, d]."""
    moved = np.asarray(vectors, dtype=np.float32) @ np.asarray(matrix, dtype=np.float32).T
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
