"""Generative recommendation on Beauty: each user's last item, all items ranked, and the same CPU time for each network.

    python benchmarks/generative.py DIR --save benchmarks/results/generative.json

DIR holds Beauty.txt and Beauty_item2attributes.json (``course data info s3rec``). The file has no texts: what a product is
has to be read from its category and brand numbers, or from who bought it. Settings of the generative model were tried on the
last items but one, with seed 100; those of the others are ``course bench sequential``'s.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.bench.sequential_systems import make
from course_lib.core.errors import DataError
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.script import run_script
from course_lib.language.features import LSA
from course_lib.recommend.collaborative import IALS
from course_lib.recommend.generative import ByLot, Generative, ResidualKMeans, collisions, usage
from course_lib.recommend.sequential import LastOut, NetworkRecommender, joined, leave_last_out
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, by_segment, compare, evaluate, holm
from course_lib.shop.shop import Shop

METRICS = ("hr@10", "ndcg@10")
LEVELS, SIZE, BEAMS, WIDTH = 3, 256, 20, 64
#: of the generative model's network; by the last items but one
SETTINGS: dict[str, Any] = {"width": 64, "dropout": 0.2, "learning_rate": 5e-3}
COUNTING = ("popularity", "item_cosine", "rules")
GENERATIVE = ("by_attributes", "by_buyers", "by_lot")
#: a − b; Holm's correction goes over all of these and both metrics
PAIRS = (
    ("by_attributes", "popularity"), ("by_attributes", "by_lot"), ("by_buyers", "by_attributes"), ("by_buyers", "rules"),
    ("by_attributes", "sasrec"), ("by_buyers", "sasrec"),
)  # fmt: skip


def by_attributes(shop: Shop) -> np.ndarray:
    """float32 [n_items, WIDTH]: LSA of each item's attribute numbers, taken as words."""
    texts = [" ".join(f"a{one['value']}" for one in found) for found in shop.items["attributes"][:]]
    if not any(texts):
        raise DataError("no item has an attribute", remedy="Put Beauty_item2attributes.json beside Beauty.txt")
    return LSA(WIDTH).fit(texts).encode(texts)


def by_buyers(train: Interactions) -> np.ndarray:
    """float32 [n_items, WIDTH]: the item vectors of iALS on the training data, of length 1."""
    vectors = IALS(WIDTH, regularization=10.0, alpha=5.0).fit(train).item_vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def measure(system: str, shop: Shop, split: LastOut, minutes: float, seed: int) -> tuple[Report, dict[str, Any]]:
    """The report on the last items, and facts of the training."""
    start = time.process_time()
    facts: dict[str, Any] = {}
    if system in GENERATIVE:
        both = np.hstack([by_attributes(shop), by_buyers(split.train)]) if system == "by_buyers" else by_attributes(shop)
        quantiser = (ByLot if system == "by_lot" else ResidualKMeans)(LEVELS, SIZE, seed=seed)
        model = Generative(both, quantiser, beams=BEAMS, minutes=minutes, seed=seed, **SETTINGS)
        model.fit(split.train)
        codes = model.ids.codes
        facts = {**collisions(codes), "levels": usage(codes, SIZE), "numbers": int(model.ids.words[:, -1].max()) + 1}
    else:
        model = make(system, seed=seed, minutes=None if system in COUNTING else minutes).fit(split.train)
    facts["seconds"] = round(time.process_time() - start, 1)
    if isinstance(model, NetworkRecommender):
        facts |= {"epochs": round(model.reached_epochs, 1), "of": model.epochs, "parameters": model.parameters}
    start = time.process_time()
    model.follow(joined(split.train, split.validation))
    report = evaluate(model.recommend(split.test.active_users(), 10), split.test, METRICS)
    return report, {**facts, "listing": round(time.process_time() - start, 1)}


def run(shop: Shop, systems: tuple[str, ...], minutes: float, seed: int) -> dict[str, Any]:
    """All systems, tests between them, and apart the users whose last item has no training event."""
    split = leave_last_out(shop.interactions())
    reports, facts = {}, {}
    for system in systems:
        reports[system], facts[system] = measure(system, shop, split, minutes, seed)
        print(system, reports[system].mean, facts[system], file=sys.stderr, flush=True)
    never = np.bincount(split.train.item_rows, minlength=len(split.train.items)) == 0
    new = split.test.users.take(split.test.user_rows[never[split.test.item_rows]])
    apart = {system: by_segment(report, {"new": new})["new"] for system, report in reports.items()} if new else {}
    pairs = [(a, b) for a, b in PAIRS if a in reports and b in reports]
    tests = [(a, b, m, compare(reports[a], reports[b], m)) for a, b in pairs for m in METRICS]
    return {
        "minutes": minutes, "settings": {**SETTINGS, "levels": LEVELS, "size": SIZE, "beams": BEAMS}, "facts": facts,
        "counts": {"users": len(split.test), "items": len(shop.items), "new": len(new), "never": int(never.sum())},
        "systems": {system: report.mean for system, report in reports.items()},
        "intervals": {system: {m: list(ends) for m, ends in r.interval.items()} for system, r in reports.items()},
        "new": {system: {"mean": r.mean, "interval": {m: list(ends) for m, ends in r.interval.items()}}
                for system, r in apart.items()},
        "tests": [
            {"a": a, "b": b, "metric": m, "difference": found.difference, "interval": list(found.interval),
             "p_holm": float(p)}
            for (a, b, m, found), p in zip(tests, holm([found.p_value for *_, found in tests]))
        ],
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    known = (*COUNTING, "sasrec", *GENERATIVE)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with Beauty.txt and Beauty_item2attributes.json")
    parser.add_argument("--minutes", type=float, default=2.0, metavar="N", help="CPU time of each training (default: 2)")
    parser.add_argument("--systems", default=",".join(n for n in known if n != "by_lot"), help=f"of {','.join(known)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    systems = tuple(dict.fromkeys(options.systems.split(",")))
    if not set(systems) <= set(known) or not options.minutes > 0 or options.seed < 0:
        parser.error(f"--systems must be of {', '.join(known)}; --minutes more than 0, --seed at least 0")
    if options.save:
        check_save(options.save)
    torch.set_num_threads(1)
    shop = Shop.load("s3rec/Beauty", options.folder)
    result = run(shop, systems, options.minutes, options.seed)
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save, result,
            command=f"python benchmarks/generative.py DIR --minutes {options.minutes:g} --systems {','.join(systems)}"
            f" --seed {options.seed}",
            data=dict(shop.source), seeds=[options.seed],
            modules=["course_lib.bench.sequential_systems", "course_lib.recommend.generative", "course_lib.shop.measurement"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
