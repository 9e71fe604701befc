"""Data in S3-Rec's format: ``NAME.txt``, a user per line in time order, and ``NAME_item2attributes.json``.

Format: https://github.com/RUCAIBox/CIKM2020-S3Rec (``data/``; Zhou et al., CIKM 2020).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.core.errors import DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.arrow import bare_items, events, strings
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.id_lists import parse_id_lists
from course_lib.shop.loaders.reading import FETCH_AGAIN, parse_json

_ATTRIBUTES = "_item2attributes.json"


def load_s3rec(folder: Folder, part: str = "") -> dict[str, Any]:
    """The tables of ``Shop`` for one ``NAME`` of the folder.

    - events: one purchase per place of a user's line. The format has no times: the timestamp is the place in the line,
      from 0, so that a user's events keep their order; it says nothing about the order between users, which rules out a
      global split (the published protocol leaves each user's last item out).
    - items: attributes named ``attribute``, whose values are the publisher's numbers; the texts are "".

    Args:
        part: ``NAME`` (``"Beauty"``); may be "" where the folder holds one.

    Raises:
        ContractError: the folder holds several and none is named.
        DataError: a file is missing or damaged, a user stands twice.
    """
    names = sorted(f.stem for f in folder.path.glob("*.txt") if f.is_file())
    name = folder.one_part(part, names, "s3rec", "NAME.txt")
    where = folder.where(f"{name}.txt")
    users, lengths, items = parse_id_lists(folder.read(f"{name}.txt"), where)
    if not len(items):
        raise DataError("no user has an item", where=where, remedy=FETCH_AGAIN)
    attributes = _attributes(folder, f"{name}{_ATTRIBUTES}") if folder.has(f"{name}{_ATTRIBUTES}") else {}
    catalogue = np.union1d(items, np.fromiter(attributes, dtype=np.int64, count=len(attributes))).tolist()
    place = np.arange(len(items)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    described = [[{"name": "attribute", "value": str(a)} for a in attributes.get(i, ())] for i in catalogue]
    return {
        "items": bare_items(list(map(str, catalogue)), attributes=described),
        "users": make_table("users", {"user_id": list(map(str, users.tolist()))}),
        "events": events(strings(np.repeat(users, lengths)), strings(items), "purchase", place.astype(np.int64)),
    }


def _attributes(folder: Folder, name: str) -> dict[int, list[int]]:
    where = folder.where(name)
    found = parse_json(folder.read(name), where)
    if not isinstance(found, dict):
        raise DataError(f"holds a {type(found).__name__}, not an object", where=where, remedy=FETCH_AGAIN)
    for item, values in found.items():
        whole = isinstance(values, list) and all(type(v) is int for v in values)
        if not whole or not (item.isascii() and item.isdigit() and len(item) <= 18):
            what = f"item {item[:40]!r} has {str(values)[:40]!r}, not a list of whole numbers"
            raise DataError(what, where=where, remedy=FETCH_AGAIN)
    return {int(item): values for item, values in found.items()}
