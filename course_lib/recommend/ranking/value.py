"""What a showing is worth, what an order of a page is worth, and how well scores tell two outcomes apart."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from course_lib.core.errors import ContractError


def auc(happened: np.ndarray, score: np.ndarray) -> float:
    """P(a row that happened has the higher score than one that didn't), ties half: the area under the ROC curve.

    Sum of the ranks of what happened (Mann & Whitney 1947). It reads nothing but the order.

    Raises:
        ContractError: lengths that differ, or outcomes all alike.
    """
    happened, score = np.asarray(happened).astype(bool), np.asarray(score, dtype=np.float64)
    n_yes, n_no = int(happened.sum()), int((~happened).sum())
    if happened.shape != score.shape or not n_yes or not n_no or not np.isfinite(score).all():
        raise ContractError("auc needs one finite score per outcome, and outcomes of both kinds")
    return float((rankdata(score)[happened].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def expected_value(click: np.ndarray, buy: np.ndarray, price: np.ndarray) -> np.ndarray:
    """P(click) · P(buy | click) · price, float64 [n]: the money that a showing brings on average.

    Args:
        click, buy: probabilities of a click, and of a purchase after one. price: or margin, per sale.

    Raises:
        ContractError: lengths that differ, chances outside 0–1, a price below 0.
    """
    click, buy, price = (np.asarray(column, dtype=np.float64) for column in (click, buy, price))
    if not click.shape == buy.shape == price.shape:
        raise ContractError(f"{click.shape} clicks, {buy.shape} purchases and {price.shape} prices")
    if not ((click >= 0) & (click <= 1) & (buy >= 0) & (buy <= 1)).all():
        raise ContractError("a chance lies outside 0–1", remedy="Calibrate scores first")
    if not (price >= 0).all():
        raise ContractError("a price is below 0 or unknown")
    return click * buy * price


def page_places(page: np.ndarray, score: np.ndarray) -> np.ndarray:
    """int64 [n]: the place, from 0, of each row when each page is sorted by falling score; ties keep their order.

    Args:
        page: int [n]. score: float [n]; raises ContractError where lengths differ or a score is NaN.
    """
    page, score = np.asarray(page), np.asarray(score, dtype=np.float64)
    if page.shape != score.shape or np.isnan(score).any():
        raise ContractError("page_places needs one score per row, and none that is NaN")
    order = np.lexsort((-score, page))
    place = np.empty(len(page), dtype=np.int64)
    sorted_page = page[order]
    place[order] = np.arange(len(page)) - np.searchsorted(sorted_page, sorted_page)
    return place


def page_gain(page: np.ndarray, score: np.ndarray, worth: np.ndarray, look: np.ndarray) -> np.ndarray:
    """float64 [n_pages]: Σ look(place) · worth of each page, ordered by the score.

    Args:
        page: int [n], numbered from 0. score, worth: float [n], worth of a row once it is looked at (a click, money).
        look: float [n_places], the chance that a place is looked at.

    Raises:
        ContractError: a page longer than ``look``.
    """
    place = page_places(page, score)
    if len(place) and place.max() >= len(look):
        raise ContractError(f"a page has {place.max() + 1} rows, and looks are known of {len(look)} places")
    return np.bincount(page, look[place] * worth)
