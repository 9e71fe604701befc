"""Retrieval on real products: by words, by meaning, by both; what approximate search costs; what filters do to it.

    .venv/bin/python benchmarks/retrieval.py [--data DIR] [--vectors FILE] [--save benchmarks/results/retrieval.json]

Chorus: 19,406 electronics products and human grades. Nothing is trained or tuned on a grade: the learned word weights
come from queries made from the products' titles, fusion has its published constant or equal weights. Vectors are
all-MiniLM-L6-v2's. Queries for the indexes are the judged ones and others made from titles (they need no grade: what
counts is the exact list). One thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch

from course_lib.core.errors import ContractError
from course_lib.core.fingerprint import ROOT
from course_lib.core.ids import IdMap
from course_lib.core.provenance import peak_rss_mb, save_result
from course_lib.core.ranking import Ranking
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.language.features import load_minilm
from course_lib.search.retrieval import BM25, InvertedIndex, convex_combination, reciprocal_rank_fusion
from course_lib.search.retrieval.faiss_index import FaissIndex
from course_lib.search.retrieval.filters import over_fetch, planned, post_filter, pre_filter, selector
from course_lib.search.retrieval.frontier import frontier
from course_lib.search.retrieval.graph import Graph
from course_lib.search.retrieval.ivf import IVF
from course_lib.search.retrieval.sparse import LearnedSparse
from course_lib.search.retrieval.vectors import ExactIndex, recall_of
from course_lib.shop.measurement import compare, evaluate, holm
from course_lib.shop.measurement.resampling import bootstrap
from course_lib.shop.shop import Shop
from course_lib.start.first_hour import synthetic_pairs

METRICS = ("ndcg@10", "condensed_ndcg@10", "judged@10", "recall@100")
DEPTH, K, EFFORTS = 200, 100, (0.25, 0.5, 1, 2, 4, 8)
LISTS, D = 140, 384  # lists: about the root of the number of products


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, metavar="DIR", default=shared / "chorus", help="the publisher's files")
    parser.add_argument("--vectors", type=Path, metavar="FILE", help="keep the vectors here (.npy), or read them")
    parser.add_argument("--queries", type=int, default=240, metavar="N", help="made from titles (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    start, shop = time.perf_counter(), Shop.load("chorus", options.data)
    encoder = load_minilm(max_length=64, sources=("cache", "package"))
    vectors, encoding = vectors_of(shop, encoder, options.vectors)
    pairs = synthetic_pairs(shop, seed=0)
    drawn = generator(0, "retrieval", "queries").permutation(len(pairs))[: options.queries]
    made = sorted({pairs[one][0] for one in drawn})
    asked = np.concatenate([encoder.encode(shop.queries["text"][:]), encoder.encode(made)])
    searchers, seconds = retrievers(shop, vectors, encoder, pairs)
    result: dict[str, Any] = {
        "products": len(shop.items), "judged queries": len(shop.queries), "index queries": len(asked),
        "encoding": encoding, "effectiveness": effectiveness(shop, searchers), "seconds": seconds,
        "model numbers": model_numbers(shop, searchers),
        "frontier": frontiers(vectors, asked), "filters": filtered(shop, vectors, asked[:200]),
        "updates": updates(vectors, asked[:100]), "changes": changes(shop),
    }  # fmt: skip
    result |= {"total seconds": round(time.perf_counter() - start), "peak memory, MB": round(peak_rss_mb())}
    print(json.dumps(result, indent=2))
    if options.save:
        files = [file for file in sorted(options.data.iterdir()) if file.is_file()]
        digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        save_result(options.save, result, command="python benchmarks/retrieval.py --data DIR",
                    data={"chorus": {"source": "https://github.com/querqy/chorus", "sha256": digests}}, seeds=[0],
                    modules=["course_lib.search.retrieval", *(f"course_lib.search.retrieval.{m}" for m in (
                        "faiss_index", "filters", "frontier", "graph", "ivf", "sparse", "vectors"))])  # fmt: skip
    return 0


def vectors_of(shop: Shop, encoder: Any, kept: Path | None) -> tuple[np.ndarray, dict[str, Any]]:
    """The products' vectors, from the encoder or from an earlier run."""
    start = time.process_time()
    if kept and kept.is_file():
        vectors = np.load(kept, allow_pickle=False)
        if vectors.shape != (len(shop.items), D):
            raise ContractError(f"{kept}: vectors {vectors.shape} are not those of {len(shop.items)} products")
        return vectors, {"encoder": encoder.name, "from an earlier run": True}
    vectors = encoder.encode(shop.item_texts)
    if kept:
        np.save(kept, vectors, allow_pickle=False)
    return vectors, {"encoder": encoder.name, "processor seconds": round(time.process_time() - start)}


