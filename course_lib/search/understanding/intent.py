"""Intent: the category that a query is about, from what people clicked after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, vstack

from course_lib.core.errors import ContractError
from course_lib.search.understanding.normalise import normalise, words

Tokens = Callable[[str], list[str]]


class ClickIntent:
    """P(category | query) from the log's clicks: what this very query led to, and else its words (naive Bayes).

    words:   log P(c | q) ∝ log P(c) + Σ_{w ∈ q} log P(w | c),   P(w | c) = (n_wc + α P(w)) / (n_c + α)
    itself:  P(c | q) = (k_qc + m P_words(c | q)) / (k_q + m)

    Symbols: k_qc: clicks after q on products of c, k_q their sum; n_wc: Σ_q k_qc over queries that hold w, plus
    ``catalogue`` for each product of c whose title holds w; n_c = Σ_w n_wc; P(w): w's share of all n_wc; P(c): c's
    share of the clicks.

    Source: McCallum & Nigam, "A Comparison of Event Models for Naive Bayes Text Classification" (1998); the prior of m
    observations is Dirichlet's, as in Zhai & Lafferty (2004).

    Args:
        tokens: from a text to its words; by default those of ``normalise``. 中文 needs a segmenter's ``segment``.
        smoothing: α. prior: m, how many clicks the words of a query weigh against its own clicks.
        catalogue: weight of a product's title against one click; 0 leaves titles out.

    Raises:
        ContractError: a weight below 0 (or smoothing and prior of 0).
    """

    def __init__(
        self, tokens: Tokens | None = None, *, smoothing: float = 1.0, prior: float = 5.0, catalogue: float = 0.1
    ):
        if not (smoothing > 0 and prior > 0 and catalogue >= 0):
            raise ContractError("smoothing and prior must be above 0, catalogue at least 0")
        self.tokens = tokens or (lambda text: words(normalise(text)))
        self.smoothing, self.prior, self.catalogue = smoothing, prior, catalogue
        self.categories: list[str] | None = None

    def fit(
        self, queries: Sequence[str], clicks: csr_matrix, categories: Sequence[str], titles: Sequence[str] | None = None
    ) -> Self:
        """Count.

        Args:
            queries: n texts. clicks: [n, n_items], clicks after each (any non-negative weights).
            categories: of the products, n_items names. titles: of the products, n_items texts.

        Raises:
            ContractError: no product, shapes that don't fit each other, negative weights.
        """
        clicks = csr_matrix(clicks, dtype=np.float64)
        if not len(categories) or clicks.shape != (len(queries), len(categories)) or clicks.data.min(initial=0) < 0:
            raise ContractError(
                f"clicks {clicks.shape} must be [{len(queries)} queries, {len(categories)} products], at least 0"
            )
        if titles is not None and len(titles) != len(categories):
            raise ContractError(f"{len(titles)} titles for {len(categories)} products")
        self.categories, of_item = np.unique(np.asarray(categories, dtype=str), return_inverse=True)
        self.categories = self.categories.tolist()
        n_items, n = len(categories), len(self.categories)
        belongs = csr_matrix((np.ones(n_items), (np.arange(n_items), of_item)), shape=(n_items, n))
        by_query = clicks @ belongs
        texts, weight = list(queries), by_query
        if titles is not None and self.catalogue:
            texts, weight = texts + list(titles), vstack([by_query, belongs * self.catalogue]).tocsr()
        self._row: dict[str, int] = {}
        held = [(self._row.setdefault(w, len(self._row)), i) for i, t in enumerate(texts) for w in set(self.tokens(t))]
        rows, cols = zip(*held) if held else ((), ())
        holds = csr_matrix((np.ones(len(held)), (rows, cols)), shape=(len(self._row), len(texts)))
        n_wc = (holds @ weight).toarray()
        share = n_wc.sum(axis=1, keepdims=True) / max(n_wc.sum(), 1e-300)
        share = np.maximum(share, 1e-12)  # a word of queries that nobody clicked after says nothing about categories
        self._words = np.log(n_wc + self.smoothing * share) - np.log(n_wc.sum(axis=0) + self.smoothing)
        prior = np.asarray(weight.sum(axis=0)).ravel() + 1 / n
        self._prior = np.log(prior / prior.sum())
        self._own: dict[str, np.ndarray] = {}
        for text, counts in zip(queries, by_query.toarray()):
            key = normalise(text)
            self._own[key] = self._own.get(key, 0) + counts
        return self

    def probabilities(self, queries: Sequence[str]) -> np.ndarray:
        """float64 [n, n_categories], rows sum to 1; a query without a known word gets the share of each category.

        Raises:
            ContractError: not fitted yet, or a single text in place of a list.
        """
        if self.categories is None:
            raise ContractError("the intent model has no log yet", remedy="Call fit(queries, clicks, categories) first")
        if isinstance(queries, str):
            raise ContractError("queries must be a list of texts", remedy='E.g. probabilities(["red shoes"])')
        out = np.empty((len(queries), len(self.categories)))
        for i, query in enumerate(queries):
            known = [self._row[w] for w in set(self.tokens(query)) if w in self._row]
            score = self._prior + self._words[known].sum(axis=0)
            by_words = np.exp(score - score.max())
            by_words /= by_words.sum()
            own = self._own.get(normalise(query), 0.0)
            out[i] = (own + self.prior * by_words) / (np.sum(own) + self.prior)
        return out

    def predict(self, queries: Sequence[str]) -> list[str]:
        """The most probable category of each query."""
        return [self.categories[best] for best in self.probabilities(queries).argmax(axis=1)]
