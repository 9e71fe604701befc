"""The logging policy: which lists the shop shows on its pages, and with which probability.

A page is a query's results, a leaf's category page, or the home page of a cluster. Each has a set of *eligible* items
and ``variants`` prepared rankings of them. With probability 1 − ε the *production ranker* shows one of these rankings
(equally likely) without what is not available in the week; with probability ε the list is a uniform random ordering of
all eligible items that are available. So the exact marginal probability of this item at this position is

    propensity(item, position) = (1 − ε) · production + ε · uniform
    production = (variants with the item there) / variants        uniform = 1 / n_available
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib.shop.simulator.catalogue import NONE

DEPTH = 4  #: how many lists deep the prepared rankings are, so that what is sold out can be passed over
_CHUNK = 16_384  #: page-weeks filtered at a time


class Lists(NamedTuple):
    """What n page views showed.

    Attributes:
        items: int [n, length], catalogue rows, NONE pads.
        propensity, production, uniform: float [n, length], NaN under pads.
        randomised: bool [n], the list is a random ordering.
    """

    items: np.ndarray
    propensity: np.ndarray
    production: np.ndarray
    uniform: np.ndarray
    randomised: np.ndarray


@dataclass(frozen=True, eq=False)
class Pages:
    """All pages of the shop.

    Attributes:
        eligible: for each page, int [n_eligible] catalogue rows.
        rankings: int32 [n_pages, variants, DEPTH · length], catalogue rows, NONE beyond the eligible items.
        available: bool [n_items, n_weeks].
        n_available: int [n_pages, n_weeks], eligible items that are available.
        length: positions of a list. randomised: ε.
    """

    eligible: list[np.ndarray]
    rankings: np.ndarray
    available: np.ndarray
    n_available: np.ndarray
    length: int
    randomised: float

    def show(self, pages: np.ndarray, weeks: np.ndarray, rng: np.random.Generator) -> Lists:
        """Draw one list for each page view, int [n] pages in int [n] weeks."""
        n_weeks, variants = self.available.shape[1], self.rankings.shape[1]
        visited, view = np.unique(pages * n_weeks + weeks, return_inverse=True)
        prepared = self._in_stock(*np.divmod(visited, n_weeks))
        items = prepared[view, rng.integers(variants, size=len(pages))]
        at_random = rng.random(len(pages)) < self.randomised
        self._shuffle(items, np.flatnonzero(at_random), view, visited, rng)
        count = np.zeros(items.shape)
        for variant in range(variants):  # one variant at a time keeps memory at the size of the lists
            count += prepared[view, variant] == items
        gap = items == NONE
        production = np.where(gap, np.nan, count / variants)
        uniform = np.where(gap, np.nan, 1 / np.maximum(self.n_available[pages, weeks], 1)[:, None])
        propensity = (1 - self.randomised) * production + self.randomised * uniform
        return Lists(items, propensity, production, uniform, at_random)

    def _in_stock(self, pages: np.ndarray, weeks: np.ndarray) -> np.ndarray:
        """int32 [n, variants, length]: the prepared rankings of these pages without what is not available."""
        lists = np.empty((len(pages), self.rankings.shape[1], self.length), dtype=np.int32)
        for start in range(0, len(pages), _CHUNK):
            part = slice(start, start + _CHUNK)
            ranked = self.rankings[pages[part]]
            there = (ranked != NONE) & self.available[ranked, weeks[part, None, None]]
            first = np.argsort(~there, axis=2, kind="stable")[:, :, : self.length]
            lists[part] = np.take_along_axis(np.where(there, ranked, NONE), first, axis=2)
        return lists

    def _shuffle(
        self, items: np.ndarray, views: np.ndarray, view: np.ndarray, visited: np.ndarray, rng: np.random.Generator
    ) -> None:
        """Replace the lists of these views by uniform random orderings, in place."""
        views = views[np.argsort(view[views], kind="stable")]
        in_week = np.ascontiguousarray(self.available.T)  # a week's items side by side: ten times as fast in a large shop
        for same in np.split(views, np.flatnonzero(np.diff(view[views])) + 1):
            if not len(same):
                continue
            page, week = divmod(int(visited[view[same[0]]]), self.available.shape[1])
            stock = self.eligible[page]
            stock = stock[in_week[week][stock]]
            shown = min(self.length, len(stock))
            items[same, shown:] = NONE
            for row in same:
                items[row, :shown] = rng.choice(stock, size=shown, replace=False)


def prepare(
    eligible: list[np.ndarray],
    scores: list[np.ndarray],
    available: np.ndarray,
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
        available: bool [n_items, n_weeks].
    """
    depth = DEPTH * length
    rankings = np.full((len(eligible), variants, depth), NONE, dtype=np.int32)
    n_available = np.zeros((len(eligible), available.shape[1]), dtype=np.int64)
    for page, (items, score) in enumerate(zip(eligible, scores)):
        noisy = -(score + noise * rng.standard_normal((variants, len(items))))
        if len(items) > depth:  # the best ones first, unordered: a full sort of a large shop's pages takes minutes
            best = np.argpartition(noisy, depth, axis=1)[:, :depth]
        else:
            best = np.tile(np.arange(len(items)), (variants, 1))
        order = np.argsort(np.take_along_axis(noisy, best, axis=1), axis=1, kind="stable")
        rankings[page, :, : best.shape[1]] = items[np.take_along_axis(best, order, axis=1)]
        n_available[page] = np.count_nonzero(available[items], axis=0)
    return Pages(eligible, rankings, available, n_available, length, randomised)
