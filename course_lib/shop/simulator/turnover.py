"""How fast the popularity of products changes, measured the same way on a simulated log and on a real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError


def turnover(
    item: np.ndarray, week: np.ndarray, lags: Sequence[int] = (1, 2, 4, 8, 12, 16, 20), least: int = 60
) -> np.ndarray:
    """float [n_lags]: does an item that sold more than usual in one week still do so ``lag`` weeks later?

    For each item with at least ``least`` events: Σ n_w n_{w+lag} / Σ e_w e_{w+lag}, where n_w counts its events in week
    w and e_w is what it would have if its share of all events never changed; the result is the mean over items. It is 1
    at every lag if shares are constant (luck cancels, because two weeks are compared and the item's own total enters
    as n / (n - 1)), and falls with the lag where popularity drifts: the level depends on how long the log is, the
    fall from a short to a long lag does not depend on how many events there are.

    Args:
        item, week: int [n_events], of the events that count as demand (clicks or purchases).

    Raises:
        ContractError: arrays of different lengths, no item with ``least`` events, or a lag outside the log.
    """
    if item.shape != week.shape or item.ndim != 1:
        raise ContractError(f"item has shape {item.shape}, week {week.shape}: both must be [n_events]")
    _, rows = np.unique(item, return_inverse=True)
    first = week.min() if len(week) else 0
    n_weeks = int(week.max() - first) + 1 if len(week) else 0
    if not n_weeks or max(lags) >= n_weeks or min(lags) < 1:
        raise ContractError(f"lags {tuple(lags)} in a log of {n_weeks} weeks", where="lags")
    counts = np.zeros((rows.max() + 1, n_weeks))
    np.add.at(counts, (rows, week - first), 1)
    share = counts.sum(axis=0) / counts.sum()
    counts = counts[counts.sum(axis=1) >= least]
    if not len(counts):
        raise ContractError(
            f"no item has {least} events", where="least", remedy="Take a longer log or a smaller number"
        )
    total = counts.sum(axis=1)
    expected = total[:, None] * share
    ratios = [
        (counts[:, :-lag] * counts[:, lag:]).sum(axis=1) / (expected[:, :-lag] * expected[:, lag:]).sum(axis=1)
        for lag in lags
    ]
    return np.array([(ratio * total / (total - 1)).mean() for ratio in ratios])
