"""The full softmax: each user's own items against the whole catalogue, without the catalogue-wide matrix in memory."""

from __future__ import annotations

from typing import Any

import torch

#: users scored at a time: 128 rows of a large catalogue in bfloat16 stay within a processor's cache
BLOCK = 128


class _FullSoftmax(torch.autograd.Function):
    """Value and gradients in one pass over blocks of users; the probabilities of a block are forgotten after it."""

    @staticmethod
    def forward(
        ctx: Any, users: torch.Tensor, items: torch.Tensor, row: torch.Tensor, item: torch.Tensor,
        weight: torch.Tensor, temperature: float, fast: bool,
    ) -> torch.Tensor:  # fmt: skip
        kind = torch.bfloat16 if fast else users.dtype
        total = torch.zeros(len(users), dtype=users.dtype).index_add_(0, row, weight)
        sharp = users / temperature
        # A column of ones gives the sum of the probabilities in the product that the gradient needs anyhow.
        columns = torch.cat([items, torch.ones(len(items), 1, dtype=items.dtype)], dim=1).to(kind)
        catalogue = items.to(kind)
        to_users, to_items = torch.empty_like(users), torch.zeros_like(items)
        loss = users.new_zeros(())
        for start in range(0, len(users), BLOCK):
            block = slice(start, start + BLOCK)
            # Cosines are at most 1, so that 1 / temperature is a bound which keeps exp in range.
            mass = (sharp[block].to(kind) @ catalogue.T).sub_(1 / temperature).exp_()
            found = (mass @ columns).to(users.dtype)
            share = (total[block] / found[:, -1])[:, None]
            loss += (total[block] * (found[:, -1].log() + 1 / temperature)).sum()
            to_users[block] = found[:, :-1] * share / temperature
            to_items += (mass.T @ (sharp[block] * share).to(kind)).to(items.dtype)
        pulled, pushing = items[item] * weight[:, None], sharp[row] * weight[:, None]
        loss -= (pushing * items[item]).sum()
        to_users.index_add_(0, row, pulled, alpha=-1 / temperature)
        to_items.index_add_(0, item, pushing, alpha=-1)
        ctx.save_for_backward(to_users, to_items)
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_users, to_items = ctx.saved_tensors
        return gradient * to_users, gradient * to_items, None, None, None, None, None


def full_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    row: torch.Tensor,
    item: torch.Tensor,
    weight: torch.Tensor,
    *,
    temperature: float,
    fast: bool = True,
) -> torch.Tensor:
    """Σ weight · (−log of the positive item's share in a softmax over all items), a scalar.

    Args:
        users, items: float [b, d] and [n_items, d], of length 1 each, so that products are cosines.
        row, item: int64 [m], the positive pairs: rows of ``users`` and of ``items``.
        weight: float [m].
        temperature: cosines are divided by it.
        fast: products in bfloat16: quicker where the processor has instructions for it, and each logit is rounded to
            eight binary digits.
    """
    return _FullSoftmax.apply(users, items, row, item, weight, temperature, fast)
