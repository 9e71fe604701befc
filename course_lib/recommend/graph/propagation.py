"""LightGCN's propagation: a node's vector becomes the mean of what reaches it over 0, 1, … K edges."""

from __future__ import annotations

from typing import Any

import torch

from course_lib.core.errors import ContractError


class _Smooth(torch.autograd.Function):
    """One step over the edges. The adjacency is symmetric, so that gradients flow back through the same product."""

    @staticmethod
    def forward(ctx: Any, adjacency: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        ctx.adjacency = adjacency
        return adjacency @ vectors

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, ctx.adjacency @ gradient


def smooth(adjacency: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """What each node gets from its neighbours: Σ_neighbours vector / √(degree · neighbour's degree).

    Args:
        adjacency: sparse [n, n], symmetric (``UserItemGraph.adjacency``).
        vectors: float [n, d], users first, then items.
    """
    return _Smooth.apply(adjacency, vectors)


def layers_of(adjacency: torch.Tensor, vectors: torch.Tensor, layers: int) -> list[torch.Tensor]:
    """The vectors after 0, 1, … ``layers`` steps, each float [n, d]: He et al., "LightGCN" (SIGIR 2020), equation 3.

    Raises:
        ContractError: fewer than 0 layers, or not one vector for each node.
    """
    if layers < 0:
        raise ContractError(f"layers is {layers}; it must be at least 0")
    if vectors.ndim != 2 or len(vectors) != adjacency.shape[0]:
        raise ContractError(f"vectors {tuple(vectors.shape)} must be [{adjacency.shape[0]}, d], one row per node")
    found = [vectors]
    for _ in range(layers):
        found.append(smooth(adjacency, found[-1]))
    return found


def propagate(adjacency: torch.Tensor, vectors: torch.Tensor, layers: int) -> torch.Tensor:
    """float [n, d]: the mean of all layers (equation 4 there, each layer with the weight 1 / (K + 1))."""
    return sum(layers_of(adjacency, vectors, layers)) / (layers + 1)
