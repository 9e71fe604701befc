"""Tuning with equal budgets: as many tries for a baseline as for one's own model.

Untuned baselines made years of progress in recommendation that vanished when somebody tuned them (Ferrari Dacrema et
al. 2019, RecSys; Rendle et al. 2019, arXiv:1905.01395). The budget here is the number of tries; the seconds of each
try stand beside it, so that a reader sees where equal tries were not equal work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.measurement.report import Report


@dataclass(frozen=True)
class Tuning:
    """What a search over parameters found.

    Attributes:
        best: the parameters with the highest mean (of equal ones, those tried first).
        table: one entry per try, in order: the parameters and, under the metric's name, the mean.
        metric: what was maximised.
        seconds: wall-clock time of each try.
        combinations: how many the grid has; more than were tried where the budget ended the search.
    """

    best: dict[str, Any]
    table: list[dict[str, Any]]
    metric: str
    seconds: tuple[float, ...] = field(default=(), compare=False)
    combinations: int = 0


def search_grid(
    measure: Callable[..., Report | float],
    grid: Mapping[str, Sequence[Any]],
    *,
    metric: str,
    budget: int | None = None,
    seed: int = 0,
) -> Tuning:
    """Measure combinations of a grid on validation data, and keep the best.

    Args:
        measure: from keyword arguments (one value per parameter) to a ``Report`` that has ``metric``, or to a number,
            higher is better. What it reads must lie before the test period.
        grid: parameter name -> values to try. An empty grid is one try without arguments.
        metric: what to read of a report, and the name of the column in the table.
        budget: tries at most; a larger grid is drawn from at random, without replacement (Bergstra and Bengio 2012,
            JMLR 13). Default: the whole grid, in order.
        seed: of that draw.

    Raises:
        ContractError: a parameter without values, a budget below 1, or a measure that is not a number.
    """
    if any(isinstance(values, str) or not len(values) for values in grid.values()):
        raise ContractError("the grid has no combination to try", remedy="Give each parameter a list of values")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1):
        raise ContractError(f"the budget is {budget!r}; it must be a whole number of tries, at least 1")
    total = math.prod(map(len, grid.values()))
    chosen = range(total) if budget is None or budget >= total else _draw(total, budget, seed)
    table, seconds = [], []
    for number in chosen:
        parameters = _combination(grid, number)
        start = time.perf_counter()
        found = measure(**parameters)
        seconds.append(time.perf_counter() - start)
        value = float(found[metric] if isinstance(found, Report) else found)
        if not math.isfinite(value):
            raise ContractError(f"{metric} is {value} for {parameters}", remedy="Leave values out that don't train")
        table.append({**parameters, metric: value})
    best = max(range(len(table)), key=lambda i: table[i][metric])
    return Tuning({name: table[best][name] for name in grid}, table, metric, tuple(seconds), total)


def tune_equally(
    contenders: Mapping[str, tuple[Callable[..., Report | float], Mapping[str, Sequence[Any]]]],
    *,
    metric: str,
    budget: int,
    seed: int = 0,
) -> dict[str, Tuning]:
    """``search_grid`` with exactly ``budget`` tries for each method.

    Args:
        contenders: method -> (measure, grid), as ``search_grid`` takes them.

    Raises:
        ContractError: a grid with fewer combinations than the budget: its method would get fewer tries than the others.
            An empty grid passes: a method without parameters has nothing to tune.
    """
    for name, (_, grid) in contenders.items():
        total = math.prod(map(len, grid.values()))
        if grid and total < budget:
            remedy = "Widen its grid or lower the budget of all"
            raise ContractError(f"{name!r} has {total} combinations for a budget of {budget} tries", remedy=remedy)
    return {n: search_grid(m, grid, metric=metric, budget=budget, seed=seed) for n, (m, grid) in contenders.items()}


def _draw(total: int, budget: int, seed: int) -> list[int]:
    return generator(seed, "measurement", "tuning").choice(total, size=budget, replace=False).tolist()


def _combination(grid: Mapping[str, Sequence[Any]], number: int) -> dict[str, Any]:
    """Combination ``number`` of the grid, the last parameter running fastest (the order of itertools.product)."""
    parameters = {}
    for name in reversed(grid):
        number, at = divmod(number, len(grid[name]))
        parameters[name] = grid[name][at]
    return {name: parameters[name] for name in grid}
