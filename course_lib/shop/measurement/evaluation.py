"""``evaluate``: how good is a ranking?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.relevance import graded_pairs
from course_lib.shop.measurement.report import Report
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
    seed: int = 0,
) -> Report:
    """Measure a ranking against what is known to be relevant, joined by public id, never by position.

    Args:
        ranking: of queries or users.
        relevance: for a ranking of queries, the judgements table (query_id, item_id, grade 0–3); for a ranking of
            users, ``Interactions``, each distinct user–item pair of which has grade 1.
        metrics: names ``name@k`` of ``course_lib.shop.metrics``: ndcg, condensed_ndcg, judged, recall, precision, hit
            (or hr), mrr, map. An item is relevant when its grade is at least 1.
        gain: of the NDCGs: ``"exponential"``, 2^grade − 1, or ``"linear"``, the grade.
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
        - Users of the interactions' map without an event are not judged.

    Raises:
        ContractError: kinds that don't fit, an unknown metric or gain, no judgements, a repeated judgement or a grade
            outside 0–3, no key with a relevant item, or no key or no item in common with the ranking.
    """
    kernels = _kernels(metrics)
    if gain not in GAINS:
        raise ContractError(f"unknown gain {gain!r}; known are {', '.join(GAINS)}")
    if not isinstance(ranking, Ranking):
        raise ContractError(f"got a {type(ranking).__name__} where a Ranking belongs")
    known = graded_pairs(relevance, ranking.keys.kind)

    n_keys = len(known.keys)
    is_judged = np.bincount(known.key_rows, minlength=n_keys) > 0
    n_relevant = np.bincount(known.key_rows[known.grades > 0], minlength=n_keys)
    counted = np.flatnonzero(n_relevant)
    if not len(counted):
        raise ContractError("no judgement has a grade of at least 1, so that every metric is undefined")
    ranked = _find(ranking.keys, known.keys.ids)  # row of the ranking of each judged key, -1 where it has none
    if len(ranking) and (ranked[is_judged] < 0).all():
        raise ContractError(
            f"no {ranking.keys.kind} of the ranking ({ranking.keys.ids[0]!r}, …) is among the judged ones "
            f"({known.keys.ids[int(is_judged.argmax())]!r}, …)",
            remedy="Ranking and relevance must come from the same shop",
        )
    item_rows = known.item_rows
    if known.items != ranking.items:
        item_rows = _find(ranking.items, known.items.ids)[item_rows]
    if (item_rows < 0).all():
        raise ContractError("no judged item is in the ranking's catalogue", remedy="Check that the item ids agree")

    position = np.full(n_keys, -1)
    position[counted] = np.arange(len(counted))
    pairs = n_relevant[known.key_rows] > 0
    key_rows, item_rows, grades = position[known.key_rows[pairs]], item_rows[pairs], known.grades[pairs]
    cut = max(k for _, k in kernels.values())
    # A condensed list may reach below the cut; the other metrics never look there.
    width = ranking.k if any(kernel is METRICS["condensed_ndcg"] for kernel, _ in kernels.values()) else cut
    places = _places(ranking.ids[:, :width], ranked[counted], len(ranking.items), key_rows, item_rows, grades)
    gold = Gold(_ideal(key_rows, grades, len(counted), cut), n_relevant[counted])
    return Report(
        keys=tuple(known.keys.take(counted)),
        per_query={name: kernel(places, gold, k, gain) for name, (kernel, k) in kernels.items()},
        missing=int((ranked[counted] < 0).sum()),
        unjudged=len(ranking) - int((ranked[is_judged] >= 0).sum()),
        no_relevant=int(is_judged.sum()) - len(counted),
        kind=ranking.keys.kind,
        gain=gain,
        seed=seed,
    )


def _kernels(metrics: Sequence[str] | str) -> dict[str, tuple[Any, int]]:
    names = [metrics] if isinstance(metrics, str) else list(metrics)
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


def _find(ids: IdMap, wanted: Sequence[str]) -> np.ndarray:
    """Rows of public ids: int64 [n], -1 where the map lacks the id."""
    row_of = {public: row for row, public in enumerate(ids)}
    return np.fromiter((row_of.get(i, -1) for i in wanted), dtype=np.int64, count=len(wanted))


def _places(
    ids: np.ndarray, ranked: np.ndarray, n_items: int, key_rows: np.ndarray, item_rows: np.ndarray, grades: np.ndarray
) -> np.ndarray:
    """The grade in each place: int8 [n, w]; row i is row ``ranked[i]`` of the ranking, all MISSING where that is -1."""
    inside = item_rows >= 0
    pairs = key_rows[inside] * n_items + item_rows[inside]
    order = np.argsort(pairs)
    # The last entry answers for every pair beyond the others, and keeps the table from being empty.
    pairs = np.append(pairs[order], np.iinfo(np.int64).max)
    grades = np.append(grades[inside][order], np.int8(UNJUDGED))
    places = np.full((len(ranked), ids.shape[1]), MISSING, dtype=np.int8)
    step = max(1, _BLOCK // max(1, ids.shape[1]))
    for start in range(0, len(ranked) if len(ids) else 0, step):
        rows = np.flatnonzero(ranked[start : start + step] >= 0) + start
        shown = ids[ranked[rows]]
        wanted = rows[:, None] * n_items + shown
        at = np.searchsorted(pairs, wanted)
        grade = np.where(pairs[at] == wanted, grades[at], np.int8(UNJUDGED))
        places[rows] = np.where(shown == PAD, np.int8(MISSING), grade)
    return places


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
