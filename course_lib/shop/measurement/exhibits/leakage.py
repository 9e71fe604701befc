"""Leakage: what a test tells when the model has already seen the time that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.evaluation import evaluate
from course_lib.shop.measurement.report import Report
from course_lib.shop.measurement.splits import split_at_random, split_by_time


def random_split_leakage(
    interactions: Interactions,
    recommend: Callable[[Interactions, list[str], int], Ranking],
    *,
    metric: str = "recall@20",
    fraction: float = 0.8,
    seed: int = 0,
) -> dict[str, Report]:
    """The same recommender under two splits: ``"by time"``, and ``"at random"``, where it has learned from the future.

    Args:
        recommend: from training interactions, user ids and k to the ranking of those users, seen items left out.
        metric: ``name@k`` of ``evaluate``.
    """
    k = int(metric.rpartition("@")[2])
    reports = {}
    for name, (train, test) in (
        ("by time", split_by_time(interactions, fraction)),
        ("at random", split_at_random(interactions, fraction, seed)),
    ):
        ranking = recommend(train, test.active_users(), k)
        reports[name] = evaluate(ranking, test, metric, seen=train, seed=seed)
    return reports


def leak_alone(
    interactions: Interactions,
    recommend: Callable[[Interactions, list[str], int], Ranking],
    *,
    metric: str = "recall@20",
    fraction: float = 0.8,
    seed: int = 0,
) -> dict[str, Report]:
    """What the leak itself adds: one test, two trainings of the same size, and only one of them has seen its weeks.

    The test is a random half of what comes after the split. ``"the past"`` learns from what came before it; ``"the
    test's own weeks"`` from as many events, drawn from those and from the other half of the later ones. No event of the
    test is in either, and what a user has in either leaves both lists, so that both are asked for the same items:
    ``compare`` fits. ``random_split_leakage`` compares two tests as well, and can't tell the leak from an easier test.

    Args:
        recommend: from training interactions, user ids and k to the ranking of those users, seen items left out. k is
            larger than the metric's, to make up for what leaves the lists.
        metric: ``name@k`` of ``evaluate``.
    """
    k = int(metric.rpartition("@")[2])
    past, later = split_by_time(interactions, fraction)
    random = generator(seed, "measurement", "leak alone")
    half = random.random(len(later)) < 0.5
    known = _joined(past, later.select(half))
    drawn = np.zeros(len(known), dtype=bool)
    drawn[random.choice(len(known), size=len(past), replace=False)] = True
    test = later.select(~half).without(known)
    users = test.active_users()
    had = np.unique(known.user_rows * len(known.items) + known.item_rows) // len(known.items)
    deep = min(len(known.items), k + int(np.bincount(had).max()))
    reports = {}
    for name, train in (("the past", past), ("the test's own weeks", known.select(drawn))):
        reports[name] = evaluate(recommend(train, users, deep), test, metric, seen=known, seed=seed)
    return reports


def _joined(a: Interactions, b: Interactions) -> Interactions:
    columns = ("user_rows", "item_rows", "weights", "timestamps")
    return Interactions(a.users, a.items, *(np.concatenate([getattr(a, c), getattr(b, c)]) for c in columns))


def popularity(counted: Interactions, seen: Interactions, users: Sequence[str], k: int) -> Ranking:
    """The k items with most events in ``counted`` for each user, without what the user has in ``seen``.

    Ties by catalogue row. Both must have one user map and one catalogue.
    """
    if counted.users != seen.users or counted.items != seen.items:
        raise ContractError("the two sets of interactions have different users or items", remedy="Select from one set")
    counts = np.bincount(counted.item_rows, minlength=len(counted.items)).astype(np.float32)
    rows = seen.users.rows(users)

    def score(block: slice) -> np.ndarray:
        had = seen.matrix[rows[block]]
        scores = np.tile(counts, (had.shape[0], 1))
        scores[had.nonzero()] = -np.inf
        return scores

    return rank_in_blocks(score, k, keys=IdMap("user", users), items=seen.items)


def popularity_with_the_future(
    interactions: Interactions, *, metric: str = "recall@20", fraction: float = 0.8, seed: int = 0
) -> dict[str, Report]:
    """Popularity counted before the split (``"the past"``) and over the whole log (``"all of it"``), on one test.

    The second is what ``items["n_sales"]`` of a database export holds. Both reports have the same keys: ``compare``.
    """
    k = int(metric.rpartition("@")[2])
    train, test = split_by_time(interactions, fraction)
    users = test.active_users()
    lists = {"the past": popularity(train, train, users, k), "all of it": popularity(interactions, train, users, k)}
    return {name: evaluate(ranking, test, metric, seen=train, seed=seed) for name, ranking in lists.items()}
