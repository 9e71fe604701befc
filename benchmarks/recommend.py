"""What recommending costs on Gowalla: the lists of every user, and an epoch of LightGCN.

    python benchmarks/recommend.py DIR --save benchmarks/results/recommend.json

Lists: the 100 best items of every user, against the blocked matrix product and top-k that they can't do without. Both run
over the same vectors, in turns; the smallest of the repeats counts. Beyond the product and the top-k, ``recommend`` leaves
out what each user has had and checks the result. Wall-clock seconds.

Epoch: BPR training by ``course_lib.recommend.graph``, and the same epoch written as the authors' published code is: a
Python loop that draws the triples, torch.sparse.mm on a COO matrix. Both take the very same triples from the same start, so
that their losses must agree. The steps of both alternate, so that load from elsewhere falls on both; only the first
``--steps`` are run, and the epoch's time is their mean times their number, plus the drawing of all triples. Processor
seconds. All on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.ranking import top_k
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.recommend.base import Recommender
from course_lib.recommend.graph import draw_triples, lightgcn_step, user_item_graph
from course_lib.recommend.graph.bipartite import UserItemGraph
from course_lib.recommend.graph.bpr import bpr_loss, first_vectors
from course_lib.shop.interactions import Interactions
from course_lib.shop.loaders.lightgcn import TEST
from course_lib.shop.shop import Shop

K, BLOCK, FACTORS = 100, 256, 64
DIMENSIONS, LAYERS, BATCH, RATE, DECAY = 64, 3, 2_048, 1e-3, 1e-4  # of the authors' training


class Vectors(Recommender):
    """Vectors drawn at random: serving costs the same whatever they mean."""

    def _fit(self, interactions: Interactions) -> None:
        rng = generator(0, "benchmark", "vectors")
        self.p, self.q = (
            rng.normal(size=(len(ids), FACTORS)).astype(np.float32) for ids in (interactions.users, interactions.items)
        )

    def _score(self, rows: np.ndarray) -> np.ndarray:
        return self.p[rows] @ self.q.T


def lists(train: Interactions, repeats: int) -> dict[str, Any]:
    """Seconds (wall-clock, smallest of the repeats) of both ways, their ratio, and the memory at the peak so far."""
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


# -- an epoch, and the authors' way of it, written anew for the timing ------------------------------------------------


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


def epoch(train: Interactions, most: int) -> dict[str, Any]:
    """Processor seconds of an epoch in both ways, and their losses."""
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
    for number, batch in enumerate(nodes.split(BATCH, dim=1)[:most], start=1):
        for name, way in ways.items():
            vectors, adam = way["vectors"], way["adam"]
            work = (lightgcn_step, adjacency, vectors, adam, batch, LAYERS, DECAY) if name == "ours" else (
                coo_step, coo, vectors, adam, batch)  # fmt: skip
            loss, seconds = timed(*work)
            way["loss"].append(loss)
            way["seconds"].append(seconds)
        took = ", ".join(f"{name} {way['seconds'][-1]:.2f} s" for name, way in ways.items())
        print(f"step {number}: {took}", file=sys.stderr, flush=True)
    gap = max(abs(a - b) for a, b in zip(ways["ours"]["loss"], ways["coo"]["loss"]))
    of_steps = {name: steps * float(np.mean(way["seconds"][1:] or way["seconds"])) for name, way in ways.items()}
    whole = {"ours": of_steps["ours"] + drawing, "coo": of_steps["coo"] + python_drawing}
    return {
        "steps": steps, "steps_run": min(most, steps), "batch": BATCH, "layers": LAYERS, "dimensions": DIMENSIONS,
        "drawing_seconds": {"ours": drawing, "python": python_drawing}, "steps_seconds": of_steps, "seconds": whole,
        "times_faster": whole["coo"] / whole["ours"], "largest_loss_difference": gap,
        "mean_loss": {name: float(np.mean(way["loss"])) for name, way in ways.items()},
    }  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of the lists, each way (default: 3)")
    parser.add_argument("--steps", type=int, default=30, metavar="N", help="of the epoch that are run (default: 30)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if min(options.repeats, options.steps) < 1:
        parser.error("--repeats and --steps must be at least 1")
    if options.save:
        check_save(options.save)
    torch.set_num_threads(1)
    shop = Shop.load("lightgcn", options.folder)
    train = shop.interactions(until=TEST)
    with threadpool_limits(1):
        result = {**lists(train, options.repeats), "epoch": epoch(train, options.steps)}
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save, result, data=dict(shop.source), seeds=[0],
            command=f"python benchmarks/recommend.py DIR --repeats {options.repeats} --steps {options.steps}",
            modules=["course_lib.recommend.base", "course_lib.recommend.graph", "course_lib.core.ranking"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
