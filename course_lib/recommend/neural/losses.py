"""The losses: which items stand against the one that was chosen, and what each of them counts.

``sampled_softmax`` is the one of two-tower models (Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus
Item Recommendations", RecSys 2019): the other items of the batch serve as a sample of the catalogue. They come in as
often as they are popular; subtracting log q, the logarithm of that chance, takes this out again.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def log_sampling_chance(item_rows: np.ndarray, n_items: int) -> np.ndarray:
    """log q_i, float32 [n_items]: q_i is the share of the training pairs whose item is i; -inf where there is none."""
    share = np.bincount(item_rows, minlength=n_items) / len(item_rows)
    with np.errstate(divide="ignore"):
        return np.log(share).astype(np.float32)


def in_batch_logits(scores: Tensor, items: Tensor, log_q: Tensor | None) -> Tensor:
    """Corrected scores of a batch, [b, b]: row i belongs to pair i, whose own item stands in column i.

    A column whose item is that of the pair would be a wrong answer that is right: it is left out.

    Args:
        scores: [b, b], score of each pair's user with each pair's item.
        items: int64 [b], the pairs' items.
        log_q: [b], of the pairs' items; ``None`` leaves the bias in.
    """
    if log_q is not None:
        scores = scores - log_q
    again = (items[:, None] == items[None, :]).fill_diagonal_(False)
    return scores.masked_fill(again, -torch.inf)


def sampled_softmax(scores: Tensor, items: Tensor, log_q: Tensor | None = None) -> Tensor:
    """The loss of a batch of pairs: −log of the share that each pair's own item has among the batch's; a scalar."""
    logits = in_batch_logits(scores, items, log_q)
    own = logits.diagonal()
    return (torch.logsumexp(logits, dim=1) - own).mean()


def sampled_softmax_gradient(scores: np.ndarray, items: np.ndarray, log_q: np.ndarray | None = None) -> np.ndarray:
    """What a unit of each score changes in ``sampled_softmax``: float [b, b], (share − 1 on the diagonal) / b.

    Written out, as the course teaches it: the pair's own score is pulled up, the others are pushed down by the share
    that they hold, and a row's pushes and pulls add up to 0.
    """
    logits = np.asarray(scores, dtype=np.float64) - (0 if log_q is None else log_q)
    again = items[:, None] == items[None, :]
    np.fill_diagonal(again, False)
    logits = np.where(again, -np.inf, logits)
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return (share - np.eye(len(scores))) / len(scores)


def full_softmax(scores: Tensor, items: Tensor) -> Tensor:
    """The loss that the sample stands for: scores [b, n_items] of the whole catalogue, items int64 [b]; a scalar."""
    return cross_entropy(scores, items)


def binary_loss(chosen: Tensor, drawn: Tensor, wrong: Tensor) -> Tensor:
    """Each pair by itself, yes or no, as in NCF (He et al. 2017, equation 7); a scalar.

    Args:
        chosen: [b], scores of the pairs. drawn: [b, m], scores of the pair's user with items drawn at random.
        wrong: bool [b, m], false where a drawn item is one that the user does have.
    """
    logits = torch.cat([chosen[:, None], drawn], dim=1)
    counts = torch.cat([torch.ones_like(wrong[:, :1]), wrong], dim=1)
    target = torch.zeros_like(logits)
    target[:, 0] = 1
    return binary_cross_entropy_with_logits(logits, target, weight=counts.to(logits.dtype), reduction="sum") / counts.sum()
