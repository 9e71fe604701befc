"""Filters (category, price, in stock) over an approximate index: who asks for ten cheap mugs must get the ten best.

Five ways. The first is what one does without thinking; the last is the one to use.
"""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD
from course_lib.search.retrieval.vectors import ExactIndex, Found, VectorIndex, best, stacked


def allowed_items(
    n: int,
    *,
    category: tuple[np.ndarray, str] | None = None,
    price: tuple[np.ndarray, float, float] | None = None,
    in_stock: np.ndarray | None = None,
) -> np.ndarray:
    """Which of the n products a customer's filters leave: bool [n].

    Args:
        category: the products' categories, str [n], and the one wanted; ``"kitchen"`` takes ``"kitchen > mug"`` too.
        price: the products' prices, float [n], and the lowest and highest wanted, both included. A product without a
            price (NaN) is in no range.
        in_stock: bool [n].

    Raises:
        ContractError: a column of another length.
    """
    allowed = np.ones(n, dtype=bool)
    for column in (category and category[0], price and price[0], in_stock):
        if column is not None and np.shape(column) != (n,):
            raise ContractError(f"a filter's column is {np.shape(column)}, not [{n}]: one entry per product")
    if category is not None:
        names, wanted = category
        allowed &= np.array([name == wanted or name.startswith(wanted + " > ") for name in names], dtype=bool)
    if price is not None:
        values, low, high = price
        allowed &= (np.asarray(values) >= low) & (np.asarray(values) <= high)
    return allowed if in_stock is None else allowed & np.asarray(in_stock, dtype=bool)


def post_filter(index: VectorIndex, queries: np.ndarray, k: int, allowed: np.ndarray, *, fetch: int = 0) -> Found:
    """Search as if there were no filter, then drop what isn't allowed. Loses what stands below the fetched places.

    Args:
        fetch: places fetched, k without it.
    """
    rows, scores = index.search(queries, max(k, fetch))
    return _only(rows, scores, allowed, k)


def over_fetch(index: VectorIndex, queries: np.ndarray, k: int, allowed: np.ndarray) -> Found:
    """Post-filter, and fetch twice as much, with twice the effort, for every query that came back short.

    Ends when a query has its k, or when the whole index was fetched. A full list is a right one as far as the index's
    unfiltered list was: nothing else is known about it.
    """
    queries = np.asarray(queries, dtype=np.float32)
    rows, scores = post_filter(index, queries, k, allowed)
    fetch, effort = k, 1.0
    while (short := np.flatnonzero(rows[:, -1] == PAD)).size and fetch < len(index):
        fetch, effort = min(2 * fetch, len(index)), 2 * effort
        rows[short], scores[short] = _only(*index.search(queries[short], fetch, effort=effort), allowed, k)
    return rows, scores


def selector(index: VectorIndex, queries: np.ndarray, k: int, allowed: np.ndarray) -> Found:
    """The index tests each vector while it searches; how much it looks at stays as it was without a filter."""
    return index.search(queries, k, allowed=allowed)


def pre_filter(exact: ExactIndex, queries: np.ndarray, k: int, allowed: np.ndarray) -> Found:
    """Compare all that is allowed, exactly: right always, and cheap where the filter leaves little."""
    return exact.search(queries, k, allowed=allowed)


def planned(
    index: VectorIndex, exact: ExactIndex, queries: np.ndarray, k: int, allowed: np.ndarray, *, small: float = 0.1
) -> Found:
    """Pre-filter where little is left, else the selector, with more effort until the list stands still.

    To find the best k of a fifth of all vectors, an index must meet as many *allowed* ones as without the filter, so
    it starts with five times the effort. That suffices where the filter has nothing to do with the query. Where it has
    (mugs, in the department of shoes) the allowed vectors lie elsewhere; so the effort is doubled for each query until
    doubling it changes nothing, and what still changes after two doublings is compared exactly.

    Args:
        small: up to this share of the index, what the filter leaves is compared exactly.

    Raises:
        ContractError: the two indexes hold another number of vectors.
    """
    if len(index) != len(exact):
        raise ContractError(f"the index holds {len(index)} vectors, the exact one {len(exact)}")
    left = np.count_nonzero(allowed)
    if left <= small * len(index):
        return pre_filter(exact, queries, k, allowed)
    queries, effort = np.asarray(queries, dtype=np.float32), len(index) / min(left, len(index))
    rows, scores = index.search(queries, k, allowed=allowed, effort=effort)
    moving = np.arange(len(queries))
    for _ in range(2):
        if not len(moving):
            return rows, scores
        effort *= 2
        again, its_scores = index.search(queries[moving], k, allowed=allowed, effort=effort)
        moved = (again != rows[moving]).any(axis=1) | (again[:, min(k, left) - 1] == PAD)
        rows[moving], scores[moving] = again, its_scores
        moving = moving[moved]
    rows[moving], scores[moving] = pre_filter(exact, queries[moving], k, allowed)
    return rows, scores


def _only(rows: np.ndarray, scores: np.ndarray, allowed: np.ndarray, k: int) -> Found:
    """The first k of each row that are allowed."""
    may = (rows != PAD) & np.asarray(allowed, dtype=bool)[rows]
    return stacked([best(row[keep], score[keep], k) for row, score, keep in zip(rows, scores, may)], k)
