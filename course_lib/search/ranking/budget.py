"""Where to spend a reader that is too dear for everything: how far down each query's list it should read."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.ranking.gains import discounts


def depth_values(chance: np.ndarray) -> np.ndarray:
    """What reading the first m candidates may add to DCG, for m = 0 … k: float64 [k + 1].

    If the reader were perfect, the relevant ones among the first m would move to the top. Their number N_m is unknown;
    its distribution follows from the chances, candidate by candidate. So, with D(n) the sum of the first n discounts,

        value(m) = E[D(N_m)] − Σ_{r ≤ m} chance_r / log2(r + 1).

    A list that is surely right or surely hopeless is worth nothing; so is one that is already in the right order.

    Args:
        chance: float [k], P(relevant) of each candidate in the present order.
    """
    chance, k = np.asarray(chance, dtype=np.float64), len(chance)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ContractError("chances must lie between 0 and 1", remedy="Calibrate the scores first")
    weight = discounts(k)
    best = np.concatenate([[0], np.cumsum(weight)])
    number, values = np.zeros(k + 1), np.zeros(k + 1)  # number[n]: P(N_m = n)
    number[0] = 1
    for m, p in enumerate(chance, start=1):
        number[1:] = number[1:] * (1 - p) + number[:-1] * p
        number[0] *= 1 - p
        values[m] = number @ best
    return values - np.concatenate([[0], np.cumsum(chance * weight)])


def equal_depths(counts: np.ndarray, budget: int) -> np.ndarray:
    """int64 [n]: the same depth for every list, one more for the first lists while something is left.

    Args:
        counts: int [n], candidates of each list. budget: pairs in all.
    """
    counts, left = np.asarray(counts, dtype=np.int64), _checked(budget)
    depths = np.zeros_like(counts)
    while left and (depths < counts).any():
        short = np.flatnonzero(depths < counts)[:left]
        more = np.minimum(counts[short] - depths[short], max(left // len(short), 1))
        depths[short] += more
        left -= int(more.sum())
    return depths


def best_depths(chance: np.ndarray, mask: np.ndarray, budget: int) -> np.ndarray:
    """int64 [n]: depths that spend the budget where a pair is expected to add most, by ``depth_values`` of each list.

    Always taken next: the list and the further depth with the largest value per pair, looking as far ahead as the list
    goes (one pair alone never pays: a list of one has no order). A step that no longer fits is shortened.

    Args:
        chance: float [n, k], P(relevant). mask: bool [n, k], where a product stands. budget: pairs in all.
    """
    left, lists = _checked(budget), [depth_values(row[there]) for row, there in zip(chance, mask)]
    depths = np.zeros(len(lists), dtype=np.int64)

    def next_step(row: int) -> tuple[float, int]:
        values, at = lists[row], depths[row]
        rates = (values[at + 1 :] - values[at]) / np.arange(1, len(values) - at)
        return (float(rates.max()), int(rates.argmax()) + 1) if len(rates) else (-np.inf, 0)

    steps = [next_step(row) for row in range(len(lists))]
    while left and steps:
        row = max(range(len(steps)), key=lambda r: steps[r][0])
        rate, further = steps[row]
        if rate <= 0:
            break  # nothing is expected to gain: what is left is saved
        further = min(further, left)
        depths[row] += further
        left -= further
        steps[row] = next_step(row)
    return depths


def _checked(budget: int) -> int:
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 0:
        raise ContractError(f"the budget is {budget!r}; it must be a whole number of at least 0")
    return int(budget)
