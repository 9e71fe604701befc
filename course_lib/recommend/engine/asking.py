"""What a request may ask for: people and products that there are, and a number of places. Errors name near ids."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap


def check_users(users: Sequence[str], known: IdMap) -> None:
    """Raise where a user is unknown (UnknownIdError), or where a text stands for the list (ContractError)."""
    if isinstance(users, str):
        raise ContractError("users must be a list of user ids", remedy=f"E.g. recommend([{users!r}])")
    unknown = next((user for user in users if user not in known), None)
    if unknown is None:
        return
    raise UnknownIdError(
        f"nobody called {str(unknown)!r} is in the log",
        remedy=f"There are {_near(unknown, known)}{' …' if len(known) > 3 else ''}; "
        "for somebody new give the products they looked at (recommend_for)",
    )


def visitor_history(
    items: Sequence[str], timestamps: Sequence[int] | None, known: IdMap
) -> tuple[np.ndarray, np.ndarray]:
    """Catalogue rows of the products that a visitor touched, int64 [n], and when: [n]; without times, 0, 1, 2, …

    Raises:
        ContractError: a text instead of a list, timestamps of another number. UnknownIdError: an unknown product.
    """
    if isinstance(items, str):
        raise ContractError("items must be a list of product ids", remedy=f"E.g. [{items!r}]")
    items = list(items)
    unknown = next((item for item in items if item not in known), None)
    if unknown is not None:
        raise UnknownIdError(f"there is no product {str(unknown)!r}", remedy=f"There are {_near(unknown, known)} …")
    rows = known.rows(items)
    times = np.arange(len(items)) if timestamps is None else np.asarray(timestamps)
    if times.shape != rows.shape:
        raise ContractError(f"{len(times)} timestamps for {len(items)} products")
    return rows, times


def checked_k(k: int) -> int:
    """The number of places, as ``int``; raises ContractError unless it is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    return int(k)


def _near(unknown: object, known: IdMap) -> str:
    """Up to three ids that look like this one; the first three where none does."""
    return ", ".join(difflib.get_close_matches(str(unknown), known.ids, n=3, cutoff=0.5) or known.ids[:3])
