"""What the log hides, for the simulated shop: the true chances behind each impression. For measuring, never for models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking.impressions import Impressions
from course_lib.shop.simulator import Parameters
from course_lib.shop.simulator.calendar import START, WEEK


@dataclass(frozen=True, eq=False)
class Chances:
    """The truth of n impressions.

    Attributes:
        attraction: float64 [n], P(click | looked at). buy: float64 [n], P(bought | clicked), at the price of the week.
        look: float64 [n_places], P(looked at) of each place.
        place: int64 [n], where each was shown.
    """

    attraction: np.ndarray
    buy: np.ndarray
    look: np.ndarray
    place: np.ndarray

    @property
    def click(self) -> np.ndarray:
        """float64 [n]: P(click) where it was shown."""
        return self.look[self.place] * self.attraction


def true_chances(shop: Any, shown: Impressions, parameters: Parameters | None = None) -> Chances:
    """The simulator's own chances of each impression.

    A carted product is bought with P(purchase | cart) ∝ (price of the week / list price)^elasticity of the user.

    Args:
        parameters: of the simulation, where they were not the default.

    Raises:
        ContractError: a shop that was not simulated, or whose users read down a cascade: then the chance of a look
            depends on what else is on the page.
    """
    p = parameters or Parameters()
    if shop.truth is None:
        raise ContractError(f"the shop {shop.name!r} has no known truth", remedy="Use Shop.simulate")
    if p.click_model != "position":
        raise ContractError("true_chances knows shops with click_model='position' alone")
    week = (shown.time - START) // WEEK
    factor = shop.truth.price_factor[shown.item, week].astype(np.float64)
    response = np.minimum(1.0, p.purchase_rate * factor ** shop.truth.elasticity[shown.user])
    attraction = shop.truth.attraction[shown.event].astype(np.float64)
    return Chances(attraction, p.cart_rate * response, np.asarray(shop.truth.examination), shown.place)
