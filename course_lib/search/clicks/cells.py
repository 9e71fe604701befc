"""Clicks counted by product and place: all that a model without memory needs to know of the pages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from course_lib.search.clicks.model import check_pages
from course_lib.search.clicks.pages import ResultPages


class Cells(NamedTuple):
    """Counts of pages by (query, product) and place.

    Attributes:
        code: int64 [n_pairs], sorted. pair, place: int64 [n], the row in ``code``, and the place, of each cell.
        clicks, trials: float64 and int64 [n].
    """

    code: np.ndarray
    pair: np.ndarray
    place: np.ndarray
    clicks: np.ndarray
    trials: np.ndarray


def count_cells(pages: ResultPages) -> Cells:
    """Pages of the same pair at the same place are exchangeable, so they are counted once and for all."""
    shown, length = check_pages(pages).shown, pages.length
    code, pair = np.unique(pages.code[shown], return_inverse=True)
    place = np.broadcast_to(np.arange(length), shown.shape)[shown]
    cell, where = np.unique(pair * length + place, return_inverse=True)
    clicks, trials = np.bincount(where, weights=pages.click[shown]), np.bincount(where)
    return Cells(code, *np.divmod(cell, length), clicks, trials)
