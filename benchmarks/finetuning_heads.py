"""Bi-encoder and cross-encoders, all trained from MiniLM for longer than a chapter may: the chapter on fine-tuning.

    .venv/bin/python benchmarks/finetuning_heads.py [--steps 200] [--seed 0] [--save benchmarks/results/FILE.json]

The simulated shop, its judged pairs and their split are those of the chapter. All models see titles, read batches of
32 pairs, and rerank the judged products of the test queries. One cross-encoder learns to grade and orders by expected
gain, the other learns to order (RankNet). One seed, one thread, so the intervals are over queries and say nothing of
other seeds. Nothing was tuned, neither on test queries nor on others: a learning rate for each kind of model.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.core.provenance import save_result
from course_lib.core.script import run_script
from course_lib.language.features import load_minilm
from course_lib.language.finetuning import (
    LABELS,
    expected_gain,
    judged_pairs,
    label_scores,
    split_groups,
    train_bi_encoder,
    train_cross_encoder,
)
from course_lib.shop.measurement import compare, evaluate, holm
from course_lib.shop.shop import Shop

SIZES = {"n_items": 1_200, "n_users": 50, "n_queries": 400, "events_per_user": 20}
SMALL = {"n_items": 200, "n_users": 10, "n_queries": 60, "events_per_user": 5}
METRIC = "ndcg@10"
PAIRS = (  # compared with one another; p after Holm over all
    ("bi-encoder", "MiniLM, untrained"),
    ("cross-encoder, ranking", "MiniLM, untrained"),
    ("cross-encoder, grading", "bi-encoder"),
    ("cross-encoder, ranking", "bi-encoder"),
    ("cross-encoder, ranking", "cross-encoder, grading"),
)


def measure(steps: int, seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    """Train all three, rerank the judged pool, and time one query of 100 products."""
    shop = Shop.simulate(**sizes, seed=0)
    pairs = judged_pairs(shop, shop.items["title"][:])
    train, _, test = split_groups(pairs.family, seed=0)
    asked = np.unique(pairs.query[test])
    judgements = shop.judgements.select(np.flatnonzero(np.isin(pairs.query, asked)))
    start = load_minilm(max_length=64)
    exact = train[pairs.label[train] == 0]
    settings: dict[str, Any] = dict(steps=steps, batch_size=32, seed=seed, progress=True)
    seconds, scores, per_query = {}, {}, {}

    def cosines(encoder: Any) -> np.ndarray:
        q, p = encoder.encode(pairs.queries), encoder.encode(pairs.products)
        return (q[pairs.query[test]] * p[pairs.item[test]]).sum(axis=1)

    scores["MiniLM, untrained"] = cosines(start)
    began = time.perf_counter()
    ids = list(zip(pairs.query[exact].tolist(), pairs.item[exact].tolist()))
    bi, _ = train_bi_encoder(start, pairs.texts(exact), ids=ids, learning_rate=5e-5, **settings)
    seconds["bi-encoder"] = time.perf_counter() - began
    scores["bi-encoder"] = cosines(bi)
    for name, task in (("cross-encoder, grading", "grade"), ("cross-encoder, ranking", "rank")):
        began = time.perf_counter()
        targets = pairs.label[train] if task == "grade" else pairs.grade[train]
        cross = train_cross_encoder(start, pairs.texts(train), targets, LABELS, task=task, learning_rate=1e-4,
                                    **settings)  # fmt: skip
        seconds[name] = time.perf_counter() - began
        if task == "rank":
            scores[name] = cross.logits(pairs.texts(test))[:, 0]
            continue
        p = cross.predict_proba(pairs.texts(test))
        scores[name] = expected_gain(p)
    grades = label_scores(pairs.label[test], p.argmax(axis=1), len(LABELS), groups=pairs.family[test])

    vectors = bi.encode(pairs.products[:100])
    short = [(pairs.queries[0], product) for product in pairs.products[:100]]
    for name, call in (("bi-encoder", lambda: bi.encode([pairs.queries[0]]) @ vectors.T),
                       ("cross-encoder, ranking", lambda: cross.logits(short))):  # fmt: skip
        times = []
        for _ in range(5):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        per_query[name] = float(np.median(times))

    reports = {name: evaluate(pairs.pool(test, found), judgements, METRIC) for name, found in scores.items()}
    tests = [compare(reports[a], reports[b], METRIC).to_dict() | {"a": a, "b": b}
             for a, b in PAIRS]
    for one, p_adjusted in zip(tests, holm([one["p_value"] for one in tests])):
        one["p_adjusted"] = float(p_adjusted)
    return {
        "pool": {name: {"mean": r.mean[METRIC], "low": r.interval[METRIC][0], "high": r.interval[METRIC][1]}
                 for name, r in reports.items()},
        "tests": tests,
        "grades": {"accuracy": vars(grades.accuracy), "macro_f1": vars(grades.macro_f1), "f1": grades.f1.tolist()},
        "queries": len(reports["bi-encoder"]),
        "steps": steps,
        "training_seconds": seconds,
        "seconds_per_query_of_100": per_query,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="of each training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--small", action="store_true", help="a shop of a few products: does it run?")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options.steps, options.seed, SMALL if options.small else SIZES)
    print(json.dumps(result, indent=2))
    if options.save and not options.small:
        save_result(
            options.save,
            result,
            command=f"python benchmarks/finetuning_heads.py --steps {options.steps} --seed {options.seed}",
            data={"source": "simulated shop", **SIZES, "seed": 0},
            seeds=[options.seed],
            modules=["course_lib.language.finetuning", "course_lib.language.features"],
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
