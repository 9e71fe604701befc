"""The simplified dynamic Bayesian network: the last click is the one that satisfied, and nobody tires before it."""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.search.clicks.chain import Chain, last_click
from course_lib.search.clicks.model import check_pages, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


class SimplifiedDBN(Chain):
    """Chapelle & Zhang 2009 (https://doi.org/10.1145/1526709.1526711): γ = 1.

    α = clicks / impressions at or above the page's last click; σ = last clicks / clicks. A page without a click was
    read to its end. What was read below a last click that did not satisfy is forgotten, so both come out too high where
    σ is well below 1; ``DynamicBayesian`` weighs that possibility.

    Args:
        prior: pseudo-counts (a, b), for attraction and for satisfaction of each pair.
    """

    def __init__(self, *, prior: tuple[float, float] = (0.5, 0.5)):
        self.prior = check_prior(prior)

    def fit(self, pages: ResultPages) -> Self:
        """Counting, in closed form."""
        shown, last = check_pages(pages).shown, last_click(pages.click)[:, None]
        place = np.arange(pages.length)
        looked = shown & ((place <= last) | (last < 0))
        code, pair = np.unique(pages.code[shown], return_inverse=True)
        looks, clicks = np.bincount(pair, looked[shown]), np.bincount(pair, pages.click[shown])
        lasts = np.bincount(pair, (pages.click & (place == last))[shown])
        self.attraction = smoothed(code, clicks, looks, self.prior)
        self.satisfaction = smoothed(code, lasts, clicks, self.prior)
        self.continuation = np.ones(1)
        return self
