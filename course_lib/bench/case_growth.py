"""How the case's times grow: the index and the query side for 10,000, 100,000 and 1,000,000 products."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.capstone.case import CaseData, CaseIndex
from course_lib.core.ids import IdMap
from course_lib.search.engine.nearest import nearest
from course_lib.search.retrieval.vectors import recall_of

SIZES = (10_000, 100_000, 1_000_000)
NOISE = 0.35  #: length of what is added to a vector (of length 1) to make a further product of the same kind
RUNS = 3


def grow(
    data: CaseData, vectors: np.ndarray, asked: np.ndarray, past: np.ndarray, k: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure each size. Up to the case's own number of products these are a part of it; beyond, further products are
    variations: the vector of one with noise, its text with the last third of another's.

    Returns:
        ``sizes``: for each, seconds (index: index_words and index_vectors; exact, approximate, words, together), recall,
        probes;
        ``exponents``: of each time between the smallest and the largest size, 1 is linear.
    """
    sizes: dict[str, Any] = {}
    for n in SIZES:
        say(f"{n:,} products")
        texts, rows = varied(data.texts, vectors, n)
        sizes[str(n)] = _measure(texts, rows, data.queries, asked, past, k)
        del texts, rows
    first, last = (sizes[str(n)]["seconds"] for n in (SIZES[0], SIZES[-1]))
    decades = math.log(SIZES[-1] / SIZES[0])
    exponents = {name: round(math.log(last[name] / first[name]) / decades, 3) for name in first}
    return {"sizes": sizes, "exponents": exponents, "noise": NOISE}


def varied(texts: list[str], vectors: np.ndarray, n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """n products: a random part of those given, or all of them and variations of them."""
    rng, m = np.random.default_rng(seed), len(texts)
    if n <= m:
        rows = np.sort(rng.permutation(m)[:n])
        return [texts[row] for row in rows], vectors[rows]
    out = np.empty((n, vectors.shape[1]), dtype=np.float32)
    out[:m] = vectors
    more = list(texts)
    for start in range(m, n, m):
        stop = min(start + m, n)
        own, other = rng.permutation(m)[: stop - start], rng.permutation(m)[: stop - start]
        noise = rng.standard_normal((stop - start, vectors.shape[1]), dtype=np.float32)
        noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        out[start:stop] = vectors[own] + noise
        out[start:stop] /= np.linalg.norm(out[start:stop], axis=1, keepdims=True)
        more += [f"{texts[a][: 2 * len(texts[a]) // 3]} {texts[b][2 * len(texts[b]) // 3 :]}" for a, b in zip(own, other)]
    return more, out


def _measure(
    texts: list[str], vectors: np.ndarray, queries: list[str], asked: np.ndarray, past: np.ndarray, k: int
) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    index, keys = CaseIndex(), IdMap("query", range(len(asked)))
    _, seconds["index_words"] = _median(lambda: index.fit_words(texts), 1)
    _, seconds["index_vectors"] = _median(lambda: index.fit_vectors(vectors, past, k), 1)
    seconds["index"] = seconds["index_words"] + seconds["index_vectors"]
    exact, seconds["exact"] = _median(lambda: nearest(asked, vectors, k), RUNS)
    found, seconds["approximate"] = _median(lambda: index.by_vectors(asked, keys, k), RUNS)
    _, seconds["words"] = _median(lambda: index.by_words(queries, keys, k), RUNS)
    _, seconds["together"] = _median(lambda: index.candidates(queries, asked, keys, k), RUNS)
    return {"seconds": {name: round(value, 4) for name, value in seconds.items()},
            "recall": round(float(recall_of(found.ids, exact[0]).mean()), 4),
            "lists": len(index.lists.centroids), "probes": index.lists.probes}  # fmt: skip


def _median(work: Callable[[], Any], runs: int) -> tuple[Any, float]:
    spent, value = [], None
    for _ in range(runs):
        start = time.perf_counter()
        value = work()
        spent.append(time.perf_counter() - start)
    return value, statistics.median(spent)
