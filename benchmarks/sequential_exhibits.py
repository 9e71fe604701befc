"""What the numbering of S3-Rec's files gives away: a list of the next ten numbers, which knows nothing of any product.

    python benchmarks/sequential_exhibits.py DIR --save benchmarks/results/sequential_exhibits.json

The files number items in the order in which they first occur, user after user. A user's last item that nobody before had
therefore has the next free number. The protocol is that of ``course bench sequential``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.ids import IdMap
from course_lib.core.provenance import check_save, save_result
from course_lib.core.ranking import PAD, Ranking
from course_lib.core.script import run_script
from course_lib.recommend.sequential import LastOut, leave_last_out
from course_lib.shop.measurement import Report, evaluate
from course_lib.shop.shop import Shop

NAMES = ("Beauty", "Sports_and_Outdoors")
DEPTH = 10


def next_numbers(split: LastOut) -> Report:
    """HR@10 and NDCG@10 of the ten numbers after the largest that the user has had."""
    items = split.test.items
    number = np.array([int(item) for item in items.ids])  # ascending: rows of the catalogue are in numeric order
    largest = np.zeros(len(split.test.users), dtype=np.int64)
    for part in (split.train, split.validation):
        np.maximum.at(largest, part.user_rows, number[part.item_rows])
    users = split.test.active_users()
    first = np.searchsorted(number, largest[split.test.users.rows(users)], side="right")
    ids = first[:, None] + np.arange(DEPTH)
    ids[ids >= len(items)] = PAD
    scores = np.where(ids == PAD, -np.inf, -np.arange(DEPTH, dtype=np.float32))
    return evaluate(Ranking(ids, scores, IdMap("user", users), items), split.test, ("hr@10", "ndcg@10"))


def main() -> int:
    """Measure both files, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with Beauty.txt and Sports_and_Outdoors.txt")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.save:
        check_save(options.save)
    result: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for name in NAMES:
        shop = Shop.load(f"s3rec/{name}", options.folder)
        report = next_numbers(leave_last_out(shop.interactions()))
        data[name] = dict(shop.source)
        result[name] = {"mean": report.mean, "interval": {m: list(ends) for m, ends in report.interval.items()}}
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save, result, command="python benchmarks/sequential_exhibits.py DIR", data=data, seeds=[0],
            modules=["course_lib.recommend.sequential.histories", "course_lib.shop.measurement"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
