"""The losses of the task heads, each a few lines over a matrix of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from course_lib.core.errors import ContractError


def info_nce(
    queries: Tensor,
    documents: Tensor,
    temperature: float = 0.05,
    ids: Tensor | None = None,
    *,
    symmetric: bool = True,
    negatives: Tensor | None = None,
    blocked: Tensor | None = None,
) -> Tensor:
    """InfoNCE with in-batch negatives (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4): a scalar.

    Row i of ``queries`` belongs to row i of ``documents``; every other row is a negative, unless it shares its query
    or its document with row i: then it is a positive in disguise, and is left out. Hard negatives are more columns:
    each is a wrong answer for every query, unless it is blocked for it.

    Args:
        queries, documents: [b, d], of length 1, so that their products are cosines.
        ids: int64 [b, 2], numbers of the query and the document of each row. ``None``: all are different.
        symmetric: average the loss of finding the document and that of finding the query.
        negatives: [m, d], of length 1: documents that no row belongs to. They have no query to be found, so they
            count in the first of the two losses only.
        blocked: bool [b, m], the negatives that are right answers to a row's query after all.
    """
    scores = queries @ documents.T / temperature
    if ids is not None:
        same = (ids[:, None] == ids[None, :]).any(dim=-1)
        same.fill_diagonal_(False)
        scores = scores.masked_fill(same, -torch.inf)
    target = torch.arange(len(scores), device=scores.device)
    columns = scores
    if negatives is not None and len(negatives):
        further = queries @ negatives.T / temperature
        if blocked is not None:
            further = further.masked_fill(blocked, -torch.inf)
        columns = torch.cat([scores, further], dim=1)
    loss = cross_entropy(columns, target)
    return (loss + cross_entropy(scores.T, target)) / 2 if symmetric else loss
