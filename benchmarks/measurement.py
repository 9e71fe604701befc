"""What measuring costs beside the ranking that feeds it: recall@20 and NDCG@20 of a full ranking, at Gowalla's size.

    .venv/bin/python benchmarks/measurement.py [--runs 5] [--save benchmarks/results/measurement.json]

Two sides, in turn: the blocked product of user and item vectors with the exact top-k; and the whole way of a result –
the same product with the users' past left out, the same top-k, the ranking's checks, the join with the test pairs, both
metrics and their intervals. The goal is a median ratio of at most 1.2, of processor seconds: other work on the machine
disturbs those less than the clock's, which stand beside them.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.ids import IdMap
from course_lib.core.provenance import save_result
from course_lib.core.ranking import Ranking, top_k
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import evaluate
from course_lib.shop.measurement.report import Report

PAST, LATER = 27.1, 7.3  # events per user, as in Gowalla's training and test parts
K, GOAL = 20, 1.2
T = TypeVar("T")


def main() -> int:
    """Measure, print as JSON; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=30_000, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--items", type=int, default=41_000, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--factors", type=int, default=64, metavar="N", help="of each vector (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each side (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the product (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if min(options.users, options.items, options.factors, options.runs, options.threads) < 1:
        parser.error("every number must be at least 1")
    with threadpool_limits(options.threads):
        result = compared(options)
    print(json.dumps(result, indent=2))
    if options.save:
        size = f"--users {options.users} --items {options.items} --factors {options.factors}"
        command = f"python benchmarks/measurement.py {size} --runs {options.runs} --threads {options.threads}"
        save_result(options.save, result, command=command,
                    data={"source": "random vectors and events, drawn by the benchmark"}, seeds=[0],
                    modules=["course_lib.shop.measurement", "course_lib.core.blocks"])  # fmt: skip
    return 0 if result["goal"] else 1


def compared(options: argparse.Namespace) -> dict[str, Any]:
    """Both sides, and what they took."""
    random = generator(0, "benchmark", "measurement")
    vectors = [random.standard_normal((n, options.factors), dtype=np.float32) for n in (options.users, options.items)]
    users, items = IdMap("user", range(options.users)), IdMap("item", range(options.items))
    past, later = (drawn(random, round(n * len(users)), users, items) for n in (PAST, LATER))
    fed, whole = [], []
    for _ in range(options.runs):
        fed.append(timed(lambda: top_k(*vectors, K))[0])
        seconds, (ranking, report) = timed(lambda: measured(*vectors, users, items, past, later))
        whole.append(seconds)
        past.__dict__.pop("matrix", None)  # built in each run, as for the first of them
    agrees(ranking, past, later, report)
    by_clock, by_processor = (statistics.median(b[i] / a[i] for a, b in zip(fed, whole)) for i in (0, 1))
    return {
        "users": options.users, "items": options.items, "factors": options.factors,
        "past": len(past), "later": len(later),
        "threads": options.threads,
        "product and top-k": [{"seconds": round(a, 3), "processor": round(b, 3)} for a, b in fed],
        "product, top-k and measurement": [{"seconds": round(a, 3), "processor": round(b, 3)} for a, b in whole],
        "median ratio of seconds": round(by_clock, 3),
        "median ratio of processor seconds": round(by_processor, 3),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "score matrix, MB": options.users * options.items * 4 // 2**20,
        "goal": by_processor <= GOAL,
    }  # fmt: skip


def timed(act: Callable[[], T]) -> tuple[tuple[float, float], T]:
    """Seconds by the clock and of the processor, and what the act returns."""
    clock, processor = time.perf_counter(), time.process_time()
    found = act()
    return (time.perf_counter() - clock, time.process_time() - processor), found


def drawn(random: np.random.Generator, n: int, users: IdMap, items: IdMap) -> Interactions:
    """Events of users with items whose popularity falls like 1 / rank."""
    weight = 1 / np.arange(1, len(items) + 1)
    chosen = random.choice(len(items), size=n, p=weight / weight.sum())
    return Interactions(users, items, random.integers(len(users), size=n), chosen, np.ones(n), np.zeros(n, dtype=int))


def measured(
    user_vectors: np.ndarray, item_vectors: np.ndarray, users: IdMap, items: IdMap, past: Interactions,
    later: Interactions,
) -> tuple[Ranking, Report]:  # fmt: skip
    """The whole way of a result, intervals included."""

    def score(block: slice) -> np.ndarray:
        scores = user_vectors[block] @ item_vectors.T
        scores[past.matrix[block].nonzero()] = -np.inf
        return scores

    ranking = rank_in_blocks(score, K, keys=users, items=items)
    report = evaluate(ranking, later, (f"recall@{K}", f"ndcg@{K}"), seen=past)
    assert report.interval
    return ranking, report


def agrees(ranking: Ranking, past: Interactions, later: Interactions, report: Report, users: int = 200) -> None:
    """Hold the first users' recall against a plain loop: a fast wrong answer must not pass."""
    for key, value in list(zip(report.keys, report.per_query[f"recall@{K}"]))[:users]:
        row = int(key)
        had = set(past.item_rows[past.user_rows == row].tolist())
        wanted = set(later.item_rows[later.user_rows == row].tolist()) - had
        found = len(wanted & set(ranking.ids[row].tolist())) / len(wanted)
        if abs(found - value) > 1e-12:
            raise AssertionError(f"user {key}: recall {value}, a loop found {found}")


if __name__ == "__main__":
    sys.exit(run_script(main))
