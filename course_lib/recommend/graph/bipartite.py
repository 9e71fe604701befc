"""The user–item graph: who is joined to what, and how much of a neighbour's vector crosses an edge."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import bmat, csr_matrix, diags

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions


@dataclass(frozen=True, eq=False)
class UserItemGraph:
    """A graph with an edge for each pair of a user and an item that have met; nodes are users first, then items.

    Attributes:
        edges: csr_matrix [n_users, n_items] of ones, float32, indices sorted; see ``user_item_graph``.
    """

    edges: csr_matrix

    @property
    def n_users(self) -> int:
        return self.edges.shape[0]

    @property
    def n_items(self) -> int:
        return self.edges.shape[1]

    @cached_property
    def user_degrees(self) -> np.ndarray:
        """int64 [n_users]: how many items each user is joined to."""
        return np.diff(self.edges.indptr).astype(np.int64)

    @cached_property
    def item_degrees(self) -> np.ndarray:
        """int64 [n_items]: how many users each item is joined to."""
        return np.bincount(self.edges.indices, minlength=self.n_items)

    @cached_property
    def normalised(self) -> csr_matrix:
        """float32 [n_users, n_items]: each edge u–i weighs 1 / √(degree of u · degree of i).

        That is the bold R of He et al., "LightGCN" (SIGIR 2020), equation 3. A node without an edge keeps a row of
        zeros: nothing comes to it from neighbours.
        """
        users, items = (diags(1 / np.sqrt(np.maximum(d, 1))) for d in (self.user_degrees, self.item_degrees))
        return (users @ self.edges @ items).astype(np.float32).tocsr()

    @cached_property
    def adjacency(self) -> torch.Tensor:
        """Sparse CSR tensor [n, n] of all n = n_users + n_items nodes: the normalised matrix and its transpose."""
        square = bmat([[None, self.normalised], [self.normalised.T, None]], format="csr")
        rows, columns = square.indptr.astype(np.int32), square.indices.astype(np.int32)
        parts = (torch.from_numpy(part) for part in (rows, columns, square.data.astype(np.float32)))
        with warnings.catch_warnings():  # that the format is in beta, once per process
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
            return torch.sparse_csr_tensor(*parts, size=square.shape, check_invariants=True)


def user_item_graph(interactions: Interactions) -> UserItemGraph:
    """The graph of all pairs with a positive weight; how often a pair met makes no difference (repeats count once).

    Raises:
        ContractError: a pair with a negative weight in sum, or no pair with a positive one.
    """
    met = interactions.matrix.copy()
    met.sum_duplicates()
    if met.nnz and met.data.min() < 0:
        raise ContractError("a user and an item have a negative weight", remedy="Leave returns out of the graph")
    met.data = (met.data > 0).astype(np.float32)
    met.eliminate_zeros()
    if not met.nnz:
        raise ContractError("there is no edge between a user and an item", remedy="Check the weights of the events")
    return UserItemGraph(met)


def shuffled_graph(graph: UserItemGraph, seed: int = 0, *, rounds: int = 10) -> UserItemGraph:
    """Who is joined to what drawn anew, with every degree kept: what stays is popularity and activity alone.

    Pairs of edges u–i, v–j become u–j, v–i, unless such an edge exists (Maslov & Sneppen, "Specificity and Stability in
    Topology of Protein Networks", Science 2002).

    Args:
        rounds: how many times each edge is offered a swap.
    """
    rng = generator(seed, "shuffled graph")
    users = np.repeat(np.arange(graph.n_users), graph.user_degrees)
    items = graph.edges.indices.astype(np.int64)
    width = graph.n_items
    for _ in range(rounds):
        order = rng.permutation(len(items))
        half = len(order) // 2
        a, b = order[:half], order[half : 2 * half]
        code = users * width + items
        new = np.concatenate([users[a] * width + items[b], users[b] * width + items[a]])
        _, place, count = np.unique(new, return_inverse=True, return_counts=True)
        free = ((count[place] == 1) & ~np.isin(new, code)).reshape(2, half).all(axis=0)
        items[a[free]], items[b[free]] = items[b[free]], items[a[free]]
    edges = csr_matrix((np.ones(len(items), np.float32), (users, items)), shape=graph.edges.shape)
    edges.sort_indices()
    return UserItemGraph(edges)
