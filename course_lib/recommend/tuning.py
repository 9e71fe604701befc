"""Tuning a recommender on what its users did next (``measurement.tuning`` keeps the budgets equal)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, Tuning, evaluate, search_grid, tune_equally


def tune(
    make: Callable[..., Recommender],
    grid: Mapping[str, Sequence[Any]],
    train: Interactions,
    validation: Interactions,
    *,
    metric: str = "ndcg@20",
    budget: int | None = None,
    seed: int = 0,
) -> Tuning:
    """Fit combinations of a grid on ``train`` and measure them on what is new to the same users in ``validation``.

    Args:
        make: a recommender from keyword arguments, e.g. the class ``IALS``.
        grid: parameter name -> values to try.
        train, validation: split by time, both before the test data: ``shop.interactions(until=t)`` and
            ``shop.interactions(since=t, until=u)``.
        metric: ``name@k`` of ``evaluate``.
        budget: tries at most, drawn from the grid with ``seed``; default: every combination, in order.

    Raises:
        ContractError: an empty grid; validation that begins before training ends, or holds nothing new.
    """
    if not grid:
        raise ContractError("the grid has no combination to try")
    return search_grid(_measure(make, train, validation, metric), grid, metric=metric, budget=budget, seed=seed)


def tune_all(
    contenders: Mapping[str, tuple[Callable[..., Recommender], Mapping[str, Sequence[Any]]]],
    train: Interactions,
    validation: Interactions,
    *,
    budget: int,
    metric: str = "ndcg@20",
    seed: int = 0,
) -> dict[str, Tuning]:
    """``tune`` for several recommenders, each with exactly ``budget`` tries: name → what was found.

    Args:
        contenders: name → (make, grid), as ``tune`` takes them; a grid without a parameter is one try.

    Raises:
        ContractError: a grid with fewer combinations than the budget, or what ``tune`` refuses.
    """
    measured = {n: (_measure(make, train, validation, metric), grid) for n, (make, grid) in contenders.items()}
    return tune_equally(measured, metric=metric, budget=budget, seed=seed)


def _measure(
    make: Callable[..., Recommender], train: Interactions, validation: Interactions, metric: str
) -> Callable[..., Report]:
    """From settings to the report of what they reach on validation."""
    depth = metric.rpartition("@")[2]
    if not depth.isdecimal():
        raise ContractError(f"the metric {metric!r} names no depth", remedy='E.g. "ndcg@20"')
    wanted = new_interests(train, validation)
    users, k = wanted.active_users(), int(depth)

    def measure(**parameters: Any) -> Report:
        return evaluate(make(**parameters).fit(train).recommend(users, k), wanted, metrics=(metric,))

    return measure
