"""Beyond accuracy: what the lists show, whoever likes it – coverage, exposure, novelty, diversity.

None of these needs to know what is relevant, so each reads a ranking alone (and, for novelty and diversity, what is
known of the items). Coverage and the Gini index are properties of the whole set of lists. They get no interval: a
bootstrap of users draws about a third of them not at all, so that it would cover less, every time, than what it is
meant to describe. Compare them only between rankings of the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.joining import find

_BLOCK = 2_000_000  # numbers gathered at a time


def exposure(ranking: Ranking, k: int, *, discounted: bool = False) -> np.ndarray:
    """How much each item is shown in the first k places of all lists: float64 [n_items], in catalogue order.

    A place counts 1 or, ``discounted``, 1 / log2(r + 1) in place r (from 1): the attention that NDCG assumes.
    """
    ids = _shown(ranking, k)
    weight = 1 / np.log2(np.arange(ids.shape[1]) + 2) if discounted else np.ones(ids.shape[1])
    shown = ids != PAD
    return np.bincount(ids[shown], np.broadcast_to(weight, ids.shape)[shown], minlength=len(ranking.items))


def coverage(ranking: Ranking, k: int) -> float:
    """Share of the catalogue that stands in the first k places of at least one list (Ge et al. 2010, RecSys)."""
    shown = exposure(ranking, k)
    if not len(shown):
        raise ContractError("the catalogue is empty")
    return float((shown > 0).mean())


def gini(amounts: np.ndarray) -> float:
    """Gini index of n amounts ≥ 0, such as ``exposure(ranking, k)``: 0 all equal, 1 − 1/n one has everything.

    Items that are never shown count: with amounts x in ascending order, Σ (2i − n − 1) x_i / (n Σ x), i from 1.

    Raises:
        ContractError: no amounts, a negative or infinite one, or all 0 (nobody has a share of nothing).
    """
    amounts = np.asarray(amounts, dtype=np.float64)
    if amounts.ndim != 1 or not len(amounts) or not np.isfinite(amounts).all() or amounts.min() < 0:
        raise ContractError("the Gini index needs a list of finite amounts of at least 0")
    if not amounts.any():
        raise ContractError("all amounts are 0, so that nobody has a share", remedy="Check that the lists show items")
    n, ordered = len(amounts), np.sort(amounts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


def novelty(ranking: Ranking, past: Interactions, k: int) -> np.ndarray:
    """Mean surprise of what each list shows in its first k places, in bits: float64 [n], 0 where it shows nothing.

    The surprise of an item is −log2 of the share of users who had it before (Zhou et al. 2010, PNAS 107(10), eq. 2).
    One user more, who has had everything, is added to the count, so that a new item is rare and not infinitely rare.

    Args:
        past: who had what before; users with an event in it are counted, each item once per user.
    """
    _check(ranking)
    n_users = len(np.unique(past.user_rows))
    _, first = np.unique(past.user_rows * len(past.items) + past.item_rows, return_index=True)
    at = find(ranking.items, past.items.ids)[past.item_rows[first]]
    had = np.bincount(at[at >= 0], minlength=len(ranking.items))
    surprise = np.log2((n_users + 1) / (had + 1))
    ids = _shown(ranking, k)
    shown = ids != PAD
    return np.where(shown, surprise[ids] if len(surprise) else 0.0, 0.0).sum(axis=1) / np.maximum(shown.sum(axis=1), 1)


def diversity(ranking: Ranking, items: np.ndarray | Sequence[str], k: int) -> np.ndarray:
    """Intra-list diversity: mean distance of the pairs of items in the first k places: float64 [n].

    The dissimilarity form of Ziegler et al. 2005 (WWW), averaged over pairs; 0 for a list of fewer than two items.

    Args:
        items: in catalogue order, either vectors, float [n_items, d], with the distance 1 − cosine (0–2), or one label
            (such as the category) per item, with the distance 1 where two labels differ.

    Raises:
        ContractError: not one row per item, or a shown item whose vector is zero or not finite: it has no direction.
    """
    _check(ranking)
    values = np.asarray(items)
    if values.ndim not in (1, 2) or len(values) != len(ranking.items):
        raise ContractError(f"got {values.shape} for {len(ranking.items)} items", remedy="One vector or label per item")
    ids = _shown(ranking, k)
    count = (ids != PAD).sum(axis=1)
    likeness = _same_labels(ids, values) if values.ndim == 1 else _cosines(ids, values.astype(np.float64, copy=False))
    pairs = count * (count - 1) / 2
    return np.where(pairs > 0, 1 - likeness / np.maximum(pairs, 1), 0.0)


def _cosines(ids: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Sum of the cosines of all pairs of a row, without forming them: (‖Σ v‖² − m) / 2 for m unit vectors v."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    shown = np.unique(ids[ids != PAD])
    bad = shown[~(np.isfinite(lengths[shown]) & (lengths[shown] > 0))]
    if len(bad):
        raise ContractError("a shown item's vector is zero or not finite", where=f"catalogue row {bad[0]}")
    out = np.zeros(len(ids))
    step = max(1, _BLOCK // max(1, ids.shape[1] * vectors.shape[1]))
    for start in range(0, len(ids), step):
        part = ids[start : start + step]
        listed = part != PAD
        unit = vectors[part] / np.where(listed, lengths[part], 1.0)[:, :, None] * listed[:, :, None]
        total = unit.sum(axis=1)
        out[start : start + step] = (np.einsum("ij,ij->i", total, total) - listed.sum(axis=1)) / 2
    return out


def _same_labels(ids: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Number of pairs of a row whose labels are equal: a label that occurs m times makes m (m − 1) / 2 of them."""
    _, codes = np.unique(labels, return_inverse=True)
    rows = np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)[ids != PAD]
    n_codes = int(codes.max(initial=0)) + 1
    cells, times = np.unique(rows * n_codes + codes[ids[ids != PAD]], return_counts=True)
    return np.bincount(cells // n_codes, times * (times - 1) / 2, minlength=len(ids))


def _shown(ranking: Ranking, k: int) -> np.ndarray:
    _check(ranking)
    return ranking.head(k).ids


def _check(ranking: Ranking) -> None:
    if not isinstance(ranking, Ranking):
        raise ContractError(
            f"got a {type(ranking).__name__} where a Ranking belongs",
            remedy="Pass what search or recommend returned, or make one by Ranking.from_scores",
        )
