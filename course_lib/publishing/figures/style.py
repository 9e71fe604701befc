"""The one style of all figures: SVG that reads in light and in dark, each with an alternative text.

Text and axes take the page's own colour (``currentColor``); the four hues reach a contrast of 3:1 on white and on the
dark theme, and every series also has its own marker and a direct label.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.cjk import families

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#009E73", "#0072B2", "#D55E00", "#CC79A7")
MARKERS = ("o", "s", "^", "D")
_INK = "#010203"  # stands for the page's text colour until the SVG is written
_WIDTH = 4.9  # inches
_WIDEST = 4.95  # inches, with what stands out of the axes: on a phone, which has 328 px, 13 points are 12 px
_MISSING = re.compile(r"Glyph (\d+) .*missing from", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """A finished figure: ``svg`` and its alternative text. Shows itself in a notebook and in the built page."""

    svg: str
    alt: str

    def _repr_html_(self) -> str:
        return f'<div class="course-figure">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"[figure: {self.alt}]"


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
            "font.family": families(),
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
        ContractError: no alternative text, or a character that is in no font, so that its width is not known.
    """
    import matplotlib as mpl
    from matplotlib import pyplot

    alt = " ".join(alt.split())
    if not alt:
        raise ContractError("a figure needs an alternative text", where="alt", remedy="Say in a sentence what it shows")
    # The salt makes ids the same in every build, and different between two figures of a page.
    with mpl.rc_context({"svg.hashsalt": alt, "svg.fonttype": "none"}):
        try:
            with _no_glyph_missing():
                svg = _drawn(fig)
        finally:
            pyplot.close(fig)
    return Picture(_for_page(svg, alt), alt)


def _drawn(fig: Figure) -> str:
    """The SVG of a figure, which is made narrower where labels stand out of it: no text below 12 px on a phone."""
    for _ in range(8):  # labels move with the axes, so that a step closes most of the gap and not all of it
        text = StringIO()
        fig.savefig(text, format="svg", bbox_inches="tight", pad_inches=0.02, transparent=True, metadata={"Date": None})
        excess = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', text.getvalue())[1]) / 72 - _WIDEST
        if excess <= 0 or fig.get_figwidth() - excess < _WIDTH / 2:
            break
        fig.set_figwidth(fig.get_figwidth() - excess)
    return text.getvalue()


@contextmanager
def _no_glyph_missing() -> Iterator[None]:
    """Matplotlib only warns of a character that it can't measure; a figure whose text may overlap is a fault."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = {chr(int(match[1])) for one in caught if (match := _MISSING.match(str(one.message)))}
    for one in caught:
        if not _MISSING.match(str(one.message)):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        raise ContractError(
            f"a figure has characters that no font here has: {' '.join(sorted(missing))}",
            remedy="Use Latin or Chinese text, or draw a marker instead of a sign",
        )


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


def axes(height: float = 3.2) -> tuple[Any, Any]:
    """An empty figure of the course's width, and its axes; the height is in inches."""
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(_WIDTH, height), layout="constrained")


def require_alt(alt: str) -> None:
    """Raises ContractError for an empty text: a figure without one doesn't exist for who can't see it."""
    if not alt.strip():
        raise ContractError("a figure needs an alternative text", where="alt", remedy="Say in a sentence what it shows")


def label_ends(ax: Any, ends: Mapping[str, tuple[float, float]], apart: float = 16) -> None:
    """Names at the ends of their curves, moved up where two would stand less than ``apart`` points from each other."""
    above = -np.inf
    per_point = 72 / ax.figure.dpi
    for name, end in sorted(ends.items(), key=lambda item: item[1][1]):
        own = ax.transData.transform(end)[1] * per_point
        above = max(own, above + apart)
        if name:
            ax.annotate(name, end, xytext=(6, above - own), textcoords="offset points", va="center")


def columns(names: Sequence[str]) -> int:
    """How many entries of a legend fit side by side; more would widen the figure and shrink its text on a phone."""
    widths = sorted((len(name) + 8 for name in names), reverse=True)  # 8: the patch and its gaps, in letters
    return max((k for k in range(1, len(names) + 1) if sum(widths[:k]) <= 47), default=1)
