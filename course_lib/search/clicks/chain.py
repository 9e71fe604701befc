"""What the models share whose user reads down the list: whether a place is looked at depends on what came above it."""

from __future__ import annotations

import numpy as np

from course_lib.search.clicks.model import ClickModel, PairTable, by_rank, check_pages
from course_lib.search.clicks.pages import ResultPages


class Chain(ClickModel):
    """The first place is looked at. A product that is looked at is clicked with chance α; a click satisfies with
    chance σ, and who is satisfied stops; who isn't goes on from place p to the next with chance γ_p.

    Chapelle & Zhang 2009 (https://doi.org/10.1145/1526709.1526711, §3), with γ for each place.

    Attributes:
        satisfaction: σ of each pair. continuation: float64 [L - 1] or [1], γ; the last one goes on.
    """

    satisfaction: PairTable
    continuation: np.ndarray

    def examination_given_above(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: the chance x of a look, passed on place by place.

        After a click, x ← γ (1 − σ): it was seen, and did not satisfy. After none, x ← γ x (1 − α) / (1 − x α).
        """
        alpha, sigma, gamma = self._parameters(pages)
        x = np.ones(pages.item.shape)
        for place in range(pages.length - 1):
            now, a = x[:, place], alpha[:, place]
            stays = np.where(
                pages.click[:, place], 1 - sigma[:, place], now * (1 - a) / np.maximum(1 - now * a, 1e-300)
            )
            x[:, place + 1] = gamma[place] * stays
        return np.where(pages.shown, x, 0.0)

    def click_probabilities(self, pages: ResultPages) -> np.ndarray:
        """float64 [n, L]: P(look) · α, with P(look at p + 1) = P(look at p) · γ_p (1 − α σ)."""
        alpha, sigma, gamma = self._parameters(pages)
        stays = gamma * (1 - alpha[:, :-1] * sigma[:, :-1])
        return np.cumprod(np.column_stack([np.ones(len(pages)), stays]), axis=1) * alpha

    @property
    def examination(self) -> np.ndarray:
        """float64: P(look at place p) as long as nothing is clicked above it and nobody learns from that: Π γ."""
        self._fitted()
        return np.cumprod(np.r_[1.0, self.continuation])

    def relevance(self) -> PairTable:
        """α · σ: attracts, and satisfies."""
        table = self._fitted()
        value = table.value * self.satisfaction.of(table.code)
        return PairTable(table.code, value, table.default * self.satisfaction.default)

    def _parameters(self, pages: ResultPages) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """α and σ, float64 [n, L], and γ, float64 [L − 1]."""
        self._fitted()
        sigma = np.where(check_pages(pages).shown, self.satisfaction.of(pages.code), 0.0)
        return self._attraction(pages), sigma, by_rank(self.continuation, pages.length - 1)


def last_click(click: np.ndarray) -> np.ndarray:
    """int [n]: the place of each page's last click, -1 where it has none."""
    return np.where(click.any(axis=1), click.shape[1] - 1 - click[:, ::-1].argmax(axis=1), -1)
