"""The curve of examination without a model of every product: each pair is compared with itself at other places."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.clicks.model import check_pages
from course_lib.search.clicks.pages import ResultPages


def harvest_examination(pages: ResultPages, *, rounds: int = 10_000, tolerance: float = 1e-9) -> np.ndarray:
    """θ, float64 [L], with θ_1 = 1, such that the expected clicks of each pair and of each place are those counted.

    Under the position-based model, pair i has c_ip clicks at place p, of mean n_ip θ_p α_i. Two equations in turn,

        α_i ← Σ_p c_ip / Σ_p n_ip θ_p        θ_p ← Σ_i c_ip / Σ_i n_ip α_i,

    climb to the maximum of a Poisson likelihood with one effect for each pair. That one is consistent for θ whatever
    the distribution, and however few impressions a pair has, as long as the means are right (Wooldridge 1999, Journal
    of Econometrics 90(1), §3); the position-based model's own likelihood is not. Comparing a pair with itself where
    the ranker moved it is "intervention harvesting" (Agarwal et al. 2019, https://doi.org/10.1145/3289600.3291017).

    A place that shares no clicked pair, directly or through others, with the first one is NaN: nothing links them.

    Raises:
        ContractError: no pages, no click, no rounds.
    """
    shown, length = check_pages(pages).shown, pages.length
    if not pages.click.any() or rounds < 1:
        raise ContractError("the pages have no click, or there is no round", remedy="Give more pages, rounds ≥ 1")
    code, pair = np.unique(pages.code[shown], return_inverse=True)
    place = np.broadcast_to(np.arange(length), shown.shape)[shown]
    shape = (len(code), length)
    trials = np.bincount(pair * length + place, minlength=len(code) * length).reshape(shape)
    clicks = np.bincount(pair * length + place, pages.click[shown], len(code) * length).reshape(shape)
    useful = clicks.any(axis=1) & (np.count_nonzero(trials, axis=1) > 1)  # a pair without a click has α = 0
    trials, clicks = trials[useful].astype(np.float64), clicks[useful]
    linked = _linked(trials > 0, clicks.sum(axis=0) > 0)
    of_pair, of_place, theta = clicks.sum(axis=1), clicks.sum(axis=0), np.ones(length)
    for _ in range(rounds):
        alpha = of_pair / np.maximum(trials @ theta, 1e-300)
        expected = trials.T @ alpha
        new = np.divide(of_place, expected, out=np.zeros(length), where=expected > 0)
        new = new / new[0] if new[0] > 0 else new
        change, theta = np.abs(new - theta).max(), new
        if change <= tolerance:
            break
    return np.where(linked, theta, np.nan)


def _linked(shown: np.ndarray, clicked: np.ndarray) -> np.ndarray:
    """bool [L]: places that a chain of pairs leads to from the first; ``shown`` is bool [n_pairs, L]."""
    reached = np.zeros(shown.shape[1], dtype=bool)
    reached[0] = clicked[0]
    while True:
        more = reached | shown[(shown & reached).any(axis=1)].any(axis=0)
        if (more == reached).all():
            return reached
        reached = more
