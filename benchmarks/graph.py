"""LightGCN on Gowalla: what it reaches in the time given, and what its epoch and its lists cost.

    .venv/bin/python benchmarks/graph.py quality [--data DIR] [--minutes 15] [--save benchmarks/results/graph_quality.json]
    .venv/bin/python benchmarks/graph.py wide [--data DIR] [--validate] [--save benchmarks/results/graph_wide.json]
    .venv/bin/python benchmarks/graph.py split [--data DIR] [--save benchmarks/results/graph_split.json]
    .venv/bin/python benchmarks/graph.py speed [--data DIR] [--steps 20] [--save benchmarks/results/graph_speed.json]

quality: LightGCN with the package's defaults, the training-free filter and popularity, trained on train.txt and measured
on test.txt: all items ranked, those of train.txt masked. Nothing is chosen here. LightGCN's defaults come from an earlier
search on items held out of train.txt, the filter's weight and rank from its paper. --validate measures on a tenth of
train.txt, learns from the rest, and doesn't look at test.txt: use it before changing a default.

wide: LightGCN with more processor time than the defaults take: longer vectors, and a popularity prior on its scores.
--validate holds a fifth of each user's items out of train.txt and tries several lengths and weights on it; without it, the
one setting in WIDE is trained on train.txt and measured on test.txt; all weights are shown there too, and which was chosen.

split: is test.txt a random part of each user's items? If it is, an item's share in it scatters as it does in a fifth that
is drawn at random from train.txt.

speed: one BPR epoch by ``course_lib.recommend.graph`` and the same epoch written as the authors' published code is:
a Python loop that draws the triples, torch.sparse.mm on a COO matrix. Both take the very same triples from the same
start, so that their losses must agree. The steps of both alternate, so that load from elsewhere falls on both; with
--steps N only the first N of an epoch's steps are run, and the epoch's time is their mean times their number, plus the
drawing of all triples. All times are processor time of this process, one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib import Shop
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.ranking import top_k
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import Popularity
from course_lib.recommend.graph import GraphFilter, LightGCN, draw_triples, lightgcn_step, user_item_graph
from course_lib.recommend.graph.bipartite import UserItemGraph
from course_lib.recommend.graph.bpr import bpr_loss, first_vectors
from course_lib.recommend.prior import PopularityPrior
from course_lib.recommend.split import hold_out
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, compare, evaluate

METRICS = ("recall@20", "ndcg@20")
DIMENSIONS, LAYERS, BATCH, RATE, DECAY = 64, 3, 2_048, 1e-3, 1e-4  # the authors' defaults, for the timing
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


# -- the authors' way, written anew for the timing --------------------------------------------------------------------


def python_triples(graph: UserItemGraph, seed: int) -> Iterator[tuple[int, int, int]]:
    """A triple for each edge, drawn one at a time: a user by lot, one of the user's items, one that the user lacks."""
    draw = random.Random(seed)
    rows = np.split(graph.edges.indices, graph.edges.indptr[1:-1])
    have = [set(row.tolist()) for row in rows]
    for _ in range(graph.edges.nnz):
        user = draw.randrange(graph.n_users)
        if not have[user]:
            continue
        wanted = int(rows[user][draw.randrange(len(rows[user]))])
        unwanted = draw.randrange(graph.n_items)
        while unwanted in have[user]:
            unwanted = draw.randrange(graph.n_items)
        yield user, wanted, unwanted


def coo_step(coo: torch.Tensor, vectors: torch.Tensor, adam: torch.optim.Optimizer, nodes: torch.Tensor) -> float:
    """One step with torch's own product and gradient of a COO matrix."""
    layer, every = vectors, [vectors]
    for _ in range(LAYERS):
        layer = torch.sparse.mm(coo, layer)
        every.append(layer)
    final = torch.stack(every, dim=1).mean(dim=1)
    loss = bpr_loss(*final[nodes])
    size = vectors[nodes].pow(2).sum() / (2 * nodes.shape[1])
    adam.zero_grad()
    (loss + DECAY * size).backward()
    adam.step()
    return loss.item()


