"""Open Bandit Dataset: what a fashion shop showed, why (propensity), and whether it was clicked.

Files (https://github.com/st-tech/zr-obp, ``obp/dataset/obd``; Saito et al., NeurIPS Datasets 2021):
``POLICY/CAMPAIGN/CAMPAIGN.csv`` and ``POLICY/CAMPAIGN/item_context.csv``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from course_lib.core.errors import DataError
from course_lib.shop.loaders.arrow import bare_items, dataset_of
from course_lib.shop.loaders.fields import no_rows, number, table_rows, text, whole
from course_lib.shop.loaders.folder import Folder

POLICIES = ("bts", "random")  # Bernoulli Thompson sampling; uniformly at random
N_POSITIONS = 3
_USER = tuple(f"user_feature_{i}" for i in range(4))
_ITEM = tuple(f"item_feature_{i}" for i in range(1, 4))
_LOG = ("", "timestamp", "item_id", "position", "click", "propensity_score", *_USER)


def load_obd(folder: Folder, part: str = "") -> dict[str, Any]:
    """``items`` and the tables ``decisions`` and ``item_context``; there are no user ids, and so no ``events``.

    - items: item_id "CAMPAIGN/3"; nothing else is published about them.
    - decisions: policy, campaign, row (the file's index), timestamp (seconds since 1970-01-01 UTC), item_id, position
      (0, 1, 2 from the left; the files count from 1), click (0 or 1), propensity (of this item at this place, in
      (0, 1]), user_features (4 hashed strings), affinity (one float per item of the campaign).
    - item_context: policy, campaign, item_id, feature_0 (float), features (3 hashed strings; the hashes of the two
      policies differ).

    Args:
        part: ``"random/women"`` …, or "" for all in the folder.

    Raises:
        DataError: a file is missing or damaged, a row stands twice, an item is unknown, a propensity is not in (0, 1].
    """
    logs = sorted("/".join(f.parts[-3:-1]) for p in POLICIES for f in folder.path.glob(f"{p}/*/item_context.csv"))
    if part or not logs:
        logs = [folder.one_part(part, logs, "obd", "POLICY/CAMPAIGN/item_context.csv")]
    names = ("policy", "campaign", "row", "timestamp", "item_id", "position", "click", "propensity")
    decisions: dict[str, list[Any]] = {name: [] for name in (*names, "user_features", "affinity")}
    context: dict[str, list[Any]] = {name: [] for name in ("policy", "campaign", "item_id", "feature_0", "features")}
    for log in logs:
        policy, campaign = log.split("/")
        folder.need(f"{log}/{campaign}.csv")
        known = _context(folder, f"{log}/item_context.csv", policy, campaign, context)
        _decisions(folder, f"{log}/{campaign}.csv", policy, campaign, known, decisions)
    items = list(dict.fromkeys(context["item_id"]))
    tables = {"decisions": dataset_of(decisions), "item_context": dataset_of(context)}
    return {"items": bare_items(items, category=[i.split("/")[0] for i in items]), "tables": tables}


def _context(folder: Folder, name: str, policy: str, campaign: str, context: dict[str, list[Any]]) -> set[str]:
    known: dict[str, str] = {}
    for where, row in table_rows(folder, name, ("item_id", "item_feature_0", *_ITEM)):
        item = str(whole(row, "item_id", where, 0, 10**6))
        if item in known:
            place = known[item].rpartition(", ")[2]
            raise DataError(f"item {item} stands already in {place}", where=where, remedy="Keep one of the two lines")
        known[item] = where
        features = [text(row, column, where) for column in _ITEM]
        values = (policy, campaign, f"{campaign}/{item}", number(row, "item_feature_0", where), features)
        for column, value in zip(context, values):
            context[column].append(value)
    if not known:
        raise no_rows(folder.where(name))
    return set(known)


def _decisions(
    folder: Folder, name: str, policy: str, campaign: str, known: set[str], decisions: dict[str, list[Any]]
) -> None:
    affinities = [f"user-item_affinity_{item}" for item in sorted(known, key=int)]
    seen: set[int] = set()
    for where, row in table_rows(folder, name, (*_LOG, *affinities)):
        index, item = whole(row, "", where), str(whole(row, "item_id", where, 0, 10**6))
        if index in seen:
            raise DataError(f"row {index} stands twice", where=where, remedy="Keep one of the two lines")
        if item not in known:
            raise DataError(f"item {item} is not in item_context.csv", where=where, remedy="Correct the item_id")
        seen.add(index)
        propensity = number(row, "propensity_score", where, 0, 1)
        if propensity == 0:
            raise DataError("the propensity is 0, yet the item was shown", where=where, remedy="Correct the cell")
        values = (
            policy, campaign, index, _seconds(row["timestamp"], where), f"{campaign}/{item}",
            whole(row, "position", where, 1, N_POSITIONS) - 1, whole(row, "click", where, 0, 1), propensity,
            [text(row, column, where) for column in _USER], [number(row, column, where) for column in affinities],
        )  # fmt: skip
        for column, value in zip(decisions, values):
            decisions[column].append(value)
    if not seen:
        raise no_rows(folder.where(name))


def _seconds(written: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        what = f"timestamp is {written[:40]!r}, not a date and time"
        raise DataError(what, where=where, remedy="Correct the cell") from error
    if moment.tzinfo is None:
        raise DataError(f"timestamp {written[:40]!r} has no time zone", where=where, remedy="Write +00:00 after it")
    return int(moment.timestamp())
