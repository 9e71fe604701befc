"""Losses over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.style import MARKERS, PALETTE, Picture, axes, label_ends, require_alt, show, style


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
    require_alt(alt)
    series = _series(losses)
    with style():
        fig, ax = axes()
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
        label_ends(ax, ends)
        return show(fig, alt)


def _series(losses: Mapping[str, Sequence[float]] | Sequence[float]) -> dict[str, np.ndarray]:
    given = losses if isinstance(losses, Mapping) else {"": losses}
    series = {str(name): np.asarray(values, dtype=float) for name, values in given.items()}
    if not 1 <= len(series) <= len(PALETTE):
        raise ContractError(f"{len(series)} series; a figure shows one to {len(PALETTE)}", where="losses")
    for name, values in series.items():
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise ContractError("a series must hold finite numbers, at least one", where=name or "losses")
    return series
