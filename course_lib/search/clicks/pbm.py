"""The position-based model: a click needs a look at the place, and a product that attracts. Each has its own chance."""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.clicks.cells import count_cells
from course_lib.search.clicks.model import PlaceModel, by_rank, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


class PositionBased(PlaceModel):
    """P(click at place p on product d of query q) = θ_p · α_qd (Craswell et al., WSDM 2008, §3; Chuklin, Markov & de
    Rijke, "Click Models for Web Search", 2015, §3.2). Fitted by expectation–maximisation.

    Only the product θ · α shows in a log, so the first place is taken as always seen: θ_1 = 1. The others are
    comparable only if the same pairs were shown at several places: a log of one fixed list says nothing.

    Args:
        prior: pseudo-counts (a, b) of attracted and not attracted users, for each pair. Without them a pair that was
            shown once explains its own click perfectly, and the curve comes out too flat; with many of them the
            products are alike, and what the ranker did well looks like examination: too steep.
        curve: float [L], θ known from elsewhere (``harvest_examination``): only α is estimated.
        rounds: at most. tolerance: largest change of θ and α in a round that counts as none.

    Attributes:
        examination: float64 [L], θ. attraction: α. rounds_used: int.

    Raises:
        ContractError: a negative prior, a curve outside 0–1, no rounds.
    """

    def __init__(
        self,
        *,
        prior: tuple[float, float] = (0.5, 0.5),
        curve: np.ndarray | None = None,
        rounds: int = 1_000,
        tolerance: float = 1e-5,
    ):
        if rounds < 1 or not tolerance >= 0:
            raise ContractError(f"rounds is {rounds} and tolerance {tolerance}; they must be at least 1 and 0")
        self.curve = None if curve is None else np.asarray(curve, dtype=np.float64)
        if self.curve is not None and not (self.curve.ndim == 1 and ((self.curve > 0) & (self.curve <= 1)).all()):
            raise ContractError(f"the curve is {self.curve}; its values must be above 0 and at most 1")
        self.prior, self.rounds, self.tolerance = check_prior(prior), rounds, tolerance

    def fit(self, pages: ResultPages) -> Self:
        """Expectation–maximisation on the counts of each (pair, place)."""
        code, pair, place, clicks, trials = count_cells(pages)
        of_pair, of_place = np.bincount(pair, trials), np.maximum(np.bincount(place, trials, pages.length), 1)
        theta = np.bincount(place, clicks, pages.length) / of_place  # from the click rate of each place
        theta = np.clip(theta / max(theta[0], 1e-12), 0.01, 1.0)
        theta[0] = 1.0
        theta = theta if self.curve is None else by_rank(self.curve, pages.length)
        attraction = smoothed(code, np.bincount(pair, clicks), of_pair, (1.0, 1.0))
        for self.rounds_used in range(1, self.rounds + 1):
            alpha, seen, before = attraction.value[pair], theta[place], (theta, attraction.value)
            missed = (trials - clicks) / np.maximum(1 - seen * alpha, 1e-12)
            # Of the impressions without a click: looked at but not attracted, and attracted but not looked at.
            looks = clicks + missed * seen * (1 - alpha)
            attracted = clicks + missed * alpha * (1 - seen)
            if self.curve is None:
                theta = np.bincount(place, looks, pages.length) / of_place
                theta[0] = 1.0
            attraction = smoothed(code, np.bincount(pair, attracted), of_pair, self.prior)
            if max(np.abs(theta - before[0]).max(), np.abs(attraction.value - before[1]).max()) <= self.tolerance:
                break
        self.examination, self.attraction = theta, attraction
        return self
