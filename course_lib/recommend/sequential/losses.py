"""Three losses for the next item: against one wrong item, against a sample, against the whole catalogue.

In all of them ``hidden`` float [n, d] is what the network knows at n places, ``target`` int64 [n] the catalogue row that
came next, and ``table`` float [n_items, d] the item vectors; a score is their product.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.errors import ContractError


def binary_loss(hidden: Tensor, target: Tensor, table: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross-entropy: the next item up, drawn items down, each by itself.

    Kang & McAuley 2018, https://arxiv.org/abs/1808.09781, §III-E, with one negative a place.

    Args:
        negatives: int64 [n, m], drawn uniformly; where one is the target it doesn't count.
    """
    up = (hidden * table[target]).sum(-1)
    down = torch.einsum("nd,nmd->nm", hidden, table[negatives])
    wrong = (negatives != target[:, None]).float()
    pushed = (F.softplus(down) * wrong).sum(-1) / wrong.sum(-1).clamp(min=1)
    return (F.softplus(-up) + pushed).mean()


def sampled_softmax_loss(hidden: Tensor, target: Tensor, table: Tensor, negatives: Tensor) -> Tensor:
    """Softmax over the next item and m drawn ones, which stand for the whole catalogue.

    Each drawn item speaks for (n_items − 1) / m others: log of that is added to its score (the logQ correction of
    uniform draws; Jean et al. 2015, https://arxiv.org/abs/1412.2007, §3), so that the loss estimates the full one.

    Args:
        negatives: int64 [m], drawn uniformly, the same for all places; where one is the target it doesn't count.
    """
    if negatives.ndim != 1 or not len(negatives):
        raise ContractError("negatives must be int64 [m] with m ≥ 1")
    up = (hidden * table[target]).sum(-1, keepdim=True)
    down = hidden @ table[negatives].T
    same = negatives[None, :] == target[:, None]
    speaks = torch.log((len(table) - 1) / (~same).sum(-1, keepdim=True).clamp(min=1).float())
    down = (down + speaks).masked_fill(same, float("-inf"))
    return (torch.logsumexp(torch.cat([up, down], dim=-1), dim=-1) - up[:, 0]).mean()


def softmax_loss(hidden: Tensor, target: Tensor, table: Tensor) -> Tensor:
    """Cross-entropy over the whole catalogue: every item that didn't come next is a negative."""
    return F.cross_entropy(hidden @ table.T, target)
