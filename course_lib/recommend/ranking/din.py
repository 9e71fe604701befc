"""DIN: of a user's history, look at what has to do with the product in question."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TargetAttention(nn.Module):
    """v(t) = Σ_j a(h_j, t) · h_j over the user's history h_1 … h_L, for a target t.

    The weight a(h, t) is a small network of [h, t, h ⊙ t, h − t]. It is *not* normalised by a softmax: a user with many
    clicks near the target gets a longer vector than one with few, and how strong an interest is stays visible.

    Source: Zhou et al. 2018, "Deep Interest Network for Click-Through Rate Prediction" (KDD), eq. 3. There the activation
    unit gets the outer product of the two; the element-wise product and the difference are the usual, smaller form.

    Args:
        d: length of the embeddings. hidden: width of the activation unit. average: the control; every a is 1 / L.
    """

    def __init__(self, d: int, hidden: int = 16, *, average: bool = False):
        super().__init__()
        self.average = average
        self.unit = nn.Sequential(nn.Linear(4 * d, hidden), nn.PReLU(), nn.Linear(hidden, 1))

    def weights(self, history: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """float [n, L], 0 under pads, from history [n, L, d], target [n, d] and bool mask [n, L]."""
        if self.average:
            return mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
        t = target[:, None, :].expand_as(history)
        both = torch.cat([history, t, history * t, history - t], dim=2)
        return self.unit(both).squeeze(2) * mask

    def forward(self, history: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """float [n, d]; zeros for a user without a history."""
        return torch.einsum("nl,nld->nd", self.weights(history, target, mask).to(history.dtype), history)


class InterestBody(nn.Module):
    """Embeddings of the product and of the history by attention, and the dense columns, joined and mixed: [n, width].

    Args:
        groups: int64 [n_items, g], for each product the numbers of what is embedded: its own row, category, brand, …
        columns: dense columns. d: length of each embedding. width: of the output. average: no attention, a mean.
    """

    def __init__(self, groups: Tensor, columns: int, d: int = 8, width: int = 32, *, average: bool = False):
        super().__init__()
        self.register_buffer("groups", groups)
        self.embeddings = nn.ModuleList(nn.Embedding(int(column.max()) + 1, d) for column in groups.T)
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.05)
        size = d * len(self.embeddings)
        self.attention = TargetAttention(size, average=average)
        self.mix = nn.Sequential(nn.Linear(columns + 3 * size, width), nn.PReLU(), nn.Dropout(0.1))

    def embed(self, item: Tensor) -> Tensor:
        """float [..., size] of catalogue rows, int [...]."""
        return torch.cat([e(self.groups[item][..., g]) for g, e in enumerate(self.embeddings)], dim=-1)

    def forward(self, dense: Tensor, item: Tensor, history: Tensor) -> Tensor:
        """From dense [n, columns], item [n] and history [n, L] (catalogue rows, -1 pads)."""
        target, mask = self.embed(item), history >= 0
        interest = self.attention(self.embed(history.clamp(min=0)), target, mask)
        return self.mix(torch.cat([dense, target, interest, target * interest], dim=1))
