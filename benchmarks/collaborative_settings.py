"""Settings of ``course bench collaborative``: searched on a held-out fifth of train.txt; test.txt is not looked at.

    python benchmarks/collaborative_settings.py DIR --save benchmarks/results/collaborative_settings.json

The same number of tries for each model, drawn from its grid, measured by NDCG@20 on the same random users. EASE is tuned
on the items that most users had: the full matrix would take ten minutes a try.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.core.provenance import check_save, save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import BPR, EASE, IALS, ItemCosine
from course_lib.recommend.split import hold_out, new_interests
from course_lib.shop.interactions import Interactions
from course_lib.shop.loaders.lightgcn import TEST
from course_lib.shop.measurement import Tuning, evaluate, tune_equally
from course_lib.shop.shop import Shop

METRIC = "ndcg@20"
SEED = 100  #: of the split, the users, the draws and the trainings; the reported trainings have others
FRACTION = 0.2
EASE_ITEMS = 8_000
GRIDS: dict[str, tuple[Any, dict[str, list[Any]]]] = {
    "item_cosine": (ItemCosine, {
        "neighbours": [100, None], "item_damping": [0.2, 0.3, 0.4, 0.5], "user_damping": [0.0, 0.5, 1.0],
    }),
    "ease": (partial(EASE, most_items=EASE_ITEMS), {"regularization": [25.0, 50.0, 100.0, 200.0, 400.0, 800.0]}),
    "bpr": (partial(BPR, factors=64, epochs=20, seed=SEED), {"rate": [0.05, 0.1, 0.2], "regularization": [0.003, 0.01, 0.03]}),
    "ials": (partial(IALS, factors=256, iterations=10, seed=SEED), {
        "regularization": [30.0, 50.0, 100.0, 200.0], "alpha": [20.0, 40.0, 80.0], "user_damping": [0.0, 0.25, 0.5],
    }),
}  # fmt: skip


def search(train: Interactions, tries: int, n_users: int, models: list[str], say: bool) -> dict[str, Tuning]:
    """Name → what was found, with the same tries for all."""
    rest, held = hold_out(train, FRACTION, SEED)
    users = new_interests(rest, held).active_users()
    chosen = generator(SEED, "settings", "users").choice(len(users), size=min(n_users, len(users)), replace=False)
    wanted = held.of_users([users[row] for row in sorted(chosen)])

    def measure(make: Any, **settings: Any) -> float:
        start = time.process_time()
        model: Recommender = make(**settings).fit(rest)
        spent = time.process_time() - start
        value = evaluate(model.recommend(wanted.active_users(), 20), wanted, (METRIC,))[METRIC]
        if say:
            print(type(model).__name__, settings, f"{value:.4f}, {spent:.0f} CPU s", file=sys.stderr, flush=True)
        return value

    contenders = {name: (partial(measure, GRIDS[name][0]), GRIDS[name][1]) for name in models}
    return tune_equally(contenders, metric=METRIC, budget=tries, seed=SEED)


def main() -> int:
    """Search, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--tries", type=int, default=6, metavar="N", help="of each model (default: 6)")
    parser.add_argument("--users", type=int, default=2_000, metavar="N", help="measured on so many (default: 2000)")
    parser.add_argument("--models", default=",".join(GRIDS), metavar="A,B", help="search these only (default: all)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    models = options.models.split(",")
    if not set(models) <= set(GRIDS) or options.users < 1:
        parser.error(f"--models knows {', '.join(GRIDS)}, and --users is at least 1")
    if options.save:
        check_save(options.save)
    shop = Shop.load("lightgcn", options.folder)
    found = search(shop.interactions(until=TEST), options.tries, options.users, models, True)
    result = {
        "tries": options.tries, "users": options.users, "held out": FRACTION, "ease items": EASE_ITEMS,
        "best": {name: tuning.best for name, tuning in found.items()},
        "tried": {name: tuning.table for name, tuning in found.items()},
    }  # fmt: skip
    print(json.dumps(result, indent=2))
    if options.save:
        command = f"python benchmarks/collaborative_settings.py DIR --tries {options.tries} --users {options.users}"
        command += f" --models {options.models}" if models != list(GRIDS) else ""
        save_result(
            options.save, result, command=command, data=dict(shop.source), seeds=[SEED],
            modules=["course_lib.recommend.collaborative", "course_lib.shop.measurement"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
