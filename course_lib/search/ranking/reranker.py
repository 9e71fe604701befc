"""Reranking by a reader of texts: a cross-encoder, or whatever scores (query, product text) pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.ranking.budget import equal_depths
from course_lib.search.ranking.table import reordered

ScorePairs = Callable[[list[tuple[str, str]]], np.ndarray]  #: n (query, product text) pairs -> n scores


class Reranker:
    """Reads the first candidates of each list and puts them in order; the others follow as they were.

    Nogueira & Cho 2019, https://arxiv.org/abs/1901.04085. A cross-encoder ``cross`` of ``language.finetuning`` is used
    as ``Reranker(lambda pairs: cross.logits(pairs)[:, 0], shop.item_texts)``.

    Args:
        score_pairs: the reader. texts: what it reads of each product, in catalogue order.
        blend: from 0 (the candidates' own order) to 1 (the reader's alone): the weight of the reader's score beside
            the candidates' own, both standardised within what was read.

    Attributes:
        pairs, seconds: how many pairs the last ``rerank`` read, and how long the reader took.
    """

    def __init__(self, score_pairs: ScorePairs, texts: Sequence[str], *, blend: float = 1.0):
        if not 0 <= blend <= 1:
            raise ContractError(f"blend is {blend}; it must be between 0 and 1")
        self.score_pairs, self.texts, self.blend = score_pairs, list(texts), blend
        self.pairs, self.seconds = 0, 0.0

    def rerank(
        self, candidates: Ranking, queries: Sequence[str], k: int, *, budget: int | None = None,
        depths: np.ndarray | None = None,
    ) -> Ranking:  # fmt: skip
        """The k best of each row.

        Args:
            queries: the text of each row. budget: pairs to read in all, equally many of each list; by default all.
            depths: int [n], how far to read each list, e.g. by ``best_depths``.

        Raises:
            ContractError: another catalogue, not one text for each row, both a budget and depths, depths outside the
                lists, scores that are not one finite number for each pair.
        """
        queries = [] if isinstance(queries, str) else list(queries)
        if len(self.texts) != len(candidates.items) or len(queries) != len(candidates):
            what = f"{len(self.texts)} product texts and {len(queries)} query texts for {candidates!r}"
            raise ContractError(what, remedy="Give one text for each product of the catalogue and each row")
        mask = candidates.ids != PAD
        counts = mask.sum(axis=1)
        if budget is not None and depths is not None:
            raise ContractError("give a budget or depths, not both")
        if depths is None:
            depths = counts if budget is None else equal_depths(counts, budget)
        depths = np.asarray(depths)
        whole = depths.shape == counts.shape and depths.dtype.kind in "iu"
        if not whole or (depths < 0).any() or (depths > counts).any():
            raise ContractError("depths must be whole numbers, one for each list and not beyond its end")
        read = np.arange(mask.shape[1]) < depths[:, None]
        row, place = np.nonzero(read)
        pairs = [(queries[r], self.texts[item]) for r, item in zip(row, candidates.ids[row, place])]
        began = time.perf_counter()
        found = np.asarray(self.score_pairs(pairs), dtype=np.float64) if pairs else np.zeros(0)
        self.pairs, self.seconds = len(pairs), time.perf_counter() - began
        if found.shape != (len(pairs),) or not np.isfinite(found).all():
            raise ContractError(f"the reader gave scores {found.shape}, not {len(pairs)} finite numbers")
        scores = np.full(mask.shape, -np.inf)
        scores[row, place] = found
        if self.blend < 1:
            both = self.blend * _standardised(scores, read) + (1 - self.blend) * _standardised(candidates.scores, read)
            scores = np.where(read, both, -np.inf)
        # What was not read stands below what was, in its old order.
        floor = np.where(read, scores, np.inf).min(axis=1, initial=0, keepdims=True)
        rest = np.where(np.isfinite(floor), floor, 0) - 1 - np.arange(mask.shape[1])
        return reordered(candidates, np.where(read, scores, rest), k)


def _standardised(scores: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 over what was read of each row; 0 elsewhere."""
    n = np.maximum(read.sum(axis=1, keepdims=True), 1)
    known = np.where(read, scores, 0)
    centred = np.where(read, known - known.sum(axis=1, keepdims=True) / n, 0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
    return centred / np.where(spread > 1e-12, spread, 1)
