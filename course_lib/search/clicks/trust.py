"""Trust bias: what stands on top is clicked because it stands there, even where it isn't what the user wanted."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.special import expit, logit

from course_lib.core.errors import ContractError
from course_lib.search.clicks.cells import count_cells
from course_lib.search.clicks.model import ClickModel, PairTable, by_rank, check_pages
from course_lib.search.clicks.pages import ResultPages
from course_lib.search.clicks.regression import Features, design, newton_step


class TrustBias(ClickModel):
    """P(click at place p) = r(x) · hit_p + (1 − r(x)) · slip_p, r(x) the chance that the product is what was wanted.

    Agarwal et al. 2019 (https://doi.org/10.1145/3308558.3313697): hit = θ ε⁺ and slip = θ ε⁻, whose factors no log
    can tell apart. hit_1 is set to 1. With slip = 0 it is ``RegressionEM``. What tells the two chances apart is the
    form of r alone – a mixture of two, logistic in the features – so they are known less well than a curve of looks.

    Args:
        features: gives the features of pairs. ridge, rounds, tolerance: as in ``RegressionEM``.

    Attributes:
        hit, slip: float64 [L]. attraction: r of each pair. weights: float64 [d + 1].
    """

    def __init__(self, features: Features, *, ridge: float = 1e-3, rounds: int = 2_000, tolerance: float = 1e-5):
        if rounds < 1 or not tolerance >= 0 or not ridge >= 0:
            raise ContractError(f"rounds {rounds}, tolerance {tolerance}, ridge {ridge}: at least 1, 0 and 0")
        self.features, self.ridge, self.rounds, self.tolerance = features, ridge, rounds, tolerance

    def fit(self, pages: ResultPages) -> Self:
        """Expectation–maximisation: was the product wanted, given that it was clicked, or that it wasn't?"""
        code, pair, place, clicks, trials = count_cells(pages)
        x, of_pair = design(self.features, code), np.bincount(pair, trials)
        rate = np.bincount(place, clicks, pages.length) / np.maximum(np.bincount(place, trials, pages.length), 1)
        hit = np.clip(rate / max(rate[0], 1e-12), 0.01, 1.0)
        slip = hit * rate[0] / 4
        self.weights = np.r_[logit(np.clip(rate[0], 0.01, 0.99)), np.zeros(x.shape[1] - 1)]
        r = expit(x @ self.weights)
        for self.rounds_used in range(1, self.rounds + 1):
            before, wanted = (hit, slip, r), r[pair]
            yes = wanted * hit[place]
            yes = clicks * yes / np.maximum(yes + (1 - wanted) * slip[place], 1e-12)  # clicks on what was wanted
            no = wanted * (1 - hit[place])
            no = (trials - clicks) * no / np.maximum(no + (1 - wanted) * (1 - slip[place]), 1e-12)
            good, bad = np.bincount(place, yes + no, pages.length), np.bincount(place, trials - yes - no, pages.length)
            hit = np.bincount(place, yes, pages.length) / np.maximum(good, 1e-12)
            slip = np.bincount(place, clicks - yes, pages.length) / np.maximum(bad, 1e-12)
            hit[0] = 1.0
            self.weights = newton_step(self.weights, x, np.bincount(pair, yes + no), of_pair, self.ridge)
            r = expit(x @ self.weights)
            if max(np.abs(a - b).max() for a, b in zip((hit, slip, r), before)) <= self.tolerance:
                break
        self.hit, self.slip = hit, slip
        self.attraction = PairTable(code, r, float(of_pair @ r / of_pair.sum()))
        return self

    def examination_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: hit − slip, the part of the clicks at a place that depends on what stands there."""
        self._fitted()
        return np.where(check_pages(pages).shown, by_rank(self.hit - self.slip, pages.length), 0.0)

    def clicks_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: slip + r · (hit − slip)."""
        by_product = super().clicks_given_above(pages)
        return by_product + np.where(pages.shown, by_rank(self.slip, pages.length), 0.0)

    def click_probabilities(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: the same; clicks above change nothing."""
        return self.clicks_given_above(pages)


def affine_relevance(pages: ResultPages, slope: np.ndarray, offset: np.ndarray) -> PairTable:
    """r of each pair, by Σ (click − offset_p) / Σ slope_p over its impressions, kept within 0 and 1.

    A click rate is offset + slope · r at every place, so that is what has to be undone; dividing alone, as inverse
    propensities do, leaves offset / slope in, which differs from place to place (Vardasbi, Oosterhuis & de Rijke 2020,
    https://doi.org/10.1145/3340531.3412031; here normalised by the looks of each pair).

    Args:
        slope: float [L], hit − slip. offset: float [L], slip.

    Raises:
        ContractError: no pages; not one finite number for each place; no slope above 0.
    """
    shown, slope, offset = check_pages(pages).shown, np.asarray(slope, dtype=float), np.asarray(offset, dtype=float)
    if not slope.shape == offset.shape == (pages.length,) or not np.isfinite([slope, offset]).all() or slope.max() <= 0:
        raise ContractError(f"slope {slope} and offset {offset}: give {pages.length} numbers each, a slope above 0")
    code, pair, place, clicks, trials = count_cells(pages)
    gain = np.bincount(pair, clicks - trials * offset[place])
    looks = np.bincount(pair, trials * slope[place])
    value = np.clip(np.divide(gain, looks, out=np.zeros(len(code)), where=looks > 0), 0, 1)
    mean = float(np.clip(gain.sum() / max(looks.sum(), 1e-12), 0, 1))
    return PairTable(code, np.where(looks > 0, value, mean), mean)
