"""Ranking metrics as short kernels over a matrix of grades; ``measurement.evaluate`` builds that matrix.

Every kernel takes the same four values and returns one float64 per query [n]:

- ``places``: int8 [n, w], the grade of the item in each place, best place first; ``UNJUDGED`` where nobody judged it,
  ``MISSING`` where the list has ended.
- ``gold``: what a perfect list would hold (``Gold``).
- ``k``: the cut. Places beyond the list are irrelevant.
- ``gain``: ``"exponential"`` (2^grade − 1) or ``"linear"`` (grade); only the NDCGs read it.

An item is relevant when its grade is at least 1; unjudged items are irrelevant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

UNJUDGED, MISSING = -1, -2
GAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda grade: 2.0**grade - 1.0,
    "linear": lambda grade: grade.astype(np.float64),
}


@dataclass(frozen=True)
class Gold:
    """What was judged of each query.

    Attributes:
        grades: int8 [n, m], the judged grades of each query in descending order, ``MISSING`` after the last one; m is
            at least the largest cut in use, or the longest list of judgements.
        n_relevant: int64 [n], judged items of grade ≥ 1, each query at least one.
        prices: float64 [n, ≥ k], the price of the item in each place, 0 in a missing one; only gmv reads it.
    """

    grades: np.ndarray
    n_relevant: np.ndarray
    prices: np.ndarray | None = None


def ndcg(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Normalised discounted cumulative gain: DCG@k over the DCG@k of all judged items in the best order.

    The item in place r (from 1) adds gain / log2(r + 1). Järvelin and Kekäläinen 2002, TOIS 20(4), with the discount
    and the exponential gain of Burges et al. 2005, ICML.
    """
    return _dcg(places[:, :k], gain) / _dcg(gold.grades[:, :k], gain)


def condensed_ndcg(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """NDCG of the list without its unjudged items, which leave before the cut (Sakai 2007, SIGIR, "condensed lists").

    To fill k judged places a ranking must be longer than k: give it its full length, not its first k.
    """
    judged_first = np.argsort(places < 0, axis=1, kind="stable")
    return ndcg(np.take_along_axis(places, judged_first, axis=1), gold, k, gain)


def judged(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Share of judged items among the items shown in the first k places; 0 where nothing is shown.

    The denominator is min(k, length of the list), so that a short list is not called unjudged.
    """
    shown = (places[:, :k] != MISSING).sum(axis=1)
    return (places[:, :k] >= 0).sum(axis=1) / np.maximum(shown, 1)


def recall(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Share of all relevant items that stand in the first k places."""
    return _hits(places, k).sum(axis=1) / gold.n_relevant


def precision(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Share of the first k places that hold a relevant item; always divided by k, however short the list."""
    return _hits(places, k).sum(axis=1) / k


def hit(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """1 where any of the first k places holds a relevant item, else 0 (hit ratio, success@k)."""
    return _hits(places, k).any(axis=1).astype(np.float64)


def mrr(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """One over the place (from 1) of the first relevant item, 0 where the first k places hold none."""
    hits = _hits(places, k)
    return (hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0)


def average_precision(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Precision at the place of each relevant item in the first k, summed and divided by all relevant items."""
    hits = _hits(places, k)
    at_place = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return (at_place * hits).sum(axis=1) / gold.n_relevant


def gmv(places: np.ndarray, gold: Gold, k: int, gain: str = "exponential") -> np.ndarray:
    """Gross merchandise value per request: the prices of the relevant items in the first k places, summed.

    With purchases as the relevance it is the turnover that the list could have carried, in the shop's currency.
    """
    return np.where(_hits(places, k), gold.prices[:, :k], 0.0).sum(axis=1)


#: name in ``name@k`` -> kernel
METRICS: dict[str, Callable[..., np.ndarray]] = {
    "ndcg": ndcg,
    "condensed_ndcg": condensed_ndcg,
    "judged": judged,
    "recall": recall,
    "precision": precision,
    "hit": hit,
    "hr": hit,
    "mrr": mrr,
    "map": average_precision,
    "gmv": gmv,
}


def _hits(places: np.ndarray, k: int) -> np.ndarray:
    return places[:, :k] >= 1


def _dcg(grades: np.ndarray, gain: str) -> np.ndarray:
    discount = 1.0 / np.log2(np.arange(grades.shape[1]) + 2.0)
    return GAINS[gain](np.maximum(grades, 0)) @ discount