def retrievers(shop: Shop, vectors: np.ndarray, encoder: Any, pairs: list[tuple[str, int]]) -> tuple[Any, Any]:
    """From texts and keys to a ranking, by name; seconds to build each."""
    started, exact = time.process_time(), ExactIndex(D)
    bm25, words = BM25().fit(shop.items), time.process_time()
    sparse = LearnedSparse().fit(shop.items, vectors, pairs)
    learned = time.process_time()
    exact.add(np.arange(len(vectors)), vectors)

    def dense(texts: list[str], keys: IdMap) -> Ranking:
        return Ranking(*exact.search(encoder.encode(texts), DEPTH), keys, shop.item_ids)

    def both(texts: list[str], keys: IdMap) -> list[Ranking]:
        return [bm25.search(texts, DEPTH, keys=keys), dense(texts, keys)]

    return {
        "bm25": lambda texts, keys: bm25.search(texts, DEPTH, keys=keys),
        "learned sparse": lambda texts, keys: sparse.search(texts, DEPTH, keys=keys),
        "minilm": dense,
        "rrf": lambda texts, keys: reciprocal_rank_fusion(both(texts, keys), DEPTH),
        "convex": lambda texts, keys: convex_combination(both(texts, keys), DEPTH, weights=[0.5, 0.5], lowest=[0, -1]),
    }, {"bm25": words - started, "learned sparse": learned - words,
        "words per product": sparse.weights.nnz / len(vectors)}  # fmt: skip


def effectiveness(shop: Shop, searchers: Any) -> dict[str, Any]:
    """Against human grades, gain 2^grade − 1, full retrieval."""
    reports = {name: evaluate(search(shop.queries["text"][:], shop.query_ids), shop.judgements, METRICS)
               for name, search in searchers.items()}  # fmt: skip
    tests = []
    for metric in METRICS:
        found = [(name, compare(report, reports["bm25"], metric)) for name, report in reports.items() if name != "bm25"]
        for (name, one), p in zip(found, holm([test.p_value for _, test in found])):
            tests.append({"a": name, "b": "bm25", "metric": metric, **one.to_dict(), "p_adjusted": float(p)})
    systems = {name: report.to_dict()["metrics"] for name, report in reports.items()}
    return {"queries": len(reports["bm25"]), "systems": systems, "tests": tests}


def model_numbers(shop: Shop, searchers: Any, n: int = 300) -> dict[str, Any]:
    """Queries that are a model number of exactly one product: is it among the first ten?"""
    texts = shop.item_texts
    has = [{word for word in re.findall(r"[A-Za-z0-9]{5,}", text) if re.search(r"\d", word) and re.search(r"[A-Za-z]", word)}
           for text in texts]  # fmt: skip
    times = Counter(word.lower() for words in has for word in words)
    everywhere = Counter(word for text in texts for word in set(re.findall(r"\w+", text.lower())))
    own = {}
    for row, words in enumerate(has):
        for word in sorted(words):
            if times[word.lower()] == everywhere[word.lower()] == 1:
                own.setdefault(word, row)
    chosen = generator(0, "retrieval", "numbers").permutation(sorted(own))[:n].tolist()
    keys, result = IdMap("query", chosen), {"queries": len(chosen), "examples": chosen[:3]}
    for name, search in searchers.items():
        ranking = search(chosen, keys)
        hit = (ranking.ids[:, :10] == np.array([own[word] for word in chosen])[:, None]).any(axis=1)
        result[name] = interval(hit.astype(float))
    return result


def frontiers(vectors: np.ndarray, asked: np.ndarray) -> dict[str, Any]:
    """Recall of the exact 100, milliseconds of one query, megabytes, seconds to build."""
    rows, exact = np.arange(len(vectors)), ExactIndex(D)
    exact.add(rows, vectors)
    right, found = exact.search(asked, K)[0], {}
    made = {"exact (numpy)": exact, "ivf": IVF(D, lists=LISTS), "graph": Graph(D, beam=K), "faiss flat": FaissIndex(D),
            "faiss ivf": FaissIndex(D, "ivf", lists=LISTS), "faiss hnsw": FaissIndex(D, "hnsw", beam=K)}  # fmt: skip
    for name, index in made.items():
        start = time.process_time()
        if not len(index):
            index.add(rows, vectors)
        seconds = time.process_time() - start
        efforts = EFFORTS if "ivf" in name else (1, 2, 4, 8)  # a beam is never narrower than K
        efforts = (1,) if name in ("exact (numpy)", "faiss flat") else efforts
        points = [
            {"effort": p.effort, "recall": interval(p.recall), "milliseconds": float(np.median(p.milliseconds)),
             "p95": float(np.quantile(p.milliseconds, 0.95))}
            for p in frontier(index, asked, right, efforts=efforts)
        ]  # fmt: skip
        found[name] = {"points": points, "megabytes": index.nbytes / 1e6, "build seconds": seconds}
        say(name)
    return found


