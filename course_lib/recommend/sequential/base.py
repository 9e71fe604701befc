"""What every sequential recommender does beyond ``Recommender``: go on with newer histories, and score a live session."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.sequential.histories import Histories, rows_of
from course_lib.shop.interactions import Interactions


class SequenceRecommender(Recommender):
    """Scores depend on the order of a user's events. A user (or session) without an event gets the popular items.

    Attributes:
        histories: what the model scores by; ``fit`` sets it to the training data, ``follow`` to newer ones.
        counts: float64 [n_items], events of each item in the training data.
    """

    histories: Histories
    counts: np.ndarray

    @abstractmethod
    def _learn(self, histories: Histories) -> None:
        """Learn from histories; at least one event."""

    @abstractmethod
    def _score_histories(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """float [n, n_items] of histories given as (item rows, times), each with at least one event."""

    @abstractmethod
    def _begin(self) -> Any:
        """The state of a session before its first event."""

    @abstractmethod
    def _step(self, state: Any, item: int, time: int) -> tuple[np.ndarray, Any]:
        """Scores float [n_items] after one more event, and the new state."""

    def _fit(self, interactions: Interactions) -> None:
        self.histories = Histories(interactions)
        self.counts = np.bincount(interactions.item_rows, minlength=len(interactions.items)).astype(float)
        self._learn(self.histories)

    def follow(self, interactions: Interactions) -> Self:
        """Score by these histories from now on, without learning anything: last night's model, today's events.

        New users get rows; what they have seen is left out of their lists.

        Raises:
            ContractError: not fitted yet, or another catalogue.
        """
        self._rows([])
        if interactions.items != self.interactions.items:
            raise ContractError("these interactions have another catalogue", remedy="Fit again when the catalogue changes")
        self.interactions, self.histories = interactions, Histories(interactions)
        return self

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self._score_any([self.histories.of(row) for row in rows])

    def _score_any(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """As ``_score_histories``, empty ones included."""
        scores = np.empty((len(sequences), len(self.counts)), dtype=np.float32)
        some = np.array([len(items) > 0 for items, _ in sequences], dtype=bool)
        scores[~some] = self.counts
        if some.any():
            scores[some] = self._score_histories([s for s, full in zip(sequences, some) if full])
        return scores

    def score_session(self, item_ids: Sequence[str], timestamps: Sequence[int] | None = None) -> np.ndarray:
        """Scores of the catalogue after these events, of whoever: float32 [n_items]; no user id is needed.

        Args:
            timestamps: seconds, ascending; without them the events are a second apart.

        Raises:
            ContractError: not fitted, times that fall or of another number. UnknownIdError: an item never seen.
        """
        self._rows([])
        items = rows_of(self.interactions.items, item_ids)
        times = np.arange(len(items)) if timestamps is None else np.asarray(timestamps, dtype=np.int64)
        if times.shape != items.shape or (np.diff(times) < 0).any():
            raise ContractError("timestamps must be as many as the items, and must not fall")
        keep = np.append(True, items[1:] != items[:-1])[: len(items)]  # as in the histories: no item right after itself
        return self._score_any([(items[keep], times[keep])])[0]

    def session(self) -> LiveSession:
        """A session that begins now: ``add`` its events, ask for ``scores`` or ``recommend`` after each."""
        self._rows([])
        return LiveSession(self)


class LiveSession:
    """One visitor's session, scored event by event: only the new event is computed, and the scores equal scoring anew.

    Attributes:
        item_rows, times: of the events so far (without an item right after itself).
    """

    def __init__(self, model: SequenceRecommender):
        self._model, self._state = model, model._begin()
        self.item_rows: list[int] = []
        self.times: list[int] = []
        self._scores = model.counts.astype(np.float32)

    def add(self, item_id: str, timestamp: int | None = None) -> Self:
        """One more event; without a timestamp, a second after the last.

        Raises:
            ContractError: a time before the last one. UnknownIdError: an item never seen (the session stays as it was).
        """
        item = int(rows_of(self._model.interactions.items, [item_id])[0])
        last = self.times[-1] if self.times else -1
        time = last + 1 if timestamp is None else int(timestamp)
        if self.times and time < last:
            raise ContractError(f"the event at {time} comes after one at {last}", remedy="Add events in time order")
        if not self.item_rows or self.item_rows[-1] != item:
            self._scores, self._state = self._model._step(self._state, item, time)
            self.item_rows.append(item)
            self.times.append(time)
        return self

    def scores(self) -> np.ndarray:
        """float32 [n_items] after the last event; before the first, how often each item was in the training data."""
        return np.array(self._scores, dtype=np.float32)

    def recommend(self, k: int = 20, *, exclude_seen: bool = True) -> list[tuple[str, float]]:
        """The k best (item id, score); fewer where the catalogue or the evidence ends. Ties by catalogue row."""
        if k < 1:
            raise ContractError(f"k is {k}; it must be at least 1")
        scores = self.scores()
        if self._model.needs_evidence:
            scores[scores <= 0] = -np.inf
        if exclude_seen:
            scores[self.item_rows] = -np.inf
        best = np.lexsort((np.arange(len(scores)), -scores))[:k]
        best = best[scores[best] > -np.inf]
        return list(zip(self._model.interactions.items.take(best), scores[best].tolist()))

