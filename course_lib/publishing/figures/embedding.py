"""A map of vectors, projected to two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.style import MARKERS, PALETTE, Picture, axes, require_alt, show, style

_MAX_POINTS = 1500  # more makes a page heavy and a picture no clearer


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
    require_alt(alt)
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
        fig, ax = axes(4.0)
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