def filtered(shop: Shop, vectors: np.ndarray, asked: np.ndarray, k: int = 20) -> dict[str, Any]:
    """Recall of the exact filtered list by way of filtering, and the time of it."""
    rng, rows, n = generator(0, "retrieval", "filters"), np.arange(len(vectors)), len(vectors)
    price, brand = np.array(shop.items["price"][:]), np.array(shop.items["brand"][:])
    first = Counter(brand.tolist()).most_common(1)[0][0]
    masks = {"in stock (9 of 10, by lot)": rng.random(n) < 0.9, "by lot, 1 of 5": rng.random(n) < 0.2,
             "by lot, 1 of 20": rng.random(n) < 0.05, "cheapest quarter": price <= np.nanquantile(price, 0.25),
             f"brand {first}": brand == first, "dearest 1 of 100": price >= np.nanquantile(price, 0.99)}  # fmt: skip
    exact = ExactIndex(D)
    exact.add(rows, vectors)
    result = {}
    for kind in ("ivf", "hnsw"):
        index = FaissIndex(D, kind, lists=LISTS)
        index.add(rows, vectors)
        ways = {
            "post-filter": lambda m: post_filter(index, asked, k, m),
            "over-fetch": lambda m: over_fetch(index, asked, k, m),
            "selector": lambda m: selector(index, asked, k, m),
            "pre-filter": lambda m: pre_filter(exact, asked, k, m),
            "planned": lambda m: planned(index, exact, asked, k, m),
        }
        result[kind] = {}
        for name, mask in masks.items():
            right, found = exact.search(asked, k, allowed=mask)[0], {}
            for way, search in ways.items():
                start = time.perf_counter()
                rows_found = search(mask)[0]
                found[way] = {"recall": interval(recall_of(rows_found, right)),
                              "milliseconds": 1000 * (time.perf_counter() - start) / len(asked)}  # fmt: skip
            result[kind][name] = {"share": float(mask.mean()), "ways": found}
        say(f"filters, {kind}")
    return result


def updates(vectors: np.ndarray, asked: np.ndarray) -> dict[str, Any]:
    """Recall@100 of all, after 30 % have gone, and after they have come back."""
    rows = np.arange(len(vectors))
    gone = generator(0, "retrieval", "gone").permutation(rows)[: int(0.3 * len(rows))]
    made = {"ivf": IVF(D, lists=LISTS), "faiss ivf": FaissIndex(D, "ivf", lists=LISTS),
            "faiss hnsw": FaissIndex(D, "hnsw")}  # fmt: skip
    result = {}
    for name, index in made.items():
        exact = ExactIndex(D)
        steps = {"all": lambda i: i.add(rows, vectors), "30 % removed": lambda i: i.remove(gone),
                 "added again": lambda i: i.add(gone, vectors[gone])}  # fmt: skip
        result[name] = {}
        for step, change in steps.items():
            change(exact)
            start = time.perf_counter()
            change(index)
            seconds = time.perf_counter() - start
            recall = recall_of(index.search(asked, K)[0], exact.search(asked, K)[0])
            result[name][step] = {"recall": interval(recall), "seconds": seconds}
    return result


def changes(shop: Shop) -> dict[str, float]:
    """Milliseconds of adding and of removing one product in the inverted index, against building it."""
    start, index = time.perf_counter(), InvertedIndex().fit(shop.items)
    build, ids, texts = time.perf_counter() - start, shop.item_ids.ids[:2000], shop.item_texts[:2000]
    start = time.perf_counter()
    for one in ids:
        index.remove([one])
    removed = time.perf_counter()
    for one, text in zip(ids, texts):
        index.add([one], [text])
    added = time.perf_counter()
    each = 1000 / len(ids)
    return {"build, seconds": build, "remove, ms": each * (removed - start), "add, ms": each * (added - removed)}


def interval(values: np.ndarray) -> dict[str, float]:
    """Mean and its 95 % bootstrap interval."""
    values = values[~np.isnan(values)]
    (low,), (high,) = bootstrap(values[:, None], seed=0)
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def say(line: str) -> None:
    """Progress, on stderr, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_script(main))
