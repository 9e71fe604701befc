"""For whom does a recommender work? Warm, cold and tail users, against later events and against the true preference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, by_frequency, by_segment, evaluate, results_table
from course_lib.shop.shop import Shop
from course_lib.shop.simulator import Parameters

COLD = 3  #: a user with at most so many distinct items in the training data is cold
GROUPS = ("all", "warm", "cold", "tail")


def user_groups(past: Interactions, cold: int = COLD) -> dict[str, list[str]]:
    """Public ids of the warm, the cold and the tail users of the training data; nothing later is looked at.

    - ``warm``: more than ``cold`` distinct items; ``cold``: 1 to ``cold``. Each user with an event is one of the two.
    - ``tail``: at least half of the user's distinct items are tail items, those rare ones that make up the last third
      of all distinct user–item pairs (``measurement.by_frequency``). Such users may be warm or cold.

    Users without a training event have no row and belong to no group: no model of interactions alone can serve them.

    Raises:
        ContractError: no events, or ``cold`` below 1.
    """
    if not len(past):
        raise ContractError("there are no interactions, so that there are no users to group")
    if isinstance(cold, bool) or not isinstance(cold, (int, np.integer)) or cold < 1:
        raise ContractError(f"cold is {cold!r}; it must be a whole number of at least 1")
    had = past.matrix.copy()
    had.data[:] = 1  # each item once, whatever its weight
    n_items = np.asarray(had.sum(axis=1)).ravel()
    is_tail = np.zeros(had.shape[1], dtype=np.float32)
    is_tail[past.items.rows(by_frequency(past.items, np.asarray(had.sum(axis=0)).ravel())["tail"])] = 1
    rare = (n_items > 0) & (had @ is_tail >= n_items / 2)
    members = {"warm": n_items > cold, "cold": (n_items > 0) & (n_items <= cold), "tail": rare}
    return {name: past.users.take(np.flatnonzero(chosen)) for name, chosen in members.items()}


def true_preference(shop: Shop, users: Sequence[str], parameters: Parameters | None = None) -> np.ndarray:
    """How much each user of a simulated shop wants each item, whatever was shown: float32 [n, n_items], 0 to 1.

    The chance that a session of the user at the end of the period has the item's category in mind, by the user's own
    taste, times the chance of a click when the user then looks at the item. What passes (season, fashion, the week's
    price, stock) and the place on the page are left out.

    Args:
        users: public ids. parameters: of the simulation, where they were not the default.

    Raises:
        ContractError: the shop was not simulated, or has no such user.
    """
    if shop.truth is None:
        raise ContractError(f"the shop {shop.name!r} has no known truth", remedy="Use Shop.simulate")
    known, p = shop.truth, parameters or Parameters()
    row_of = {user: row for row, user in enumerate(shop.users["user_id"][:])}
    unknown = next((user for user in users if user not in row_of), None)
    if unknown is not None:
        raise ContractError(f"the shop has no user {unknown!r}")
    rows = np.array([row_of[user] for user in users], dtype=np.int64)
    taste = (1 - known.drift) * known.early_taste[rows] + known.drift * known.late_taste[rows]
    wants_leaf = np.asarray(taste.todense())[:, known.item_leaf]
    logit = p.attraction_bias + p.attraction_taste * (known.user_factors[rows] @ known.item_factors.T)
    return (wants_leaf / (1 + np.exp(-logit - p.attraction_quality * known.item_quality))).astype(np.float32)


def evaluate_truth(ranking: Ranking, preference: np.ndarray, past: Interactions, k: int = 20, seed: int = 0) -> Report:
    """How much of the best possible list each list holds: metric ``true@k``, 0 to 1.

    The true preferences of the first k items, summed, over the sum of the k largest among what is new to the user. An
    item that the user had before counts nothing.

    Args:
        ranking: of users. preference: float [n, n_items] of the ranking's keys and items (``true_preference``).
        past: the training data, of the same catalogue.

    Raises:
        ContractError: shapes or catalogues that don't fit, k < 1, or a user to whom nothing new is worth anything.
    """
    if ranking.keys.kind != "user" or ranking.items != past.items or k < 1:
        raise ContractError("evaluate_truth needs a ranking of users, of the catalogue of past, and k ≥ 1")
    if preference.shape != (len(ranking), len(ranking.items)):
        raise ContractError(f"preference {preference.shape} must be {(len(ranking), len(ranking.items))}")
    worth = np.array(preference, dtype=np.float64)
    for row, user in enumerate(ranking.keys):
        if user in past.users:
            worth[row, past.matrix[past.users.rows([user])[0]].indices] = 0
    best = -np.sort(-np.partition(worth, -min(k, worth.shape[1]), axis=1)[:, -min(k, worth.shape[1]) :], axis=1)
    if not (best.sum(axis=1) > 0).all():
        raise ContractError("nothing new is worth anything to some user", remedy="Leave that user out")
    ids = ranking.ids[:, :k]
    got = np.where(ids == PAD, 0.0, np.take_along_axis(worth, np.maximum(ids, 0), axis=1)).sum(axis=1)
    return Report(
        tuple(ranking.keys), {f"true@{k}": got / best.sum(axis=1)}, 0, 0, 0, "user", "exponential", seed, depth=ranking.k
    )


def group_table(
    rankings: Mapping[str, Ranking],
    past: Interactions,
    later: Interactions,
    *,
    shop: Shop | None = None,
    k: int = 20,
    baseline: str | None = None,
    cold: int = COLD,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The table of this branch's chapters: each method for all, warm, cold and tail users.

    Args:
        rankings: method → lists of the users measured, made from ``past`` alone.
        later: what is new to known users after ``past`` (``split.new_interests``).
        shop: a simulated shop, to measure against the true preference too.
        baseline: method that each other one is tested against, paired, with Holm's correction within each group.

    Returns:
        Rows of ``measurement.results_table`` with ``group`` first: recall@k and ndcg@k against later events and, with a
        shop, true@k. A group without a measured user has no rows.

    Raises:
        ContractError: no rankings, or what ``evaluate`` and ``compare`` refuse.
    """
    if not rankings:
        raise ContractError("there is no ranking to tabulate")
    reports = {name: evaluate(r, later, (f"recall@{k}", f"ndcg@{k}"), seed=seed) for name, r in rankings.items()}
    if shop is not None:
        for name, ranking in rankings.items():
            truth = evaluate_truth(ranking, true_preference(shop, list(ranking.keys)), past, k, seed)
            reports[name] = _joined(reports[name], truth)
    measured = next(iter(reports.values())).keys
    groups = {"all": list(measured), **user_groups(past, cold)}
    rows = []
    for group, members in groups.items():
        of_group = {name: by_segment(report, {group: members}) for name, report in reports.items()}
        if not all(of_group.values()):
            continue
        part = {name: found[group] for name, found in of_group.items()}
        tested = baseline if len(part) > 1 else None
        rows += [{"group": group, **row} for row in results_table(part, baseline=tested, seed=seed)]
    return rows


def _joined(report: Report, other: Report) -> Report:
    """The report with the metrics of another one beside its own, for its own keys."""
    lacking = set(report.keys) - set(other.keys)
    if lacking:
        raise ContractError(f"user {sorted(lacking)[0]!r} has no list, so that its true preference can't be measured")
    row_of = {key: row for row, key in enumerate(other.keys)}
    rows = [row_of[key] for key in report.keys]
    values = {**report.per_query, **{metric: found[rows] for metric, found in other.per_query.items()}}
    head = (report.missing, report.unjudged, report.no_relevant, report.kind, report.gain, report.seed, report.unranked)
    return Report(report.keys, values, *head, report.short, report.depth, report.outside, report.relevant)
