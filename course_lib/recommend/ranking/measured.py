"""Four numbers of a click model: does it tell apart, is it right on average, does it order, does it earn?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking.impressions import Impressions
from course_lib.recommend.ranking.truth import Chances
from course_lib.recommend.ranking.value import auc, page_gain
from course_lib.search.ranking.gains import discounts
from course_lib.shop.measurement import Report, measure_calibration

BINS = 15


@dataclass(frozen=True, eq=False)
class Measured:
    """What ``measure`` found.

    Attributes:
        auc: of clicks that happened, where the products were shown.
        ece: expected calibration error there, ``BINS`` bins of equal count.
        report: of each user, ``ndcg`` (gain: the true chance of a click once looked at; 1: the best order of the page)
            and ``money`` (true turnover that 1,000 pages bring, in the order by value).
    """

    auc: float
    ece: float
    report: Report


def measure(
    shown: Impressions, known: Chances, users: Sequence[str], probability: np.ndarray, order: np.ndarray, value: np.ndarray
) -> Measured:
    """Hold one model's numbers for impressions against what happened, and against the truth.

    AUC and calibration are asked of the log: P(click) at the place where each product stood. NDCG and money are asked of
    the truth: each page is put in a new order, and the simulator says what that order is worth. It is a new order of
    what was shown; what the first stage didn't find can't be won.

    Args:
        shown, known: the impressions and their ``true_chances``. users: public ids of the shop's users, in its order.
        probability: float [n], P(click) at the place shown. order: float [n], by which clicks are sought.
        value: float [n], by which money is sought.

    Raises:
        ContractError: lengths that differ, probabilities outside 0–1, NaN.
    """
    if not len(shown) == len(known.attraction) == len(probability) == len(order) == len(value):
        raise ContractError(f"{len(shown)} impressions need as many chances, probabilities, orders and values")
    weight = discounts(len(known.look))
    best = page_gain(shown.page, known.attraction, known.attraction, weight)
    ndcg = page_gain(shown.page, order, known.attraction, weight) / best
    money = 1_000 * page_gain(shown.page, value, known.attraction * known.buy * shown.price, known.look)
    user = shown.user[np.flatnonzero(np.r_[True, np.diff(shown.page) != 0])]  # of each page
    rows, at = np.unique(user, return_inverse=True)
    n = np.bincount(at)
    values = {"ndcg": np.bincount(at, ndcg) / n, "money": np.bincount(at, money) / n}
    report = Report(tuple(users[row] for row in rows), values, 0, 0, 0, "user", "linear", 0)
    error = measure_calibration(shown.click, probability, bins=BINS, equal="size").error
    return Measured(auc(shown.click, probability), error, report)
