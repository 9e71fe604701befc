"""The losses of the task heads, each a few lines over a matrix of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def class_weights(targets: Tensor | np.ndarray, n_classes: int) -> Tensor:
    """How much an example of each class must weigh for all classes to weigh the same: float32 [n_classes].

    n / (number of classes that occur · n of the class), the weighting of King & Zeng 2001 (Political Analysis 9(2)) in
    the scaling of scikit-learn's ``"balanced"``: the mean weight of an example is 1. A class without one gets 0.

    Args:
        targets: whole numbers [n], the class of each training example.

    Raises:
        ContractError: no examples, or a class outside 0 … n_classes − 1.
    """
    targets = torch.as_tensor(targets, dtype=torch.int64)
    if not targets.numel() or n_classes < 1 or not 0 <= int(targets.min()) <= int(targets.max()) < n_classes:
        raise ContractError(f"class weights need at least one example, of the classes 0 to {n_classes - 1}")
    counts = torch.bincount(targets, minlength=n_classes).double()
    weights = len(targets) / ((counts > 0).sum() * counts)
    return torch.where(counts > 0, weights, torch.zeros_like(weights)).float()


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy with class weights and label smoothing: a scalar, the weighted mean over the examples.

    Smoothing (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, §7) takes the share ε from the given label and
    spreads it over all classes: a label that may be wrong is no longer worth an infinite logit.

    Args:
        logits: [n, n_classes]. targets: int64 [n].
        weights: [n_classes]; each example's loss is multiplied by the weight of its given class.
        smoothing: ε, from 0 to below 1.

    Raises:
        ContractError: ε out of range.
    """
    if not 0 <= smoothing < 1:
        raise ContractError(f"smoothing is {smoothing}; it must be at least 0 and below 1")
    log_p = logits.float().log_softmax(dim=-1)
    given = log_p.gather(1, targets[:, None])[:, 0]
    return _mean(-(1 - smoothing) * given - smoothing * log_p.mean(dim=-1), targets, weights)


def robust_cross_entropy(logits: Tensor, targets: Tensor, *, q: float = 0.7, weights: Tensor | None = None) -> Tensor:
    """Generalised cross-entropy (1 − p^q) / q: a scalar.

    Zhang & Sabuncu 2018, https://arxiv.org/abs/1805.07836, §3.1. p is the probability of the given label. The gradient
    is that of cross-entropy times p^q: an example whose label the model finds absurd pulls little. q → 0 is
    cross-entropy, q = 1 the mean absolute error.

    Raises:
        ContractError: q outside (0, 1].
    """
    if not 0 < q <= 1:
        raise ContractError(f"q is {q}; it must be above 0 and at most 1")
    p = logits.float().softmax(dim=-1).gather(1, targets[:, None])[:, 0]
    # The power has an infinite slope at 0, where a probability may underflow to.
    return _mean((1 - p.clamp(min=1e-7) ** q) / q, targets, weights)


def _mean(each: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of the examples' losses [n], each weighted by the class of its given label."""
    if weights is None:
        return each.mean()
    weight = weights.to(each.device)[targets]
    return (weight * each).sum() / weight.sum()


def pairwise_loss(scores: Tensor, grades: Tensor, queries: Tensor) -> Tensor:
    """RankNet's loss (Burges et al. 2005, ICML, §3): a scalar, the mean over the pairs that have an order.

    A pair is two products of one query of which the first has the higher grade: log(1 + exp(s_2 − s_1)). A batch
    without such a pair costs 0.

    Args:
        scores: [n], of the products. grades: [n]. queries: [n], the number of the query of each product.
    """
    above = (queries[:, None] == queries[None, :]) & (grades[:, None] > grades[None, :])
    if not above.any():
        return scores.float().sum() * 0
    return -logsigmoid(scores.float()[:, None] - scores.float()[None, :])[above].mean()


Objective = Callable[[Tensor, Tensor], Tensor]


def objective(
    targets: Sequence[int] | np.ndarray | Tensor,
    n_classes: int,
    *,
    balanced: bool = False,
    smoothing: float = 0.0,
    robustness: float = 0.0,
) -> Objective:
    """The loss of a classifier, ``(logits, targets) -> scalar``: plain cross-entropy where nothing else is asked for.

    Args:
        targets: the classes of the training examples, from which the weights of ``balanced`` are counted.
        smoothing: ε of ``soft_cross_entropy``. robustness: q of ``robust_cross_entropy``; not both.

    Raises:
        ContractError: both remedies at once, or one out of its range.
    """
    if not 0 <= smoothing < 1 or not 0 <= robustness <= 1 or (smoothing and robustness):
        raise ContractError("give smoothing from 0 to below 1, or robustness from 0 to 1, but not both")
    weights = class_weights(targets, n_classes) if balanced else None
    if robustness:
        return lambda logits, target: robust_cross_entropy(logits, target, q=robustness, weights=weights)
    if balanced or smoothing:
        return lambda logits, target: soft_cross_entropy(logits, target, weights=weights, smoothing=smoothing)
    return lambda logits, target: cross_entropy(logits.float(), target)
