"""The linear-filter view: a graph recommender with nothing to train, as a strong baseline for one that trains."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.graph.bipartite import user_item_graph
from course_lib.recommend.graph.spectrum import largest_singular
from course_lib.shop.interactions import Interactions


class GraphFilter(Recommender):
    """A user's history is a signal on the items; what is left after smoothing it is the score.

    score(u, ·) = x_u (RᵀR + α D^-½ V Vᵀ D^½): x_u is the 0/1 row of the user's history, R the normalised user–item
    matrix, D the diagonal of item degrees, V its ``rank`` largest right singular vectors. The first filter walks two
    edges; the second keeps only the patterns that vary slowly over the graph.

    Source: Shen et al., "How Powerful is Graph Convolution for Recommendation?" (CIKM 2021), GF-CF.

    Args:
        rank: how many singular vectors; at most the shorter side of the matrix is used.
        alpha: α, weight of the second filter; 0 leaves it out.
        seed: of the subspace iteration's start.

    Attributes:
        walk: csr_matrix [n_users, n_items], R. RᵀR is never built: it has an entry for each pair of items with a common
            user, forty-five times as many as R on Gowalla.
        patterns: float32 [n_items, rank], V.

    Raises:
        ContractError: a rank below 1, or a negative alpha.
    """

    needs_evidence = True

    def __init__(self, rank: int = 64, alpha: float = 0.3, seed: int = 0):
        if rank < 1 or not alpha >= 0:
            raise ContractError(f"rank is {rank} and alpha {alpha}; they must be at least 1 and 0")
        self.rank, self.alpha, self.seed = rank, alpha, seed

    def _fit(self, interactions: Interactions) -> None:
        graph = user_item_graph(interactions)
        self.edges, self.walk = graph.edges, graph.normalised
        rank = min(self.rank, *graph.edges.shape)
        _, _, self.patterns = largest_singular(graph.normalised, rank, seed=self.seed)
        self.root_degrees = np.sqrt(np.maximum(graph.item_degrees, 1)).astype(np.float32)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        history = self.edges[rows]
        near = (history @ self.walk.T @ self.walk).toarray()
        if self.alpha:
            slow = (history.multiply(1 / self.root_degrees).tocsr() @ self.patterns) @ self.patterns.T
            near += self.alpha * slow * self.root_degrees
        return near
