"""Matrix factorisation by gradient: the same scores as iALS has, and any loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.recommend.neural.similarity import Dot
from course_lib.recommend.neural.trained import Loss, Net, Trained
from course_lib.shop.interactions import Interactions


class Tables(Net):
    """A vector per user and a vector per item, learned freely; nothing is known of whom the training didn't see.

    Args:
        similarity: between the vectors. dimension: d.
        bias: the last component of an item's vector is its own (how much everybody likes it): a user's is always 1.
    """

    def __init__(self, n_users: int, n_items: int, dimension: int, similarity: nn.Module, *, bias: bool = False):
        super().__init__()
        self.user_table, self.item_table = nn.Embedding(n_users, dimension), nn.Embedding(n_items, dimension + bias)
        self.similarity, self.bias = similarity, bias
        for table in (self.user_table, self.item_table):
            nn.init.normal_(table.weight, std=0.1)

    def users(self, rows: Tensor, without: Tensor | None = None) -> Tensor:
        """See ``Net``."""
        vectors = self.user_table(rows)
        return torch.cat([vectors, torch.ones_like(vectors[..., :1])], dim=-1) if self.bias else vectors

    def items(self, rows: Tensor) -> Tensor:
        """See ``Net``."""
        return self.item_table(rows)


class MatrixFactorization(Trained):
    """score(u, i) = p_u · q_i + b_i: two tables of vectors, trained by gradient.

    The bias stands as one more component of the item's vector, whose counterpart on the user's side is 1, so that the
    score is a plain inner product and an index of vectors can serve it.

    Args:
        factors: length of the vectors without the bias.
        others: see ``Trained``.

    Attributes:
        user_vectors: float32 [n_users, factors + 1], the last component 1. item_vectors: float32 [n_items, factors + 1].
    """

    def __init__(
        self,
        factors: int = 32,
        *,
        loss: Loss = "sampled",
        log_q: bool = True,
        negatives: int = 4,
        steps: int = 300,
        batch_size: int = 512,
        learning_rate: float = 0.02,
        weight_decay: float = 2.0,
        seed: int = 0,
    ):
        if factors < 1:
            raise ContractError(f"factors is {factors}; it must be at least 1")
        super().__init__(loss=loss, log_q=log_q, negatives=negatives, steps=steps, batch_size=batch_size,
                         learning_rate=learning_rate, weight_decay=weight_decay, seed=seed)  # fmt: skip
        self.factors = factors

    def _net(self, interactions: Interactions) -> Tables:
        return Tables(len(interactions.users), len(interactions.items), self.factors, Dot(), bias=True)

    @property
    def user_vectors(self) -> np.ndarray:
        """See the class."""
        with torch.no_grad():
            return self.net.users(torch.arange(len(self.interactions.users))).numpy()

    @property
    def item_vectors(self) -> np.ndarray:
        """See the class."""
        return self.net.item_table.weight.detach().numpy()
