"""Curves: one quantity over another, on plain or logarithmic axes, with bands and reference lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.style import (
    MARKERS,
    PALETTE,
    Picture,
    axes,
    columns,
    label_ends,
    require_alt,
    show,
    style,
)

_MAX_POINTS = 400  # of a curve: more is invisible on a screen and heavy on a page


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    log: str = "",
    points: bool = False,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    reference: Mapping[str, float] | None = None,
    shaded: Sequence[tuple[float, float]] = (),
    whole_x: bool = False,
    zero: bool = False,
    height: float = 3.2,
) -> Picture:
    """Up to four curves, each named at its end; or, where they end at different x, in a legend.

    Args:
        series: name -> (x, y) of equal length; an x needn't be evenly spaced. Of more than 400 points some are drawn,
            evenly along the axis (a logarithmic one included), the first and the last among them.
        alt: alternative text: what the curves show, in a sentence.
        xlabel, ylabel: what is on the axes, with the unit.
        log: ``"x"``, ``"y"`` or ``"xy"``: logarithmic axes; their values must be positive.
        points: markers only, without a line, as for single measurements.
        bands: name -> (low, high), such as a 95 % interval, drawn behind the curve of that name.
        reference: name -> a level, drawn as a dashed horizontal line.
        shaded: (from, to) stretches of the x axis to set off, such as weeks of a sale.
        whole_x: ticks at whole numbers only, as for positions and weeks.
        zero: the y axis begins at 0.
        height: inches, of a width of 4.9.

    Raises:
        ContractError: no curve or more than four, unequal lengths, values that are not finite (or not positive on a
            logarithmic axis), a band without its curve, or another ``log``.
    """
    require_alt(alt)
    drawn = _checked(series, log)
    for name in bands or {}:
        if name not in drawn:
            raise ContractError(f"there is no curve for the band {name!r}", remedy=f"Curves: {', '.join(drawn)}")
    with style():
        fig, ax = axes(height)
        ax.set(xscale="log" if "x" in log else "linear", yscale="log" if "y" in log else "linear")
        for start, end in shaded:
            ax.axvspan(start, end, color="#808080", alpha=0.18, linewidth=0)
        for level_name, level in (reference or {}).items():
            ax.axhline(level, color="#808080", linestyle="--", linewidth=1.2)
            ax.annotate(level_name, (0, level), xycoords=("axes fraction", "data"), xytext=(4, 4),
                        textcoords="offset points")  # fmt: skip
        ends: dict[str, tuple[float, float]] = {}
        for i, (name, (x, y)) in enumerate(drawn.items()):
            kept = _thinned(x, "x" in log)
            if bands and name in bands:
                low, high = (np.asarray(side, dtype=float)[kept] for side in bands[name])
                ax.fill_between(x[kept], low, high, color=PALETTE[i], alpha=0.2, linewidth=0)
            marker = MARKERS[i] if points or len(kept) <= 30 else None
            ax.plot(x[kept], y[kept], color=PALETTE[i], marker=marker, markersize=5, label=name,
                    linestyle="none" if points else "-")  # fmt: skip
            ends[name if len(drawn) > 1 else ""] = (x[kept][-1], y[kept][-1])
        if whole_x:
            from matplotlib.ticker import MaxNLocator

            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if zero:
            ax.set_ylim(bottom=0)
        ax.set(xlabel=textwrap.fill(xlabel, 40), ylabel=ylabel)
        if _scattered(ax, ends):  # a name at an end would stand on another curve
            fig.legend(loc="outside upper right", ncols=columns(list(drawn)))
        else:
            label_ends(ax, ends)
        return show(fig, alt)


def _scattered(ax: Any, ends: Mapping[str, tuple[float, float]], share: float = 0.1) -> bool:
    """Do the curves end at places that are further apart along x than this share of the axis?"""
    across = [ax.transAxes.inverted().transform(ax.transData.transform(end))[0] for end in ends.values()]
    return max(across) - min(across) > share


def _checked(series: Mapping[str, Any], log: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if log not in ("", "x", "y", "xy"):
        raise ContractError(f"log={log!r}", remedy='Use "", "x", "y" or "xy"')
    if not 1 <= len(series) <= len(PALETTE):
        raise ContractError(f"{len(series)} curves; a figure shows one to {len(PALETTE)}", where="series")
    checked = {}
    for name, pair in series.items():
        x, y = (np.asarray(values, dtype=float) for values in pair)
        if x.ndim != 1 or x.shape != y.shape or not len(x) or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ContractError("x and y must be finite numbers, equally many, at least one", where=str(name))
        if ("x" in log and x.min() <= 0) or ("y" in log and y.min() <= 0):
            raise ContractError("a logarithmic axis has no place for 0 or less", where=str(name))
        checked[str(name)] = (x, y)
    return checked


def _thinned(x: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Indices of at most 400 points, evenly along the drawn axis."""
    if len(x) <= _MAX_POINTS:
        return np.arange(len(x))
    place = np.log(x) if logarithmic else x
    wanted = np.linspace(place[0], place[-1], _MAX_POINTS)
    if (np.diff(place) > 0).all():
        return np.unique(np.searchsorted(place, wanted).clip(0, len(x) - 1))
    return np.unique(np.linspace(0, len(x) - 1, _MAX_POINTS).round().astype(int))
