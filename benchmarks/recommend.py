"""Serving: the 100 best items of every user, against the blocked matrix product and top-k that it can't do without.

    python benchmarks/recommend.py DIR --save benchmarks/results/recommend.json

Both run over the same vectors on one thread, in turns; the smallest of the repeats counts. Beyond the product and the
top-k, ``recommend`` leaves out what each user has had and checks the result. (LightGCN's epoch: ``benchmarks/graph.py``.)
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.ranking import top_k
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions
from course_lib.shop.loaders.lightgcn import TEST
from course_lib.shop.shop import Shop

K, BLOCK, FACTORS = 100, 256, 64


class Vectors(Recommender):
    """Vectors drawn at random: serving costs the same whatever they mean."""

    def _fit(self, interactions: Interactions) -> None:
        rng = generator(0, "benchmark", "vectors")
        self.p, self.q = (
            rng.normal(size=(len(ids), FACTORS)).astype(np.float32) for ids in (interactions.users, interactions.items)
        )

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.p[rows] @ self.q.T


def measure(train: Interactions, repeats: int) -> dict[str, Any]:
    """Seconds (wall-clock, smallest of the repeats) of both ways, their ratio, and the memory."""
    model, users = Vectors().fit(train), list(train.users)
    seconds: dict[str, list[float]] = {"recommend": [], "product and top-k": []}
    for _ in range(repeats):
        for name, work in (
            ("product and top-k", lambda: top_k(model.p, model.q, K, block=BLOCK)),
            ("recommend", lambda: model.recommend(users, K, block=BLOCK)),
        ):
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
            print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    best = {name: min(times) for name, times in seconds.items()}
    return {
        "users": len(users), "items": len(train.items), "k": K, "block": BLOCK, "factors": FACTORS, "repeats": repeats,
        "seconds": best, "ratio": best["recommend"] / best["product and top-k"], "peak_rss_mb": round(peak_rss_mb(), 1),
    }  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of each way (default: 3)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    if options.save:
        check_save(options.save)
    shop = Shop.load("lightgcn", options.folder)
    with threadpool_limits(1):
        result = measure(shop.interactions(until=TEST), options.repeats)
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save, result, command=f"python benchmarks/recommend.py DIR --repeats {options.repeats}",
            data=dict(shop.source), seeds=[0], modules=["course_lib.recommend.base", "course_lib.core.ranking"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
