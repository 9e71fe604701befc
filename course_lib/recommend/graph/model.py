"""LightGCN as a recommender: graph, training, and the final vectors that score and list."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.graph.bipartite import UserItemGraph, user_item_graph
from course_lib.recommend.graph.bpr import train_bpr
from course_lib.recommend.graph.engine import Trained, train_softmax
from course_lib.recommend.graph.propagation import layers_of
from course_lib.shop.interactions import Interactions

LOSSES = ("softmax", "bpr")


class LightGCN(Recommender):
    """Vectors of users and items, smoothed over the graph of who took what: score(u, i) = z_u · z_i.

    Source: He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation" (SIGIR 2020).
    Their loss is BPR (``loss="bpr"``); the default is a softmax over the whole catalogue on cosines, which learns more
    from each propagation.

    Args:
        dimensions: length of the vectors.
        layers: steps over the edges; 0 is matrix factorisation.
        loss: "softmax" or "bpr".
        epochs: rounds over the users (softmax) or over the edges (bpr); default: 30 and 20.
        rate: largest step size of Adam.
        temperature: of the softmax.
        minutes: bound on the processor time of the training, softmax only; what it reached is in ``training``.
        seed: of first vectors, order and unwanted items.

    Attributes:
        user_vectors: float32 [n_users, d]. A user without an event has zeros, so that all items tie.
        item_vectors: float32 [n_items, d]; with the softmax each of length 1. An item that nobody has met scores -inf
            and is never listed: no edge leads to it.
        training: ``Trained``: losses, epochs planned and reached, processor seconds.

    Raises:
        ContractError: a parameter out of range, or ``minutes`` with the bpr loss.
    """

    def __init__(
        self,
        dimensions: int = 64,
        layers: int = 2,
        *,
        loss: str = "softmax",
        epochs: int | None = None,
        rate: float = 0.01,
        temperature: float = 0.1,
        minutes: float | None = None,
        seed: int = 0,
    ):
        if dimensions < 1 or layers < 0 or (epochs is not None and epochs < 1) or min(temperature, rate) <= 0:
            raise ContractError(
                "dimensions and epochs must be at least 1, layers at least 0, and rate and temperature above 0"
            )
        if loss not in LOSSES:
            raise ContractError(f"the loss is {loss!r}", remedy=f"Choose one of {', '.join(LOSSES)}")
        if minutes is not None and (loss == "bpr" or not minutes > 0):
            raise ContractError("minutes must be more than 0, and bounds the softmax only", remedy="Or leave it out")
        self.dimensions, self.layers, self.loss = dimensions, layers, loss
        self.epochs, self.rate, self.temperature = epochs, rate, temperature
        self.minutes, self.seed = minutes, seed

    def _fit(self, interactions: Interactions) -> None:
        graph = user_item_graph(interactions)
        self.training = self._train(graph)
        steps = layers_of(graph.adjacency, self.training.vectors, self.layers)
        final = sum(steps) / (self.layers + 1)
        users, items = final[: graph.n_users].clone(), final[graph.n_users :]
        users[torch.from_numpy(graph.user_degrees == 0)] = 0  # drawn by chance, never learned
        # For new users: what an item sends over one edge in all steps, before the user's own degree divides it
        sent = (final * (self.layers + 1) - steps[-1])[graph.n_users :] / (self.layers + 1)
        self._sent = (sent.numpy().T / np.sqrt(np.maximum(graph.item_degrees, 1))).T.astype(np.float32)
        self._unmet = np.flatnonzero(graph.item_degrees == 0)
        self.item_vectors = (normalize(items, dim=1) if self.loss == "softmax" else items).numpy()
        self.user_vectors = users.numpy()

    def _train(self, graph: UserItemGraph) -> Trained:
        if self.loss == "softmax":
            return train_softmax(
                graph, self.dimensions, self.layers, epochs=self.epochs or 30, rate=self.rate,
                temperature=self.temperature, minutes=self.minutes, seed=self.seed,
            )  # fmt: skip
        began, epochs = time.process_time(), self.epochs or 20
        vectors, losses = train_bpr(
            graph, self.dimensions, self.layers, epochs=epochs, rate=self.rate, seed=self.seed
        )
        return Trained(vectors, losses, float(epochs), epochs, time.process_time() - began)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        scores = self.user_vectors[rows] @ self.item_vectors.T
        scores[:, self._unmet] = -np.inf  # where they stand is chance
        return scores

    def vectors_of_new(self, histories: Sequence[Iterable[str]]) -> np.ndarray:
        """Vectors of people who came after the training, from their items alone: float32 [n, d], nothing retrained.

        Such a user has no vector of their own yet (layer 0 is zero); what arrives over their edges is computed exactly,
        and what they would send back to the items is left out. ``vectors @ item_vectors.T`` are the scores.

        Args:
            histories: public item ids of each new user; repeats count once, nothing gives a vector of zeros.

        Raises:
            ContractError: not fitted yet. UnknownIdError: an item outside the catalogue.
        """
        if self.interactions is None:
            raise ContractError("LightGCN has learned nothing yet", remedy="Call fit(interactions) first")
        found = np.zeros((len(histories), self.dimensions), dtype=np.float32)
        for place, history in enumerate(histories):
            rows = np.unique(self.interactions.items.rows(list(history)))
            if len(rows):
                found[place] = self._sent[rows].sum(axis=0) / np.sqrt(len(rows))
        return found
