"""Hybrid retrieval: one list out of several."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.retrieval.catalogue import no_results


def reciprocal_rank_fusion(rankings: Iterable[Ranking], k: int, *, c: float = 60) -> Ranking:
    """One list out of several, by places alone: score(q, p) = Σ_r 1 / (c + place of p in r), places counted from 1.

    Scores of different retrievers have no common unit; places have. A product that a list lacks gets nothing from it.

    Source: Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet" (SIGIR 2009), with c = 60.

    Args:
        rankings: of the same catalogue and the same keys; rows are joined by key, in the order of the first ranking.
        k: length of the fused list.

    Raises:
        ContractError: no ranking, different catalogues or keys, k < 1, c < 0.
    """
    rankings = list(rankings)
    if not rankings:
        raise ContractError("there is no ranking to fuse")
    ids, scores = no_results(len(rankings[0]), k)
    if not c >= 0:
        raise ContractError(f"c is {c}; it must be at least 0")
    first, n_items = rankings[0], len(rankings[0].items)
    pairs, gains = [], []
    for ranking in rankings:
        if ranking.items != first.items:
            raise ContractError("the rankings have different catalogues")
        if ranking.keys.kind != first.keys.kind or set(ranking.keys.ids) != set(first.keys.ids):
            raise ContractError("the rankings have different keys", remedy="Search each with the same queries")
        found = ranking.ids[ranking.keys.rows(first.keys.ids)]
        row, place = np.nonzero(found != PAD)
        pairs.append(row * n_items + found[row, place])  # one number per (query, product)
        gains.append(1 / (c + place + 1))
    pair, which = np.unique(np.concatenate(pairs), return_inverse=True)
    # Rounding comes before sorting, so that sums that differ only in the order of addition are ties.
    score = np.bincount(which, weights=np.concatenate(gains), minlength=len(pair)).astype(np.float32)
    row, item = np.divmod(pair, max(n_items, 1))
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)  # rows are sorted: distance from the row's first entry
    kept = place < k
    ids[row[kept], place[kept]], scores[row[kept], place[kept]] = item[kept], score[kept]
    return Ranking(ids, scores, first.keys, first.items)
