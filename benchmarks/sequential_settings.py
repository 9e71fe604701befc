"""Settings of ``course bench sequential``: searched on the last items but one of Beauty; the last items are not looked at.

    python benchmarks/sequential_settings.py DIR --save benchmarks/results/sequential_settings.json

Counting models: a random search with one budget for both. SASRec: the few variants that CPU time allows, with a seed that
the reported trainings don't use.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from course_lib.core.provenance import check_save, save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.sequential import LastOut, RecentCosine, SASRec, SequenceRecommender, SequentialRules, leave_last_out
from course_lib.shop.measurement import evaluate
from course_lib.shop.shop import Shop

METRICS = ("hr@10", "ndcg@10")
SEED = 100  #: of the networks
GRIDS: dict[str, tuple[type[SequenceRecommender], dict[str, list[Any]]]] = {
    "item_cosine": (RecentCosine, {"decay": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "neighbours": [20, 50, 100, 200, None]}),
    "rules": (SequentialRules, {
        "reach": [1, 5, 10, 20], "falloff": [0.25, 0.5, 0.75, 1.0], "back": [0.0, 0.25, 0.5, 1.0],
        "own": [0.25, 0.5, 0.75, 1.0], "other": [0.0, 0.15, 0.25, 0.35], "decay": [0.4, 0.5, 0.6, 0.7],
    }),
}  # fmt: skip
NETWORKS: dict[str, list[dict[str, Any]]] = {
    "sasrec": [{}, {"hidden": 4}, {"dropout": 0.3}],
    "sasrec_bce": [
        {"loss": "binary"}, {"loss": "binary", "epochs": 40}, {"loss": "binary", "epochs": 80},
        {"loss": "binary", "epochs": 40, "dropout": 0.2},
    ],
}  # fmt: skip


def score(model: SequenceRecommender, split: LastOut) -> dict[str, Any]:
    """The metrics on the validation items, and CPU seconds of learning."""
    start = time.process_time()
    model.fit(split.train)
    seconds = time.process_time() - start
    found = evaluate(model.recommend(split.validation.active_users(), 10), split.validation, METRICS).mean
    return {**found, "seconds": round(seconds, 1)}


def train(split: LastOut, settings: dict[str, Any]) -> dict[str, Any]:
    """``score`` of one SASRec, in a process of its own."""
    torch.set_num_threads(1)
    return score(SASRec(**settings, seed=SEED), split)


def search(split: LastOut, tries: int, networks: bool, jobs: int) -> dict[str, Any]:
    """Every try of every system, and the best of each by NDCG@10."""
    result: dict[str, Any] = {}
    for system, (kind, grid) in GRIDS.items():
        draw, seen = generator(0, "settings", system), []
        while len(seen) < tries:
            settings = {name: values[draw.integers(len(values))] for name, values in grid.items()}
            if settings not in [one["settings"] for one in seen]:
                seen.append({"settings": settings, **score(kind(**settings), split)})
                print(system, seen[-1], file=sys.stderr, flush=True)
        result[system] = seen
    if networks:
        work = [(system, settings) for system, variants in NETWORKS.items() for settings in variants]
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for (system, settings), found in zip(work, pool.map(train, [split] * len(work), [one for _, one in work])):
                result.setdefault(system, []).append({"settings": settings, **found})
                print(system, result[system][-1], file=sys.stderr, flush=True)
    return {"tried": result, "best": {name: max(seen, key=lambda one: one["ndcg@10"]) for name, seen in result.items()}}


def main() -> int:
    """Search, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with Beauty.txt")
    parser.add_argument("--tries", type=int, default=40, metavar="N", help="of each counting model (default: 40)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at a time, one thread each (default: 1)")
    parser.add_argument("--counting", action="store_true", help="leave the networks out")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if not 1 <= options.tries <= 40:
        parser.error("--tries must be from 1 to 40, which is all of the smaller grid")
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    if options.save:
        check_save(options.save)
    torch.set_num_threads(1)
    shop = Shop.load("s3rec/Beauty", options.folder)
    result = search(leave_last_out(shop.interactions()), options.tries, not options.counting, options.jobs)
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save, result, command="python benchmarks/sequential_settings.py DIR" + " --counting" * options.counting,
            data=dict(shop.source), seeds=[SEED],
            modules=["course_lib.recommend.sequential", "course_lib.shop.measurement"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
