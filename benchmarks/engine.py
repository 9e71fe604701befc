"""The search engine on simulated shops: what each stage adds, and what products that come and go cost.

    .venv/bin/python benchmarks/engine.py --seeds 3 4 5 6 7 [--save benchmarks/results/engine.json]

Lists over the whole catalogue, held against the simulator's grades (0–3, gain 2^g − 1) for the queries of the held-out
half that have a relevant product; the log of the other half, before the split, teaches spelling and intent. The encoder is MiniLM as it was
published. Every shop is a seed of its own; intervals are over all queries of all shops.

The weights of the rank stage (``scoring.WEIGHTS``) were fixed on seeds 0–2 with ``--tune``, before seeds 3–7 were looked at.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.ids import IdMap
from course_lib.core.provenance import peak_rss_mb, save_result
from course_lib.core.script import run_script

METRICS = ("ndcg@10", "recall@100")
GRID = {"words": (0.5, 1.0), "meaning": (0.25, 0.5, 1.0), "category": (0.0, 0.25, 0.5, 1.0)}


def main() -> int:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5, 6, 7], metavar="S")
    parser.add_argument("--items", type=int, default=2_000, metavar="N", help="products (default: %(default)s)")
    parser.add_argument("--tune", action="store_true", help="try all weights of a grid instead, on these seeds")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    shops = []
    for seed in options.seeds:
        print(f"shop {seed} …", file=sys.stderr)
        shops.append(opened(seed, options.items))
    result = tuned(shops) if options.tune else measured(shops)
    result["peak_rss_mb"] = round(peak_rss_mb(), 1)
    print(json.dumps(result, indent=2))
    if options.save:
        seeds = " ".join(map(str, options.seeds))
        save_result(options.save, result, command=f"python benchmarks/engine.py --seeds {seeds} --items {options.items}",
                    data={"source": "simulated shops, drawn by the benchmark"}, seeds=options.seeds,
                    modules=["course_lib.search.engine", "course_lib.shop.measurement"])  # fmt: skip
    return 0


def opened(seed: int, items: int) -> dict[str, Any]:
    """A shop, its engine, and the queries that measure it."""
    from course_lib import Shop
    from course_lib.language.features import load_minilm
    from course_lib.search.engine import QueryLog, SearchEngine
    from course_lib.start.first_hour import split

    shop = Shop.simulate(n_items=items, n_users=1_000, n_queries=300, events_per_user=60, seed=seed)
    parts = split(shop, seed)
    texts = [shop.queries["text"][row] for row in parts.test_queries]
    keys = IdMap("query", shop.query_ids.take(parts.test_queries))
    engine = SearchEngine(load_minilm(), log=QueryLog.of_shop(shop, until=parts.time, rows=parts.train_queries)).fit(shop.items)
    return {"seed": seed, "shop": shop, "texts": texts, "keys": keys, "engine": engine}


def score(shops: list[dict[str, Any]], search: Any) -> list[Any]:
    """One report for each shop."""
    from course_lib.shop.measurement import evaluate

    found = []
    for one in shops:
        kept = [r for r in one["shop"].judgements.to_list() if r["query_id"] in one["keys"]]
        from datasets import Dataset

        judged = Dataset.from_list(kept, features=one["shop"].judgements.features)
        found.append(evaluate(search(one), judged, metrics=METRICS))
    return found


def systems() -> dict[str, Any]:
    """Name -> shop -> Ranking."""
    from course_lib.search.engine import SearchEngine
    from course_lib.search.retrieval import BM25, reciprocal_rank_fusion

    def engine(weights: dict[str, float] | None = None, **changed: Any) -> Any:
        def search(one: dict[str, Any]) -> Any:
            ours: SearchEngine = one["engine"]
            before, ours.weights = ours.weights, weights if weights is not None else ours.weights
            try:
                return ours.search(one["texts"], 100, keys=one["keys"])
            finally:
                ours.weights = before

        return search

    def bm25(one: dict[str, Any]) -> Any:
        return BM25().fit(one["shop"].items).search(one["texts"], 100, keys=one["keys"])

    def dense(one: dict[str, Any]) -> Any:
        from course_lib.search.retrieval import Dense

        ours = one["engine"]
        return Dense(ours.encoder.encode).fit(one["shop"].items, vectors=ours.vectors()).search(one["texts"], 100, keys=one["keys"])

    def hybrid(one: dict[str, Any]) -> Any:
        return reciprocal_rank_fusion([bm25(one), dense(one)], 100)

    return {"bm25": bm25, "minilm": dense, "hybrid": hybrid, "understood, hybrid": engine({"fused": 1.0}), "engine": engine()}


def measured(shops: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with intervals, and each system beside the one before it."""
    from course_lib.shop.measurement import compare

    reports, seconds = {}, {}
    for name, search in systems().items():
        start = time.process_time()
        reports[name] = score(shops, search)
        seconds[name] = round(time.process_time() - start, 2)
    table = {name: {m: pooled([r.per_query[m] for r in found]) for m in METRICS} for name, found in reports.items()}
    names, tests = list(reports), []
    for a, b in [*zip(names[1:], names), ("engine", "bm25"), ("engine", "hybrid")]:
        tests.append({"a": a, "b": b, "metric": "ndcg@10", **paired([x.per_query["ndcg@10"] for x in reports[a]],
                                                                    [x.per_query["ndcg@10"] for x in reports[b]])})
    return {"systems": table, "tests": tests, "seconds": seconds, "queries": sum(len(r.keys) for r in reports["engine"])}


def pooled(values: list[np.ndarray]) -> dict[str, Any]:
    """Mean over all queries, with a 95 % interval by bootstrap over queries."""
    return _boot(np.concatenate(values))


def paired(a: list[np.ndarray], b: list[np.ndarray]) -> dict[str, Any]:
    """Mean difference with its interval, and the share of sign flips that reach it (10,000 drawn)."""
    gap = np.concatenate(a) - np.concatenate(b)
    draw = np.random.default_rng(0)
    flips = np.abs((draw.choice([-1, 1], size=(10_000, len(gap))) * gap).mean(axis=1))
    p = (1 + (flips >= abs(gap.mean()) - 1e-12).sum()) / (1 + len(flips))
    return {"difference": _boot(gap), "p_value": float(p), "by shop": [float(np.mean(x - y)) for x, y in zip(a, b)]}


def _boot(values: np.ndarray) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    means = values[draw.integers(len(values), size=(2_000, len(values)))].mean(axis=1)
    return {"mean": float(values.mean()), "interval": [float(x) for x in np.quantile(means, [0.025, 0.975])]}


def tuned(shops: list[dict[str, Any]]) -> dict[str, Any]:
    """NDCG@10 of all weights of the grid, best first."""
    found = []
    for values in itertools.product(*GRID.values()):
        weights = dict(zip(GRID, values))
        if any(weights.values()):
            def search(one: dict[str, Any], weights: dict[str, float] = weights) -> Any:
                one["engine"].weights = weights
                return one["engine"].search(one["texts"], 100, keys=one["keys"])

            reports = score(shops, search)
            found.append({"weights": weights, "ndcg@10": float(np.concatenate([r.per_query["ndcg@10"] for r in reports]).mean())})
    return {"tried": len(found), "best": sorted(found, key=lambda one: -one["ndcg@10"])[:10],
            "worst": min(found, key=lambda one: one["ndcg@10"])}  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_script(main))
