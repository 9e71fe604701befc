"""What every click model keeps: fit once, then give probabilities of clicks; and how well these fit other pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.search.clicks.pages import ResultPages


@dataclass(frozen=True, eq=False)
class PairTable:
    """A number for each (query, product) of the training pages, and one for all others.

    Attributes:
        code: int64 [n_pairs], sorted, as ``ResultPages.code``. value: float64 [n_pairs]. default: of unseen pairs.
    """

    code: np.ndarray
    value: np.ndarray
    default: float

    def of(self, code: np.ndarray) -> np.ndarray:
        """The values of these codes, in their shape."""
        if not len(self.code):
            return np.full(np.shape(code), self.default)
        row = np.minimum(np.searchsorted(self.code, code), len(self.code) - 1)
        return np.where(self.code[row] == code, self.value[row], self.default)

    def look_up(self, query: np.ndarray, item: np.ndarray) -> np.ndarray:
        """The values for rows of queries and of products, aligned."""
        return self.of((np.asarray(query, dtype=np.int64) << 32) + np.asarray(item, dtype=np.int64))


def smoothed(code: np.ndarray, successes: np.ndarray, trials: np.ndarray, prior: tuple[float, float]) -> PairTable:
    """(successes + a) / (trials + a + b) for each sorted code; unseen ones get the prior's or else the mean."""
    a, b = prior
    total = trials + a + b
    value = np.divide(successes + a, total, out=np.zeros(len(code)), where=total > 0)
    default = a / (a + b) if a + b > 0 else float(successes.sum() / max(trials.sum(), 1e-12))
    return PairTable(code, np.where(total > 0, value, default), default)


def check_prior(prior: tuple[float, float]) -> tuple[float, float]:
    """Pseudo-counts (a, b) of a Beta prior, both at least 0; raises ContractError."""
    try:
        a, b = map(float, prior)
    except (TypeError, ValueError):
        a = b = np.nan
    if not (np.isfinite([a, b]).all() and a >= 0 and b >= 0):
        raise ContractError(f"the prior is {prior!r}; it must be two numbers of at least 0")
    return a, b


def check_pages(pages: ResultPages) -> ResultPages:
    """The pages themselves; raises ContractError for another type, and for none."""
    if not isinstance(pages, ResultPages):
        raise ContractError(f"got a {type(pages).__name__} where ResultPages belong", remedy="Call read_pages(shop)")
    if not pages.shown.any():
        raise ContractError("the pages show no product")
    return pages


class ClickModel(ABC):
    """A model of which places of a page are looked at, and which products are then clicked.

    ``fit`` sets ``attraction``: P(click | looked at) for each (query, product).
    """

    attraction: PairTable | None = None

    @abstractmethod
    def fit(self, pages: ResultPages) -> Self:
        """Estimate the parameters. Raises ContractError: no pages."""

    @abstractmethod
    def click_probabilities(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: P(click at a place), whatever was clicked elsewhere; 0 where nothing is shown."""

    @abstractmethod
    def examination_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: P(the user looks at a place | the page's clicks above it); 0 where nothing is shown."""

    def clicks_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: P(click at a place | the page's clicks above it), whose products are the likelihood."""
        return self.examination_given_above(pages) * self._attraction(pages)

    def relevance(self) -> PairTable:
        """What a ranking should go by: the attraction, or more where the model knows more."""
        return self._fitted()

    def _fitted(self) -> PairTable:
        if self.attraction is None:
            raise ContractError(f"{type(self).__name__} is not fitted yet", remedy="Call fit(pages) first")
        return self.attraction

    def _attraction(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: of the shown products; 0 where nothing is shown."""
        table = self._fitted()
        return np.where(check_pages(pages).shown, table.of(pages.code), 0.0)


class PlaceModel(ClickModel):
    """Whether a place is looked at depends on the place alone: P(click) = θ_p α_qd, whatever is clicked above it.

    ``fit`` sets ``examination`` as well: float64 [L], θ.
    """

    examination: np.ndarray

    def examination_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: θ of the place; 0 where nothing is shown."""
        self._fitted()
        return np.where(check_pages(pages).shown, by_rank(self.examination, pages.length), 0.0)

    def click_probabilities(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: θ · α."""
        return self.clicks_given_above(pages)


def by_rank(curve: np.ndarray, length: int) -> np.ndarray:
    """The first ``length`` values of a curve over places; the last one goes on where the pages are longer."""
    return np.concatenate([curve, np.full(max(0, length - len(curve)), curve[-1])])[:length]


def log_likelihood(model: ClickModel, pages: ResultPages) -> float:
    """Sum over pages of ln P(all clicks of the page); −∞ where the model calls impossible what happened."""
    p = model.clicks_given_above(check_pages(pages))
    with np.errstate(divide="ignore"):
        each = np.log(np.where(pages.click, p, 1 - p))
    return float(each[pages.shown].sum())


def perplexity(model: ClickModel, pages: ResultPages) -> tuple[float, np.ndarray]:
    """How many faces the coin has that the model sees at a place: 1 is a prophet, 2 a fair coin; over 2: worse than it.

    2^(−mean log2 P(what happened at place p)) with P from ``click_probabilities``: Dupret & Piwowarski 2008
    (https://doi.org/10.1145/1390334.1390392, §4.3). Probabilities are kept 10^-6 from 0 and 1.

    Returns:
        The mean over places, and float64 [L], each place's (NaN where nothing is shown).
    """
    shown, p = check_pages(pages).shown, np.clip(model.click_probabilities(pages), 1e-6, 1 - 1e-6)
    bits = np.where(shown, -np.log2(np.where(pages.click, p, 1 - p)), 0.0)
    with np.errstate(invalid="ignore"):
        each = 2 ** (bits.sum(axis=0) / np.where(shown.any(axis=0), shown.sum(axis=0), np.nan))
    return float(np.nanmean(each)), each


def draw_clicks(model: ClickModel, pages: ResultPages, seed: int = 0) -> ResultPages:
    """The same pages with clicks drawn from a fitted model, place after place, each given the clicks above it."""
    luck = generator(seed, "clicks").random(check_pages(pages).item.shape)
    drawn = replace(pages, click=np.zeros(pages.item.shape, dtype=bool))
    for place in range(pages.length):
        drawn.click[:, place] = luck[:, place] < model.clicks_given_above(drawn)[:, place]
    return drawn
