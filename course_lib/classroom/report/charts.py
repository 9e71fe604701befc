"""The distribution of points as an inline SVG: drawn here, so that the report needs no script and no other file."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

BINS = 10
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 210, 30, 34, 24


def histogram(percents: Sequence[float]) -> list[int]:
    """Learners per tenth of the points; 100 % belongs to the last."""
    counts = [0] * BINS
    for percent in percents:
        counts[min(max(int(percent / (100 / BINS)), 0), BINS - 1)] += 1
    return counts


def distribution(percents: Sequence[float], title: str, description: str) -> Markup:
    """Bars of ``histogram``, each with its count above; ``title`` and ``description`` are its text alternative."""
    counts = histogram(percents)
    most = max(max(counts), 1)
    step = (_WIDTH - 2 * _LEFT) / BINS
    ground = _HEIGHT - _BOTTOM
    parts = []
    for place, count in enumerate(counts):
        height = (ground - _TOP) * count / most
        x, middle = _LEFT + place * step, _LEFT + (place + 0.5) * step
        if count:
            parts.append(f'<rect class="bar" x="{x + 3:.1f}" y="{ground - height:.1f}" width="{step - 6:.1f}" '
                         f'height="{height:.1f}" rx="2"/>')  # fmt: skip
            parts.append(f'<text x="{middle:.1f}" y="{ground - height - 6:.1f}">{count}</text>')
    for place in range(0, BINS + 1, 2):
        x = _LEFT + place * step
        parts.append(f'<text class="scale" x="{x:.1f}" y="{ground + 22}">{place * 100 // BINS}%</text>')
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="chart-title chart-text" class="chart">'
        f'<title id="chart-title">{escape(title)}</title><desc id="chart-text">{escape(description)}</desc>'
        f'<line class="ground" x1="{_LEFT}" y1="{ground}" x2="{_WIDTH - _LEFT}" y2="{ground}"/>{"".join(parts)}</svg>'
    )
