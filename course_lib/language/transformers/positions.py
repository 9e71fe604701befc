"""Positions: attention sees a set of tokens; these tell it the order.

BERT and GPT-2 learn a vector per place (``torch.nn.Embedding``). Here are the three that need more than a table.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError


def sinusoidal(length: int, width: int) -> Tensor:
    """Fixed waves, float32 [length, width]: sin in the even columns, cos in the odd ones.

    Column pair i turns once in 2π · 10000^(2i/width) places (Vaswani et al. 2017, §3.5).

    Raises:
        ContractError: an odd or empty width, a negative length.
    """
    if length < 0 or width < 2 or width % 2:
        raise ContractError(f"length {length}, width {width}", remedy="Use a length ≥ 0 and an even width ≥ 2")
    angles = _angles(torch.arange(length), width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).float()


def rotate(x: Tensor, base: float = 10_000.0) -> Tensor:
    """Rotary positions (RoPE): turn the vector of place p by angles that grow with p, [..., l, d] -> the same.

    The product of a turned query and a turned key depends on their distance alone (Su et al. 2021,
    https://arxiv.org/abs/2104.09864, equation 16). Column i is paired with column i + d/2, as Llama does it; the paper
    pairs neighbours, which is the same up to the order of the columns.

    Raises:
        ContractError: d is odd.
    """
    length, width = x.shape[-2:]
    if width % 2:
        raise ContractError(f"the vectors have {width} columns", remedy="Rotation needs an even number")
    angles = _angles(torch.arange(length, device=x.device), width, base).to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()], -1)


def _angles(places: Tensor, width: int, base: float = 10_000.0) -> Tensor:
    """float64 [l, width / 2]."""
    speed = base ** -(torch.arange(0, width, 2, device=places.device, dtype=torch.float64) / width)
    return places.double()[:, None] * speed


class RelativeBias(nn.Module):
    """T5's relative positions: a learned number per head and *bucket* of distances, added to the scores.

    Half of the buckets hold one small distance each, the rest grow logarithmically up to ``furthest``; what is further
    shares the last one (Raffel et al. 2020, https://arxiv.org/abs/1910.10683, §2.1).

    Args:
        heads: of the attention. both_ways: an encoder looks to both sides, a decoder only back.
        buckets: how many numbers per head. furthest: from this distance on, all are alike.
    """

    def __init__(self, heads: int, *, both_ways: bool, buckets: int = 32, furthest: int = 128):
        super().__init__()
        if buckets < 4 or buckets % 4 or furthest <= buckets:
            raise ContractError(f"{buckets} buckets up to distance {furthest}",
                                remedy="Use a multiple of 4, and a distance above it")  # fmt: skip
        self.both_ways, self.buckets, self.furthest = both_ways, buckets, furthest
        self.table = nn.Embedding(buckets, heads)

    def forward(self, length: int) -> Tensor:
        """The bias of ``length`` tokens among themselves: [1, heads, length, length]."""
        place = torch.arange(length, device=self.table.weight.device)
        return self.table(self.bucket(place[None, :] - place[:, None])).permute(2, 0, 1)[None]

    def bucket(self, distance: Tensor) -> Tensor:
        """Bucket of each distance (place of the key minus place of the query), int64 of the same shape."""
        count, offset = self.buckets, torch.zeros_like(distance)
        if self.both_ways:
            count //= 2
            offset = (distance > 0) * count
            distance = distance.abs()
        else:
            distance = (-distance).clamp(min=0)
        exact = count // 2
        grown = torch.log(distance.clamp(min=1).float() / exact) / math.log(self.furthest / exact) * (count - exact)
        return offset + torch.where(distance < exact, distance, (exact + grown.long()).clamp(max=count - 1))
