"""Counting: what came after what. No training, minutes of thought, and the bar that a transformer has to clear."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.recommend.collaborative import ItemCosine
from course_lib.recommend.sequential.base import SequenceRecommender
from course_lib.recommend.sequential.histories import Histories

DAY = 86_400  #: seconds


class FadingVotes(SequenceRecommender):
    """score(u, i) = Σ_j w_j · votes[j, i]: each item j of the history votes, and its vote fades.

    w_j = decay^(events since j) · 2^(−(time since j) / half-life), so that the last event counts 1.

    Args:
        decay: what one event later leaves of a vote, 0 < decay ≤ 1.
        half_life_days: after which time a vote counts half, measured up to the user's last event; ``None``: time counts
            nothing, only the order.

    Attributes:
        votes: csr_matrix [n_items, n_items], row j holds what item j speaks for.
    """

    needs_evidence = True
    votes: csr_matrix

    def __init__(self, decay: float, half_life_days: float | None):
        if not 0 < decay <= 1:
            raise ContractError(f"decay is {decay}; it must be above 0 and at most 1")
        if half_life_days is not None and not half_life_days > 0:
            raise ContractError(f"half_life_days is {half_life_days}; it must be more than 0, or None")
        self.decay, self.half_life_days = decay, half_life_days

    @abstractmethod
    def _count(self, histories: Histories) -> csr_matrix:
        """The votes."""

    def _learn(self, histories: Histories) -> None:
        self.votes = self._count(histories).astype(np.float32).tocsr()

    def _fade(self, events: np.ndarray | int, seconds: np.ndarray | int) -> np.ndarray:
        """What is left of a vote after so many events and seconds."""
        power = np.asarray(events, dtype=float) * np.log2(self.decay)
        if self.half_life_days is not None:
            power = power - np.asarray(seconds) / (self.half_life_days * DAY)
        return np.exp2(power)

    def _score_histories(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        weights = [self._fade(np.arange(len(items))[::-1], times[-1] - times) for items, times in sequences]
        starts = np.cumsum([0, *map(len, weights)])
        columns = np.concatenate([items for items, _ in sequences])
        faded = csr_matrix((np.concatenate(weights), columns, starts), shape=(len(sequences), self.votes.shape[0]))
        return (faded @ self.votes).toarray()

    def _begin(self) -> tuple[np.ndarray, int | None]:
        return np.zeros(self.votes.shape[1]), None

    def _step(self, state: tuple[np.ndarray, int | None], item: int, time: int) -> tuple[np.ndarray, tuple]:
        total, last = state
        total = total * self._fade(1, 0 if last is None else time - last)
        new = slice(self.votes.indptr[item], self.votes.indptr[item + 1])
        total[self.votes.indices[new]] += self.votes.data[new]
        return total, (total, time)


class RecentCosine(FadingVotes):
    """Item cosine with recency: what the same people wanted, the user's latest items first.

    votes = the cosines of ``collaborative.ItemCosine``: the order of the training data counts nothing, only that of the
    history that is scored.

    Args:
        neighbours: of each item, as in ``ItemCosine``. decay, half_life_days: as ``FadingVotes``.
    """

    def __init__(self, decay: float = 0.7, half_life_days: float | None = None, neighbours: int | None = None):
        super().__init__(decay, half_life_days)
        self.cosine = ItemCosine(neighbours)

    def _count(self, histories: Histories) -> csr_matrix:
        return self.cosine.fit(self.interactions).similarity


class SequentialRules(FadingVotes):
    """Sequential rules: i followed j at a distance of d events, in somebody's history; the nearer, the more it says.

    votes[j, i] = (F_ji + back · F_ij) / (n_j^own · n_i^other), with F_ji = Σ d^(−falloff) over all places where i stands d
    events after j, at most ``reach``, and n the events of an item. With ``back = 0`` only what came after counts; with
    ``other = 0`` popular items are favoured, with 0.5 they are held down as by the cosine.

    Source: Ludewig & Jannach, "Evaluation of session-based recommendation algorithms" (UMUAI 2018), §3.1 (their SR has
    falloff 1 and back 0); the powers of n are ours.

    Args:
        reach: farthest distance in events. falloff, back, own, other: as above.
        gap_minutes: pairs across a pause longer than this don't count (``Histories.sessions``); ``None``: all do.
        decay, half_life_days: as ``FadingVotes``.

    Raises:
        ContractError: a parameter out of range.
    """

    def __init__(
        self, reach: int = 20, falloff: float = 0.5, back: float = 0.5, own: float = 0.5, other: float = 0.25,
        decay: float = 0.6, half_life_days: float | None = None, gap_minutes: float | None = None,
    ):  # fmt: skip
        super().__init__(decay, half_life_days)
        if reach < 1 or min(falloff, back, own, other) < 0:
            raise ContractError("reach must be at least 1; falloff, back, own and other at least 0")
        if gap_minutes is not None and not gap_minutes > 0:
            raise ContractError(f"gap_minutes is {gap_minutes}; it must be more than 0, or None")
        self.reach, self.falloff, self.back, self.own, self.other = reach, falloff, back, own, other
        self.gap_minutes = gap_minutes

    def _count(self, histories: Histories) -> csr_matrix:
        n_items = len(histories.items)
        group = histories.user_rows if self.gap_minutes is None else histories.sessions(self.gap_minutes)
        follows = csr_matrix((n_items, n_items))
        for distance in range(1, min(self.reach, len(group) - 1) + 1):
            same = group[distance:] == group[:-distance]
            if not same.any():
                break
            pair = (histories.item_rows[:-distance][same], histories.item_rows[distance:][same])
            weight = np.full(len(pair[0]), float(distance) ** -self.falloff)
            follows = follows + csr_matrix((weight, pair), shape=follows.shape)
        both = (follows + self.back * follows.T).tocoo()
        row, column = both.coords
        n = np.maximum(self.counts, 1.0)
        value = both.data * n[row] ** -self.own * n[column] ** -self.other
        value[row == column] = 0  # an item doesn't speak for itself
        return csr_matrix((value, (row, column)), shape=both.shape)
