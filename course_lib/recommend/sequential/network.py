"""Networks that read a history from left to right: item vectors in, what comes next out.

A network is an item table, blocks, and nothing else; a block is given ``past``, what it keeps of the earlier events, and
returns it grown by the new ones. So the same lines read a whole history at once and a live session event by event.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.errors import ContractError

PAD = -1  #: in a batch of item rows: no event; pads stand at the end, where no earlier event can see them


class SelfAttention(nn.Module):
    """Every event asks, all events up to it answer (``language.transformers`` derives it).

    Args:
        width: of an event's vector. heads: attentions side by side; they share the width. dropout: of the weights.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        if heads < 1 or width % heads:
            raise ContractError(f"width {width} can't be shared by {heads} heads")
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x float [b, l, d] after m earlier events -> the same shape; and the keys and values [b, heads, m + l, s]."""
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
        scores = scores.masked_fill(~seen_by(x.shape[1], key.shape[2], x.device), float("-inf"))
        weights = F.dropout(scores.softmax(dim=-1), self.dropout, self.training)
        return self.output((weights @ value).transpose(1, 2).flatten(2)), (key, value)


def seen_by(new: int, total: int, device: torch.device | None = None) -> Tensor:
    """Which of ``total`` events each of the ``new`` last ones may look at: bool [new, total], itself and all before."""
    places = torch.arange(total, device=device)
    return places[None, :] <= places[total - new :, None]


class SASRecBlock(nn.Module):
    """Attention, then a small network on each event alone; both normalise what goes in and add to what came in.

    Kang & McAuley 2018, https://arxiv.org/abs/1808.09781, §III-B and equations 4–6.

    Args:
        hidden: width inside the small network, in multiples of ``width`` (1 in the paper).
    """

    def __init__(self, width: int, heads: int, dropout: float, hidden: int = 1):
        super().__init__()
        self.attention, self.first = SelfAttention(width, heads, dropout), nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, hidden * width), nn.Linear(hidden * width, width)
        self.second, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, x: Tensor, times: Tensor, past: Any = None) -> tuple[Tensor, Any]:
        """x float [b, l, d] -> the same shape, and the keys and values; the times count nothing."""
        mixed, kept = self.attention(self.first(x), past)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.narrow(self.dropout(F.gelu(self.widen(self.second(x)))))), kept


class SequenceNetwork(nn.Module):
    """Item vectors and places in, blocks, and a vector for what comes next out, to be multiplied with the item vectors.

    Args:
        n_items: catalogue rows. width: of all vectors. length: events that it can read.
        blocks: each ``block(x, times, past) -> (x, kept)``. dropout: of what goes in.
        places: whether the place in the history (from the oldest event) has a vector of its own.
    """

    def __init__(self, n_items: int, width: int, length: int, blocks: list[nn.Module], dropout: float, *, places: bool = True):
        super().__init__()
        if min(n_items, width, length) < 1 or not 0 <= dropout < 1:
            raise ContractError("n_items, width and length must be at least 1, dropout from 0 to below 1")
        self.length = length
        self.item = nn.Embedding(n_items, width)
        self.place = nn.Embedding(length, width) if places else None
        self.blocks, self.norm, self.dropout = nn.ModuleList(blocks), nn.LayerNorm(width), nn.Dropout(dropout)
        # Small weights everywhere: were the blocks' larger than what goes in, the sum of both would drown the items.
        for module in self.modules():
            if isinstance(module, (nn.Embedding, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, items: Tensor, times: Tensor, past: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """What comes next after each event.

        Args:
            items: int64 [b, l] of catalogue rows; ``PAD`` at the end of shorter rows (what comes out there means nothing).
            times: int64 [b, l], seconds.
            past: what the same network returned for the events before these; ``None``: there are none.

        Returns:
            float [b, l, d], and the past of the next call.

        Raises:
            ContractError: more events than ``length``.
        """
        before = 0 if past is None else past[-1]
        if before + items.shape[1] > self.length:
            raise ContractError(f"{before + items.shape[1]} events; the network reads {self.length}")
        # √width makes an item louder than its place and than what the blocks add at first (the authors' code does so too).
        x = self.item(items.clamp(min=0)) * self.item.embedding_dim**0.5
        if self.place is not None:
            x = x + self.place.weight[before : before + items.shape[1]]
        x, kept = self.dropout(x), []
        for i, block in enumerate(self.blocks):
            x, now = block(x, times, None if past is None else past[i])
            kept.append(now)
        return self.norm(x), [*kept, before + items.shape[1]]
