"""Exact nearest products of many queries at once: ``core.ranking.top_k``, the same lists, at the pace of a library.

Two things make it fast. Products pass in blocks that every query meets at once, so that each block is read from memory
once. And of a block only scores that may still be among the k best are looked at: from the first block on there is a bound.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD


def nearest(
    queries: np.ndarray, vectors: np.ndarray, k: int, *, block: int = 4_096, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest items by inner product.

    Args:
        queries: float [n, d]. vectors: float [n_items, d].
        k: results per query; a row is padded when there are fewer items.
        block: items scored at a time (memory: n × block × 4 bytes).
        workers: threads, each with its share of the queries; by default one for each core.

    Returns:
        ids int64 [n, k] and scores float32 [n, k], descending, ties by lower row.

    Raises:
        ContractError: dimensions differ, k, block or workers below 1, or a score that is NaN.
    """
    queries, vectors = np.asarray(queries, dtype=np.float32), np.asarray(vectors, dtype=np.float32)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ContractError(f"queries {queries.shape} and vectors {vectors.shape} must be [n, d] and [n_items, d]")
    workers = cores() if workers is None else workers
    if min(k, block, workers) < 1:
        raise ContractError("k, block and workers must be at least 1")
    return shared_out(queries, k, workers, lambda part: _scan(part, vectors, k, block))


def _scan(queries: np.ndarray, vectors: np.ndarray, k: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    n, scores = len(queries), np.empty((len(queries), block), dtype=np.float32)
    mask = np.empty(n * block, dtype=bool)
    bound = np.full(n, -np.inf, dtype=np.float32)
    rows, items, found = ([] for _ in range(3))
    collected, again = 0, 1  # the bound is raised after 1, 2, 4, 8 … blocks: later ones hold fewer and fewer that pass
    for number, start in enumerate(range(0, len(vectors), block), start=1):
        width = min(block, len(vectors) - start)
        now = np.matmul(queries, vectors[start : start + width].T, out=scores.reshape(-1)[: n * width].reshape(n, width))
        if number == 1:
            bound = _least(now, k)
        # "Not below" rather than "at least": a NaN passes too, and is seen without a look at all the scores.
        below = np.less(now, bound[:, None], out=mask[: n * width].reshape(n, width))
        passed = np.flatnonzero(np.logical_not(below, out=below))
        row, column = np.divmod(passed, width)
        rows.append(row)
        items.append(column + start)
        found.append(now.reshape(-1)[passed])
        if np.isnan(found[-1]).any():
            raise ContractError("a score is NaN", remedy="Check the vectors for NaN or overflow")
        collected += len(passed)
        if number == again and collected:
            bound = kth_best(np.concatenate(rows), np.concatenate(found), n, k)
            again *= 2
    if not rows:
        return np.full((n, k), PAD, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
    return best(np.concatenate(rows), np.concatenate(items), np.concatenate(found), n, k)


def _least(scores: np.ndarray, k: int, group: int = 16) -> np.ndarray:
    """A lower bound of the k-th best of each row [n, m]: the k-th largest maximum of groups of columns.

    k groups hold at least one score each that reaches it. Sorting the maxima costs a fraction of sorting the scores.
    """
    n, m = scores.shape
    groups = m // group
    if groups < k:
        return np.full(n, -np.inf, dtype=np.float32)
    maxima = scores[:, : groups * group].reshape(n, group, groups).max(axis=1)
    maxima.sort(axis=1)
    return maxima[:, groups - k]


def best(rows: np.ndarray, items: np.ndarray, scores: np.ndarray, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each of n rows out of loose entries (row, item, score): ids and scores [n, k] as of ``nearest``."""
    kept = scores >= kth_best(rows, scores, n, k)[rows]
    rows, items, scores = rows[kept], items[kept], scores[kept]
    order = np.lexsort((items, -scores, rows))
    rows, items, scores = rows[order], items[order], scores[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    rows, items, scores, place = (x[place < k] for x in (rows, items, scores, place))
    ids, values = np.full((n, k), PAD, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
    ids[rows, place], values[rows, place] = items, scores
    return ids, values


def kth_best(rows: np.ndarray, scores: np.ndarray, n: int, k: int) -> np.ndarray:
    """The k-th largest score of each of n rows: float32 [n], -inf where a row has fewer entries."""
    count = np.bincount(rows, minlength=n)
    width = max(int(count.max(initial=0)), k)
    order = np.argsort(rows, kind="stable")
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    table = np.full((n, width), -np.inf, dtype=np.float32)
    table[rows[order], place] = scores[order]
    table.sort(axis=1)  # a whole sort: a partial one is slow on rows that are mostly -inf
    return table[:, width - k]


def shared_out(
    queries: np.ndarray, k: int, workers: int, work: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of queries in as many parts as there are workers, each with one thread of the matrix library."""
    if not len(queries):
        return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
    step = -(-len(queries) // workers)
    parts = [queries[start : start + step] for start in range(0, len(queries), step)]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(len(parts)) as pool:
        done = list(pool.map(work, parts))
    return np.concatenate([ids for ids, _ in done]), np.concatenate([scores for _, scores in done])


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
