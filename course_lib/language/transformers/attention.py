"""Attention: every token asks, every token it may see answers.

Scaled dot-product and multi-head attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, §3.2, equation 1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, scale: float | None = None,
    bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """softmax(query · key / √d + bias) · value.

    Args:
        query: [..., l, d]. key: [..., m, d]. value: [..., m, e].
        mask: bool, broadcast to [..., l, m]: True where a query may look. A query that may look nowhere gets zeros.
        scale: what the products are multiplied with, 1/√d by default.
        bias: added to the scores, broadcast to [..., l, m].

    Returns:
        The mixed values [..., l, e], and the weights [..., l, m], whose rows sum to 1 (or 0, see ``mask``).

    Raises:
        ContractError: shapes that do not go together, or a mask that is not boolean (0/1 would be taken for a bias).
    """
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (query, key, value))
        raise ContractError(f"query, key, value have shapes {shapes}", remedy="They must be [l, d], [m, d], [m, e]")
    if mask is not None and mask.dtype != torch.bool:
        raise ContractError(f"the mask is {mask.dtype}; it must be boolean", remedy="Use mask.bool()")
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)  # a row of -inf alone gives NaN; this makes it a row of zeros
    return weights @ value, weights


def causal_mask(length: int) -> Tensor:
    """Who may look at whom in a decoder: bool [length, length], True at [i, j] for j ≤ i."""
    if length < 0:
        raise ContractError(f"length is {length}; it must be at least 0")
    return torch.ones(length, length, dtype=torch.bool).tril()


def padding_mask(attention_mask: Tensor) -> Tensor:
    """Nobody looks at padding: bool [b, 1, 1, m] from the tokenizer's ``attention_mask`` [b, m] (1: a token)."""
    if attention_mask.ndim != 2:
        raise ContractError(f"attention_mask has {attention_mask.ndim} dimensions; it must be [batch, tokens]")
    return attention_mask.bool()[:, None, None, :]


class MultiHeadAttention(nn.Module):
    """Several small attentions side by side, each on its own projections, joined by one matrix.

    Args:
        width: length d of a token's vector. heads: how many attentions.
        head_size: length of a head's queries and keys, width / heads by default (T5 chooses it freely).
        biased: whether the four projections have a bias. scale: as ``attend``.
    """

    def __init__(
        self, width: int, heads: int, *, head_size: int | None = None, biased: bool = True, scale: float | None = None
    ):
        super().__init__()
        if width < 1 or heads < 1 or (head_size is None and width % heads):
            raise ContractError(f"width {width} can't be shared by {heads} heads", remedy="Choose a multiple of heads")
        self.heads, self.scale = heads, scale
        inner = heads * (head_size or width // heads)
        self.query, self.key, self.value = (nn.Linear(width, inner, bias=biased) for _ in range(3))
        self.output = nn.Linear(inner, width, bias=biased)

    def forward(
        self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None, *, bias: Tensor | None = None,
        turn: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """[b, l, d] in, [b, l, d] and weights [b, heads, l, m] out.

        Args:
            x: who asks. context: who answers, [b, m, d]: x itself by default; another text makes it cross-attention.
            mask, bias: as ``attend``, broadcast to [b, heads, l, m].
            turn: changes queries and keys [b, heads, l, head_size] by their place (``positions.rotate``).
        """
        context = x if context is None else context
        query, key, value = self._split(self.query(x)), self._split(self.key(context)), self._split(self.value(context))
        if turn is not None:
            query, key = turn(query), turn(key)
        mixed, weights = attend(query, key, value, mask, scale=self.scale, bias=bias)
        return self.output(mixed.transpose(1, 2).flatten(2)), weights

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [b, l, heads·s] -> [b, heads, l, s]
