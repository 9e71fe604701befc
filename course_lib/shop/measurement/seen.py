"""Items that a user has had before: whether a list may show them, and whether they count.

A recommender is asked for something new, and the past it was fitted on names most of what it would list first. So the
published protocols leave seen items out of the list *and* out of what counts as relevant. A shop whose customers buy
the same again (groceries) asks the other question: then nothing is left out. Which of the two was asked must stand
beside the number; ``evaluate(…, seen=past)`` asks the first, without ``seen`` the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.joining import find, held

if TYPE_CHECKING:
    from course_lib.shop.measurement.relevance import Graded

_BLOCK = 2_000_000  # places looked up at a time


def without_seen(ranking: Ranking, seen: Interactions) -> Ranking:
    """The same lists without what each user has an event with in ``seen``; the places below move up.

    A list gets shorter by what leaves it and is padded at its end: to fill k places, rank more than k items.

    Args:
        ranking: of users.
        seen: the past, joined by public id; a user or an item that it lacks has not been seen.

    Raises:
        ContractError: a ranking of queries, or ``seen`` is no ``Interactions``.
    """
    _check(seen)
    if not isinstance(ranking, Ranking):
        raise ContractError(
            f"got a {type(ranking).__name__} where a Ranking belongs",
            remedy="Pass what search or recommend returned, or make one by Ranking.from_scores",
        )
    ranking.keys.expect("user")
    users = find(ranking.keys, seen.users.ids)[seen.user_rows]
    items = seen.item_rows if seen.items == ranking.items else find(ranking.items, seen.items.ids)[seen.item_rows]
    known = (users >= 0) & (items >= 0)
    pairs = np.sort(users[known] * len(ranking.items) + items[known])
    ids, scores = ranking.ids.copy(), ranking.scores.copy()
    step = max(1, _BLOCK // max(1, ranking.k))
    for start in range(0, len(ids), step):
        rows = slice(start, start + step)
        asked = np.arange(start, min(start + step, len(ids)))[:, None] * len(ranking.items) + ids[rows]
        gone = held(pairs, asked) | (ids[rows] == PAD)
        order = np.argsort(gone, axis=1, kind="stable")
        gone = np.take_along_axis(gone, order, axis=1)
        ids[rows] = np.where(gone, PAD, np.take_along_axis(ids[rows], order, axis=1))
        scores[rows] = np.where(gone, np.float32(-np.inf), np.take_along_axis(scores[rows], order, axis=1))
    return Ranking(ids, scores, ranking.keys, ranking.items)


def new_pairs(known: Graded, seen: Interactions) -> Graded:
    """Relevance without the pairs that are in ``seen``, joined by public id."""
    _check(seen)
    users = find(known.keys.expect("user"), seen.users.ids)[seen.user_rows]
    items = seen.item_rows if seen.items == known.items else find(known.items, seen.items.ids)[seen.item_rows]
    inside = (users >= 0) & (items >= 0)
    pairs = np.sort(users[inside] * len(known.items) + items[inside])
    keep = ~held(pairs, known.key_rows * len(known.items) + known.item_rows)
    return known._replace(key_rows=known.key_rows[keep], item_rows=known.item_rows[keep], grades=known.grades[keep])


def _check(seen: Interactions) -> None:
    if not isinstance(seen, Interactions):
        remedy = "Pass what the ranking was fitted on, e.g. shop.interactions(until=t)"
        raise ContractError(f"seen is a {type(seen).__name__}, not an Interactions", remedy=remedy)
