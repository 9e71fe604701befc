"""The same training, fast: batches without padding waste, scores of the catalogue in bf16.

Held equal to the taught way (``batches.padded``, ``losses.softmax_loss``) by ``tests/recommend/test_sequential_engine.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.core.seeds import generator
from course_lib.language.precision import pick_precision
from course_lib.recommend.sequential.batches import Batch, Examples
from course_lib.recommend.sequential.losses import softmax_loss


def bucketed(examples: Examples, tokens: int, seed: int) -> Iterator[Batch]:
    """Endless batches of about ``tokens`` events, of histories of (nearly) one length; each epoch shuffled anew.

    Half of a padded batch is padding where lengths differ as they do in shops; here next to nothing is.
    """
    random, lengths = generator(seed, "buckets"), examples.lengths
    while True:
        order = random.permutation(len(lengths))
        order = order[np.argsort(lengths[order], kind="stable")]
        cuts, start = [], 0
        while start < len(order):  # as many rows as fit, at the length of the longest of them
            end = start + 1
            while end < len(order) and lengths[order[end]] * (end + 1 - start) <= tokens:
                end += 1
            cuts.append((start, end))
            start = end
        for i in random.permutation(len(cuts)):
            yield examples.batch(order[slice(*cuts[i])])


def batches_per_epoch(examples: Examples, tokens: int) -> int:
    """How many batches ``bucketed`` makes of one epoch (the same for every seed)."""
    lengths, count, start = np.sort(examples.lengths), 0, 0
    while start < len(lengths):
        end = start + 1
        while end < len(lengths) and lengths[end] * (end + 1 - start) <= tokens:
            end += 1
        count, start = count + 1, end
    return count


def fast_softmax_loss(hidden: Tensor, target: Tensor, table: Tensor) -> Tensor:
    """``losses.softmax_loss`` with the scores in bf16 where the machine computes it in hardware; sums stay float32.

    Most arithmetic of the training is here: places × items × width, three times over. Scores and chances are rounded to 8
    bits, which moves the loss in its third digit.
    """
    if pick_precision(hidden.device.type, True)[0] == "fp32":
        return softmax_loss(hidden, target, table)
    return _RoundedSoftmax.apply(hidden, target, table)


class _RoundedSoftmax(torch.autograd.Function):
    """Cross-entropy of bf16 scores; the chances are computed once, in place, and serve the way back too."""

    @staticmethod
    def forward(ctx, hidden: Tensor, target: Tensor, table: Tensor) -> Tensor:
        hidden16, table16 = hidden.bfloat16(), table.bfloat16()
        chance = hidden16 @ table16.T
        torch.softmax(chance, dim=1, out=chance)
        right = chance.gather(1, target[:, None]).float().clamp(min=torch.finfo(torch.float32).tiny)
        ctx.save_for_backward(hidden16, target, table16, chance)
        return -right.log().mean()

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None, Tensor]:
        hidden16, target, table16, chance = ctx.saved_tensors
        chance[torch.arange(len(target), device=target.device), target] -= 1  # scatter_add_ would copy it all to float32
        weight = upstream / len(target)
        return (chance @ table16).float() * weight, None, (chance.T @ hidden16).float() * weight
