"""Seconds and peak memory of simulating a shop, by size of the catalogue; each size in a process of its own.

    python -m benchmarks.simulator [--items 1000,10000,100000,1000000] [--users 20000] [--queries 300]
        [--events-per-user 100] [--language en] [--seed 0] [--save benchmarks/results/simulator.json]

Prints one line per size and, from three sizes on, the exponent b of CPU seconds = a + c · N^b, beside the one that
N log N itself would give. The goals: 100,000 items of about 200 characters with 20,000 users and 2,000,000 events in ≤ 90 s and ≤ 4 GB, and
growth no faster than N log N.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from course_lib.core.errors import ContractError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.core.script import run_script

GOAL_ITEMS, GOAL_SECONDS, GOAL_MB = 100_000, 90.0, 4_096.0
CODE = """
import json, resource, sys, time
start = time.perf_counter()
from course_lib import Shop
shop = Shop.simulate(**json.loads(sys.argv[1]))
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
scale = 1024 * 1024 if sys.platform == "darwin" else 1024
text = sum(len(t) + len(d) for t, d in zip(shop.items["title"][:1000], shop.items["description"][:1000]))
print(json.dumps({
    "items": len(shop.items), "events": len(shop.events), "judgements": len(shop.judgements),
    "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_rss_mb": used.ru_maxrss / scale,
    "characters_per_item": text / min(1000, len(shop.items)),
}))
"""


def main() -> int:
    """Measure each size; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", default="1000,10000,100000,1000000", help="sizes, separated by commas")
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--events-per-user", type=int, default=100)
    parser.add_argument("--language", default="en")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    try:
        sizes = sorted({int(size) for size in options.items.split(",")})
        if sizes[0] < 1:
            raise ValueError
    except ValueError:
        raise ContractError(f"--items is {options.items!r}", remedy="Give whole numbers above 0, separated by commas") from None
    others = {
        "n_users": options.users, "n_queries": options.queries, "events_per_user": options.events_per_user,
        "seed": options.seed, "language": options.language,
    }  # fmt: skip
    runs = [run({"n_items": size, **others}) for size in sizes]
    result: dict[str, Any] = {"arguments": others, "runs": runs}
    if len(runs) > 2:
        result["exponent"] = exponent(runs)
        result["n_log_n_exponent"] = exponent([{**r, "cpu_seconds": r["items"] * math.log2(r["items"])} for r in runs])
        print(f"CPU seconds grow like a + c N^{result['exponent']:.2f}; N log N like {result['n_log_n_exponent']:.2f}")
    else:
        print("The exponent needs at least three sizes.")
    result["goals"] = goals(result)
    if result["goals"]:
        print("Goals met: " + json.dumps(result["goals"]))
    else:
        print(f"The goals concern {GOAL_ITEMS:,} items and the exponent; nothing here to hold against them.")
    if options.save:
        command = f"python -m benchmarks.simulator --items {options.items}"
        save_result(
            options.save, result, command=command, data={"source": "simulated"}, seeds=[options.seed],
            modules=["course_lib.shop.simulator.build"],
        )  # fmt: skip
    return 0 if all(result["goals"].values()) else 1


def run(arguments: dict[str, Any]) -> dict[str, Any]:
    """Simulate in a new process, and print and return what it took."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(arguments)], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise ContractError(f"{arguments['n_items']:,} items failed: {done.stderr.strip().splitlines()[-1:]}")
    measured = json.loads(done.stdout)
    print(
        f"{measured['items']:>9,} items  {measured['events']:>9,} events  {measured['judgements']:>10,} judgements  "
        f"{measured['seconds']:7.1f} s  {measured['cpu_seconds']:7.1f} CPU s  {measured['peak_rss_mb']:7,.0f} MB",
        flush=True,
    )
    return measured


def exponent(runs: list[dict[str, Any]]) -> float:
    """b of CPU seconds = a + c · N^b with a, c ≥ 0: relative least squares, b by search.

    a is what does not depend on the catalogue: the imports and most of the log.
    """
    sizes = np.array([r["items"] for r in runs], dtype=float)
    seconds = np.array([r["cpu_seconds"] for r in runs])
    candidates = np.arange(0.3, 2.5, 0.01)

    def misfit(b: float) -> float:
        design = np.stack([np.ones(len(sizes)), (sizes / sizes.max()) ** b], axis=1) / seconds[:, None]
        return nnls(design, np.ones(len(sizes)))[1]

    return float(min(candidates, key=misfit))


def goals(result: dict[str, Any]) -> dict[str, bool]:
    """Which of the goals that these runs can decide are met."""
    met = {}
    for each in result["runs"]:
        if each["items"] == GOAL_ITEMS:
            met["seconds"] = each["seconds"] <= GOAL_SECONDS
            met["memory"] = each["peak_rss_mb"] <= GOAL_MB
    if "exponent" in result:
        met["growth"] = result["exponent"] <= result["n_log_n_exponent"]
    return met


if __name__ == "__main__":
    sys.exit(run_script(main))
