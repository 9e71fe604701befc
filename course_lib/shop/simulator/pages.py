"""The logging policy: which lists the shop shows on its pages, and with which probability.

A page is a query's results, a leaf's category page, or the home page of a cluster. Each has a set of *eligible*
items and ``variants`` prepared rankings of them. With probability 1 − ε the list is one of these rankings (equally likely),
with probability ε a uniform random ordering of all eligible items, so that

    propensity(item, position) = (1 − ε) · (variants with the item there) / variants + ε / n_eligible

is the exact marginal probability that the page shows this item at this position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.simulator.catalogue import NONE


@dataclass(frozen=True, eq=False)
class Pages:
    """All pages of the shop.

    Attributes:
        eligible: for each page, int [n_eligible] catalogue rows.
        rankings: int [n_pages, variants, length], catalogue rows, NONE beyond the eligible items.
        randomised: ε.
    """

    eligible: list[np.ndarray]
    rankings: np.ndarray
    randomised: float

    def show(self, pages: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw one list for each page view.

        Returns:
            items int [n, length] (NONE pads), propensity float [n, length] (NaN under pads), bool [n]: random ordering.
        """
        variants, length = self.rankings.shape[1:]
        lists = self.rankings[pages, rng.integers(variants, size=len(pages))]
        at_random = rng.random(len(pages)) < self.randomised
        for view in np.flatnonzero(at_random):
            eligible = self.eligible[pages[view]]
            lists[view, : len(eligible)] = rng.choice(eligible, size=min(length, len(eligible)), replace=False)
        n_eligible = np.array([len(e) for e in self.eligible])[pages]
        prepared = np.zeros(lists.shape)
        for variant in range(variants):  # one variant at a time keeps memory at the size of the lists
            prepared += self.rankings[pages, variant] == lists
        propensity = (1 - self.randomised) * prepared / variants + self.randomised / np.maximum(n_eligible, 1)[:, None]
        return lists, np.where(lists == NONE, np.nan, propensity), at_random


def prepare(
    eligible: list[np.ndarray],
    scores: list[np.ndarray],
    *,
    length: int,
    variants: int,
    noise: float,
    randomised: float,
    rng: np.random.Generator,
) -> Pages:
    """Pages whose variants rank the eligible items by score plus normal noise (a ranker that errs).

    Args:
        eligible, scores: for each page, catalogue rows and what the ranker thinks of them, aligned.
    """
    rankings = np.full((len(eligible), variants, length), NONE, dtype=np.int64)
    for page, (items, score) in enumerate(zip(eligible, scores)):
        noisy = score + noise * rng.standard_normal((variants, len(items)))
        rankings[page, :, : len(items)] = items[np.argsort(-noisy, axis=1)[:, :length]]
    return Pages(eligible, rankings, randomised)
