"""How attractive is a product, as far as the log can tell? Clicks, divided by the clicks that its places explain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.shop.log import CLICK, IMPRESSION, NO_QUERY, Log
from course_lib.shop.world.cascade import Choose, Request, best_first

#: (request, int64 [m] catalogue rows) -> float [m], how well each product fits, from 0 to 1
Match = Callable[[Request, np.ndarray], np.ndarray]


def match_by_table(fits: np.ndarray, *, sharpness: float = 4.0) -> Match:
    """How well products fit, out of a table from 0 to 1, float [n_requests, n_items].

    ``fits ** sharpness``: the higher the power, the more the best fits stand out from those that fit in part.

    Raises:
        ContractError: a value outside 0–1.
    """
    fits = np.asarray(fits)
    if fits.size and not (fits.min() >= 0 and fits.max() <= 1 + 1e-6):
        raise ContractError("the table of fits holds a value outside 0–1")
    return lambda request, rows: fits[request.row, rows].astype(np.float64) ** sharpness


@dataclass(frozen=True, eq=False)
class ClickRates:
    """Clicks over expected clicks; 1 is what an average product gets in the same places.

    Attributes:
        by_item: float [n_items], smoothed towards 1.
        clicks, expected: float csr_matrix [n_queries, n_items], of searches alone.
        strength: of the smoothing, in expected clicks.
        first_place: clicks per impression in the first place, over all products.
    """

    by_item: np.ndarray
    clicks: csr_matrix
    expected: csr_matrix
    strength: float
    first_place: float

    def of(self, request: Request, rows: np.ndarray) -> np.ndarray:
        """float [m]: each product's rate under this query, smoothed towards its own rate; for a user, its own rate."""
        if request.kind == "user":
            return self.by_item[rows]
        clicks, expected = (matrix[[request.row]].toarray()[0, rows] for matrix in (self.clicks, self.expected))
        return (clicks + self.strength * self.by_item[rows]) / (expected + self.strength)

    def rank(
        self,
        match: Match,
        *,
        prices: np.ndarray | None = None,
        buys_per_click: float = 1.0,
    ) -> Choose:
        """A stage: products in the order of what their place on top is expected to bring.

        expected = match · P(click in the first place) · P(purchase | click) · price; without prices the last two are
        left out, and the stage orders by clicks.

        Args:
            match: how well each product fits the request.
            prices: float [n_items], in the shop's currency.
            buys_per_click: purchases per click, from the funnel; the same for all products.
        """
        worth = np.ones(len(self.by_item)) if prices is None else buys_per_click * np.asarray(prices, dtype=float)
        if worth.shape != self.by_item.shape:
            raise ContractError(f"{len(worth)} prices for {len(self.by_item)} products")

        def choose(request: Request, rows: np.ndarray) -> np.ndarray:
            chance = match(request, rows) * self.first_place * self.of(request, rows)
            return best_first(chance * worth[rows], rows)

        return choose


def fit_click_rates(log: Log, *, strength: float = 5.0) -> ClickRates:
    """Count clicks, and the clicks that the places alone would have brought.

    An impression in place p is expected to bring as many clicks as the mean impression in place p. What a product gets
    beyond that is its own doing. With few impressions the quotient is mostly luck, so that ``strength`` expected
    clicks at the higher level's rate are added to both sides: query and product → product → 1.

    Raises:
        ContractError: the log has no impression in a list, or no click; a strength that is not above 0.
    """
    listed = log.position >= 0
    shown, clicked = listed & (log.kind == IMPRESSION), listed & (log.kind == CLICK)
    if not shown.any() or not clicked.any():
        raise ContractError("the log holds no impression or no click in a list", remedy="Use a log with positions")
    if not strength > 0:
        raise ContractError(f"strength is {strength}; it must be above 0")
    places = int(log.position.max()) + 1
    seen = np.bincount(log.position[shown], minlength=places)
    chance = np.bincount(log.position[clicked], minlength=places) / np.maximum(seen, 1)
    clicks = np.bincount(log.item[clicked], minlength=log.n_items)
    expected = np.bincount(log.item[shown], weights=chance[log.position[shown]], minlength=log.n_items)
    pairs = []
    for events, weights in ((clicked, np.ones(len(log))), (shown, chance[log.position])):
        asked = events & (log.query != NO_QUERY)
        entries = (weights[asked], (log.query[asked], log.item[asked]))
        pairs.append(csr_matrix(entries, shape=(log.n_queries, log.n_items)))
    by_item = (clicks + strength) / (expected + strength)
    return ClickRates(by_item, *pairs, strength=float(strength), first_place=float(chance[0]))
