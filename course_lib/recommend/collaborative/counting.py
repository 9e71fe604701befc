"""The two floors: chance, and what everybody buys of late."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions

DAY = 86_400  #: seconds


class Random(Recommender):
    """Every item has the same chance: the floor. A user's list depends on the seed and the user's id alone."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def _fit(self, interactions: Interactions) -> None:
        pass

    def _score(self, rows: np.ndarray) -> np.ndarray:
        users, n_items = self.interactions.users.take(rows), len(self.interactions.items)
        return np.stack([generator(self.seed, "random recommender", u).random(n_items, np.float32) for u in users])


class Popularity(Recommender):
    """The same list for everybody: the items with the most events (by weight) of late.

    Args:
        window_days: how far to look back from the last event of the training data; ``None`` means to its beginning.

    Attributes:
        counts: float64 [n_items], weight of the events in the window; an item without any is never listed.

    Raises:
        ContractError: a window that is not longer than 0.
    """

    needs_evidence = True

    def __init__(self, window_days: float | None = None):
        if window_days is not None and not window_days > 0:
            raise ContractError(f"window_days is {window_days}; it must be more than 0, or None for all the past")
        self.window_days = window_days

    def _fit(self, interactions: Interactions) -> None:
        self.counts = item_counts(interactions, self.window_days)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.counts, (len(rows), len(self.counts)))


def item_counts(interactions: Interactions, window_days: float | None = None) -> np.ndarray:
    """Weight of the events of each item in the last days of the data (all of them by default): float64 [n_items]."""
    recent = np.ones(len(interactions), dtype=bool)
    if window_days is not None:
        recent = interactions.timestamps > interactions.timestamps[-1] - window_days * DAY
    return np.bincount(
        interactions.item_rows[recent], interactions.weights[recent], minlength=len(interactions.items)
    )
