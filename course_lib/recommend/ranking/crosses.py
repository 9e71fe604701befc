"""Crosses: what a linear model can't see by itself, "cheap *and* a bargain hunter", as a column of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, hstack

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking.features import Table


class Crosses:
    """Each feature in bins, and each chosen pair of features in the product of their bins: one column of 0 / 1 for each.

    The edges are quantiles of the training rows, so that bins are about equally full; a feature with few values has a
    bin for each.

    Source: Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems" (DLRS), eq. 1: cross-product features.

    Args:
        pairs: names of two columns each. bins: at most so many for each feature.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]] = (), bins: int = 8):
        if bins < 2:
            raise ContractError(f"bins is {bins}; it must be at least 2")
        self.pairs, self.bins = tuple(pairs), bins

    def fit(self, table: Table) -> Self:
        """Learn the edges; raises ContractError for an empty table or a pair whose column isn't there."""
        if not len(table):
            raise ContractError("there are no rows to learn bins from")
        for name in {name for pair in self.pairs for name in pair}:
            table.column(name)
        inner = np.linspace(0, 1, self.bins + 1)[1:-1]
        self.edges = {n: np.unique(np.quantile(table.column(n), inner, method="lower")) for n in table.names}
        return self

    def transform(self, table: Table) -> csr_matrix:
        """float64 csr_matrix [n, columns], a 1 for each feature and each pair.

        Raises:
            ContractError: before ``fit``, or a table without one of the columns.
        """
        if not hasattr(self, "edges"):
            raise ContractError("the bins are not known yet", remedy="Call fit(table) first")
        at = {name: np.searchsorted(edges, table.column(name), side="left") for name, edges in self.edges.items()}
        size = {name: len(edges) + 1 for name, edges in self.edges.items()}
        blocks = [_one_hot(at[name], size[name]) for name in at]
        blocks += [_one_hot(at[a] * size[b] + at[b], size[a] * size[b]) for a, b in self.pairs]
        return hstack(blocks, format="csr")


def _one_hot(number: np.ndarray, size: int) -> csr_matrix:
    n = len(number)
    return csr_matrix((np.ones(n), number, np.arange(n + 1)), shape=(n, size))