def timed(work: Any, *arguments: Any) -> tuple[Any, float]:
    """What it returns, and its processor seconds."""
    began = time.process_time()
    return work(*arguments), time.process_time() - began


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of an epoch in both ways, their losses, and the cost of lists for all users."""
    torch.set_num_threads(1)
    train, _ = split(options.data, False)
    graph = user_item_graph(train)
    adjacency = graph.adjacency
    coo = adjacency.to_sparse_coo().coalesce()
    triples, drawing = timed(draw_triples, graph, generator(0, "graph", "triples"))
    _, python_drawing = timed(lambda: np.array(list(python_triples(graph, 0))))
    nodes = torch.stack([torch.from_numpy(part) for part in triples])
    nodes[1:] += graph.n_users
    steps = math.ceil(nodes.shape[1] / BATCH)
    start = first_vectors(graph.n_users + graph.n_items, DIMENSIONS, 0)
    ways: dict[str, dict[str, Any]] = {}
    for name in ("ours", "coo"):
        vectors = start.clone().requires_grad_()
        ways[name] = {"vectors": vectors, "adam": torch.optim.Adam([vectors], lr=RATE), "loss": [], "seconds": []}
    run = min(options.steps or steps, steps)
    for batch in nodes.split(BATCH, dim=1)[:run]:
        for name, way in ways.items():
            vectors, adam = way["vectors"], way["adam"]
            work = (lightgcn_step, adjacency, vectors, adam, batch, LAYERS, DECAY) if name == "ours" else (
                coo_step, coo, vectors, adam, batch)  # fmt: skip
            loss, seconds = timed(*work)
            way["loss"].append(loss)
            way["seconds"].append(seconds)
    gap = max(abs(a - b) for a, b in zip(ways["ours"]["loss"], ways["coo"]["loss"]))
    epoch = {name: steps * float(np.mean(way["seconds"][1:] or way["seconds"])) for name, way in ways.items()}
    whole = {"ours": epoch["ours"] + drawing, "coo": epoch["coo"] + python_drawing}
    return {
        "epoch": {
            "steps": steps, "steps_run": run, "batch": BATCH, "layers": LAYERS, "dimensions": DIMENSIONS,
            "drawing_seconds": {"ours": drawing, "python": python_drawing}, "steps_seconds": epoch, "seconds": whole,
            "times_faster": whole["coo"] / whole["ours"], "largest_loss_difference": gap,
            "mean_loss": {name: float(np.mean(way["loss"])) for name, way in ways.items()},
        },
        "lists": lists(train, options.users),
    }  # fmt: skip


def lists(train: Interactions, n_users: int | None) -> dict[str, Any]:
    """Top 100 of all users against the matrix product and the selection that it can't do without."""
    model, rng = LightGCN(), generator(0, "graph", "lists")
    # Vectors by lot, as training would leave them in shape and type: their values make no difference to the time.
    model.interactions, model._unmet = train, np.flatnonzero(user_item_graph(train).item_degrees == 0)
    model.user_vectors, model.item_vectors = (
        rng.standard_normal((len(ids), DIMENSIONS), dtype=np.float32) for ids in (train.users, train.items)
    )
    users = train.users.ids[:n_users]
    rows = train.users.rows(users)
    ours, bare = [], []
    for _ in range(3):
        ours.append(timed(model.recommend, users, 100)[1])
        bare.append(timed(top_k, model.user_vectors[rows], model.item_vectors, 100)[1])
    return {"users": len(users), "k": 100, "recommend_seconds": min(ours), "product_and_top_k_seconds": min(bare),
            "ratio": min(ours) / min(bare), "runs": {"recommend": ours, "product_and_top_k": bare}}  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("part", choices=("quality", "wide", "split", "speed"))
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared / "gowalla", help="train.txt and test.txt")
    parser.add_argument("--minutes", type=float, default=15, metavar="N", help="processor minutes of LightGCN's training")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--validate", action="store_true", help="hold out a part of train.txt, leave test.txt alone")
    parser.add_argument("--steps", type=int, metavar="N", help="of the epoch that is timed (default: all)")
    parser.add_argument("--users", type=int, metavar="N", help="whose lists are timed (default: all)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.save:
        check_save(options.save)
    began = time.perf_counter()
    result = {"quality": quality, "wide": wide, "split": split_check, "speed": speed}[options.part](options)
    result |= {"seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}
    print(json.dumps(result, indent=2))
    if options.save:
        given = "".join(f" --{n} {getattr(options, n)}" for n in ("minutes", "seed", "steps", "users")
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
