"""``evaluate``: how good is a ranking?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.joining import find, held
from course_lib.shop.measurement.relevance import graded_pairs
from course_lib.shop.measurement.report import Report
from course_lib.shop.measurement.seen import new_pairs, without_seen
from course_lib.shop.metrics import GAINS, METRICS, MISSING, UNJUDGED, Gold

if TYPE_CHECKING:
    from datasets import Dataset

_BLOCK = 2_000_000  # places looked up at a time


def evaluate(
    ranking: Ranking,
    relevance: Dataset | Interactions,
    metrics: Sequence[str] | str = ("ndcg@10", "recall@100"),
    *,
    gain: str = "exponential",
    seen: Interactions | None = None,
    prices: np.ndarray | None = None,
    seed: int = 0,
) -> Report:
    """Measure a ranking against what is known to be relevant, joined by public id, never by position.

    Args:
        ranking: of queries or users.
        relevance: for a ranking of queries, the judgements table (query_id, item_id, grade 0–3); for a ranking of
            users, ``Interactions``, each distinct user–item pair of which has grade 1.
        metrics: names ``name@k`` of ``course_lib.shop.metrics``: ndcg, condensed_ndcg, judged, recall, precision, hit
            (or hr), mrr, map, gmv. An item is relevant when its grade is at least 1.
        gain: of the NDCGs: ``"exponential"``, 2^grade − 1, or ``"linear"``, the grade.
        seen: the users' past. What a user has an event with in it leaves the list, where the places below move up, and
            doesn't count as relevant (``measurement.seen``). Without it, a repeated purchase counts as any other.
        prices: of the items in catalogue order, float [n_items], in the shop's currency; only gmv reads them.
        seed: of the bootstrap.

    What happens in the cases where tools differ:
        - Ties: the order of the ranking stands; scores are not read.
        - A judged key that the ranking lacks counts 0 in every metric (``report.missing``).
        - A ranked key without any judgement is ignored (``report.unjudged``).
        - A judged key without a grade ≥ 1 is left out: its metrics are undefined (``report.no_relevant``).
        - k beyond the list: the absent places are irrelevant.
        - Unjudged items are irrelevant, except to condensed_ndcg, which drops them, and judged, which counts them.
        - Judged items outside ``ranking.items`` count in the ideal list and among the relevant ones, as in trec_eval:
          a catalogue that lacks them can't find them.
        - Users of the interactions' map without an event are not judged; with ``seen``, nor are users whose relevant
          items were all seen before.

    Raises:
        ContractError: kinds that don't fit, an unknown metric or gain, no judgements, a repeated judgement or a grade
            outside 0–3, no key with a relevant item, no key or no item in common with the ranking, seen items for a
            ranking of queries, or gmv where a relevant item that is shown has no price.
    """
    kernels = _kernels(metrics)
    if gain not in GAINS:
        raise ContractError(f"unknown gain {gain!r}; known are {', '.join(GAINS)}")
    if not isinstance(ranking, Ranking):
        raise ContractError(
            f"got a {type(ranking).__name__} where a Ranking belongs",
            remedy="Pass what search or recommend returned, or make one by Ranking.from_scores",
        )
    known = graded_pairs(relevance, ranking.keys.kind)
    if seen is not None:
        ranking, known = without_seen(ranking, seen), new_pairs(known, seen)

    n_keys = len(known.keys)
    is_judged = np.bincount(known.key_rows, minlength=n_keys) > 0
    n_relevant = np.bincount(known.key_rows[known.grades > 0], minlength=n_keys)
    counted = np.flatnonzero(n_relevant)
    if not len(counted):
        what = "no judgement has a grade of at least 1" if seen is None else "nothing relevant is new to its user"
        raise ContractError(f"{what}, so that every metric is undefined")
    ranked = find(ranking.keys, known.keys.ids)  # row of the ranking of each judged key, -1 where it has none
    if len(ranking) and (ranked[is_judged] < 0).all():
        raise ContractError(
            f"no {ranking.keys.kind} of the ranking ({ranking.keys.ids[0]!r}, …) is among the judged ones "
            f"({known.keys.ids[int(is_judged.argmax())]!r}, …)",
            remedy="Ranking and relevance must come from the same shop",
        )
    item_rows = known.item_rows
    if known.items != ranking.items:
        item_rows = find(ranking.items, known.items.ids)[item_rows]
    if (item_rows < 0).all():
        raise ContractError("no judged item is in the ranking's catalogue", remedy="Check that the item ids agree")
    item_rows_of_all = item_rows

    position = np.full(n_keys, -1)
    position[counted] = np.arange(len(counted))
    pairs = n_relevant[known.key_rows] > 0
    key_rows, item_rows, grades = position[known.key_rows[pairs]], item_rows[pairs], known.grades[pairs]
    cut = max(k for _, k in kernels.values())
    # A condensed list may reach below the cut; the other metrics never look there.
    width = ranking.k if any(kernel is METRICS["condensed_ndcg"] for kernel, _ in kernels.values()) else cut
    places = _places(ranking.ids[:, :width], ranked[counted], len(ranking.items), key_rows, item_rows, grades)
    money = [k for kernel, k in kernels.values() if kernel is METRICS["gmv"]]
    paid = _prices(prices, ranking, ranked[counted], places[:, : max(money)]) if money else None
    gold = Gold(_ideal(key_rows, grades, len(counted), cut), n_relevant[counted], paid)
    keys = tuple(known.keys.take(counted))
    return Report(
        keys=keys,
        per_query={name: kernel(places, gold, k, gain) for name, (kernel, k) in kernels.items()},
        missing=int((ranked[counted] < 0).sum()),
        unjudged=len(ranking) - int((ranked[is_judged] >= 0).sum()),
        no_relevant=int(is_judged.sum()) - len(counted),
        kind=ranking.keys.kind,
        gain=gain,
        seed=seed,
        unranked=frozenset(keys[row] for row in np.flatnonzero(ranked[counted] < 0)),
        short=tuple(name for name, (_, k) in kernels.items() if ranking.k < min(k, len(ranking.items))),
        depth=ranking.k,
        outside=len(np.unique(known.item_rows[item_rows_of_all < 0])),
        relevant=n_relevant[counted],
    )


def _kernels(metrics: Sequence[str] | str) -> dict[str, tuple[Any, int]]:
    if not isinstance(metrics or (), (str, Sequence)):
        raise ContractError(f"metrics is {metrics!r}", remedy='Give names, e.g. metrics=("ndcg@10",)')
    names = [metrics] if isinstance(metrics, str) else list(metrics or ())
    if not names:
        raise ContractError("no metric is named", remedy='E.g. metrics=("ndcg@10",)')
    kernels = {}
    for name in names:
        parts = re.fullmatch(r"([a-z_]+)@([1-9][0-9]{0,8})", name) if isinstance(name, str) else None
        if not parts or parts[1] not in METRICS:
            known = ", ".join(f"{m}@k" for m in METRICS)
            raise ContractError(f"unknown metric {name!r}; known are {known}, with a whole number k ≥ 1")
        kernels[name] = METRICS[parts[1]], int(parts[2])
    return kernels


def _places(
    ids: np.ndarray, ranked: np.ndarray, n_items: int, key_rows: np.ndarray, item_rows: np.ndarray, grades: np.ndarray
) -> np.ndarray:
    """The grade in each place: int8 [n, w]; row i is row ``ranked[i]`` of the ranking, all MISSING where that is -1."""
    inside = item_rows >= 0
    pairs = key_rows[inside] * n_items + item_rows[inside]
    order = np.argsort(pairs)
    pairs, grades = pairs[order], grades[inside][order]
    places = np.full((len(ranked), ids.shape[1]), MISSING, dtype=np.int8)
    step = max(1, _BLOCK // max(1, ids.shape[1]))
    for start in range(0, len(ranked) if len(ids) else 0, step):
        rows = np.flatnonzero(ranked[start : start + step] >= 0) + start
        shown = ids[ranked[rows]]
        wanted = rows[:, None] * n_items + shown
        known = held(pairs, wanted)
        grade = np.full(shown.shape, UNJUDGED, dtype=np.int8)
        grade[known] = grades[np.searchsorted(pairs, wanted[known])]
        places[rows] = np.where(shown == PAD, np.int8(MISSING), grade)
    return places


def _prices(prices: np.ndarray | None, ranking: Ranking, ranked: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The price of the item in each place: float64 [n, w], 0 where nothing relevant stands."""
    if prices is None:
        raise ContractError("gmv needs the prices of the items", remedy='E.g. prices=shop.items["price"]')
    prices = np.asarray(prices, dtype=np.float64)
    if prices.shape != (len(ranking.items),):
        raise ContractError(f"prices {prices.shape} must be one per item of the catalogue ({len(ranking.items)})")
    paid = np.zeros(places.shape)
    row, place = np.nonzero(places >= 1)
    items = ranking.ids[ranked[row], place]
    unknown = items[~(prices[items] >= 0) | np.isinf(prices[items])]
    if len(unknown):
        item = ranking.items.ids[unknown[0]]
        raise ContractError(f"the relevant item {item!r} has no price: {prices[unknown[0]]}")
    paid[row, place] = prices[items]
    return paid


def _ideal(key_rows: np.ndarray, grades: np.ndarray, n: int, cut: int) -> np.ndarray:
    """The best ``cut`` judged grades of each of n keys, descending: int8 [n, ≤ cut], MISSING after the last."""
    order = np.lexsort((-grades, key_rows))
    key_rows, grades = key_rows[order], grades[order]
    sizes = np.bincount(key_rows, minlength=n)
    place = np.arange(len(key_rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    best = np.full((n, min(cut, int(sizes.max()))), MISSING, dtype=np.int8)
    inside = place < best.shape[1]
    best[key_rows[inside], place[inside]] = grades[inside]
    return best
