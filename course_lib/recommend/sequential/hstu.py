"""An HSTU-style block: attention without softmax, with the distance in places and in time, and a gate.

Zhai et al., "Actions Speak Louder than Words" (ICML 2024), https://arxiv.org/abs/2402.17152, §3.2, equations 1–3. Theirs
adds ragged kernels and far longer histories; the arithmetic of a layer is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.errors import ContractError
from course_lib.recommend.sequential.network import seen_by

BUCKETS = 32  #: of gaps between two events: bucket b holds gaps from 2^b − 1 to 2^(b + 1) − 2 seconds


class HSTUBlock(nn.Module):
    """x + output(norm(A V) · U), with A = SiLU(Q Kᵀ + bias) / length, and U, V, Q, K = SiLU(input(norm(x))).

    A is not normalised over the history: ten visits to a shelf speak louder than one. U switches columns on and off.

    Args:
        width, heads, dropout: as ``SASRecBlock``. length: events at most; it is the divisor, too.
    """

    def __init__(self, width: int, heads: int, dropout: float, length: int):
        super().__init__()
        if heads < 1 or width % heads:
            raise ContractError(f"width {width} can't be shared by {heads} heads")
        self.heads, self.length = heads, length
        self.input, self.output = nn.Linear(width, 4 * width), nn.Linear(width, width)
        self.before, self.after, self.dropout = nn.LayerNorm(width), nn.LayerNorm(width), nn.Dropout(dropout)
        self.by_distance = nn.Parameter(torch.zeros(heads, length))
        self.by_gap = nn.Parameter(torch.zeros(heads, BUCKETS))

    def forward(self, x: Tensor, times: Tensor, past: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x float [b, l, d] at ``times`` int64 [b, l] -> the same shape; and keys, values and times so far."""
        u, v, q, k = F.silu(self.input(self.before(x))).chunk(4, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        all_times = times
        if past is not None:
            k, v, all_times = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2), torch.cat([past[2], times], 1)
        weights = F.silu(q @ k.transpose(-2, -1) + self._bias(times, all_times)) / self.length
        weights = weights.masked_fill(~seen_by(x.shape[1], k.shape[2], x.device), 0.0)
        mixed = self.after((weights @ v).transpose(1, 2).flatten(2))
        return x + self.output(self.dropout(mixed * u)), (k, v, all_times)

    def _bias(self, times: Tensor, all_times: Tensor) -> Tensor:
        """float [b, heads, l, m]: by how many events, and by how many seconds, an event lies back."""
        new, total = times.shape[1], all_times.shape[1]
        place = torch.arange(total, device=times.device)
        distance = (place[total - new :, None] - place[None, :]).clamp(min=0)
        gap = (times[:, :, None] - all_times[:, None, :]).clamp(min=0)
        bucket = torch.log2(gap.double() + 1).long().clamp(max=BUCKETS - 1)
        return self.by_distance[:, distance] + self.by_gap[:, bucket].transpose(0, 1)
