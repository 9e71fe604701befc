"""Similarities: from the vectors of a user and an item to one score. The dot product, and what NCF puts in its place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_ROOM = 8_000_000  #: numbers in the hidden layer of one chunk of ``MLP.table`` (32 MB)


class Dot(nn.Module):
    """score = u · v: nothing to learn, and all pairs are one product of matrices."""

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of users [..., d] with items [..., d], one by one: [...]."""
        return (users * items).sum(dim=-1)

    def table(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of all users [n, d] with all items [m, d]: [n, m]."""
        return users @ items.T


class MLP(nn.Module):
    """score = wᵀ φ_L(… φ_1([u; v])), φ_l(x) = ReLU(W_l x + b_l): a network learns what makes a pair fit.

    Source: He et al., "Neural Collaborative Filtering" (WWW 2017), equation 10; each layer half as wide as the one below.

    Args:
        dimension: d of a vector. hidden: width of the first layer. layers: how many.
    """

    def __init__(self, dimension: int, hidden: int, layers: int = 2):
        super().__init__()
        widths = [max(1, hidden >> level) for level in range(layers)]
        self.user, self.item = nn.Linear(dimension, hidden), nn.Linear(dimension, hidden, bias=False)
        self.rest = nn.Sequential(
            *(nn.Sequential(nn.ReLU(), nn.Linear(a, b)) for a, b in zip(widths, [*widths[1:], 1]))
        )

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """See ``Dot.pairs``."""
        # W_1 [u; v] is a sum of two halves, so that each user and each item passes its half only once.
        return self.rest(self.user(users) + self.item(items)).squeeze(-1)

    def table(self, users: Tensor, items: Tensor) -> Tensor:
        """See ``Dot.table``; every pair passes the network, in chunks of users."""
        left, right = self.user(users), self.item(items)
        chunk = max(1, _ROOM // max(1, right.numel()))
        return torch.cat([self.rest(part[:, None] + right).squeeze(-1) for part in left.split(chunk)])


class NeuMF(nn.Module):
    """Both, added: a weighted dot product of one half of the vectors, and an MLP of the other half.

    Source: He et al. 2017, equation 12 (without the pretraining of the two parts).
    """

    def __init__(self, dimension: int, hidden: int, layers: int = 2):
        super().__init__()
        self.half = dimension // 2
        self.weight = nn.Parameter(torch.ones(self.half))
        self.mlp = MLP(dimension - self.half, hidden, layers)

    def pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """See ``Dot.pairs``."""
        h = self.half
        product = (users[..., :h] * items[..., :h] * self.weight).sum(dim=-1)
        return product + self.mlp.pairs(users[..., h:], items[..., h:])

    def table(self, users: Tensor, items: Tensor) -> Tensor:
        """See ``Dot.table``."""
        h = self.half
        return (users[:, :h] * self.weight) @ items[:, :h].T + self.mlp.table(users[:, h:], items[:, h:])
