"""What an approximate index costs and brings: recall of the exact list, time, memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.search.retrieval.vectors import VectorIndex, recall_of


@dataclass(frozen=True)
class Point:
    """One setting of one index.

    Attributes:
        effort: multiple of the index's usual effort.
        recall: float64 [n], of each query, the part of the exact k rows that was found.
        milliseconds: float64 [n], of each query, asked alone; the smallest of the rounds.
        megabytes: of the whole index, 10^6 bytes.
    """

    effort: float
    recall: np.ndarray
    milliseconds: np.ndarray
    megabytes: float


def frontier(
    index: VectorIndex, queries: np.ndarray, exact: np.ndarray, *, efforts: Sequence[float], rounds: int = 2
) -> list[Point]:
    """Recall and time of an index at several efforts.

    Queries are asked one at a time, as they come to a shop; a batch would be faster per query. What else the machine
    does in the meantime can only add time, so the smallest time of some rounds is kept.

    Args:
        exact: int64 [n, k], the right rows.
    """
    points, megabytes = [], index.nbytes / 1e6
    for effort in efforts:
        found = np.empty_like(exact)
        seconds = np.full((rounds, len(queries)), np.inf)
        for turn in range(rounds):
            for row in range(len(queries)):
                start = time.perf_counter()
                found[row] = index.search(queries[row : row + 1], exact.shape[1], effort=effort)[0][0]
                seconds[turn, row] = time.perf_counter() - start
        points.append(Point(effort, recall_of(found, exact), 1000 * seconds.min(axis=0), megabytes))
    return points
