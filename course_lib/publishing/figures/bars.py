"""Bars: amounts side by side, with intervals and published ranges where there are any."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.style import PALETTE, Picture, axes, columns, require_alt, show, style


def bars(
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    alt: str,
    xlabel: str,
    intervals: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    ranges: Sequence[tuple[float, float] | None] | None = None,
    text: Callable[[float], str] = lambda value: f"{value:.3g}",
    log: bool = False,
) -> Picture:
    """Horizontal bars, a group per name (first on top) and a bar per series, each with its value beside it.

    Args:
        names: of the groups.
        series: name -> a value for each group; up to four, told apart by colour and, with more than one, a legend.
        alt: alternative text.
        xlabel: what the values are, with the unit.
        intervals: name of a series -> (low, high) for each group, drawn as a line over the bar.
        ranges: for each group (low, high) of a published range, drawn as a grey band behind its bars; None: none.
        text: how a value is written at its bar.
        log: a logarithmic axis; values must be positive.

    Raises:
        ContractError: no groups, no series or more than four, another number of values, or values that are not finite
            (or not positive on a logarithmic axis).
    """
    require_alt(alt)
    if not names or not 1 <= len(series) <= len(PALETTE):
        raise ContractError(f"{len(names)} groups of {len(series)} bars", remedy="Give groups, and one to four series")
    values = {str(name): np.asarray(given, dtype=float) for name, given in series.items()}
    for name, given in values.items():
        if given.shape != (len(names),) or not np.isfinite(given).all() or (log and given.min() <= 0):
            wanted = "positive" if log else "finite"
            raise ContractError(f"{len(names)} {wanted} numbers are needed, one for each group", where=name)
    for name, given in [*(intervals or {}).items(), ("ranges", ranges or [None] * len(names))]:
        if len(given) != len(names) or (name != "ranges" and name not in values):
            raise ContractError(f"{len(given)} pairs for {len(names)} groups", where=name)
    thick = 0.8 / len(values)
    with style():
        fig, ax = axes(0.8 + len(names) * (0.22 + 0.26 * len(values)))
        ax.set_xscale("log" if log else "linear")
        for row, span in enumerate(ranges or ()):
            if span:
                ax.fill_betweenx([row - 0.47, row + 0.47], *span, color="#808080", alpha=0.3, linewidth=0)
        for i, (name, given) in enumerate(values.items()):
            rows = np.arange(len(names)) + (i - (len(values) - 1) / 2) * thick
            ax.barh(rows, given, height=thick * 0.8, color=PALETTE[i], alpha=0.75, label=name)
            pairs = (intervals or {}).get(name)
            for number, (row, value) in enumerate(zip(rows, given)):
                end = value
                if pairs:
                    ax.plot(pairs[number], [row, row], color="#808080", linewidth=2.2, solid_capstyle="butt")
                    end = max(value, pairs[number][1]) if value >= 0 else min(value, pairs[number][0])
                side = 1 if value >= 0 else -1
                ax.annotate(text(value), (end, row), xytext=(4 * side, 0), textcoords="offset points", va="center",
                            ha="left" if side > 0 else "right")  # fmt: skip
        ax.set_yticks(range(len(names)), list(names))
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.margins(x=0.16)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(textwrap.fill(xlabel, 34))  # a longer line would widen the figure and shrink its text on a phone
        if len(values) > 1:
            fig.legend(loc="outside upper right", ncols=columns(list(values)))
        return show(fig, alt)
