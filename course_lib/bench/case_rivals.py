"""What people would use for the case instead: faiss Flat, faiss HNSW, bm25s alone, a plain numpy loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: of faiss HNSW: links of each product, breadth of the search while building and while asking (its users' usual range)
LINKS, BUILD, ASK = 32, 100, 400


def flat(vectors: np.ndarray) -> Any:
    """faiss Flat: exact, all cores."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def hnsw(vectors: np.ndarray) -> Any:
    """faiss HNSW."""
    import faiss

    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD
    index.add(vectors)
    index.hnsw.efSearch = ASK
    return index


def words(texts: list[str]) -> Callable[[list[str], int], Any]:
    """bm25s as its README uses it: its own tokenizer with English stopwords and stems, its own top k."""
    import bm25s
    import Stemmer

    stem = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stem, show_progress=False), show_progress=False)

    def search(queries: list[str], k: int) -> Any:
        asked = bm25s.tokenize(queries, stopwords="en", stemmer=stem, show_progress=False)
        return index.retrieve(asked, k=k, show_progress=False)

    return search


def loop(vectors: np.ndarray, asked: np.ndarray, k: int) -> list[np.ndarray]:
    """Query after query: all inner products, sorted whole."""
    return [np.argsort(-(vectors @ query))[:k] for query in asked]
