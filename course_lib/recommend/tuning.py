"""Tuning with equal budgets: the same number of tries for a baseline as for one's own model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import evaluate


@dataclass(frozen=True)
class Tuning:
    """What a search over parameters found.

    Attributes:
        best: the parameters with the highest mean (of equal ones, those tried first).
        table: one entry per try, in order: the parameters and, under the metric's name, the mean.
        metric: what was maximised.
    """

    best: dict[str, Any]
    table: list[dict[str, Any]]
    metric: str


def tune(
    make: Callable[..., Recommender],
    grid: Mapping[str, Sequence[Any]],
    train: Interactions,
    validation: Interactions,
    *,
    metric: str = "ndcg@20",
) -> Tuning:
    """Fit every combination of a grid on ``train`` and measure it on what is new to the same users in ``validation``.

    Args:
        make: a recommender from keyword arguments, e.g. the class ``IALS``.
        grid: parameter name -> values to try.
        train, validation: split by time, both before the test data: ``shop.interactions(until=t)`` and
            ``shop.interactions(since=t, until=u)``.
        metric: ``name@k`` of ``evaluate``.

    Raises:
        ContractError: an empty grid; validation that begins before training ends, or holds nothing new.
    """
    tries = [dict(zip(grid, values)) for values in product(*grid.values())]
    if not grid or not tries:
        raise ContractError("the grid has no combination to try")
    depth = metric.rpartition("@")[2]
    if not depth.isdecimal():
        raise ContractError(f"the metric {metric!r} names no depth", remedy='E.g. "ndcg@20"')
    wanted = new_interests(train, validation)
    users, k = wanted.active_users(), int(depth)
    table = []
    for parameters in tries:
        report = evaluate(make(**parameters).fit(train).recommend(users, k), wanted, metrics=(metric,))
        table.append({**parameters, metric: float(report[metric])})
    best = max(range(len(tries)), key=lambda i: table[i][metric])
    return Tuning(tries[best], table, metric)
