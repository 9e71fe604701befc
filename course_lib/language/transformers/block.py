"""A block: attention moves information between tokens, a feed-forward network works on each token alone."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.transformers.attention import MultiHeadAttention

Activation = Literal["gelu", "gelu_tanh", "relu"]
ACTIVATIONS = {
    "gelu": nn.functional.gelu,
    "gelu_tanh": partial(nn.functional.gelu, approximate="tanh"),
    "relu": nn.functional.relu,
}


class RMSNorm(nn.Module):
    """Divide by the root mean square, then weigh each column: no mean, no bias.

    Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467, equation 4.
    """

    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return self.weight * x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + self.eps)


class FeedForward(nn.Module):
    """width -> hidden -> width, with one non-linearity between; the same for every token."""

    def __init__(self, width: int, hidden: int, activation: Activation = "gelu", *, biased: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ContractError(f"activation {activation!r}", remedy=f"Use one of {', '.join(ACTIVATIONS)}")
        self.widen, self.narrow = nn.Linear(width, hidden, bias=biased), nn.Linear(hidden, width, bias=biased)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return self.narrow(self.activation(self.widen(x)))


class Block(nn.Module):
    """Self-attention, cross-attention where there is a second text, feed-forward; each added to what came in.

    ``norm_first`` normalises what goes *into* a part (pre-LN: GPT-2, T5), so that the sum itself is never touched and
    deep models train; else what comes *out* of the sum (post-LN: the 2017 model, BERT). Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745, figure 1.

    Args:
        width, heads, head_size, biased, scale: as ``MultiHeadAttention``. hidden, activation: as ``FeedForward``.
        cross: with cross-attention to a second text. rms: RMSNorm in place of LayerNorm. eps: of the norms.
    """

    def __init__(
        self, width: int, heads: int, hidden: int, *, activation: Activation = "gelu", norm_first: bool = True,
        cross: bool = False, rms: bool = False, eps: float = 1e-5, head_size: int | None = None, biased: bool = True,
        scale: float | None = None,
    ):  # fmt: skip
        super().__init__()
        attention = partial(MultiHeadAttention, width, heads, head_size=head_size, biased=biased, scale=scale)
        norm = partial(RMSNorm if rms else nn.LayerNorm, width, eps=eps)
        self.norm_first = norm_first
        self.attention, self.attention_norm = attention(), norm()
        self.cross, self.cross_norm = (attention(), norm()) if cross else (None, None)
        self.feed_forward, self.feed_forward_norm = FeedForward(width, hidden, activation, biased=biased), norm()

    def forward(
        self, x: Tensor, mask: Tensor | None = None, *, bias: Tensor | None = None, context: Tensor | None = None,
        context_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """[b, l, d] -> [b, l, d], and the weights of the self-attention [b, heads, l, l].

        Args:
            mask, bias: of the self-attention. context [b, m, d], context_mask: of the cross-attention.
        """
        weights: list[Tensor] = []

        def look(y: Tensor) -> Tensor:
            mixed, w = self.attention(y, mask=mask, bias=bias)
            weights.append(w)
            return mixed

        x = self._add(x, look, self.attention_norm)
        if self.cross is not None:
            if context is None:
                raise ContractError("this block has cross-attention", remedy="Pass context, the encoder's output")
            x = self._add(x, lambda y: self.cross(y, context, context_mask)[0], self.cross_norm)
        return self._add(x, self.feed_forward, self.feed_forward_norm), weights[0]

    def _add(self, x: Tensor, part: nn.Module, norm: nn.Module) -> Tensor:
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))
