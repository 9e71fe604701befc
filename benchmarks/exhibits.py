"""The exhibits of the chapter on measurement, on real data: what a test's protocol does to the same methods.

    .venv/bin/python benchmarks/exhibits.py [--data DIR] [--seed 0] [--save benchmarks/results/exhibits.json]

Online Retail has times, so it shows what a split at random hides, popularity that knows the future, and how far back
popularity should look. What is kept: order lines of known customers with a positive quantity and price that are no
cancellations and no fees (the loader drops the others); of each customer's lines with an item, the first alone, since
the question is what a customer takes up, not what is bought again. Gowalla has the publisher's split, without times:
it shows full against sampled metrics, and ties in the order of the ids.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.core.ranking import Ranking
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import IALS, ItemCosine, Popularity, Random
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import (
    Report,
    Tuning,
    compare,
    evaluate,
    holm,
    results_table,
    split_at_random,
    split_by_time,
    tune_equally,
)
from course_lib.shop.measurement.exhibits import (
    drawn_targets,
    leak_alone,
    popularity_with_the_future,
    random_split_leakage,
    ranks_of_targets,
    sampled_hit,
)
from course_lib.shop.shop import Shop

METRIC, METRICS, K = "ndcg@20", ("ndcg@20", "recall@20"), 20
WINDOWS = (1, 3, 7, 14, 28, 60, 120, None)
#: eight tries for each method
BUDGET = 8
GRIDS: dict[str, tuple[Callable[..., Recommender], dict[str, Any]]] = {
    "popularity": (Popularity, {"window_days": WINDOWS}),
    "item cosine": (ItemCosine, {"neighbours": (5, 10, 20, 50, 100, 200, 400, None)}),
    "iALS": (IALS, {"factors": (32, 64, 128), "regularization": (10.0, 30.0, 100.0), "alpha": (1.0, 10.0, 40.0)}),
}
#: what implicit's AlternatingLeastSquares has where nothing is said
AS_INSTALLED = {"factors": 100, "regularization": 0.01, "alpha": 1.0, "iterations": 15}
#: Gowalla is larger: four tries, and of its users a sample
GOWALLA_BUDGET, GOWALLA_USERS = 4, 5_000
GOWALLA_GRIDS: dict[str, tuple[Callable[..., Recommender], dict[str, Any]]] = {
    "item cosine": (ItemCosine, {"neighbours": (20, 100, 400, None)}),
    "iALS": (IALS, {"factors": (64, 256), "regularization": (30.0, 100.0), "alpha": (10.0, 40.0)}),
}
SAMPLES = (10, 20, 50, 100, 500, 1_000, 5_000)
#: contests that are tested as well, beside that among all: a test of 30,000 users takes seconds
TESTED = (20, 100, 1_000)
RANDOM_SPLITS = 5
#: whom the tests under sampled metrics compare: two tuned methods, and a sharp one with a vague one
SAMPLED_PAIRS = (("iALS", "item cosine"), ("item cosine, 10 neighbours", "popularity"))
#: what tuning was worth, and whom an untuned model loses to
UNTUNED_PAIRS = (("iALS", "iALS as installed"), ("item cosine", "iALS as installed"))


def main() -> int:
    """Run all exhibits, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared, help="with online-retail/ and gowalla/")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    start = time.perf_counter()
    retail, gowalla = (Shop.load(name, options.data / name) for name in ("online-retail", "gowalla"))
    result = {
        "online-retail": online_retail(retail, options.seed),
        "gowalla": of_gowalla(gowalla, options.seed),
        "seconds": round(time.perf_counter() - start), "processor seconds": round(time.process_time()),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(options.save, result, command=f"python benchmarks/exhibits.py --data DIR --seed {options.seed}",
                    data={shop.name: shop.source for shop in (retail, gowalla)}, seeds=[options.seed],
                    modules=["course_lib.recommend.collaborative", "course_lib.shop.loaders.lightgcn",
                             "course_lib.shop.loaders.online_retail", "course_lib.shop.measurement",
                             "course_lib.shop.measurement.exhibits"])  # fmt: skip
    return 0


def online_retail(shop: Shop, seed: int) -> dict[str, Any]:
    """Baselines, windows, leakage and the future, on what each customer took up."""
    lines = shop.interactions()
    log = first_of_pairs(lines)
    past, later = split_by_time(log, 0.8)
    inner, validation = split_by_time(past, 0.8)
    tuned = tuned_on(inner, validation, GRIDS, BUDGET, seed)
    makers: dict[str, Callable[[], Recommender]] = {
        "random": partial(Random, seed), "popularity, all the past": Popularity,
        **{name: seeded(GRIDS[name][0], tuning.best, seed) for name, tuning in tuned.items()},
        "iALS as installed": partial(IALS, **AS_INSTALLED, seed=seed),
    }  # fmt: skip
    reports = {name: judged(make(), past, later, seed) for name, make in makers.items()}
    windows = {window: judged(Popularity(window), past, later, seed) for window in WINDOWS}
    say("online-retail: baselines")
    compared = ("popularity", "item cosine", "iALS")
    leaks = {name: leaked(log, makers[name], seed) for name in compared}
    say("online-retail: leakage")
    ahead = {
        split: compare(*(leaks[name][0][split] for name in compared[:2]), METRIC, seed=seed).to_dict()
        for split in ("by time", "at random")
    }
    alone = {name: leak_alone(log, fitted(makers[name]), metric=METRIC, seed=seed) for name in compared}
    future = popularity_with_the_future(log, metric=METRIC, seed=seed)
    return {
        "counts": {
            "order lines": len(shop.tables["orders"]), "lines kept": len(lines), "first of each pair": len(log),
            "customers": len(np.unique(log.user_rows)), "items": len(np.unique(log.item_rows)),
            "past": len(past), "later": len(later), "users measured": len(next(iter(reports.values()))),
            "from": day(log.timestamps[0]), "split": day(later.timestamps[0]), "to": day(log.timestamps[-1]),
        },
        "tuning": {name: told(tuning) for name, tuning in tuned.items()},
        "baselines": results_table(reports, METRICS, baseline="popularity", seed=seed),
        "untuned": tested(reports, UNTUNED_PAIRS, METRIC, seed),
        "windows": [{"days": window, **row} for window, row in zip(windows, results_table(
            {str(w): r for w, r in windows.items()}, METRIC, baseline=str(tuned["popularity"].best["window_days"]),
            seed=seed))],
        "leakage": {name: {**{split: r.to_dict() for split, r in one.items()}, "at random, by seed": seeds}
                    for name, (one, seeds) in leaks.items()},
        "popularity less item cosine": ahead,
        "leak alone": {name: against(one, "the test's own weeks", "the past", seed) for name, one in alone.items()},
        "future": against(future, "all of it", "the past", seed),
    }  # fmt: skip


def of_gowalla(shop: Shop, seed: int) -> dict[str, Any]:
    """Full against sampled metrics, on the publisher's split (at random within each user, as it has no times)."""
    past, later = shop.interactions(until=1), shop.interactions(since=1)
    inner, held_out = split_at_random(past, 0.9, seed)
    few = generator(seed, "benchmark", "exhibits").permutation(np.unique(held_out.user_rows))[:GOWALLA_USERS]
    tuned = tuned_on(inner, held_out.of_users(held_out.users.take(np.sort(few))), GOWALLA_GRIDS, GOWALLA_BUDGET, seed)
    models: dict[str, Recommender] = {
        "random": Random(seed), "popularity": Popularity(),
        "item cosine": ItemCosine(**tuned["item cosine"].best),
        "item cosine, 10 neighbours": ItemCosine(10),
        "iALS": IALS(**tuned["iALS"].best, seed=seed),
        "iALS as installed": IALS(**AS_INSTALLED, seed=seed),
    }  # fmt: skip
    users, targets = drawn_targets(later, seed)
    reports, ranks = {}, {}
    for name, model in models.items():
        reports[name] = judged(model, past, later, seed)
        if name != "random":  # its hit@k of n + 1 is k / (n + 1)
            ranks[name] = ranks_of_targets(model.score, past, users, targets, seed=seed)
        say(f"gowalla: {name}")
    n_items = len(past.items)
    sizes = [n for n in SAMPLES if n < n_items - 1] + [n_items - 1]
    sampled = {size: {name: as_report(users, f"hit@10 of {size + 1}", sampled_hit(r, n_items, size, 10), seed)
                      for name, r in ranks.items()} for size in sizes}  # fmt: skip
    return {
        "counts": {"users": len(past.users), "items": n_items, "past": len(past), "later": len(later),
                   "users measured": len(reports["iALS"])},
        "tuning": {name: told(tuning) for name, tuning in tuned.items()},
        "baselines": results_table(reports, METRICS, baseline="popularity", seed=seed),
        "untuned": tested(reports, UNTUNED_PAIRS, METRIC, seed),
        "sampled": [{"sampled": size, **{name: report.to_dict()["metrics"][f"hit@10 of {size + 1}"]
                                         for name, report in of.items()}} for size, of in sampled.items()],
        "sampled tests": [{"sampled": size, **row} for size, of in sampled.items()
                          if size in TESTED or size == n_items - 1 for row in tested(of, SAMPLED_PAIRS, None, seed)],
        "nothing learned": {name: judged_list(shuffled(past, order), later, past, seed).to_dict()
                            for name, order in (("by id", None), ("shuffled", seed))},
    }  # fmt: skip


def first_of_pairs(log: Interactions) -> Interactions:
    """The first event of each user with each item."""
    _, first = np.unique(log.user_rows * len(log.items) + log.item_rows, return_index=True)
    keep = np.zeros(len(log), dtype=bool)
    keep[first] = True
    return log.select(keep)


def tuned_on(
    train: Interactions, validation: Interactions, grids: Mapping[str, Any], budget: int, seed: int
) -> dict[str, Tuning]:
    """The same number of tries for each method, on what comes before the test."""

    def measure(make: Callable[..., Recommender], **parameters: Any) -> Report:
        return judged(seeded(make, parameters, seed)(), train, validation, seed)

    tuned = tune_equally({n: (partial(measure, make), grid) for n, (make, grid) in grids.items()},
                         metric=METRIC, budget=budget, seed=seed)  # fmt: skip
    say("tuned")
    return tuned


def seeded(make: Callable[..., Recommender], parameters: Mapping[str, Any], seed: int) -> Callable[[], Recommender]:
    """The recommender with these parameters; with the seed, if it draws."""
    return partial(make, **parameters, seed=seed) if make is IALS else partial(make, **parameters)


def fitted(make: Callable[[], Recommender]) -> Callable[[Interactions, list[str], int], Ranking]:
    """As the exhibits call it: from training interactions, users and k to a ranking."""
    return lambda train, users, k: make().fit(train).recommend(users, k)


def judged(model: Recommender, past: Interactions, later: Interactions, seed: int) -> Report:
    """Learn from the past, and judge lists of K by what came later."""
    return judged_list(model.fit(past).recommend(later.active_users(), K), later, past, seed)


def judged_list(ranking: Ranking, later: Interactions, past: Interactions, seed: int) -> Report:
    """Judge a ranking that leaves out what a user had in the past."""
    return evaluate(ranking, later, METRICS, seen=past, seed=seed)


def leaked(
    log: Interactions, make: Callable[[], Recommender], seed: int
) -> tuple[dict[str, Report], list[float]]:
    """Both splits of one seed, and the means of several splits at random."""
    runs = [random_split_leakage(log, fitted(make), metric=METRIC, seed=seed + i) for i in range(RANDOM_SPLITS)]
    return runs[0], [run["at random"][METRIC] for run in runs]


def shuffled(past: Interactions, order: int | None) -> Ranking:
    """What a model lists that gives every item the same score: in the order of the ids, or in one shuffled order."""
    n = len(past.items)
    ids = np.arange(n) if order is None else generator(order, "benchmark", "order").permutation(n)
    most = K + int(np.bincount(past.user_rows).max())  # so that twenty are left for whoever has seen most
    lists = np.tile(ids[:most], (len(past.users), 1))
    return Ranking(lists, np.zeros(lists.shape, dtype=np.float32), past.users, past.items)


def as_report(users: list[str], metric: str, values: np.ndarray, seed: int) -> Report:
    """A report of values that were not measured by ``evaluate``."""
    return Report(tuple(users), {metric: values}, 0, 0, 0, "user", "exponential", seed)


def against(reports: Mapping[str, Report], a: str, b: str, seed: int) -> dict[str, Any]:
    """Both means with their intervals, and the paired test of a − b."""
    means = {name: reports[name].to_dict()["metrics"][METRIC] for name in (b, a)}
    return {**means, "test": compare(reports[a], reports[b], METRIC, seed=seed).to_dict()}


def tested(
    reports: Mapping[str, Report], pairs: Sequence[tuple[str, str]], metric: str | None, seed: int
) -> list[dict[str, Any]]:
    """The paired tests of a − b, with Holm's correction over these pairs."""
    found = [compare(reports[a], reports[b], metric, seed=seed) for a, b in pairs]
    adjusted = holm([one.p_value for one in found])
    return [{"a": a, "b": b, **one.to_dict(), "p_adjusted": float(p)} for (a, b), one, p in zip(pairs, found, adjusted)]


def told(tuning: Tuning) -> dict[str, Any]:
    """A tuning as JSON: the best parameters, each try, the seconds of all."""
    tries = [{name: value if name != METRIC else round(value, 5) for name, value in t.items()} for t in tuning.table]
    return {"best": tuning.best, "tries": tries, "seconds": round(sum(tuning.seconds), 1)}


def day(timestamp: int) -> str:
    """2011-12-09 for seconds since 1970-01-01 UTC."""
    return datetime.datetime.fromtimestamp(int(timestamp), datetime.UTC).date().isoformat()


def say(line: str) -> None:
    """Progress, on stderr, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_script(main))
