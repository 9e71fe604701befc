"""LightGCN as it is taught: pairs of a wanted and an unwanted item, and the ranking loss between the two."""

from __future__ import annotations

import numpy as np
import torch

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.recommend.graph.bipartite import UserItemGraph
from course_lib.recommend.graph.propagation import propagate


def draw_triples(graph: UserItemGraph, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One epoch: each edge once, in random order, with an item that its user is not joined to.

    Returns:
        user, wanted item, unwanted item: rows, int64 [m] each. The unwanted item is uniform over those the user lacks;
        edges of users who have every item are left out, as there is nothing to compare them with.
    """
    edge = rng.permutation(graph.edges.nnz)
    user = np.repeat(np.arange(graph.n_users), graph.user_degrees)
    known = user * graph.n_items + graph.edges.indices  # ascending: both rows and columns are sorted
    edge = edge[graph.user_degrees[user[edge]] < graph.n_items]
    user, wanted = user[edge], graph.edges.indices[edge].astype(np.int64)
    unwanted = np.empty_like(wanted)
    again = np.arange(len(edge))
    while len(again):
        unwanted[again] = rng.integers(graph.n_items, size=len(again))
        code = user[again] * graph.n_items + unwanted[again]
        place = np.minimum(np.searchsorted(known, code), len(known) - 1)
        again = again[known[place] == code]
    return user, wanted, unwanted


def bpr_loss(user: torch.Tensor, wanted: torch.Tensor, unwanted: torch.Tensor) -> torch.Tensor:
    """Mean of −log σ(user · wanted − user · unwanted) over rows of float [b, d] vectors: a scalar.

    Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback" (UAI 2009).
    """
    return torch.nn.functional.softplus((user * (unwanted - wanted)).sum(dim=1)).mean()


def first_vectors(n: int, dimensions: int, seed: int) -> torch.Tensor:
    """float32 [n, dimensions] from a normal distribution of width 0.1, as the authors draw them."""
    if dimensions < 1:
        raise ContractError(f"dimensions is {dimensions}; it must be at least 1")
    drawn = generator(seed, "graph", "vectors").standard_normal((n, dimensions), dtype=np.float32)
    return torch.from_numpy(0.1 * drawn)


def lightgcn_step(
    adjacency: torch.Tensor,
    vectors: torch.Tensor,
    adam: torch.optim.Optimizer,
    nodes: torch.Tensor,
    layers: int,
    decay: float,
) -> float:
    """Move the vectors against the gradient of one batch of triples, in place; returns the BPR loss before the step.

    Args:
        vectors: float [n, d] before propagation, which ``adam`` steps.
        nodes: int64 [3, b]: user, wanted and unwanted item, as rows of ``vectors``.
        layers, decay: as for ``train_bpr``.
    """
    final = propagate(adjacency, vectors, layers)
    loss = bpr_loss(*final[nodes])
    size = vectors[nodes].pow(2).sum() / (2 * nodes.shape[1])
    adam.zero_grad()
    (loss + decay * size).backward()
    adam.step()
    return loss.item()


def train_bpr(
    graph: UserItemGraph,
    dimensions: int = 64,
    layers: int = 2,
    *,
    epochs: int = 20,
    batch: int = 1_024,
    rate: float = 0.01,
    decay: float = 1e-4,
    seed: int = 0,
) -> tuple[torch.Tensor, list[float]]:
    """Learn the vectors that go into the propagation, the only parameters that LightGCN has.

    Args:
        epochs: rounds over all edges. batch: triples per step of Adam. rate: its step size.
        decay: weight of ½ · |vectors of the triple before propagation|², per triple.

    Returns:
        float32 [n_users + n_items, dimensions], before propagation, and the mean loss of each epoch.
    """
    rng = generator(seed, "graph", "triples")
    vectors = first_vectors(graph.n_users + graph.n_items, dimensions, seed).requires_grad_()
    adam = torch.optim.Adam([vectors], lr=rate)
    losses = []
    for _ in range(epochs):
        user, wanted, unwanted = map(torch.from_numpy, draw_triples(graph, rng))
        triples = torch.stack([user, wanted + graph.n_users, unwanted + graph.n_users])
        total = 0.0
        for nodes in triples.split(batch, dim=1):
            total += nodes.shape[1] * lightgcn_step(graph.adjacency, vectors, adam, nodes, layers, decay)
        losses.append(total / max(triples.shape[1], 1))
    return vectors.detach(), losses
