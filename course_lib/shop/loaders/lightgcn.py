"""Data in LightGCN's format (gowalla, yelp2018, amazon-book, …): ``train.txt`` and ``test.txt``, ``user item item …``.

Format: https://github.com/gusye1234/LightGCN-PyTorch (``data/``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.core.errors import DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.arrow import bare_items, events, strings
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.id_lists import no_repeats, parse_id_lists

#: the format has no times: 0 stands for train.txt and 1 for test.txt
TRAIN, TEST = 0, 1


def load_lightgcn(folder: Folder) -> dict[str, Any]:
    """The tables of ``Shop``: bare items and users, and one click per pair.

    ``shop.interactions(until=1)`` is the publisher's training part, ``shop.interactions(since=1)`` the test part: the
    timestamps are 0 and 1, as the format has no times. The catalogue holds every item of either file, in numeric order.

    Raises:
        DataError: a file is missing or damaged, a user stands twice in a file, has an item twice, or has an item both
            in train and test.
    """
    folder.need("train.txt", "test.txt")
    users, items, times = [], [], []
    for moment, name in ((TRAIN, "train.txt"), (TEST, "test.txt")):
        names, lengths, bought = parse_id_lists(folder.read(name), folder.where(name))
        no_repeats(names, lengths, bought, folder.where(name))
        users.append(np.repeat(names, lengths))
        items.append(bought)
        times.append(np.full(len(bought), moment, dtype=np.int64))
    user, item, time = map(np.concatenate, (users, items, times))
    _no_leak(user, item, folder.where("test.txt"))
    return {
        "items": bare_items(list(map(str, np.unique(item).tolist()))),
        "users": make_table("users", {"user_id": list(map(str, np.unique(user).tolist()))}),
        "events": events(strings(user), strings(item), "click", time),
    }


def _no_leak(users: np.ndarray, items: np.ndarray, where: str) -> None:
    order = np.lexsort((items, users))
    same = (users[order[1:]] == users[order[:-1]]) & (items[order[1:]] == items[order[:-1]])
    if same.any():
        at = order[1:][same][0]
        what = f"user {users[at]} has item {items[at]} in train.txt too"
        raise DataError(what, where=where, remedy="Remove it from one of them: a test must be new to the model")
