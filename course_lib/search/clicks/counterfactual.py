"""Relevance from clicks without the bias of the places: inverse propensity scores, and the doubly robust correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.clicks.model import ClickModel, PairTable, check_pages, check_prior, smoothed
from course_lib.search.clicks.pages import ResultPages


@dataclass(frozen=True, eq=False)
class Impressions:
    """All m impressions of some pages, with how likely each was looked at.

    Attributes:
        query, item: int64 [m], rows of the tables. code: int64 [m], as ``ResultPages.code``.
        click: bool [m]. looked: float64 [m], P(look). place: int64 [m]. page: int64 [m], the row of the page.
        max_weight: the largest weight that 1 / P(look) may become.
    """

    query: np.ndarray
    item: np.ndarray
    code: np.ndarray
    click: np.ndarray
    looked: np.ndarray
    place: np.ndarray
    page: np.ndarray
    max_weight: float

    @property
    def divisor(self) -> np.ndarray:
        """float64 [m]: the clipped propensities, P(look) but at least 1 / max_weight."""
        return np.maximum(self.looked, 1 / self.max_weight)

    @property
    def clipped(self) -> float:
        """Share of the impressions whose weight was clipped."""
        return float((self.looked < 1 / self.max_weight).mean())

    @property
    def target(self) -> np.ndarray:
        """float64 [m]: click / P(look), whose mean is the attraction if P(look) is right (and nothing was clipped)."""
        return self.click / self.divisor


def weigh_impressions(pages: ResultPages, model: ClickModel | np.ndarray, *, max_weight: float = 20.0) -> Impressions:
    """The impressions of the pages, each with the chance that it was looked at, by a click model or a curve [L].

    A model whose looks depend on the clicks above (cascade, DBN) gives P(look | clicks above), which leaves
    click / P(look) unbiased if the model is right (Vardasbi, de Rijke & Markov 2020,
    https://doi.org/10.1145/3340531.3412069).

    Args:
        max_weight: the largest 1 / P(look) that an impression may weigh. Clipping trades variance for bias: what is
            looked at less often than that is taken for looked at more often than it was.

    Raises:
        ContractError: no pages, max_weight below 1, a curve of another length or outside 0–1.
    """
    shown = check_pages(pages).shown
    if not max_weight >= 1:
        raise ContractError(f"max_weight is {max_weight}; it must be at least 1")
    if isinstance(model, ClickModel):
        looked = model.examination_given_above(pages)
    else:
        curve = np.asarray(model, dtype=np.float64)
        if curve.shape != (pages.length,) or not ((curve >= 0) & (curve <= 1 + 1e-9)).all():
            raise ContractError(f"the curve is {curve}; give {pages.length} chances", remedy="One for each place")
        looked = np.broadcast_to(curve, shown.shape)
    page, place = np.nonzero(shown)
    return Impressions(
        query=pages.query[page], item=pages.item[shown], code=pages.code[shown], click=pages.click[shown],
        looked=np.minimum(looked[shown], 1.0), place=place, page=page, max_weight=float(max_weight),
    )  # fmt: skip


def ips_relevance(
    impressions: Impressions, *, normalised: bool = True, prior: tuple[float, float] = (0.0, 0.0)
) -> PairTable:
    """The attraction of each pair from its clicks, each worth 1 / P(look).

    - plain: mean of click / P(look) (Joachims, Swaminathan & Schnabel 2017, https://doi.org/10.1145/3018661.3018699,
      §4): unbiased, and above 1 where luck had it so.
    - normalised: clicks / Σ P(look), the number of looks that were expected: biased by little, far less noisy.

    Args:
        prior: pseudo-counts (a, b) of looks with and without a click; for the normalised estimate alone.

    Raises:
        ContractError: a prior for the plain estimate.
    """
    prior = check_prior(prior)
    if not normalised and any(prior):
        raise ContractError("the plain estimate takes no prior", remedy="Use normalised=True")
    code, pair = np.unique(impressions.code, return_inverse=True)
    if normalised:
        clicks, looks = np.bincount(pair, impressions.click), np.bincount(pair, impressions.divisor)
        return smoothed(code, clicks, looks, prior)
    value = np.bincount(pair, impressions.target) / np.bincount(pair)
    return PairTable(code, value, float(impressions.target.mean()))


def doubly_robust_relevance(impressions: Impressions, guess: np.ndarray) -> PairTable:
    """The attraction of each pair: a guess, corrected by what its clicks say beyond it.

        mean of m + (click − P(look) · m) / ρ ,   ρ = mean P(look) of the pair, but at least 1 / max_weight,

    with m the guess (Oosterhuis 2023, https://doi.org/10.1145/3569453, §4, for the impressions of a log). With the
    right P(look), the mean is right if ρ is not clipped, or if m is right: a good guess makes up for clipping, and
    takes out variance. It doesn't make up for a wrong P(look), whatever the name: that a product was not looked at is
    never seen, only known by its chance.

    Args:
        guess: float [m], of each impression: from features, from another period – not from the same clicks, whose
            luck it would repeat.

    Raises:
        ContractError: not one finite guess for each impression.
    """
    guess = np.asarray(guess, dtype=np.float64)
    if guess.shape != impressions.click.shape or not np.isfinite(guess).all():
        raise ContractError(f"the guess {list(guess.shape)} must be one finite number for each impression")
    code, pair, count = np.unique(impressions.code, return_inverse=True, return_counts=True)
    rho = np.maximum(np.bincount(pair, impressions.looked) / count, 1 / impressions.max_weight)
    each = guess + (impressions.click - impressions.looked * guess) / rho[pair]
    return PairTable(code, np.bincount(pair, each) / count, float(each.mean()))
