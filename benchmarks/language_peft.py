"""Quality, trained weights, seconds and file size of the ways to fine-tune, on real questions to a bank.

    .venv/bin/python benchmarks/language_peft.py [--data DIR] [--seeds 3] [--save benchmarks/results/peft.json]

Banking77 (Casanueva et al. 2020): customers' questions and what they want. Twenty of its 77 intents are drawn, ten
questions of each for training, as a merchant would have them; all test questions of these intents are the test. The
encoder is all-MiniLM-L6-v2. Each method may try four learning rates on other training questions, then is trained from
each seed (other training questions, other random weights). The learning rates of the chapter's own small shop are
chosen in the same way, and kept in the same file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score

from course_lib.core.errors import DataError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder
from course_lib.language.features import load_minilm
from course_lib.language.peft import optimiser_bytes, save_adapters
from course_lib.language.peft.exhibits import (
    FULL,
    GRIDS,
    as_report,
    correctness,
    grid_of,
    methods,
    shelves,
    shop_encoder,
    tune,
)
from course_lib.shop.measurement import compare, holm
from course_lib.shop.shop import Shop

INTENTS, PER_INTENT, STEPS, BATCH = 20, 10, 60, 16
SHOP_TRAIN, SHOP_TEST, SHOP_STEPS, SHOP_BATCH = 300, 600, 80, 24
QUIET: dict[str, Any] = {"device": "cpu", "autocast": False}
Texts = tuple[list[str], list[str]]


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared / "banking77", help="train.csv and test.csv")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start, seeds = time.perf_counter(), list(range(options.seeds))
    files = {name: read(options.data / f"{name}.csv") for name in ("train", "test")}
    result: dict[str, Any] = {"shop": of_shop(), "banking77": of_banking(files, seeds)}
    result |= {"seconds": round(time.perf_counter() - start), "processor seconds": round(time.process_time()),
               "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}  # fmt: skip
    print(json.dumps(result, indent=2))
    if options.save:
        digests = {n: hashlib.sha256((options.data / f"{n}.csv").read_bytes()).hexdigest() for n in files}
        command = f"python benchmarks/language_peft.py --data DIR --seeds {options.seeds}"
        save_result(options.save, result, command=command,
                    data={"banking77": {"source": "https://github.com/PolyAI-LDN/task-specific-datasets",
                                        "licence": "CC BY 4.0", "sha256": digests}},
                    seeds=seeds, modules=["course_lib.language.peft", "course_lib.language.peft.exhibits"])  # fmt: skip
    return 0


def of_shop() -> dict[str, Any]:
    """The learning rates for the chapter's simulated shop, on products that are in none of its tables."""
    titles, categories = shop(seed=1)
    encoder = shop_encoder(titles, categories, **QUIET)
    titles, categories = shop(seed=0)
    rows = generator(0, "peft", "products").permutation(len(titles))
    labels = shelves(categories, merchant=0)
    train, validation = (([titles[r] for r in part], [labels[r] for r in part])
                         for part in (rows[:SHOP_TRAIN], rows[SHOP_TRAIN + SHOP_TEST:]))  # fmt: skip
    settings = dict(steps=SHOP_STEPS, batch_size=SHOP_BATCH, **QUIET)
    return {"tuning": tuning(encoder, train, validation, GRIDS["shop"], **settings), "validation": len(validation[0])}


