"""What reading on, fine-tuning and hard negatives do to search: MiniLM on the simulated shop, over five seeds.

    .venv/bin/python benchmarks/language_effects.py [--seeds 5] [--save benchmarks/results/language_effects.json]

One shop, one split into queries to learn from and queries to measure (that of the first chapter); what the seed moves
is the training. Five ways to come to an encoder, from the same MiniLM:

- ``minilm``: as it is; ``dapt``: after it has read on, masked words in the shop's product titles and past queries;
- ``finetuned``: on clicks of the training queries, with the other products of a batch as negatives;
- ``dapt_finetuned``: both, one after the other;
- ``hard``: as ``finetuned`` and as long, with two more negatives for each pair, mined with the finetuned encoder of
  the same seed among the products that its query never led to a click on.

Products are known by their titles. Measured is NDCG@10 of the exact ``top_k`` over the whole catalogue, on queries whose
texts, clicks and judgements nothing was trained on. Each query's value is its mean over the seeds; a paired
randomisation test over queries, p after Holm; the spread over seeds stands beside it. All settings were fixed before the first run; none was tuned. A finished
seed is kept in the folder of ``--work``, and is not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.files import read_json, write_json
from course_lib.core.fingerprint import code_fingerprint
from course_lib.core.provenance import check_save, save_result
from course_lib.core.script import run_script

SIZES = {"n_items": 2_000, "n_users": 400, "n_queries": 400, "events_per_user": 60}
METRIC = "ndcg@10"
MODULES = ["course_lib.language.finetuning", "course_lib.language.pretraining", "course_lib.language.features",
           "course_lib.search.retrieval", "course_lib.shop.measurement", "course_lib.start.first_hour"]  # fmt: skip
#: name of an effect -> (with it, without it)
EFFECTS = {
    "domain-adaptive pretraining, alone": ("dapt", "minilm"),
    "domain-adaptive pretraining, before fine-tuning": ("dapt_finetuned", "finetuned"),
    "fine-tuning": ("finetuned", "minilm"),
    "hard negatives": ("hard", "finetuned"),
}
LENGTH, BATCH, NEGATIVES, DEPTH = 32, 32, 2, 50


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of training (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="of each training (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("_build/language_effects"), metavar="DIR",
                        help="where finished seeds are kept (default: %(default)s)")  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.seeds < 2 or options.steps < 1:
        parser.error("--seeds must be at least 2, and --steps at least 1")
    if options.save:
        check_save(options.save)
    import torch

    torch.set_num_threads(1)
    result = effects(options.seeds, options.steps, options.work)
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(options.save, result,
                    command=f"python benchmarks/language_effects.py --seeds {options.seeds} --steps {options.steps}",
                    data={"source": "simulated shop", **SIZES, "seed": 0}, seeds=list(range(options.seeds)),
                    modules=MODULES)  # fmt: skip
    return 0


def effects(seeds: int, steps: int, work: Path) -> dict[str, Any]:
    """All systems over all seeds, and the test of each effect."""
    from course_lib.search.retrieval import BM25
    from course_lib.shop.measurement import compare, evaluate, holm, over_seeds
    from course_lib.shop.measurement.report import Report
    from course_lib.shop.shop import Shop
    from course_lib.start.first_hour import split

    shop = Shop.simulate(**SIZES, seed=0)
    parts = split(shop, 0)
    asked, keys = queries_of(shop, parts.test_queries)
    judged = judgements_of(shop, keys)
    baseline = evaluate(BM25().fit(shop.items["title"][:], item_ids=shop.item_ids).search(asked, 10, keys=keys), judged, METRIC)
    runs = [one_seed(shop, parts, seed, steps, work) for seed in range(seeds)]
    again = [replaced(baseline, run["per_query"]) for run in runs]
    joined = {name: over_seeds([reports[name] for reports in again]) for name in again[0]}
    reports: dict[str, Report] = {"bm25": baseline, **{name: found.report for name, found in joined.items()}}
    tests = {name: compare(reports[a], reports[b], METRIC) for name, (a, b) in EFFECTS.items()}
    adjusted = holm([test.p_value for test in tests.values()])
    return {
        "metric": METRIC, "test queries": len(baseline), "products": SIZES["n_items"], "training pairs": runs[0]["pairs"],
        "steps": steps,
        "systems": {name: {"mean": r.mean[METRIC], "low": r.interval[METRIC][0], "high": r.interval[METRIC][1],
                           "spread over seeds": joined[name].spread[METRIC] if name in joined else 0.0,
                           "seeds": list(joined[name].means[METRIC]) if name in joined else []}
                    for name, r in reports.items()},
        "effects": {name: {"with": EFFECTS[name][0], "without": EFFECTS[name][1], "difference": test.difference,
                           "low": test.interval[0], "high": test.interval[1], "p": test.p_value, "p_holm": float(p),
                           "wins": test.wins, "ties": test.ties, "losses": test.losses,
                           "seeds": per_seed(joined, *EFFECTS[name])}
                    for (name, test), p in zip(tests.items(), adjusted)},
        "mined negatives that the truth calls relevant": [run["false negatives"] for run in runs],
        "seconds": {name: round(sum(run["seconds"][name] for run in runs), 1) for name in runs[0]["seconds"]},
    }  # fmt: skip


def per_seed(joined: dict[str, Any], a: str, b: str) -> list[float]:
    """The difference of the means in each seed."""
    return [x - y for x, y in zip(joined[a].means[METRIC], joined[b].means[METRIC])]


def queries_of(shop: Any, rows: np.ndarray) -> tuple[list[str], Any]:
    """Texts and ids of these queries."""
    from course_lib.core.ids import IdMap

    texts = shop.queries["text"][:]
    return [texts[row] for row in rows], IdMap("query", shop.query_ids.take(rows))


def judgements_of(shop: Any, keys: Any) -> Any:
    """The judgements of these queries alone: a judged query that a ranking lacks would count 0."""
    return shop.judgements.select(np.flatnonzero(np.isin(shop.judgements.with_format("numpy")["query_id"][:], keys.ids)))


def replaced(like: Any, per_query: dict[str, list[float]]) -> dict[str, Any]:
    """Reports of the same queries with the values of other systems."""
    from dataclasses import replace

    return {name: replace(like, per_query={METRIC: np.array(values)}) for name, values in per_query.items()}


def one_seed(shop: Any, parts: Any, seed: int, steps: int, work: Path) -> dict[str, Any]:
    """Every system of one seed: NDCG@10 of each test query; from ``work`` where it has been computed."""
    kept = work / f"seed-{seed}.json"
    made = {"code": code_fingerprint(MODULES), "sizes": SIZES, "steps": steps, "seed": seed}
    if kept.exists():
        found = read_json(kept)
        if found.get("made") == made:
            return found
    print(f"seed {seed} …", file=sys.stderr)
    found = {"made": made, **trained(shop, parts, seed, steps)}
    work.mkdir(parents=True, exist_ok=True)
    write_json(kept, found)
    return found


def trained(shop: Any, parts: Any, seed: int, steps: int) -> dict[str, Any]:
    """Train the four encoders of a seed and measure them and MiniLM."""
    from course_lib.language.features import load_minilm
    from course_lib.language.finetuning import train_bi_encoder
    from course_lib.language.pretraining import continue_pretraining
    from course_lib.search.retrieval import Dense
    from course_lib.shop.measurement import evaluate
    from course_lib.start.first_hour import training_pairs

    start, queries, products = load_minilm(max_length=LENGTH), shop.queries["text"][:], shop.items["title"][:]
    pairs, _ = training_pairs(shop, parts, seed)
    texts = [(query, products[row]) for query, row in pairs]
    seconds: dict[str, float] = {}

    def finetuned(encoder: Any, **more: Any) -> Any:
        return train_bi_encoder(encoder, texts, ids=pairs, steps=steps, batch_size=BATCH, learning_rate=5e-5,
                                seed=seed, **more)[0]  # fmt: skip

    def timed(name: str, make: Any) -> Any:
        began = time.process_time()
        made = make()
        seconds[name] = time.process_time() - began
        return made

    reading = products + [queries[row] for row in parts.train_queries]
    systems = {"minilm": start}
    systems["dapt"] = timed("dapt", lambda: continue_pretraining(
        start, reading, steps=steps, batch_size=BATCH, head_steps=steps // 3, seed=seed)[0])  # fmt: skip
    systems["finetuned"] = timed("finetuned", lambda: finetuned(start))
    systems["dapt_finetuned"] = timed("dapt_finetuned", lambda: finetuned(systems["dapt"]))
    mined, wrong = timed("mining", lambda: hard_negatives(shop, systems["finetuned"], pairs, seed))
    systems["hard"] = timed("hard", lambda: finetuned(start, negatives=mined))
    asked, keys = queries_of(shop, parts.test_queries)
    judged, per_query = judgements_of(shop, keys), {}
    for name, encoder in systems.items():
        ranking = Dense(encoder.encode).fit(products, item_ids=shop.item_ids).search(asked, 10, keys=keys)
        per_query[name] = evaluate(ranking, judged, METRIC).per_query[METRIC].tolist()
    return {"per_query": per_query, "pairs": len(pairs), "false negatives": wrong, "seconds": seconds}


def hard_negatives(shop: Any, encoder: Any, pairs: list[tuple[str, int]], seed: int) -> tuple[list[list[str]], float]:
    """Mined product texts for each pair, and the share of them that the judgements call exact or substitute."""
    from course_lib.language.finetuning import mine_negatives

    right: dict[str, set[int]] = {}
    for query, row in pairs:
        right.setdefault(query, set()).add(row)
    words, titles = list(right), shop.items["title"][:]
    found = mine_negatives(
        encoder.encode(words), encoder.encode(titles), list(right.values()), NEGATIVES, depth=DEPTH, seed=seed
    )
    of_query = dict(zip(words, found))
    good = relevant(shop)
    shares = [(query, int(row)) in good for query, rows in of_query.items() for row in rows]
    return [[titles[row] for row in of_query[query]] for query, _ in pairs], float(np.mean(shares))


def relevant(shop: Any) -> set[tuple[str, int]]:
    """(query text, catalogue row) that the judgements call exact or substitute."""
    text = dict(zip(shop.queries["query_id"][:], shop.queries["text"][:]))
    judged = shop.judgements
    rows = shop.item_ids.rows(judged["item_id"][:]).tolist()
    return {(text[q], row) for q, row, grade in zip(judged["query_id"][:], rows, judged["grade"][:]) if grade >= 2}


if __name__ == "__main__":
    sys.exit(run_script(main, stopped="interrupted; finished seeds are kept"))
