"""``course bench case``: encode, index, answer, and time it beside the rivals."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.bench import case_rivals as rivals
from course_lib.bench.case_encoder import open_encoder
from course_lib.bench.case_options import CaseOptions
from course_lib.capstone.case import CaseData, CaseIndex, known_item, make_case, profiles, rerank
from course_lib.core.ids import IdMap
from course_lib.core.provenance import peak_rss_mb
from course_lib.core.ranking import PAD
from course_lib.language.engine import extract_catalogue
from course_lib.search.engine.nearest import cores, nearest
from course_lib.search.retrieval.vectors import recall_of

MODULES = ("course_lib.capstone.case", "course_lib.bench.case_rivals", "course_lib.bench.case_encoder",
           "course_lib.language.engine")  # fmt: skip
RUNS = 5  #: of whatever is quick; sides that are compared take turns


def run_case(options: CaseOptions) -> dict[str, Any]:
    """Measure the case.

    Returns:
        JSON-ready: options, data, seconds (by stage; ``total`` is from texts to results and leaves out the simulation of
        the shop, a training of the small encoder, and the rivals), ratios, recall_vs_exact, known_item, peak_rss_mb,
        items, results (how many), machine sizes, and growth where it was asked for.
    """
    _say("simulate the shop")
    data, simulated = _timed(lambda: make_case(options.items, options.queries, seed=options.seed))
    encoder, trained = open_encoder(options.encoder)
    stages: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        _say(name.replace("_", " "))
        value, stages[name] = _timed(work)
        return value

    with tempfile.TemporaryDirectory(prefix="course-case-") as folder:
        path = Path(folder) / "vectors.npy"
        mapped = stage("encode", lambda: extract_catalogue(encoder, data.texts, path, progress=True))
        vectors = np.array(mapped)  # a search by all queries reads every vector: they belong into memory
        del mapped
    past = encoder.encode(data.past)
    index = CaseIndex()
    stage("index_words", lambda: index.fit_words(data.texts))
    stage("index_vectors", lambda: index.fit_vectors(vectors, past, options.k))
    asked = stage("encode_queries", lambda: encoder.encode(data.queries))
    answers = stage("answer", lambda: index.answer(data.queries, asked, data.history, options.k))
    stages["total"] = sum(stages.values())
    own_peak = peak_rss_mb()  # before the rivals build theirs
    _say("take turns with the rivals")
    compared = _compare(data, index, vectors, asked, options.k)
    lists = {name: getattr(answers, name) for name in ("words", "vectors", "fused", "reranked")}
    result: dict[str, Any] = {
        "options": {"items": options.items, "queries": options.queries, "k": options.k, "encoder": options.encoder,
                    "seed": options.seed},
        "data": {"source": "a simulated shop, drawn by the benchmark", "simulated in seconds": round(simulated, 2),
                 "characters of a text": round(statistics.mean(map(len, data.texts)), 1),
                 "characters of a query": round(statistics.mean(map(len, data.queries)), 1)},
        "encoder": {"name": encoder.name, "dimension": encoder.dimension, "precision": encoder.precision,
                    "trained in seconds": None if trained is None else round(trained, 2)},
        "seconds": {name: round(spent, 5) for name, spent in (stages | compared["seconds"]).items()},
        "ratios": {name: round(value, 4) for name, value in compared["ratios"].items()},
        "recall_vs_exact": round(compared["recall"], 4),
        "rivals": compared["rivals"],
        "lists": {"number": len(index.lists.centroids), "probes": index.lists.probes},
        "known_item": {name: known_item(ranking, data.targets) for name, ranking in lists.items()},
        "cores": cores(),
        "peak_rss_mb": round(own_peak, 1),
        "items": options.items,
        "results": int((answers.reranked.ids != PAD).sum()),
    }  # fmt: skip
    if options.growth:
        from course_lib.bench.case_growth import grow

        result["growth"] = grow(data, vectors, asked, past, options.k, _say)
        result["growth"]["peak_rss_mb"] = round(peak_rss_mb(), 1)
    return result


def _compare(data: CaseData, index: CaseIndex, vectors: np.ndarray, asked: np.ndarray, k: int) -> dict[str, Any]:
    """Seconds of all sides in turn (medians), and ratios (medians of the ratios of one round)."""
    keys = IdMap("query", range(len(asked)))
    faiss_flat, flat_built = _timed(lambda: rivals.flat(vectors))
    faiss_hnsw, hnsw_built = _timed(lambda: rivals.hnsw(vectors))
    bm25s, bm25s_built = _timed(lambda: rivals.words(data.texts))
    fused = index.candidates(data.queries, asked, keys, k)[2]
    users = profiles(data.history, vectors)
    sides: dict[str, Callable[[], Any]] = {
        "faiss_flat": lambda: faiss_flat.search(asked, k),
        "exact": lambda: nearest(asked, vectors, k),
        "approximate": lambda: index.by_vectors(asked, keys, k),
        "faiss_hnsw": lambda: faiss_hnsw.search(asked, k),
        "words": lambda: index.by_words(data.queries, keys, k),
        "together": lambda: index.candidates(data.queries, asked, keys, k),
        "rerank": lambda: rerank(fused, users, vectors, k),
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(RUNS + 1):
        for name, act in sides.items():
            seconds = _timed(act)[1]
            if number:  # the first round warms up
                spent[name].append(seconds)
    seconds = {name: statistics.median(of) for name, of in spent.items()}
    for name, act in (("bm25s", lambda: bm25s(data.queries, k)), ("numpy_loop", lambda: rivals.loop(vectors, asked, k))):
        _say(name.replace("_", " "))
        seconds[name] = _timed(act)[1]  # once: both take many times as long as all the others

    def ratio(name: str, *others: str) -> float:
        """The median over the rounds of one side to the slower of others."""
        return statistics.median(a / max(b) for a, b in zip(spent[name], zip(*(spent[other] for other in others))))

    exact, _ = nearest(asked, vectors, k)
    return {
        "seconds": seconds,
        "ratios": {
            "exact_vs_faiss_flat": ratio("exact", "faiss_flat"),
            "approximate_vs_faiss_flat": ratio("approximate", "faiss_flat"),
            "approximate_vs_faiss_hnsw": ratio("approximate", "faiss_hnsw"),
            "fusion_vs_slower_part": ratio("together", "words", "approximate"),
            "words_vs_bm25s": seconds["words"] / seconds["bm25s"],
            "exact_vs_numpy_loop": seconds["exact"] / seconds["numpy_loop"],
        },
        "recall": float(recall_of(index.lists.search(asked, k)[0], exact).mean()),
        "rivals": {
            "faiss_flat": {"built in seconds": round(flat_built, 3), "recall": 1.0},
            "faiss_hnsw": {"built in seconds": round(hnsw_built, 3), "links": rivals.LINKS, "breadth": rivals.ASK,
                           "recall": round(float(recall_of(faiss_hnsw.search(asked, k)[1], exact).mean()), 4)},
            "bm25s": {"built in seconds": round(bm25s_built, 3)},
        },
    }  # fmt: skip


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    value = work()
    return value, time.perf_counter() - start


def _say(line: str) -> None:
    print(f"{line} …", file=sys.stderr, flush=True)
