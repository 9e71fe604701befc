"""Ranking in blocks: the score matrix of all queries would not fit into memory, one of a few hundred does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking


def rank_in_blocks(
    score: Callable[[slice], np.ndarray], k: int, *, keys: IdMap, items: IdMap, block: int = 256
) -> Ranking:
    """The k best items of each key, with at most ``block`` rows of scores alive at a time.

    Args:
        score: from a slice of the keys' rows to float [rows, n_items]; -inf means "never show this one".
        k: length of the list; a row with fewer items is padded.
        block: rows scored at a time (memory: block × n_items × 4 bytes).

    Returns:
        Ranking of all keys, equal to ``Ranking.from_scores`` of the whole matrix: ties by catalogue row.

    Raises:
        ContractError: as ``Ranking.from_scores`` does.
    """
    parts = [
        Ranking.from_scores(score(slice(i, i + block)), k, keys=IdMap(keys.kind, keys.ids[i : i + block]), items=items)
        for i in range(0, len(keys), block)
    ]
    if not parts:
        return Ranking.from_scores(np.empty((0, len(items)), dtype=np.float32), k, keys=keys, items=items)
    return Ranking(np.concatenate([p.ids for p in parts]), np.concatenate([p.scores for p in parts]), keys, items)
