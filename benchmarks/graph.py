"""LightGCN on Gowalla: what it reaches in the time given, what more time buys, and what kind of split this is.

    .venv/bin/python benchmarks/graph.py quality [--data DIR] [--minutes 15] [--save benchmarks/results/graph_quality.json]
    .venv/bin/python benchmarks/graph.py wide [--data DIR] [--validate] [--save benchmarks/results/graph_wide.json]
    .venv/bin/python benchmarks/graph.py split [--data DIR] [--save benchmarks/results/graph_split.json]

quality: LightGCN with the package's defaults, the training-free filter and popularity, trained on train.txt and measured
on test.txt: all items ranked, those of train.txt masked. Nothing is chosen here. LightGCN's defaults come from an earlier
search on items held out of train.txt, the filter's weight and rank from its paper. --validate measures on a tenth of
train.txt, learns from the rest, and doesn't look at test.txt: use it before changing a default.

wide: LightGCN with more processor time than the defaults take: longer vectors, and a popularity prior on its scores.
--validate holds a fifth of each user's items out of train.txt and tries several lengths and weights on it; without it, the
one setting in WIDE is trained on train.txt and measured on test.txt; all weights are shown there too, and which was chosen.

split: is test.txt a random part of each user's items? If it is, an item's share in it scatters as it does in a fifth that
is drawn at random from train.txt.

What its epoch costs: ``benchmarks/recommend.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from course_lib import Shop
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import Popularity
from course_lib.recommend.graph import GraphFilter, LightGCN
from course_lib.recommend.prior import PopularityPrior
from course_lib.recommend.split import hold_out
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, compare, evaluate

METRICS = ("recall@20", "ndcg@20")
WIDE = {"dimensions": 512, "epochs": 10}  #: chosen by ``wide --validate``, as the weight is
WIDE_WEIGHT = 0.03
TRIED = (64, 256, 512)  #: dimensions, each with the epochs of WIDE
WEIGHTS = (0.0, 0.01, 0.02, 0.03)
VALIDATION_SEED = 100  #: of the held-out fifth and of the trainings on the rest
PUBLISHED = {
    "lightgcn": {"recall@20": 0.1824, "ndcg@20": 0.1547, "source": "authors' repository, three layers"},
    "graph_filter": {"recall@20": 0.1849, "ndcg@20": 0.1518, "source": "Shen et al. (2021), table 3"},
}


def split(data: Path, validate: bool) -> tuple[Interactions, Interactions]:
    """What to learn from and what to measure on: the publisher's files, or nine tenths and one of the first."""
    shop = Shop.load("lightgcn", path=str(data))
    train, test = shop.interactions(until=1), shop.interactions(since=1)
    if not validate:
        return train, test
    held = generator(0, "graph", "validation").random(len(train)) < 0.1
    first = np.unique(train.user_rows, return_index=True)[1]
    held[first] = False  # every user keeps an item to be known by
    return train.select(~held), train.select(held)


def quarters(train: Interactions, report: Report) -> dict[str, dict[str, float]]:
    """Recall and NDCG by how many items a user has in train: four groups of equal size, the fewest first."""
    count = np.diff(train.matrix.indptr)[train.users.rows(report.keys)]
    group = np.empty(len(count), dtype=int)
    group[np.argsort(count, kind="stable")] = np.arange(len(count)) * 4 // len(count)
    return {
        f"{count[group == g].min()}–{count[group == g].max()} items": {
            metric: float(report.per_query[metric][group == g].mean()) for metric in METRICS
        }
        for g in range(4)
    }


def quality(options: argparse.Namespace) -> dict[str, Any]:
    """Recall and NDCG of the graph models, with intervals, paired tests, seconds."""
    train, test = split(options.data, options.validate)
    makers = {
        "popularity": Popularity,
        "graph_filter": lambda: GraphFilter(rank=256),
        "lightgcn": lambda: LightGCN(minutes=options.minutes, seed=options.seed),
    }
    wanted = test.of_users(train.active_users())
    reports: dict[str, Report] = {}
    systems: dict[str, Any] = {}
    for name, make in makers.items():
        began = time.process_time()
        model = make().fit(train)
        fitted = time.process_time()
        ranking = model.recommend(wanted.active_users(), 20)
        listed = time.process_time()
        reports[name] = evaluate(ranking, wanted, metrics=METRICS)
        systems[name] = {**told(reports[name], train), "fit_cpu_seconds": fitted - began, "list_cpu_seconds": listed - fitted}
        if isinstance(model, LightGCN):
            reached = model.training
            systems[name] |= {"epochs": reached.epochs, "planned_epochs": reached.planned, "stopped": reached.stopped,
                              "losses": reached.losses}  # fmt: skip
        print(f"{name}: {reports[name].mean}, {fitted - began:.0f} s", file=sys.stderr, flush=True)
    tests = []
    for name in ("popularity", "graph_filter"):
        for metric in METRICS:
            tests.append({"a": "lightgcn", "b": name, "metric": metric,
                          **compare(reports["lightgcn"], reports[name], metric).to_dict()})  # fmt: skip
    return {"measured_on": "a tenth of train" if options.validate else "test", "users": len(reports["lightgcn"].keys),
            "minutes": options.minutes, "systems": systems, "published": PUBLISHED, "tests": tests}  # fmt: skip