def of_banking(files: dict[str, Texts], seeds: list[int]) -> dict[str, Any]:
    """Tuning, then each method from each seed, all on the same test."""
    encoder = load_minilm(max_length=32, sources=("cache", "package"), **QUIET)
    intents = set(generator(0, "peft", "intents").permutation(sorted(set(files["train"][1])))[:INTENTS].tolist())
    test = tuple(map(list, zip(*((t, i) for t, i in zip(*files["test"]) if i in intents))))
    draws = {seed: draw(files["train"], intents, seed) for seed in [*seeds, 999]}
    settings = dict(steps=STEPS, batch_size=BATCH, **QUIET)
    tuned = tuning(encoder, draws[999], draw(files["train"], intents, 998), GRIDS["banking77"], **settings)
    rows, right = {}, {}
    for name in methods():
        runs = []
        for seed in seeds:
            started = time.process_time()
            made = tune(encoder, draws[seed], methods(seed)[name], learning_rate=tuned[name]["best"], seed=seed,
                        **settings)  # fmt: skip
            seconds = time.process_time() - started
            guess = made.classifier.predict(test[0])
            runs.append({"seconds": seconds, "right": (np.array(guess) == np.array(test[1])).astype(float),
                         "f1": float(f1_score(test[1], guess, average="macro", zero_division=0))})  # fmt: skip
        body = made.classifier.encoder.model
        both = torch.nn.ModuleDict({"body": body, "head": made.classifier.head.requires_grad_(True)})
        with tempfile.TemporaryDirectory() as folder:
            size = save_adapters(Path(folder) / "trained.safetensors", both)
        right[name] = as_report(np.mean([run["right"] for run in runs], axis=0))
        rows[name] = {
            **right[name].to_dict()["metrics"]["accuracy"], "by seed": [float(r["right"].mean()) for r in runs],
            "macro_f1 by seed": [r["f1"] for r in runs], "trained": made.count.trained, "total": made.count.total,
            "head": made.head, "optimiser bytes": optimiser_bytes(both), "file bytes": size,
            "processor seconds": float(np.median([r["seconds"] for r in runs])),
        }  # fmt: skip
        say(f"banking77: {name}")
    tests = {name: compare(report, right[FULL], "accuracy") for name, report in right.items() if name != FULL}
    for (name, one), p in zip(tests.items(), holm([t.p_value for t in tests.values()])):
        rows[name]["against full"] = {**one.to_dict(), "p_adjusted": float(p)}
    return {"counts": {"intents": INTENTS, "train": len(draws[seeds[0]][0]), "test": len(test[0]), "steps": STEPS,
                       "batch": BATCH}, "tuning": tuned, "methods": rows,
            "baseline": as_report(words(draws, seeds, test)).to_dict()["metrics"]["accuracy"]}  # fmt: skip


def words(draws: dict[int, Texts], seeds: list[int], test: Any) -> np.ndarray:
    """TF-IDF and logistic regression, which read no meaning into words: right or not, mean over the seeds."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def model() -> Any:
        return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10, max_iter=1000))

    made = [model().fit(*draws[seed]) for seed in seeds]
    return np.mean([model.predict(test[0]) == np.array(test[1]) for model in made], axis=0)


def tuning(encoder: TextEncoder, train: Texts, validation: Texts, grids: Any, **settings: Any) -> dict[str, Any]:
    """Four learning rates for each method, and the one that was right most often on the validation."""
    found = {}
    for name, method in methods(seed=0).items():
        tries = []
        for rate in grid_of(name, grids):
            made = tune(encoder, train, method, learning_rate=rate, **settings)
            tries.append({"rate": rate, "accuracy": float(correctness(made.classifier, *validation).mean())})
        best = max(tries, key=lambda one: one["accuracy"])
        found[name] = {"best": best["rate"], "tries": tries}
        say(f"{name}: {tries}")
    return found


def draw(texts: Texts, intents: set[str], seed: int) -> Texts:
    """Some training questions of each intent."""
    order = generator(seed, "peft", "questions").permutation(len(texts[0]))
    taken: dict[str, list[str]] = {intent: [] for intent in sorted(intents)}
    for row in order:
        if texts[1][row] in taken and len(taken[texts[1][row]]) < PER_INTENT:
            taken[texts[1][row]].append(texts[0][row])
    pairs = [(text, intent) for intent, own in taken.items() for text in own]
    return [text for text, _ in pairs], [intent for _, intent in pairs]


def shop(seed: int) -> Texts:
    """Titles and categories of the chapter's shop."""
    made = Shop.simulate(n_items=1_500, n_users=10, n_queries=100, events_per_user=5, seed=seed)
    return made.items["title"][:], made.items["category"][:]


def read(path: Path) -> Texts:
    """Texts and labels of one of the publisher's files."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError(f"can't read it ({error})", where=str(path), remedy="Pass the folder with --data") from error
    return [text for text, _ in rows], [label for _, label in rows]


def say(line: str) -> None:
    """Progress, on stderr, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_script(main))
