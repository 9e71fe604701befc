"""Bi-encoder and cross-encoder, both trained from MiniLM for longer than a chapter may: the chapter on fine-tuning.

    .venv/bin/python benchmarks/finetuning_heads.py [--steps 300] [--seed 0] [--save benchmarks/results/FILE.json]

The simulated shop, its judged pairs and their split are those of the chapter. Both models see titles, read batches of
32 pairs, and rerank the judged products of the test queries; one seed, one thread, so the intervals are over queries
and say nothing of other seeds. Settings are those tried first; nothing was tuned on the test queries.
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
from course_lib.shop.measurement import compare, evaluate
from course_lib.shop.shop import Shop

SIZES = {"n_items": 1_200, "n_users": 50, "n_queries": 400, "events_per_user": 20}
METRIC = "ndcg@10"


def measure(steps: int, seed: int) -> dict[str, Any]:
    """Train both, rerank the judged pool, and time one query of 100 products."""
    shop = Shop.simulate(**SIZES, seed=0)
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
    began = time.perf_counter()
    cross = train_cross_encoder(start, pairs.texts(train), pairs.label[train], LABELS, learning_rate=1e-4, **settings)
    seconds["cross-encoder"] = time.perf_counter() - began
    p = cross.predict_proba(pairs.texts(test))
    scores["cross-encoder"] = expected_gain(p)
    grades = label_scores(pairs.label[test], p.argmax(axis=1), len(LABELS), groups=pairs.family[test])

    began = time.perf_counter()
    vectors = bi.encode(pairs.products[:100])
    began = time.perf_counter()
    bi.encode([pairs.queries[0]]) @ vectors.T
    per_query["bi-encoder"] = time.perf_counter() - began
    began = time.perf_counter()
    cross.logits([(pairs.queries[0], product) for product in pairs.products[:100]])
    per_query["cross-encoder"] = time.perf_counter() - began

    reports = {name: evaluate(pairs.pool(test, found), judgements, METRIC) for name, found in scores.items()}
    tests = [compare(reports[a], reports[b], METRIC).to_dict() | {"a": a, "b": b}
             for a, b in (("bi-encoder", "MiniLM, untrained"), ("cross-encoder", "bi-encoder"))]  # fmt: skip
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
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="of each training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options.steps, options.seed)
    print(json.dumps(result, indent=2))
    if options.save:
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
