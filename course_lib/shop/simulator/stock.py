"""What can be bought when: items launched during the period, and weeks in which an item is sold out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.simulator.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Stock:
    """n items over the weeks of the log.

    Attributes:
        launch: int [n], the first week of the item; 0 for all that were there before the log begins.
        available: bool [n, n_weeks], launched and in stock.
    """

    launch: np.ndarray
    available: np.ndarray


def draw_stock(n: int, n_weeks: int, parameters: Parameters, rng: np.random.Generator) -> Stock:
    """Launch weeks, and a two-state chain for each item: sold out with the long-run share ``out_of_stock``.

    Everything is in stock in the first week of its life, so that a shop never opens empty.
    """
    launch = np.zeros(n, dtype=np.int64)
    if n_weeks > 1:
        cold = rng.random(n) < parameters.cold_items
        launch[cold] = rng.integers(1, n_weeks, size=cold.sum())
    back = 1 / parameters.stockout_weeks
    out = back * parameters.out_of_stock / (1 - parameters.out_of_stock)
    available = np.empty((n, n_weeks), dtype=bool)
    in_stock = np.ones(n, dtype=bool)
    for week in range(n_weeks):
        chance = rng.random(n)
        in_stock = np.where(in_stock, chance >= out, chance < back) | (launch == week)
        available[:, week] = in_stock & (launch <= week)
    return Stock(launch, available)
