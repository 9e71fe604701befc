"""Head, torso and tail: the same measure for frequent and for rare queries, users or items.

A mean over queries hides where a method wins: a few frequent queries make half of the traffic, and most queries are
asked once. Report the three apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.report import Report

if TYPE_CHECKING:
    from datasets import Dataset

SEGMENTS = ("head", "torso", "tail")


def frequencies(ids: IdMap, occurrences: Iterable[str]) -> np.ndarray:
    """How often each id of the map occurs, e.g. in a column of the log before the split: int64 [n].

    An occurrence that the map lacks (the empty query id of an event without a search) is not counted.
    """
    values, times = np.unique(np.asarray(list(occurrences), dtype=str), return_counts=True)
    count = dict(zip(values.tolist(), times.tolist()))
    return np.fromiter((count.get(i, 0) for i in ids), dtype=np.int64, count=len(ids))


def by_frequency(ids: IdMap, counts: np.ndarray, shares: tuple[float, float] = (1 / 3, 2 / 3)) -> dict[str, list[str]]:
    """Ids in ``"head"``, ``"torso"`` and ``"tail"``, each about a third of the traffic by default.

    An id belongs to the head when all ids that are *more* frequent make up less than ``shares[0]`` of the traffic, to
    the torso when they make up less than ``shares[1]``, else to the tail; so does whatever never occurs. Ids of equal
    frequency always share a segment: no accident of their order decides. A segment may be empty.

    Args:
        ids: of queries, users or items.
        counts: how often each occurs, int [n], in the order of ``ids``: counted before the test period, or the
            segment would know the future.

    Raises:
        ContractError: not one count ≥ 0 per id, nothing occurs, or shares not 0 < head ≤ torso ≤ 1.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(ids),) or (len(counts) and not counts.min() >= 0):
        raise ContractError(f"got counts {counts.shape} for {len(ids)} {ids.kind} ids; each must be at least 0")
    if not counts.any():
        raise ContractError(f"none of the {len(ids)} {ids.kind} ids ever occurs")
    if not 0 < shares[0] <= shares[1] <= 1:
        raise ContractError(f"shares are {shares}; they must rise from above 0 to at most 1")
    values, inverse = np.unique(counts, return_inverse=True)
    traffic = values * np.bincount(inverse)
    before = (traffic.sum() - np.cumsum(traffic))[inverse] / traffic.sum()  # of what is more frequent
    # Sums such as 1/3 + 1/3 must not fall on the wrong side of a bound by rounding.
    place = (before >= shares[0] - 1e-12).astype(int) + (before >= shares[1] - 1e-12)
    return {name: ids.take(np.flatnonzero(place == s)) for s, name in enumerate(SEGMENTS)}


def by_segment(report: Report, segments: Mapping[str, Sequence[str]]) -> dict[str, Report]:
    """The report of each segment of its queries or users; a segment without a measured key is left out.

    Raises:
        ContractError: an id stands in two segments.
    """
    names: dict[str, str] = {}
    for segment, ids in segments.items():
        for public in ids:
            if names.setdefault(public, segment) != segment:
                raise ContractError(f"{public!r} is in the segments {names[public]!r} and {segment!r}")
    chosen = {s: [key for key in report.keys if names.get(key) == s] for s in segments}
    return {segment: report.select(keys) for segment, keys in chosen.items() if keys}


def of_items(relevance: Dataset | Interactions, items: Iterable[str]) -> Dataset | Interactions:
    """Relevance that names these items only: ``evaluate`` against it tells how well, say, tail items are found.

    Keys whose relevant items all lie elsewhere don't count then; the ranking stays whole.
    """
    wanted = set(items)
    if isinstance(relevance, Interactions):
        inside = np.fromiter((i in wanted for i in relevance.items), dtype=bool, count=len(relevance.items))
        return relevance.select(inside[relevance.item_rows])
    return relevance.select([row for row, item in enumerate(relevance["item_id"][:]) if item in wanted])
