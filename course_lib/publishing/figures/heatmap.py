"""A heat map: a number for each pair of a row and a column, as with attention; darker is more."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.style import PALETTE, Picture, axes, require_alt, show, style

_MOST = 24  # rows or columns whose labels can still be read


def heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    values: np.ndarray,
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    most: float | None = None,
) -> Picture:
    """Squares whose ink grows with their value; nothing is drawn for 0, so that it reads on light and dark pages.

    Numbers can't be read off ink: put a table of them beside it.

    Args:
        rows: labels from top to bottom. columns: labels from left to right; up to 24 of each.
        values: [rows, columns], finite and not negative.
        alt: what the picture shows, in a sentence. xlabel, ylabel: what columns and rows are.
        most: the value of full ink, the largest one by default; larger ones are drawn alike.

    Raises:
        ContractError: no rows or columns, too many, another shape, or numbers that are negative or not finite.
    """
    require_alt(alt)
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(rows), len(columns)) or not values.size or max(values.shape) > _MOST:
        raise ContractError(f"values {values.shape} for {len(rows)} rows and {len(columns)} columns",
                            remedy=f"Give a value for each pair, at most {_MOST} rows and columns")  # fmt: skip
    if not np.isfinite(values).all() or values.min() < 0:
        raise ContractError("values must be finite and at least 0", where="heatmap")
    full = values.max() if most is None else most
    ink = (values / full).clip(0, 1) if full > 0 else np.zeros_like(values)
    with style():
        fig, ax = axes(1.4 + 0.26 * len(rows))
        for (row, column), share in np.ndenumerate(ink):
            if share > 0.005:
                ax.fill_between([column - 0.5, column + 0.5], row - 0.5, row + 0.5, color=PALETTE[1],
                                alpha=round(float(share), 3), linewidth=0)  # fmt: skip
        ax.set_xticks(range(len(columns)), list(columns), rotation=90)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.set_xlim(-0.5, len(columns) - 0.5)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)  # lines between the squares, not through them
        ax.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
        ax.grid(visible=False)
        ax.grid(visible=True, which="minor")
        ax.tick_params(which="both", length=0)
        ax.set_xlabel(textwrap.fill(xlabel, 40))
        ax.set_ylabel(textwrap.fill(ylabel, 30))
        return show(fig, alt)
