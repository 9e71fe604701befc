"""Figures of the chapters, in one style: SVG that reads in light and in dark, each with an alternative text.

Chapters compute; these functions only draw. What they return shows itself at the end of a cell, in the book and in
JupyterLab alike. Text and axes take the page's own colour (``currentColor``); the four hues reach a contrast of 3:1 on
white and on the dark theme, and every series also has its own marker and a direct label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.shop.measurement import Report

PALETTE = ("#009E73", "#0072B2", "#D55E00", "#CC79A7")
MARKERS = ("o", "s", "^", "D")
_INK = "#010203"  # stands for the page's text colour until the SVG is written
_WIDTH = 4.9  # inches
_MAX_POINTS = 1500  # of an embedding map: more makes a page heavy and a picture no clearer


@dataclass(frozen=True)
class Picture:
    """A finished figure: ``svg`` and its alternative text. Shows itself in a notebook and in the built page."""

    svg: str
    alt: str

    def _repr_html_(self) -> str:
        return f'<div class="course-figure">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"[figure: {self.alt}]"


@dataclass(frozen=True)
class Table:
    """A finished table: ``html`` for a page, ``text`` for a terminal."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


@contextmanager
def style() -> Iterator[None]:
    """The course's matplotlib settings, for the figures made inside the block."""
    import matplotlib as mpl

    with mpl.rc_context(
        {
            "axes.prop_cycle": mpl.cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.titlelocation": "left",
            "grid.alpha": 0.18,
            "grid.linewidth": 0.8,
            **{name: _INK for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor")},
            **{name: _INK for name in ("xtick.color", "ytick.color", "grid.color", "legend.edgecolor")},
            "legend.frameon": False,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "figure.figsize": (_WIDTH, 3.2),
            "font.size": 13,  # on a phone 336 px wide, a figure 4.9 inches wide still shows it at 12 px
            "svg.fonttype": "none",  # text stays text: selectable, and set in the page's font
        }
    ):
        yield


def show(fig: Figure, alt: str) -> Picture:
    """Turn a matplotlib figure into a ``Picture`` and close it.

    Args:
        fig: drawn inside ``with style():``.
        alt: what the figure shows, in a sentence; required.

    Raises:
        ContractError: no alternative text.
    """
    import matplotlib as mpl
    from matplotlib import pyplot

    alt = " ".join(alt.split())
    if not alt:
        raise ContractError("a figure needs an alternative text", where="alt", remedy="Say in a sentence what it shows")
    text = StringIO()
    # The salt makes ids the same in every build, and different between two figures of a page.
    with mpl.rc_context({"svg.hashsalt": alt, "svg.fonttype": "none"}):
        fig.savefig(text, format="svg", bbox_inches="tight", pad_inches=0.02, transparent=True, metadata={"Date": None})
    pyplot.close(fig)
    return Picture(_for_page(text.getvalue(), alt), alt)


def _for_page(svg: str, alt: str) -> str:
    """An inline ``<svg>`` from matplotlib's file: no prologue, no metadata, page's colour and font, a name."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # ids of groups repeat in every figure and nothing refers to them
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(_INK, "currentColor", svg, flags=re.IGNORECASE)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1; font-family: inherit", svg)
    # matplotlib leaves the fill of text out where it is black, and writes `fill: currentColor` for ours.
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    head = f'<svg role="img" aria-label="{escape(alt)}" style="max-width: 100%; height: auto"'
    svg = svg.replace("<svg", head, 1)
    first = svg.index(">") + 1
    return f"{svg[:first]}<title>{escape(alt)}</title>{svg[first:]}"


def _axes(height: float = 3.2) -> tuple[Any, Any]:
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(_WIDTH, height), layout="constrained")


def _alt_first(alt: str) -> None:
    if not alt.strip():
        raise ContractError("a figure needs an alternative text", where="alt", remedy="Say in a sentence what it shows")


def loss_curve(
    losses: Mapping[str, Sequence[float]] | Sequence[float],
    *,
    alt: str,
    steps: Sequence[float] | None = None,
    xlabel: str = "step",
    ylabel: str = "cross-entropy, nats",
    smooth: int = 1,
) -> Picture:
    """Losses over training steps.

    Args:
        losses: one series, or up to four by name, each of at least one value.
        alt: alternative text.
        steps: where on the x axis the values stand, for all series; default 1, 2, ….
        xlabel, ylabel: what is on the axes, with the unit.
        smooth: width of a running mean, in values; 1 draws the values as they are. Smoothed curves keep their raw
            values as a faint line.

    Raises:
        ContractError: an empty or non-finite series, more than four, or ``steps`` of another length.
    """
    _alt_first(alt)
    series = _series(losses)
    with style():
        fig, ax = _axes()
        ends: dict[str, tuple[float, float]] = {}
        for i, (name, values) in enumerate(series.items()):
            x = np.arange(1, len(values) + 1) if steps is None else np.asarray(steps, dtype=float)
            if len(x) != len(values):
                raise ContractError(f"{len(x)} steps for {len(values)} values", where=name or "losses")
            width = min(smooth, len(values))
            if width > 1:
                ax.plot(x, values, color=PALETTE[i], alpha=0.25, linewidth=0.8)
                values = np.convolve(values, np.ones(width) / width, mode="valid")
                x = x[width - 1 :]
            few = len(values) <= 25
            ax.plot(x, values, color=PALETTE[i], marker=MARKERS[i] if few else None, markersize=5)
            ends[name] = (x[-1], values[-1])
        ax.set(xlabel=xlabel, ylabel=ylabel)
        _label_ends(ax, ends)
        return show(fig, alt)


def _label_ends(ax: Any, ends: Mapping[str, tuple[float, float]], apart: float = 16) -> None:
    """Names at the ends of their curves, moved up where two would stand less than ``apart`` points from each other."""
    above = -np.inf
    per_point = 72 / ax.figure.dpi
    for name, end in sorted(ends.items(), key=lambda item: item[1][1]):
        own = ax.transData.transform(end)[1] * per_point
        above = max(own, above + apart)
        if name:
            ax.annotate(name, end, xytext=(6, above - own), textcoords="offset points", va="center")


def _series(losses: Mapping[str, Sequence[float]] | Sequence[float]) -> dict[str, np.ndarray]:
    given = losses if isinstance(losses, Mapping) else {"": losses}
    series = {str(name): np.asarray(values, dtype=float) for name, values in given.items()}
    if not 1 <= len(series) <= len(PALETTE):
        raise ContractError(f"{len(series)} series; a figure shows one to {len(PALETTE)}", where="losses")
    for name, values in series.items():
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise ContractError("a series must hold finite numbers, at least one", where=name or "losses")
    return series


def embedding_map(
    points: np.ndarray, labels: Sequence[str], *, alt: str, xlabel: str = "axis 1", ylabel: str = "axis 2"
) -> Picture:
    """Points of a two-dimensional projection, coloured by label and named at the median of each group.

    The four most frequent labels get a hue and a marker each; the others are drawn grey, as "other". Of more than
    1,500 points every n-th is drawn.

    Args:
        points: float [n, 2].
        labels: n names.

    Raises:
        ContractError: wrong shapes, no points, or values that are not finite.
    """
    _alt_first(alt)
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or len(labels) != len(points):
        raise ContractError(f"points of shape {points.shape} with {len(labels)} labels", remedy="Give [n, 2] and n")
    if not np.isfinite(points).all():
        raise ContractError("points must be finite", where="points")
    every = -(-len(points) // _MAX_POINTS)
    points, names = points[::every], np.asarray([str(label) for label in labels])[::every]
    found, counts = np.unique(names, return_counts=True)
    top = found[np.argsort(-counts, kind="stable")][: len(PALETTE)]
    with style():
        fig, ax = _axes(4.0)
        rest = points[~np.isin(names, top)]
        if len(rest):
            ax.plot(*rest.T, ".", color="#808080", alpha=0.35, markersize=4)
            ax.set_title("grey: other groups", fontsize=13, loc="right")
        for i, name in enumerate(top):
            group = points[names == name]
            ax.plot(*group.T, MARKERS[i], color=PALETTE[i], markersize=4, alpha=0.75, markeredgewidth=0)
        for name in top:  # above all points
            ax.annotate(name, np.median(points[names == name], axis=0), ha="center", va="center", weight="bold")
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.grid(False)
        return show(fig, alt)


def interval_plot(reports: Mapping[str, Report], metric: str, *, alt: str, xlabel: str | None = None) -> Picture:
    """Mean and 95 % confidence interval of one metric, a row per report, in the order given (first on top)."""
    _alt_first(alt)
    _check_reports(reports, [metric])
    with style():
        fig, ax = _axes(0.9 + 0.45 * len(reports))
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


def results_table(
    reports: Mapping[str, Report],
    metrics: Sequence[str] | None = None,
    *,
    caption: str,
    baseline: str | None = None,
    p_values: Mapping[str, float] | None = None,
    digits: int = 3,
) -> Table:
    """Mean and 95 % interval per report and metric, as an accessible table.

    Args:
        reports: by name of the method, in the order of the rows.
        metrics: columns; default those of the first report.
        caption: what the table shows; part of the table, read aloud first.
        baseline: name of the row that others are compared with; it is marked.
        p_values: of the paired test against the baseline, by name of the row (one metric: the first).
        digits: after the point.

    Raises:
        ContractError: no reports, a metric that a report lacks, or a baseline that is no row.
    """
    if metrics is None and reports:
        metrics = list(next(iter(reports.values())).mean)
    metrics = list(metrics or ())
    _check_reports(reports, metrics)
    unknown = {*(p_values or ()), *([baseline] if baseline is not None else [])} - set(reports)
    if unknown:
        raise ContractError(f"no row is called {sorted(unknown)[0]!r}", remedy=f"Rows: {', '.join(reports)}")
    heads = ["method", *metrics, *(["p against " + (baseline or "baseline")] if p_values else [])]
    rows = []
    for name, report in reports.items():
        cells = [
            f"{report.mean[m]:.{digits}f} [{report.interval[m][0]:.{digits}f},\u00a0{report.interval[m][1]:.{digits}f}]"
            for m in metrics
        ]
        if p_values:
            p = p_values.get(name)
            cells.append("" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001")
        rows.append([name + (" (baseline)" if name == baseline else ""), *cells])
    return table(heads, rows, caption=caption, wrap=False)


def _check_reports(reports: Mapping[str, Report], metrics: Sequence[str]) -> None:
    if not reports or not metrics:
        raise ContractError("there is nothing to show", remedy="Give at least one report and one metric")
    for name, report in reports.items():
        missing = [m for m in metrics if m not in report.mean]
        if missing:
            raise ContractError(f"the report lacks {missing[0]}", where=name, remedy=f"It has {', '.join(report.mean)}")


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str, wrap: bool = True) -> Table:
    """Any accessible table: the first cell of a row is its heading.

    Args:
        heads: of the columns; the first may be empty.
        rows: each as long as ``heads``; cells are shown by ``str``.
        caption: what the table shows; part of the table, read aloud first.
        wrap: whether long cells may break into lines.

    Raises:
        ContractError: no caption, no rows, or a row of another length.
    """
    if not caption.strip():
        raise ContractError("a table needs a caption", where="caption")
    if not rows or not heads:
        raise ContractError("there is nothing to show", remedy="Give at least one row and one column")
    for number, row in enumerate(rows):
        if len(row) != len(heads):
            raise ContractError(f"{len(row)} cells under {len(heads)} heads", where=f"row {number}")
    texts = [[str(cell) for cell in row] for row in rows]
    return Table(_html_table(heads, texts, caption, wrap), _text_table(heads, texts, caption))


def _html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, wrap: bool) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' if h else "<td></td>" for h in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(c)}</td>" for c in row[1:])}</tr>'
        for row in rows
    )
    # tabindex: a wide table scrolls sideways on a phone, and must do so by keyboard, too
    return (
        f'<div class="course-table{"" if wrap else " course-numbers"}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in [heads, *rows]]
    return "\n".join([caption, *lines])
