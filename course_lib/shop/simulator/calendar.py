"""The calendar of the shop: busy days, seasons of the leaves, weeks of sale, and each item's price in each week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.log import Log
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.vocabulary import Vocabulary

START = 1_735_516_800  #: Monday 2024-12-30 00:00 UTC
DAY, WEEK = 86_400, 604_800
_FIRST_DAY = -1  #: of the log, as a day of the year 2025, whose 1 January is day 1


@dataclass(frozen=True, eq=False)
class Calendar:
    """When people come and what for.

    Attributes:
        season: float [n_leaves, n_weeks], demand for a leaf relative to its middle over the year (1: no season).
        trend: float32 [n_leaves, n_weeks], log of what fashion makes of that demand.
        sale: bool [n_weeks], the whole shop is on promotion.
        day_share: float [days], share of all sessions that begin on a day, sums to 1.
        leaf_share: float [n_leaves, n_weeks], share of each leaf in the shop's demand of a week; columns sum to 1.
    """

    season: np.ndarray
    trend: np.ndarray
    sale: np.ndarray
    day_share: np.ndarray
    leaf_share: np.ndarray

    @property
    def n_weeks(self) -> int:
        """Weeks of the log; the last may be short."""
        return len(self.sale)

    @property
    def demand(self) -> np.ndarray:
        """float [n_leaves, n_weeks]: demand for a leaf relative to its middle, season and fashion together."""
        return self.season * np.exp(self.trend)


def n_weeks(parameters: Parameters) -> int:
    """Weeks that a log of so many days touches."""
    return -(-parameters.days // 7)


def make_calendar(vocab: Vocabulary, demand: np.ndarray, trend: np.ndarray, parameters: Parameters) -> Calendar:
    """The calendar of a shop with this demand (float [n_leaves], sums to 1) and trend ([n_leaves, n_weeks])."""
    weeks = np.arange(n_weeks(parameters))
    middle = _FIRST_DAY + 7 * weeks + 3
    season = np.ones((len(demand), len(weeks)))
    for leaf, peak in vocab.seasons.items():
        season[leaf] = np.exp(parameters.seasonal_strength * np.cos(2 * np.pi * (middle - peak) / 365))
    sale = np.isin(weeks, parameters.sale_weeks)
    wanted = demand[:, None] * season
    level = wanted.sum(axis=0) * np.where(sale, parameters.sale_visits, 1.0)  # fashion moves demand, it adds none
    wanted *= np.exp(trend)
    week = np.arange(parameters.days) // 7
    day = np.resize(parameters.weekday_weights, parameters.days) * level[week]
    return Calendar(season, trend, sale, day / day.sum(), wanted / wanted.sum(axis=0))


def day_of(log: Log) -> np.ndarray:
    """int [n]: the day of each event, 0 is the first of a simulated log."""
    return (log.timestamp - START) // DAY


def week_of(log: Log) -> np.ndarray:
    """int [n]: the week of each event, 0 is the first of a simulated log."""
    return (log.timestamp - START) // WEEK


def draw_price_factor(n_items: int, sale: np.ndarray, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """float32 [n_items, n_weeks]: a little noise every week, and 10–30 % off for the items on promotion."""
    factor = np.empty((n_items, len(sale)), dtype=np.float32)
    for week, on_sale in enumerate(sale):  # week by week keeps memory at the size of the result
        odds = parameters.sale_share if on_sale else parameters.promotion
        off = np.where(rng.random(n_items) < odds, rng.uniform(0.1, 0.3, n_items), 0.0)
        factor[:, week] = np.exp(0.04 * rng.standard_normal(n_items)) * (1 - off)
    return factor
