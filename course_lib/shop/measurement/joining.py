"""Joins by public id, never by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.ids import IdMap


def find(ids: IdMap, wanted: Sequence[str]) -> np.ndarray:
    """Rows of public ids: int64 [n], -1 where the map lacks the id."""
    if ids.ids is wanted or ids.ids == wanted:
        return np.arange(len(ids))
    row_of = {public: row for row, public in enumerate(ids)}
    return np.fromiter((row_of.get(i, -1) for i in wanted), dtype=np.int64, count=len(wanted))


def held(sorted_values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Which of the asked values, of any shape, are among ascending int64 values: bool of that shape."""
    # The last entry answers for everything beyond the others, and keeps the table from being empty.
    table = np.append(sorted_values, np.iinfo(np.int64).max)
    return table[np.searchsorted(table, asked)] == asked