def wide(options: argparse.Namespace) -> dict[str, Any]:
    """Longer vectors and a popularity prior: the tries on a held-out fifth, or the chosen one on test."""
    if options.validate:
        shop = Shop.load("lightgcn", path=str(options.data))
        train, held = hold_out(shop.interactions(until=1), 0.2, VALIDATION_SEED)
        tried, seed, weights = [{**WIDE, "dimensions": d} for d in TRIED], VALIDATION_SEED, WEIGHTS
    else:
        (train, held), tried, seed, weights = split(options.data, False), [WIDE], options.seed, WEIGHTS
    wanted = held.of_users(train.active_users())
    reports = {"graph_filter": measured(GraphFilter(rank=256).fit(train), wanted)}
    systems: dict[str, Any] = {"graph_filter": told(reports["graph_filter"], train)}
    for settings in tried:
        model = LightGCN(**settings, seed=seed).fit(train)
        for weight in weights:
            # The prior fits the model only where it hasn't learned from these interactions: once for all weights.
            name = f"lightgcn {settings['dimensions']} + {weight:g}"
            reports[name] = measured(PopularityPrior(model, weight).fit(train), wanted)
            systems[name] = {**told(reports[name], train), **settings, "weight": weight,
                             "fit_cpu_seconds": model.training.cpu_seconds, "losses": model.training.losses}  # fmt: skip
            print(f"{name}: {reports[name].mean}, {model.training.cpu_seconds:.0f} s", file=sys.stderr, flush=True)
    tests = [] if options.validate else [
        {"a": name, "b": "graph_filter", "metric": metric, **compare(reports[name], reports["graph_filter"], metric).to_dict()}
        for name in reports if name != "graph_filter" for metric in METRICS
    ]  # fmt: skip
    return {"chosen": {**WIDE, "weight": WIDE_WEIGHT},
            "measured_on": "a fifth of each user's items in train" if options.validate else "test",
            "users": len(wanted.active_users()), "systems": systems, "published": PUBLISHED, "tests": tests}  # fmt: skip


def split_check(options: argparse.Namespace) -> dict[str, Any]:
    """How items share out over both sides of a split: the publisher's, and a random one of train.txt."""
    train, test = split(options.data, False)
    sides = {"test.txt": (train, test), "a random fifth of train.txt": hold_out(train, 0.2, VALIDATION_SEED)}
    return {"splits": {name: shares(*pair) for name, pair in sides.items()}}


def shares(train: Interactions, held: Interactions, top: int = 100, least: int = 10) -> dict[str, float]:
    """Of the pairs, and of those of the ``top`` items with the most users in both parts, the part that is held out; the
    variance over items of (held − expected) / its standard deviation by chance, 1 where the split is random."""
    kept, out = (np.bincount(part.item_rows, minlength=len(train.items)) for part in (train, held))
    whole = kept + out
    share = out.sum() / whole.sum()
    popular = np.argsort(-whole, kind="stable")[:top]
    often = whole >= least
    z = (out - whole * share)[often] / np.sqrt(whole[often] * share * (1 - share))
    return {"held out": float(share), f"held out of the {top} most popular": float(out[popular].sum() / whole[popular].sum()),
            "variance": float(np.mean(z**2)), "items": int(often.sum())}  # fmt: skip


def measured(model: Recommender, wanted: Interactions) -> Report:
    """The metrics of the first 20."""
    return evaluate(model.recommend(wanted.active_users(), 20), wanted, metrics=METRICS)


def told(report: Report, train: Interactions) -> dict[str, Any]:
    """Means, intervals and means by history, JSON-ready."""
    intervals = {m: list(map(float, report.interval[m])) for m in METRICS}
    return {**{m: report.mean[m] for m in METRICS}, "intervals": intervals, "by_history": quarters(train, report)}


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("part", choices=("quality", "wide", "split"))
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared / "gowalla", help="train.txt and test.txt")
    parser.add_argument("--minutes", type=float, default=15, metavar="N", help="processor minutes of LightGCN's training")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--validate", action="store_true", help="hold out a part of train.txt, leave test.txt alone")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.save:
        check_save(options.save)
    began = time.perf_counter()
    result = {"quality": quality, "wide": wide, "split": split_check}[options.part](options)
    result |= {"seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}
    print(json.dumps(result, indent=2))
    if options.save:
        given = "".join(f" --{n} {getattr(options, n)}" for n in ("minutes", "seed")
                        if getattr(options, n) != parser.get_default(n))  # fmt: skip
        save_result(
            options.save,
            result,
            command=f"python benchmarks/graph.py {options.part}{given}{' --validate' * options.validate}",
            data={"source": "gowalla", **{name: hashlib.sha256((options.data / name).read_bytes()).hexdigest()
                                          for name in ("train.txt", "test.txt")}},
            seeds=[options.seed],
            modules=["course_lib.recommend.graph", "course_lib.core.ranking",
                     *(["course_lib.recommend.prior"] if options.part == "wide" else [])],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
