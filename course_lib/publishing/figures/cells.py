"""How a measured number is written in a table's cell: with its interval, and a p-value without false precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import ContractError

if TYPE_CHECKING:
    from course_lib.shop.measurement import Report


def estimate(found: Report | Mapping[str, Any], metric: str | None = None, *, digits: int = 3) -> str:
    """A mean or a difference with its 95 % interval, such as ``0.310 [0.290, 0.330]``; a difference has its sign.

    Args:
        found: a ``Report`` or its ``to_dict()``, of which ``metric`` is shown; or a row that holds ``low``, ``high`` and
            ``mean`` or ``difference``, as those of ``measurement.results_table`` and ``Comparison.to_dict()``.
        metric: which, of a report.
        digits: after the point.

    Raises:
        ContractError: a report without a metric to show, or a row without an interval.
    """
    if not isinstance(found, Mapping):
        if metric not in found.mean:
            raise ContractError(f"the report has no {metric!r}", remedy=f"It has {', '.join(found.mean)}")
        low, high = found.interval[metric]
        found = {"mean": found.mean[metric], "low": low, "high": high}
    row = found
    if "metrics" in row:
        if metric not in row["metrics"]:
            raise ContractError(f"the report has no {metric!r}", remedy=f"It has {', '.join(row['metrics'])}")
        row = row["metrics"][metric]
    name = next((name for name in ("mean", "difference") if name in row), None)
    if name is None or not {"low", "high"} <= set(row):
        raise ContractError(f"a row of {', '.join(row) or 'nothing'} has no mean or difference with its interval")
    sign = "+" if name == "difference" else ""
    value, low, high = (f"{row[part]:{sign}.{digits}f}" for part in (name, "low", "high"))
    return f"{value} [{low},\u00a0{high}]"


def p_text(p: float | None) -> str:
    """``0.042``, ``< 0.001`` (which does not break between lines), or nothing where nothing was tested."""
    return "" if p is None else "<\u00a00.001" if p < 0.001 else f"{p:.3f}"
