"""What a request costs: products looked at, times the seconds that a look takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from course_lib.core.errors import ContractError


@dataclass(frozen=True)
class Cost:
    """Seconds of one request, stage by stage, and together."""

    by_stage: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Of one request, all stages together."""
        return sum(self.by_stage)

    def money(self, per_hour: float) -> float:
        """What 1,000 requests cost on a machine with this price per hour."""
        return 1_000 * self.seconds * per_hour / 3_600


def cascade_cost(looked_at: Sequence[int], seconds_each: Sequence[float]) -> Cost:
    """Σ over stages of (products that reach the stage) · (seconds per product).

    Args:
        looked_at: products that reach each stage; the first is the catalogue.
        seconds_each: of each stage, per product.

    Raises:
        ContractError: lengths differ or are 0, a negative number, or more products than the stage before had.
    """
    if len(looked_at) != len(seconds_each) or not looked_at:
        raise ContractError(f"{len(looked_at)} stages with {len(seconds_each)} times per product")
    if min(*looked_at, *seconds_each, 0) < 0:
        raise ContractError("numbers of products and seconds must be at least 0")
    if any(later > earlier for earlier, later in zip(looked_at, looked_at[1:])):
        raise ContractError(f"a stage looks at more products than the one before: {list(looked_at)}")
    return Cost(tuple(n * each for n, each in zip(looked_at, seconds_each)))


def seconds_per_item(function: Callable[[], Any], n: int, *, repeats: int = 3) -> float:
    """Measured seconds per product of a call that looks at n products: the fastest of some repeats, after a first one.

    The fastest, because whatever else the machine does can only slow a call down.

    Raises:
        ContractError: n or repeats below 1.
    """
    if n < 1 or repeats < 1:
        raise ContractError(f"n is {n}, repeats is {repeats}; both must be at least 1")
    function()  # caches, lazy imports
    taken = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        taken.append(perf_counter() - start)
    return min(taken) / n
