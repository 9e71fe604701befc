"""A linear head on frozen vectors: the cheapest way to fit an encoder to a shop, trained in a second.

The encoder's vectors are computed once; only a matrix W is learned, by InfoNCE on (query, product) pairs. Everything
that matters about contrastive training (which negatives, how many, nested prefixes) can be tried on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD
from course_lib.language.features.matryoshka import matryoshka_info_nce
from course_lib.language.features.pooling import normalise
from course_lib.language.finetuning import info_nce
from course_lib.language.training import fit, shuffled_batches


def train_head(
    query_vectors: np.ndarray,
    item_vectors: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    *,
    dimension: int | None = None,
    nested: Sequence[int] = (),
    negatives: np.ndarray | None = None,
    guard: bool = True,
    accumulate: int = 1,
    steps: int = 200,
    batch_size: int = 64,
    temperature: float = 0.05,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> np.ndarray:
    """Learn W, float32 [d, dimension]: ``normalise(vectors @ W)`` puts the two vectors of a pair close together.

    Args:
        query_vectors: float [n_queries, d]. item_vectors: float [n_items, d]. They stay as they are.
        pairs: (query row, catalogue row), one per click.
        dimension: of the result; default d. W starts as (the first columns of) a random rotation.
        nested: prefixes to train as well (``matryoshka_info_nce``).
        negatives: int [n_pairs, k], mined catalogue rows of each pair, -1 for none; they join the in-batch negatives.
        guard: leave out rows of the batch that share their query or their product with the pair.
        accumulate: compute each batch in that many parts and add up their gradients.

    Raises:
        ContractError: no pair, settings that contradict one another, or rows outside of the vectors.
    """
    pairs_ = torch.as_tensor(np.asarray(pairs, dtype=np.int64).reshape(-1, 2))
    d = query_vectors.shape[1]
    dimension = d if dimension is None else dimension
    if len(pairs_) < 2 or not 1 <= dimension <= d or accumulate < 1 or batch_size < 2 * accumulate:
        raise ContractError(f"{len(pairs_)} pairs, dimension {dimension} of {d}, batches of {batch_size} in {accumulate}")
    if negatives is not None and (nested or len(negatives) != len(pairs_)):
        raise ContractError("negatives go with every pair, and without nested prefixes")
    sides = [torch.as_tensor(np.asarray(v, dtype=np.float32)) for v in (query_vectors, item_vectors)]
    mined = None if negatives is None else torch.as_tensor(np.asarray(negatives, dtype=np.int64))

    def part_loss(head: nn.Linear, rows: np.ndarray) -> Tensor:
        chosen = pairs_[rows]
        queries, items = (head(side[chosen[:, i]]) for i, side in enumerate(sides))
        ids = chosen if guard else None
        if nested:
            return matryoshka_info_nce(queries, items, nested, temperature, ids) / len(nested)
        queries, items = normalize(queries, dim=-1), normalize(items, dim=-1)
        if mined is None:
            return info_nce(queries, items, temperature, ids)
        return with_negatives(queries, items, normalize(head(sides[1][mined[rows]]), dim=-1), mined[rows] == PAD,
                              temperature, ids)  # fmt: skip

    def loss(head: nn.Linear, rows: np.ndarray) -> Tensor:
        return torch.stack([part_loss(head, part) for part in np.array_split(rows, accumulate)]).mean()

    head = nn.Linear(d, dimension, bias=False)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nn.init.orthogonal_(head.weight)
    batches = (rows for rows in shuffled_batches(len(pairs_), batch_size, seed) if len(rows) >= 2 * accumulate)
    fit(head, batches, loss, steps=steps, learning_rate=learning_rate, seed=seed, autocast=False, device="cpu",
        tag="head", progress=False)  # fmt: skip
    return head.weight.detach().numpy().T.copy()


def with_negatives(
    queries: Tensor, items: Tensor, negatives: Tensor, absent: Tensor, temperature: float, ids: Tensor | None = None
) -> Tensor:
    """InfoNCE whose denominator also holds each query's own mined negatives: a scalar.

    Args:
        queries, items: [b, d] of length 1. negatives: [b, k, d] of length 1.
        absent: bool [b, k], true where there is no negative. ids: int64 [b, 2], as in ``info_nce``.
    """
    scores = queries @ items.T / temperature
    if ids is not None:
        same = (ids[:, None] == ids[None, :]).any(dim=-1)
        scores = scores.masked_fill(same.fill_diagonal_(False), -torch.inf)
    hard = torch.einsum("bd,bkd->bk", queries, negatives) / temperature
    scores = torch.cat([scores, hard.masked_fill(absent, -torch.inf)], dim=1)
    return cross_entropy(scores, torch.arange(len(queries), device=scores.device))


def apply_head(weights: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """float32 [n, dimension] of length 1: the vectors as the trained head sees them."""
    return normalise(np.asarray(vectors, dtype=np.float32) @ weights)
