"""Settings of the chapter on fine-tuning, chosen on validation data: the test parts are never looked at here.

    .venv/bin/python benchmarks/finetuning_settings.py [--save benchmarks/results/finetuning_settings.json]

Shop, pairs, splits, encoders and seeds are those of the chapter. Each model may try a few settings; the one with the
highest validation score is kept. Steps of whole transformers are few, since a page has to run in a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.core.ids import IdMap
from course_lib.core.provenance import save_result
from course_lib.core.ranking import Ranking, top_k
from course_lib.core.script import run_script
from course_lib.language.features import load_minilm
from course_lib.language.finetuning import (
    LABELS,
    evaluate_classifier,
    judged_pairs,
    project,
    split_groups,
    train_bi_encoder,
    train_classifier,
    train_cross_encoder,
    train_pair_head,
    train_projection,
)
from course_lib.language.finetuning.scores import macro_f1
from course_lib.language.pretraining import pretrain
from course_lib.shop.measurement import evaluate
from course_lib.shop.shop import Shop

SIZES = {"n_items": 1_200, "n_users": 50, "n_queries": 400, "events_per_user": 20}
QUIET: dict[str, Any] = {"progress": False, "device": "cpu"}
METRIC = "ndcg@10"


def measure() -> dict[str, Any]:
    """All tries of all models, and the best of each."""
    shop = Shop.simulate(**SIZES, seed=0)
    pairs = judged_pairs(shop, shop.items["title"][:])
    train, held, _ = split_groups(pairs.family)
    minilm = load_minilm(max_length=64)
    q, p = minilm.encode(pairs.queries), minilm.encode(pairs.products)
    small = pretrain([*pairs.products, *pairs.queries], steps=150, hidden=96, heads=4, vocab_size=2_000, max_length=40,
                     learning_rate=3e-3, **QUIET)  # fmt: skip
    exact = train[pairs.label[train] == 0]
    right = np.column_stack([pairs.query[exact], pairs.item[exact]])
    queries, judged = np.unique(pairs.query[held]), shop.judgements.select(held)
    keys = IdMap("query", shop.query_ids.take(queries))

    def retrieved(u: np.ndarray, v: np.ndarray) -> float:
        return evaluate(Ranking(*top_k(u[queries], v, 100), keys, shop.item_ids), judged, METRIC).mean[METRIC]

    def head(**settings: Any) -> float:
        made = train_pair_head(q[pairs.query[train]], p[pairs.item[train]], pairs.label[train], LABELS, **settings,
                               **QUIET)  # fmt: skip
        guess = made.logits(q[pairs.query[held]], p[pairs.item[held]]).argmax(axis=1)
        return macro_f1(pairs.label[held], guess, len(LABELS))

    def matrix(**settings: Any) -> float:
        made = train_projection(q, p, right, batch_size=64, **settings, **QUIET)
        return retrieved(project(q, made), project(p, made))

    def bi(**settings: Any) -> float:
        made, _ = train_bi_encoder(small, pairs.texts(exact), ids=list(map(tuple, right.tolist())), batch_size=48,
                                   **settings, **QUIET)  # fmt: skip
        return retrieved(made.encode(pairs.queries), made.encode(pairs.products))

    def cross(**settings: Any) -> float:
        made = train_cross_encoder(small, pairs.texts(train), pairs.grade[train], task="rank", batch_size=32,
                                   **settings, **QUIET)  # fmt: skip
        scores = made.logits(pairs.texts(held))[:, 0]
        return evaluate(pairs.pool(held, scores), judged, METRIC).mean[METRIC]

    rates = (1e-3, 2e-3, 4e-3)
    words, classifier = of_categories(shop, pairs.products, small)
    return {
        "validation": {"queries": len(queries), "pairs": len(held)},
        "tuning": {
            "words": tuning("macro-F1", words, [{"C": c} for c in (3, 10, 30, 100)]),
            "classifier": tuning("macro-F1", classifier, [{"steps": 100, "learning_rate": r} for r in rates]),
            "head": tuning("macro-F1", head, [{"steps": n, "learning_rate": r} for n in (100, 200, 300)
                                              for r in (2e-3, 5e-3, 1e-2)]),
            "matrix": tuning(METRIC, matrix, [{"steps": n, "learning_rate": r} for n in (50, 100, 200)
                                              for r in (3e-4, 1e-3, 3e-3)]),
            "bi-encoder": tuning(METRIC, bi, [{"steps": 50, "learning_rate": r} for r in rates]),
            "cross-encoder": tuning(METRIC, cross, [{"steps": 60, "learning_rate": r} for r in rates]),
        },
    }  # fmt: skip


def of_categories(shop: Shop, titles: list[str], small: Any) -> tuple[Callable[..., float], Callable[..., float]]:
    """The two category classifiers: word counts with a regression, and the small BERT; macro-F1 on validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    names, shelf = np.unique(shop.items["category"][:], return_inverse=True)
    copied = shop.truth.item_original
    known, tried, _ = split_groups(np.where(copied < 0, np.arange(len(copied)), copied), (0.7, 0.1, 0.2))
    texts = np.array(titles)

    def words(**settings: Any) -> float:
        made = make_pipeline(TfidfVectorizer(), LogisticRegression(**settings)).fit(texts[known], shelf[known])
        return macro_f1(shelf[tried], made.predict(texts[tried]), len(names))

    def classifier(**settings: Any) -> float:
        made = train_classifier(small, texts[known].tolist(), names[shelf[known]].tolist(), batch_size=48, **settings,
                                **QUIET)  # fmt: skip
        return evaluate_classifier(made, texts[tried].tolist(), names[shelf[tried]].tolist())["macro_f1"]

    return words, classifier


def tuning(metric: str, train: Callable[..., float], grid: list[dict[str, Any]]) -> dict[str, Any]:
    """Every setting of the grid with its validation score, and the best."""
    began, tries = time.process_time(), []
    for settings in grid:
        tries.append({**settings, "score": float(train(**settings))})
        print(f"{metric}: {tries[-1]}", file=sys.stderr, flush=True)
    best = max(tries, key=lambda one: one["score"])
    return {"metric": metric, "best": {k: v for k, v in best.items() if k != "score"}, "score": best["score"],
            "tries": tries, "processor_seconds": time.process_time() - began}  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure()
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save,
            result,
            command="python benchmarks/finetuning_settings.py",
            data={"source": "simulated shop", **SIZES, "seed": 0},
            seeds=[0],
            modules=["course_lib.language.finetuning", "course_lib.language.features"],
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
