"""Means and their confidence intervals, a row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from course_lib.publishing.figures.style import PALETTE, Picture, axes, require_alt, show, style
from course_lib.publishing.figures.tables import check_reports

if TYPE_CHECKING:
    from course_lib.shop.measurement import Report


def interval_plot(reports: Mapping[str, Report], metric: str, *, alt: str, xlabel: str | None = None) -> Picture:
    """Mean and 95 % confidence interval of one metric, a row per report, in the order given (first on top)."""
    require_alt(alt)
    check_reports(reports, [metric])
    with style():
        fig, ax = axes(0.9 + 0.45 * len(reports))
        for row, report in enumerate(reports.values()):
            mean, (low, high) = report.mean[metric], report.interval[metric]
            ax.plot([low, high], [row, row], color=PALETTE[1], linewidth=2, solid_capstyle="butt")
            ax.plot([mean], [row], "o", color=PALETTE[1])
            ax.annotate(f"{mean:.3f}", (mean, row), xytext=(0, 7), textcoords="offset points", ha="center")
        ax.set_yticks(range(len(reports)), list(reports))
        ax.set_ylim(len(reports) - 0.5, -0.75)
        ax.set_xlabel(xlabel or f"{metric}, mean and 95 % interval")
        ax.grid(axis="y", visible=False)
        return show(fig, alt)
