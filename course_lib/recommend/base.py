"""What every recommender does: fit on interactions, score the catalogue for users, list the best."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions


class Recommender(ABC):
    """Base of the recommenders; a model defines ``_fit`` and ``_score`` and reads as its definition.

    Attributes:
        interactions: what the model was fitted on.
        needs_evidence: a score of 0 or less means "nothing speaks for this item", so that it is never listed.
    """

    needs_evidence = False
    interactions: Interactions | None = None

    @abstractmethod
    def _fit(self, interactions: Interactions) -> None:
        """Learn from interactions; at least one event."""

    @abstractmethod
    def _score(self, rows: np.ndarray) -> np.ndarray:
        """float [n, n_items], higher is better, of users given as rows of ``interactions.users`` (int64 [n]).

        A new array for each call: ``recommend`` writes into it. (A view, such as a row repeated, is copied first.)
        """

    def fit(self, interactions: Interactions) -> Self:
        """Learn from the past.

        Raises:
            ContractError: no events, something else than ``Interactions``, or a weight that isn't a finite number of
                at least 0. A repeated event is none of these: its weights add up.
        """
        if not isinstance(interactions, Interactions):
            raise ContractError(f"fit got a {type(interactions).__name__}", remedy="Pass shop.interactions(until=…)")
        if not len(interactions):
            raise ContractError("there are no interactions to learn from", remedy="Check until= and kinds=")
        weights = interactions.weights
        if not (np.isfinite(weights) & (weights >= 0)).all():
            remedy = "An event says that somebody wanted something; leave out returns and dislikes"
            raise ContractError("an interaction has a negative weight, or one that is no number", remedy=remedy)
        self.interactions = interactions
        self._fit(interactions)
        return self

    def score(self, users: Sequence[str], *, block: int = 256) -> np.ndarray:
        """Scores of the whole catalogue: float32 [n_users, n_items], what a user has seen included.

        Args:
            users: public ids.
            block: users scored at a time; a model's intermediate arrays grow with it.

        Raises:
            ContractError: not fitted yet. UnknownIdError: a user the model has never seen.
        """
        rows = self._rows(users)
        scores = np.empty((len(rows), len(self.interactions.items)), dtype=np.float32)
        for i in range(0, len(rows), block):
            scores[i : i + block] = self._score(rows[i : i + block])
        return scores

    def recommend(
        self, users: Sequence[str], k: int = 20, *, exclude_seen: bool = True, block: int = 256
    ) -> Ranking:
        """The k best items of each user.

        Args:
            users: public ids, each once.
            exclude_seen: leave out what the user already has an event with; who has seen everything gets pads.
            block: users scored at a time (memory: block × n_items × 4 bytes).

        Returns:
            Ranking [n_users, k] with keys of kind "user"; ties by catalogue row.

        Raises:
            ContractError: not fitted yet, a user named twice, k < 1. UnknownIdError: a user the model has never seen.
        """
        rows = self._rows(users)

        def score(block: slice) -> np.ndarray:
            scores = np.asarray(self._score(rows[block]), dtype=np.float32)
            if not (scores.flags.owndata and scores.flags.writeable):  # a view of the model's own arrays, which stay whole
                scores = scores.copy()
            if self.needs_evidence:
                scores[scores <= 0] = -np.inf
            if exclude_seen:
                scores[self.interactions.matrix[rows[block]].nonzero()] = -np.inf
            return scores

        keys = IdMap("user", self.interactions.users.take(rows))
        return rank_in_blocks(score, k, keys=keys, items=self.interactions.items, block=block)

    def _rows(self, users: Sequence[str]) -> np.ndarray:
        if self.interactions is None:
            raise ContractError(f"{type(self).__name__} has learned nothing yet", remedy="Call fit(interactions) first")
        if isinstance(users, str):
            raise ContractError("users must be a list of user ids", remedy=f"E.g. recommend([{users!r}])")
        return self.interactions.users.rows(users)
