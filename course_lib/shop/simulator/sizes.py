"""Which sizes a simulation accepts: whole numbers, and no more than this machine's memory holds."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError

#: bytes at the peak, as ``benchmarks/simulator.py`` measured them for 1,000 to 1,000,000 items; the start is the imports
_START, _PER_ITEM, _PER_EVENT, _PER_USER, _PER_QUERY = 350_000_000, 3_800, 400, 500, 2_000


def check_sizes(n_items: Any, n_users: Any, n_queries: Any, events_per_user: Any) -> None:
    """Refuse what can't be simulated.

    Raises:
        ContractError: a size that is no whole number or below 1; sizes that would need more memory than there is.
    """
    sizes = {"n_items": n_items, "n_users": n_users, "n_queries": n_queries, "events_per_user": events_per_user}
    for name, value in sizes.items():
        check_whole(name, value, at_least=1)
    items, users, queries, events = (int(value) for value in sizes.values())
    need = _START + _PER_ITEM * items + (_PER_USER + _PER_EVENT * events) * users + _PER_QUERY * queries
    have = memory()
    if have is not None and need > have:
        raise ContractError(
            f"{items:,} items, {queries:,} queries and {users:,} users with {events:,} events each need about "
            f"{need / 1e9:,.0f} GB of memory; this machine has {have / 1e9:,.0f}",
            remedy="Ask for a smaller shop",
        )  # fmt: skip


def check_whole(name: str, value: Any, at_least: int) -> None:
    """Raises ContractError unless ``value`` is an int ≥ ``at_least``."""
    remedy = f"Give an int of at least {at_least}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ContractError(f"{value!r} is not a whole number", where=name, remedy=remedy)
    if value < at_least:
        raise ContractError(f"{value} is too small", where=name, remedy=remedy)


def memory() -> int | None:
    """Bytes of this machine's memory, ``None`` where the system doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
