"""LightGCN trained for quality on one processor: the full softmax, a start from the spectrum, a bound on the time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.recommend.graph.bipartite import UserItemGraph
from course_lib.recommend.graph.bpr import first_vectors
from course_lib.recommend.graph.propagation import propagate
from course_lib.recommend.graph.softmax import full_softmax
from course_lib.recommend.graph.spectrum import largest_singular


@dataclass(frozen=True)
class Trained:
    """What a training reached.

    Attributes:
        vectors: float32 [n_users + n_items, d], before propagation.
        losses: mean loss of each epoch, the last of which may be cut short.
        epochs: epochs trained, a part of one included. planned: epochs asked for.
        cpu_seconds: processor time of this process, all its threads.
    """

    vectors: torch.Tensor
    losses: list[float]
    epochs: float
    planned: int
    cpu_seconds: float

    @property
    def stopped(self) -> bool:
        """Whether the time was up before the planned epochs were."""
        return self.epochs < self.planned


class Clock:
    """How far a training is, by steps or by time, whichever is further: 0 at its start, 1 at its end."""

    def __init__(self, steps: int, minutes: float | None):
        if minutes is not None and not minutes > 0:
            raise ContractError(f"minutes is {minutes}; it must be more than 0, or None for no bound")
        self.steps, self.seconds = steps, math.inf if minutes is None else 60 * minutes
        self.began, self.taken = time.process_time(), 0

    @property
    def elapsed(self) -> float:
        return time.process_time() - self.began

    @property
    def progress(self) -> float:
        return min(1.0, max(self.taken / max(self.steps, 1), self.elapsed / self.seconds))


def spectral_vectors(graph: UserItemGraph, dimensions: int, seed: int) -> torch.Tensor:
    """float32 [n, d] to start from: singular vectors of the normalised matrix, each times √(singular value).

    They are scaled to the width of ``first_vectors``. Where the graph has fewer patterns than dimensions, and for nodes
    without an edge, what is missing is drawn as there.
    """
    start = first_vectors(graph.n_users + graph.n_items, dimensions, seed)
    rank = min(dimensions, *graph.edges.shape)
    left, size, right = largest_singular(graph.normalised, rank, seed=seed)
    found = np.concatenate([left, right]) * np.sqrt(size)
    joined = np.concatenate([graph.user_degrees, graph.item_degrees]) > 0
    found *= 0.1 / max(found[joined].std(), 1e-12)
    start[torch.from_numpy(joined), :rank] = torch.from_numpy(found[joined].astype(np.float32))
    return start


def train_softmax(
    graph: UserItemGraph,
    dimensions: int = 64,
    layers: int = 2,
    *,
    epochs: int = 30,
    users_per_step: int = 1_024,
    rate: float = 0.01,
    temperature: float = 0.1,
    activity: float = 0.5,
    decay: float = 0.0,
    minutes: float | None = None,
    seed: int = 0,
    report: Callable[[int, float], None] | None = None,
) -> Trained:
    """Learn vectors whose cosines, after propagation, give each user's items a large share among all items.

    One propagation serves a step of many users with all their items at once; each item counts 1 / degree of its user to
    the power ``activity``. Adam with a step size that falls from ``rate`` to 0 along half a cosine, over the epochs
    planned or over ``minutes`` of processor time, whichever ends first. The same seed gives the same vectors on the
    same machine as long as the time doesn't run out.

    Args:
        decay: weight of ½ · mean square of the vectors before propagation.
        report: called after each epoch with its number, from 1, and its mean loss.
    """
    active = np.flatnonzero(graph.user_degrees)
    steps = math.ceil(len(active) / users_per_step)
    clock, rng = Clock(epochs * steps, minutes), generator(seed, "graph", "users")
    vectors = spectral_vectors(graph, dimensions, seed).requires_grad_()
    adam = torch.optim.Adam([vectors], lr=rate)
    worth = torch.from_numpy(np.maximum(graph.user_degrees, 1).astype(np.float32) ** -activity)
    losses: list[float] = []
    while len(losses) < epochs and clock.progress < 1:
        total, mass = 0.0, 0.0
        for users in np.array_split(rng.permutation(active), steps):
            if clock.progress >= 1:
                break
            adam.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * clock.progress)) / 2
            row, item = map(torch.from_numpy, _pairs(graph, users))
            weight = worth[torch.from_numpy(users)][row]
            final = normalize(propagate(graph.adjacency, vectors, layers), dim=1)
            loss = full_softmax(
                final[torch.from_numpy(users)], final[graph.n_users :], row, item, weight, temperature=temperature
            )
            adam.zero_grad()
            (loss / weight.sum() + decay * vectors.pow(2).mean() / 2).backward()
            adam.step()
            clock.taken += 1
            total, mass = total + loss.item(), mass + weight.sum().item()
        losses.append(total / max(mass, 1e-12))
        if report:
            report(len(losses), losses[-1])
    return Trained(vectors.detach(), losses, clock.taken / max(steps, 1), epochs, clock.elapsed)


def _pairs(graph: UserItemGraph, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in ``users`` and rows of their items, int64 [m] each."""
    row = np.repeat(np.arange(len(users)), graph.user_degrees[users])
    return row, graph.edges[users].indices.astype(np.int64)
