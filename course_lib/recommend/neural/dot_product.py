"""Can a network learn a dot product? The true vectors are given, and nothing but the product is to be found.

After Rendle et al., "Neural Collaborative Filtering vs. Matrix Factorization Revisited" (RecSys 2020), section 4: an MLP
can approximate any function; the question is how many examples and how wide a network that takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.training import fit, shuffled_batches
from course_lib.recommend.neural.similarity import MLP


@dataclass(frozen=True)
class Trial:
    """What came out of one training.

    Attributes:
        error: root mean squared error of the network on pairs of unseen vectors; the products have variance 1, so that
            the answer "0" to everything has the error ``nothing``.
        nothing: that error. correlation: of the network's answers with the products. weights: of the network.
    """

    error: float
    nothing: float
    correlation: float
    weights: int


def learn_dot_product(
    dimension: int, pairs: int, *, hidden: int = 64, steps: int = 500, held_out: int = 4_000, seed: int = 0
) -> Trial:
    """Train an ``MLP`` on ``pairs`` random pairs of vectors and their product, without noise; measure it on new ones.

    Args:
        dimension: d of the vectors, whose components are normal with variance d^-½ (the product then has variance 1).
        pairs: to learn from. hidden: width of the first layer, the second is half as wide.

    Raises:
        ContractError: a number below 1.
    """
    if min(dimension, pairs, hidden, steps, held_out) < 1:
        raise ContractError("dimension, pairs, hidden, steps and held_out must be at least 1")
    random = generator(seed, "dot product", dimension)

    def draw(n: int) -> tuple[Tensor, Tensor, Tensor]:
        users, items = (torch.as_tensor(random.normal(0, dimension**-0.25, (n, dimension)), dtype=torch.float32)
                        for _ in range(2))  # fmt: skip
        return users, items, (users * items).sum(dim=1)

    users, items, wanted = draw(held_out)
    learned = draw(pairs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = MLP(dimension, hidden)

    def loss(net: MLP, rows: np.ndarray) -> Tensor:
        u, v, y = (part[rows] for part in learned)
        return ((net.pairs(u, v) - y) ** 2).mean()

    fit(net, shuffled_batches(pairs, 512, seed), loss, steps=steps, learning_rate=0.01, weight_decay=0.0, seed=seed,
        autocast=False, device="cpu", tag="dot product", progress=False)  # fmt: skip
    with torch.no_grad():
        said = net.pairs(users, items)
    return Trial(
        error=float(((said - wanted) ** 2).mean().sqrt()),
        nothing=float((wanted**2).mean().sqrt()),
        correlation=float(np.corrcoef(said, wanted)[0, 1]),
        weights=sum(p.numel() for p in net.parameters()),
    )
