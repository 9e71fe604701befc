"""Point-in-time joins: what was known when the page was shown, and not an hour more.

Features are those of the night before: an event counts for all pages of later *days*, and for no page of its own day.
That is how shops serve them (tables computed overnight), and it leaves no room for a click to predict itself.
"""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD


def count_before(
    keys: np.ndarray, days: np.ndarray, asked: np.ndarray, on: np.ndarray, *, window: int | None = None
) -> np.ndarray:
    """int64 [m]: how many events with the same key happened on a day before.

    Args:
        keys, days: int [n] of the events; a key is anything that can be numbered: an item, a user, a user × brand.
        asked, on: int [m], the key and the day of each question.
        window: look back so many days only; default: to the beginning.

    Raises:
        ContractError: lengths that differ, a negative key or day, a window below 1.
    """
    code, question, span = _codes(keys, days, asked, on)
    if window is not None and window < 1:
        raise ContractError(f"window is {window}; it must be at least 1 day")
    code = np.sort(code)
    key, day = np.divmod(question, span)
    first = np.zeros_like(day) if window is None else np.maximum(day - window, 0)
    # Sorted by (key, day), the events of one key before one day stand side by side.
    return np.searchsorted(code, question) - np.searchsorted(code, key * span + first)


def last_before(
    keys: np.ndarray, days: np.ndarray, values: np.ndarray, asked: np.ndarray, on: np.ndarray, length: int
) -> np.ndarray:
    """int64 [m, length]: values of the last events with the same key on earlier days, newest first; PAD fills up.

    Args:
        keys, days, values: int [n] of the events, in the order of time.
        asked, on: int [m], the key and the day of each question.
        length: how many.

    Raises:
        ContractError: as ``count_before``, or a length below 1.
    """
    if length < 1:
        raise ContractError(f"length is {length}; it must be at least 1")
    code, question, span = _codes(keys, days, asked, on)
    order = np.argsort(code, kind="stable")
    code, values = code[order], np.asarray(values)[order]
    end = np.searchsorted(code, question)
    begin = np.searchsorted(code, question // span * span)
    at = end[:, None] - 1 - np.arange(length)
    known = at >= begin[:, None]
    if not len(values):
        return np.full(at.shape, PAD, dtype=np.int64)
    return np.where(known, values[np.maximum(at, 0)], PAD)


def _codes(
    keys: np.ndarray, days: np.ndarray, asked: np.ndarray, on: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """One number for each (key, day) that sorts by both: of the events, of the questions, and the days it spans."""
    keys, days, asked, on = (np.asarray(column, dtype=np.int64) for column in (keys, days, asked, on))
    if keys.shape != days.shape or asked.shape != on.shape or keys.ndim != 1 or asked.ndim != 1:
        raise ContractError("events need one key and one day each, and so do questions")
    if min((column.min(initial=0) for column in (keys, days, asked, on))) < 0:
        raise ContractError("keys and days must not be negative", remedy="Leave out rows without a key")
    start = min(days.min(initial=2**40), on.min(initial=2**40))
    span = int(max(days.max(initial=0), on.max(initial=0)) - start + 1)
    return keys * span + (days - start), asked * span + (on - start), span
