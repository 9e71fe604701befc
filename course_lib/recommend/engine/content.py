"""Candidates by what a product is: the only door through which one that nobody has touched yet can come in."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.sparse import csr_matrix, hstack

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.engine.products import catalogue_of, product_rows
from course_lib.recommend.ranking import Catalogue
from course_lib.shop.interactions import Interactions

if TYPE_CHECKING:
    from datasets import Dataset


class ContentNeighbours(Recommender):
    """Products of the kinds that the user's history holds: score(u, i) = Σ_g w_g · share_g(u, group of i).

    share_g is the part of the user's history (by weight) in the item's group: its department, its category, its brand.
    What users did with an item counts nothing, so that a new product stands beside the old ones of its kind; of equal
    scores, the product that fewer people have touched comes first.

    Args:
        items: the items table of the shop, or rows of it.
        weights: of department, category and brand.
        most_events: propose only products with at most so many events in the training data; ``None``: all.

    Raises:
        ContractError: a weight below 0 or for an unknown group, most_events below 0, another catalogue on ``fit``.
    """

    needs_evidence = True
    WEIGHTS = {"department": 0.1, "category": 1.0, "brand": 0.3}

    def __init__(
        self, items: Dataset | Any, *, weights: Mapping[str, float] | None = None, most_events: int | None = None
    ):
        self.weights = dict(self.WEIGHTS if weights is None else weights)
        if set(self.weights) - set(self.WEIGHTS) or not all(w >= 0 for w in self.weights.values()):
            raise ContractError(f"weights must be at least 0, for {', '.join(self.WEIGHTS)}")
        if most_events is not None and most_events < 0:
            raise ContractError(f"most_events is {most_events}; it must be at least 0, or None for all products")
        self.most_events = most_events
        self.catalogue = items if isinstance(items, Catalogue) else catalogue_of(product_rows(items))

    def _fit(self, interactions: Interactions) -> None:
        if interactions.items != self.catalogue.ids:
            raise ContractError("the interactions have another catalogue than the items table")
        self._learn(np.bincount(interactions.item_rows, minlength=len(interactions.items)))

    def _learn(self, events: np.ndarray) -> None:
        self.events, parts = events, []
        for name, weight in self.weights.items():
            group = self.catalogue.groups[name]
            known = np.flatnonzero(group >= 0)
            shape = (len(group), int(group.max(initial=0)) + 1)
            parts.append(csr_matrix((np.full(len(known), np.sqrt(weight)), (known, group[known])), shape=shape))
        self._groups = hstack(parts, format="csr").astype(np.float32)
        # Smaller than any share of a history could be: it orders equals and nothing else.
        self._few = (1e-6 / (1.0 + events)).astype(np.float32)
        self._shown = np.ones(len(events), dtype=bool) if self.most_events is None else events <= self.most_events

    def extended(self, catalogue: Catalogue, interactions: Interactions) -> Self:
        """The same over a catalogue with more products at its end, nothing learned anew."""
        grown = copy.copy(self)
        grown.catalogue, grown.interactions = catalogue, interactions
        grown._learn(np.r_[self.events, np.zeros(len(catalogue.ids) - len(self.events), dtype=self.events.dtype)])
        return grown

    def _score(self, rows: np.ndarray) -> np.ndarray:
        had = self.interactions.matrix[rows]
        total = np.asarray(had.sum(axis=1)).ravel()
        taste = (had.multiply(1 / np.where(total > 0, total, 1)[:, None]).tocsr() @ self._groups) @ self._groups.T
        scores = taste.toarray().astype(np.float32)
        return np.where((scores > 0) & self._shown, scores + self._few, 0)
