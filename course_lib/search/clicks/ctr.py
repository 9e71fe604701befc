"""The two baselines: the click rate of a place, whatever stands there, and that of a product, wherever it stands."""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.search.clicks.model import ClickModel, PairTable, PlaceModel, check_pages, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


class RankCTR(PlaceModel):
    """P(click) depends on the place alone: all products are alike.

    Attributes:
        examination: float64 [L], the click rate of each place relative to the first. It is the curve of examination
            only where products of equal relevance stand everywhere; a good ranker makes it too steep.
    """

    def fit(self, pages: ResultPages) -> Self:
        """Clicks over impressions of each place."""
        shown = check_pages(pages).shown
        rate = pages.click.sum(axis=0) / np.maximum(shown.sum(axis=0), 1)
        self.examination = rate / rate.max() if rate.any() else np.ones(pages.length)
        self.attraction = PairTable(np.empty(0, dtype=np.int64), np.empty(0), float(rate.max()))
        return self


class DocumentCTR(ClickModel):
    """P(click) depends on query and product alone: every place is seen.

    Args:
        prior: pseudo-counts of clicks and of impressions without one.
    """

    def __init__(self, *, prior: tuple[float, float] = (0.0, 0.0)):
        self.prior = check_prior(prior)

    def fit(self, pages: ResultPages) -> Self:
        """Clicks over impressions of each (query, product)."""
        shown = check_pages(pages).shown
        code, pair = np.unique(pages.code[shown], return_inverse=True)
        clicks = np.bincount(pair, weights=pages.click[shown], minlength=len(code))
        self.attraction = smoothed(code, clicks, np.bincount(pair, minlength=len(code)), self.prior)
        return self

    def examination_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: 1 wherever something is shown."""
        self._fitted()
        return check_pages(pages).shown.astype(np.float64)

    def click_probabilities(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: the click rate of query and product."""
        return self._attraction(pages)
