"""How the ranker is taught by time: the log's end in parts, the candidates of each, and who took up which.

Features know only what came before their part; the labels alone look into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.engine.candidates import View, in_blocks, propose
from course_lib.recommend.engine.features import RequestFeatures
from course_lib.recommend.engine.ranker import ChanceRanker, UnteachableError
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions

Examples = tuple[dict[str, np.ndarray], np.ndarray]  #: features float64 [n] by name; whether each was taken up, bool [n]


def parts_by_time(
    interactions: Interactions, moments: int, share: float
) -> Iterator[tuple[Interactions, Interactions]]:
    """Cut the log's end into ``moments`` + 1 parts, the oldest first, each with ``share`` of all events.

    Returns:
        For each part: all that came before it; the events in it with which known users took up something new to them.

    Raises:
        UnteachableError: too few events differ in time, or nothing in a part was new to a known user.
    """
    times, n = interactions.timestamps, len(interactions)
    cuts = [int(times[int(n * (1 - share * part))]) for part in range(moments + 1, 0, -1)] + [int(times[-1]) + 1]
    if len(set(cuts)) < len(cuts) or cuts[0] == times[0]:
        raise UnteachableError("too few of the events differ in time for a ranker to learn from")
    for start, end in zip(cuts, cuts[1:]):
        past = interactions.select(times < start)
        try:
            labels = new_interests(past, interactions.select((times >= start) & (times < end)))
        except ContractError as error:
            raise UnteachableError(error.what) from error
        yield past, labels


def labelled_candidates(
    view: View, labels: Interactions, features: RequestFeatures, depth: int, names: Collection[str]
) -> Examples:
    """The candidates of those who took up something new: their features, and whether it was that.

    Args:
        view: generators fitted on the past, over the past. labels: what came after it, of ``parts_by_time``.
        features: of the same past. depth: candidates of each generator. names: of all generators, in order.
    """
    past, n_items = view.interactions, len(features.catalogue.ids)
    wanted = np.unique(past.users.rows(labels.users.take(labels.user_rows)) * n_items + labels.item_rows)
    found, label = [], []
    for block in in_blocks(labels.active_users()):
        pairs, scores = propose(view, block, depth, names)
        found.append(features(pairs, scores, *view.histories(block)))
        label.append(np.isin(past.users.rows(block)[pairs.user_rows] * n_items + pairs.item_rows, wanted))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}, np.concatenate(label)


def taught(ranker: ChanceRanker, parts: Sequence[Examples]) -> ChanceRanker:
    """The ranker, fitted on all parts but the last, which calibrates it; raises UnteachableError as the ranker does."""
    *earlier, last = parts
    columns = {name: np.concatenate([features[name] for features, _ in earlier]) for name in last[0]}
    return ranker.fit(columns, np.concatenate([label for _, label in earlier])).calibrate(*last)
