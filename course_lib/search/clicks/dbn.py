"""The dynamic Bayesian network by expectation–maximisation: the user may tire as well as be satisfied."""

from __future__ import annotations

from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.clicks.chain import Chain, last_click
from course_lib.search.clicks.model import PairTable, check_pages, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


class DynamicBayesian(Chain):
    """Chapelle & Zhang 2009 (https://doi.org/10.1145/1526709.1526711, §3 and appendix), γ and σ estimated with α.

    Args:
        by_rank: one γ for each place (a user who reads to a random depth), or one for all as in the paper.
        by_pair: one σ for each pair, as in the paper, or one for all.
        curve: float [L], P(look at place p, nothing clicked above) known from elsewhere (``harvest_cascade``), from
            which γ is taken; where it rises by chance, γ = 1.
        prior: pseudo-counts (a, b), for the attraction of each pair, and for σ of each pair.
        rounds: at most. tolerance: largest change of γ and α in a round that counts as none.

    Raises:
        ContractError: a negative prior, a curve that isn't positive, no rounds.
    """

    def __init__(
        self,
        *,
        by_rank: bool = True,
        by_pair: bool = False,
        curve: np.ndarray | None = None,
        prior: tuple[float, float] = (0.5, 0.5),
        rounds: int = 300,
        tolerance: float = 1e-4,
    ):
        if rounds < 1 or not tolerance >= 0:
            raise ContractError(f"rounds is {rounds} and tolerance {tolerance}; they must be at least 1 and 0")
        self.by_rank, self.by_pair, self.prior = by_rank, by_pair, check_prior(prior)
        self.rounds, self.tolerance = rounds, tolerance
        self.curve = None if curve is None else np.minimum.accumulate(np.asarray(curve, dtype=np.float64))
        if self.curve is not None and not (self.curve.ndim == 1 and len(self.curve) > 1 and (self.curve > 0).all()):
            raise ContractError(f"the curve is {curve}; give at least two places, all above 0")

    def fit(self, pages: ResultPages) -> Self:
        """Expectation–maximisation, from α of the click rates, σ = ½ and γ = 0.9."""
        shown, click = check_pages(pages).shown, pages.click
        code, pair = np.unique(pages.code[shown], return_inverse=True)
        clicks = np.bincount(pair, click[shown])
        self.attraction = smoothed(code, clicks, np.bincount(pair), (1.0, 1.0))
        self.satisfaction = PairTable(code, np.full(len(code), 0.5), 0.5)
        self.continuation = np.full(pages.length - 1 if self.by_rank and pages.length > 1 else 1, 0.9)
        if self.curve is not None:
            self.continuation = self.curve[1:] / self.curve[:-1]
        goes = shown[:, 1:]  # whether there is a next place to go on to
        for self.rounds_used in range(1, self.rounds + 1):
            before, guess = self.continuation, self.attraction.value
            looks, satisfied = self._expect(pages)
            self.attraction = smoothed(code, clicks, np.bincount(pair, looks[shown]), self.prior)
            if self.by_pair:
                self.satisfaction = smoothed(code, np.bincount(pair, satisfied[shown]), clicks, self.prior)
            else:
                share = float(satisfied.sum() / max(click.sum(), 1))
                self.satisfaction = PairTable(code, np.full(len(code), share), share)
            went = (looks[:, 1:] * goes).sum(axis=0)
            stood = ((looks - satisfied)[:, :-1] * goes).sum(axis=0)
            if not self.by_rank:
                went, stood = went.sum(keepdims=True), stood.sum(keepdims=True)
            if pages.length > 1 and self.curve is None:
                self.continuation = np.divide(went, stood, out=before.copy(), where=stood > 0)
            moved = max(np.abs(self.continuation - before).max(), np.abs(self.attraction.value - guess).max())
            if moved <= self.tolerance:
                break
        return self

    def _expect(self, pages: ResultPages) -> tuple[np.ndarray, np.ndarray]:
        """float64 [n, L] twice: P(look) and P(satisfied) at each place, given all clicks of the page.

        ``quiet`` is P(no click from place p on | look at p); past the end of a page nothing can be clicked.
        """
        alpha, sigma, gamma = self._parameters(pages)
        n, length = pages.item.shape
        quiet, stay = np.ones((n, length + 1)), np.ones((n, length))
        for p in range(length - 1, -1, -1):
            g = gamma[p] if p < length - 1 else 0.0
            stay[:, p] = 1 - g + g * quiet[:, p + 1]
            quiet[:, p] = np.where(pages.shown[:, p], (1 - alpha[:, p]) * stay[:, p], 1.0)
        last = last_click(pages.click)
        looks, satisfied = np.ones((n, length)), np.zeros((n, length))
        for p in range(length):
            s, final = sigma[:, p], last == p
            satisfied[final, p] = (s / np.maximum(s + (1 - s) * stay[:, p], 1e-300))[final]
            if p + 1 < length:
                on = (looks[:, p] - satisfied[:, p]) * gamma[p] * quiet[:, p + 1] / np.maximum(stay[:, p], 1e-300)
                looks[:, p + 1] = np.where(p < last, 1.0, on)
        return np.where(pages.shown, looks, 0.0), satisfied
