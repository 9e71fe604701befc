"""The case's search: words and vectors at the same time, fused, and reranked for who asks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np

from course_lib.capstone.case.history import profiles, rerank
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.engine.lists import ListIndex
from course_lib.search.engine.nearest import cores, nearest
from course_lib.search.retrieval import BM25, reciprocal_rank_fusion

RECALL = 0.995  #: of the exact lists, that the approximate index is tuned to on queries of the past


@dataclass(frozen=True, eq=False)
class Answers:
    """Lists of n queries, [n, k] each: what each step made of them."""

    words: Ranking
    vectors: Ranking
    fused: Ranking
    reranked: Ranking


class CaseIndex:
    """BM25 over the texts and lists (IVF) over the vectors of the same products.

    Args:
        workers: cores to use; by default all.
    """

    def __init__(self, workers: int | None = None):
        self.workers = cores() if workers is None else workers

    def fit_words(self, texts: Sequence[str]) -> Self:
        """Index the texts."""
        self.items = IdMap("item", range(len(texts)))
        self.bm25 = BM25().fit(texts, item_ids=self.items)
        return self

    def fit_vectors(self, vectors: np.ndarray, past: np.ndarray, k: int) -> Self:
        """Index the vectors, and tune the lists on queries of the past.

        Args:
            vectors: float32 [n_items, d] of length 1. past: float32 [n, d], queries that are not to be answered now.
        """
        self.vectors = vectors
        self.lists = ListIndex().fit(vectors)
        exact, _ = nearest(past, vectors, k, workers=self.workers)
        self.lists.tune(past, exact, RECALL)
        return self

    def by_words(self, queries: Sequence[str], keys: IdMap, k: int) -> Ranking:
        """BM25, on one core."""
        return self.bm25.search(queries, k, keys=keys)

    def by_vectors(self, asked: np.ndarray, keys: IdMap, k: int, *, workers: int | None = None) -> Ranking:
        """The lists; float32 [n, d] queries."""
        ids, scores = self.lists.search(asked, k, workers=self.workers if workers is None else workers)
        return Ranking(ids, scores, keys, self.items)

    def candidates(
        self, queries: Sequence[str], asked: np.ndarray, keys: IdMap, k: int
    ) -> tuple[Ranking, Ranking, Ranking]:
        """By words, by vectors, and both fused by reciprocal ranks.

        Where there are several cores, one counts words while the others multiply vectors.
        """
        with ThreadPoolExecutor(1) as pool:
            near = pool.submit(self.by_vectors, asked, keys, k, workers=max(1, self.workers - 1))
            words = self.by_words(queries, keys, k)
            return words, near.result(), reciprocal_rank_fusion([words, near.result()], k)

    def answer(self, queries: Sequence[str], asked: np.ndarray, history: Sequence[np.ndarray], k: int) -> Answers:
        """Everything, from queries and their vectors to reranked lists.

        Raises:
            ContractError: not one vector and one history for each query.
        """
        if not len(queries) == len(asked) == len(history):
            raise ContractError(f"{len(queries)} queries, {len(asked)} vectors and {len(history)} histories")
        keys = IdMap("query", range(len(queries)))
        words, near, fused = self.candidates(queries, asked, keys, k)
        users = profiles(history, self.vectors)
        return Answers(words, near, fused, rerank(fused, users, self.vectors, k))


def known_item(ranking: Ranking, targets: np.ndarray) -> dict[str, float]:
    """How often a query's target is in its list, and the mean of 1 / place (0 beyond the tenth)."""
    hit = (ranking.ids == np.asarray(targets)[:, None]) & (ranking.ids != PAD)
    place = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, np.inf)
    return {f"found@{ranking.k}": float(hit.any(axis=1).mean()),
            "reciprocal_rank@10": float(np.where(place <= 10, 1 / place, 0).mean())}  # fmt: skip
