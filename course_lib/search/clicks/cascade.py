"""The cascade model: the user reads from the top, clicks the first product that attracts, and is gone."""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.search.clicks.chain import Chain
from course_lib.search.clicks.model import PairTable, check_pages, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


class Cascade(Chain):
    """Craswell et al. 2008 (https://doi.org/10.1145/1341531.1341545, §3.4): every click satisfies, nobody tires.

    α = clicks / looks, where a page's looks end at its first click; a page without a click was read to its end. Second
    clicks are impossible in this model, and are left out in fitting; their likelihood is 0.

    Args:
        prior: pseudo-counts of looks with and without a click, for each pair.
    """

    def __init__(self, *, prior: tuple[float, float] = (0.5, 0.5)):
        self.prior = check_prior(prior)

    def fit(self, pages: ResultPages) -> Self:
        """Counting, in closed form."""
        above = np.cumsum(check_pages(pages).click, axis=1) - pages.click
        looked = pages.shown & (above == 0)
        code, pair = np.unique(pages.code[pages.shown], return_inverse=True)
        looks = np.bincount(pair, looked[pages.shown])
        clicks = np.bincount(pair, (looked & pages.click)[pages.shown])
        self.attraction = smoothed(code, clicks, looks, self.prior)
        self.satisfaction = PairTable(code, np.ones(len(code)), 1.0)
        self.continuation = np.ones(1)
        return self
