"""The words that a query and a product have in common, field by field, for given pairs instead of a whole catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.search.analysis import analyser


class FieldIndex:
    """BM25 of (query, product) pairs in one field of the products, and how much of the query the field covers.

    The score is that of ``search.retrieval.BM25``; here the weights stand in a sparse matrix [products, terms], so that
    pairs are scored by multiplying rows.

    Args:
        k1, b: of BM25. language: ``"en"`` or ``"zh"``.
    """

    def __init__(self, *, k1: float = 1.2, b: float = 0.75, language: str = "en"):
        self.k1, self.b = k1, b
        self._of_item, self._of_query = analyser(language), analyser(language, query=True)

    def fit(self, texts: Sequence[str]) -> Self:
        """Weigh the terms of each product's text."""
        self._row: dict[str, int] = {}
        terms = [[self._row.setdefault(t, len(self._row)) for t in self._of_item(text)] for text in texts]
        counts = _counted(terms, len(self._row))
        length = np.array([len(one) for one in terms], dtype=np.float64)
        held = np.bincount(counts.indices, minlength=len(self._row))
        self.idf = np.log1p((len(texts) - held + 0.5) / (held + 0.5))
        of_row = np.repeat(length, np.diff(counts.indptr)) / max(length.mean(), 1e-12)
        counts.data = counts.data / (counts.data + self.k1 * (1 - self.b + self.b * of_row))
        self._holds = csr_matrix((np.ones(counts.nnz), counts.indices, counts.indptr), counts.shape)
        self._weights = counts.multiply(self.idf[None, :]).tocsr()
        return self

    def scores(self, queries: Sequence[str], query: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float64 [m] twice: BM25 of the pairs; and the share of the query's weight (idf) that the field holds, 0–1.

        Args:
            queries: texts. query: int [m], rows of the texts. item: int [m], rows of the products.
        """
        terms = [self._of_query(text) for text in queries]
        rare = np.log1p(2 * self._holds.shape[0] + 1)  # a term that no product holds: n_t = 0
        missing = np.array([sum(t not in self._row for t in set(one)) for one in terms]) * rare
        asked = _counted([[self._row[t] for t in one if t in self._row] for one in terms], len(self._row))
        once = csr_matrix((self.idf[asked.indices], asked.indices, asked.indptr), asked.shape)
        total = np.asarray(once.sum(axis=1)).ravel() + missing
        bm25 = asked[query].multiply(self._weights[item]).sum(axis=1)
        covered = once[query].multiply(self._holds[item]).sum(axis=1)
        return np.asarray(bm25).ravel(), np.asarray(covered).ravel() / np.maximum(total, 1e-12)[query]


def _counted(terms: Sequence[Sequence[int]], n_terms: int) -> csr_matrix:
    """float64 [len(terms), n_terms]: how often each term stands in each row."""
    ends = np.cumsum([0, *(len(one) for one in terms)])
    column = np.array([t for one in terms for t in one], dtype=np.int64)
    matrix = csr_matrix((np.ones(len(column)), column, ends), shape=(len(terms), n_terms))
    matrix.sum_duplicates()
    return matrix
