"""The second stage: the candidates of some users in order, by the ranker or by the fusion of the generators' lists."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.base import Recommender
from course_lib.recommend.engine.candidates import VISITOR, View, fused_score, propose
from course_lib.recommend.engine.features import RequestFeatures
from course_lib.recommend.engine.folding import fold_in
from course_lib.recommend.engine.ranker import ChanceRanker
from course_lib.recommend.ranking import expected_value
from course_lib.shop.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Ordered:
    """Candidates of a block of users, in order: one entry of each list for each user.

    Attributes:
        items: int64 [n], catalogue rows.
        scores: float32 [n], falling.
        chances: float64 [n], of the ranker; None without a ranker, and for somebody without a history.
    """

    items: list[np.ndarray]
    scores: list[np.ndarray]
    chances: list[np.ndarray | None]


@dataclass(frozen=True, eq=False)
class Ordering:
    """What puts candidates in order.

    Attributes:
        names: of all generators, in order. features: what the ranker sees.
        ranker: taught; None: a single generator's own order, or several fused by places.
        fallback: fitted; its list is for people without a history.
        by_value: order by what a showing is worth instead of by the chance; needs ``buy_rate``.
        buy_rate: P(bought | taken up), or None.
    """

    names: Collection[str]
    features: RequestFeatures
    ranker: ChanceRanker | None
    fallback: Recommender
    by_value: bool
    buy_rate: float | None

    def order(
        self, view: View, users: list[str], depth: int, exclude_seen: bool, note: Callable[..., None] | None = None
    ) -> Ordered:
        """Candidates of each user in order; those without a history get the fallback's.

        Args:
            view: that knows the users. depth: candidates of each generator, and length of the fallback's list.
            note: called after each generator (``propose``), and at the end with "order", the candidates, their features
                or None, and the order: int64 [n_pairs], by user.

        Raises:
            ContractError: a fallback that can't serve people without a history, by value without ``buy_rate``.
        """
        pairs, scores = propose(view, users, depth, self.names, exclude_seen=exclude_seen, note=note)
        history, events = view.histories(users)
        features, chance = None, None
        if self.ranker is not None:
            features = self.features(pairs, scores, history, events)
            chance = self.ranker.chance(features) if len(pairs.user_rows) else np.zeros(0)
            score = self._value(chance, pairs.item_rows) if self.by_value else chance
        else:
            score = fused_score(pairs, scores)
        order = np.lexsort((pairs.item_rows, -score.astype(np.float32), pairs.user_rows))
        bounds = np.searchsorted(pairs.user_rows[order], np.arange(len(users) + 1))
        items, values, chances, popular = [], [], [], None
        for row in range(len(users)):
            of_user = order[bounds[row] : bounds[row + 1]]
            if events[row]:
                items.append(pairs.item_rows[of_user])
                values.append(score[of_user].astype(np.float32))
                chances.append(None if chance is None else chance[of_user])
                continue
            if popular is None:
                popular = self._popular(depth)
            items.append(popular[0])
            values.append(popular[1])
            chances.append(None)
        if note:
            note("order", pairs, features, order)
        return Ordered(items, values, chances)

    def _value(self, chance: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Money that a showing brings if it is looked at; a product without a price brings none."""
        price = np.exp(np.nan_to_num(self.features.catalogue.log_price[items], nan=-np.inf))
        return expected_value(chance, np.full(len(chance), self.buy_rate), price)

    def _popular(self, depth: int) -> tuple[np.ndarray, np.ndarray]:
        """The fallback's list for somebody of whom nothing is known: catalogue rows and scores."""
        nobody = Interactions.from_ids([], [], items=self.fallback.interactions.items, users=IdMap("user", [VISITOR]))
        view = fold_in(self.fallback, nobody)
        if view is None:
            remedy = "Choose Popularity"
            raise ContractError(f"{type(self.fallback).__name__} can't serve people without a history", remedy=remedy)
        found = view.recommend([VISITOR], depth)
        kept = found.ids[0] != PAD
        return found.ids[0][kept], found.scores[0][kept]
