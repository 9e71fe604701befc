"""BM25 for use: index and scores by ``bm25s`` (``inverted`` writes the same formula out)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import bm25s
import numpy as np

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.search.analysis import analyser
from course_lib.search.retrieval.catalogue import catalogue, fitted, query_rows

if TYPE_CHECKING:
    from datasets import Dataset


class BM25:
    """Lexical retrieval: a product scores by the query's words that it contains, rare ones more (see ``search``).

    score(q, p) = Σ_t ln(1 + (N − n_t + ½) / (n_t + ½)) · f_tp / (f_tp + k1 (1 − b + b |p| / mean |p|)), over the terms
    t of the query; a repeated term counts again. f_tp: how often t stands in p; n_t: products with t; N: all products.

    Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework" (2009); this variant is the one called
    "Lucene (accurate)" in Kamphuis et al., "Which BM25 Do You Mean?" (ECIR 2020). Index and scores by ``bm25s``.

    Args:
        k1: how fast a repeated word stops adding to the score.
        b: how much a long text is marked down, from 0 (not at all) to 1.
        language: of the texts, ``"en"`` or ``"zh"`` (``search.analysis`` says what becomes a term).

    Raises:
        ContractError: k1 < 0, b outside 0–1, an unknown language.
    """

    def __init__(self, *, k1: float = 1.2, b: float = 0.75, language: str = "en"):
        if not k1 >= 0 or not 0 <= b <= 1:
            raise ContractError(f"k1 is {k1} and b is {b}; k1 must be at least 0 and b between 0 and 1")
        self.k1, self.b, self.language = k1, b, language
        self._terms_of_item, self._terms_of_query = analyser(language), analyser(language, query=True)
        self.item_ids: IdMap | None = None

    def fit(self, items: Dataset | Sequence[str], *, item_ids: IdMap | None = None) -> Self:
        """Index the products: the items table of a shop, or texts in catalogue order.

        Args:
            item_ids: map of kind "item" for texts; without it, the public id of a text is its row number.

        Raises:
            ContractError: no items, or ids that don't fit the texts.
        """
        texts, self.item_ids = catalogue(items, item_ids)
        self._vocabulary: dict[str, int] = {}
        rows = [[self._vocabulary.setdefault(t, len(self._vocabulary)) for t in self._terms_of_item(x)] for x in texts]
        self._index = bm25s.BM25(method="lucene", k1=self.k1, b=self.b, backend="numpy")
        if self._vocabulary:  # products without a single word are a catalogue in which nothing is found
            self._index.index((rows, dict(self._vocabulary)), show_progress=False)
        return self

    def search(self, queries: Sequence[str], k: int = 100, *, keys: IdMap | None = None) -> Ranking:
        """The k best products of each query; a product without any of its words is no result (the row is padded).

        Args:
            queries: the texts that people typed; an empty one finds nothing.
            keys: map of kind "query", one id per text; by default the texts themselves.

        Returns:
            Ranking [n_queries, k], ties by catalogue row.

        Raises:
            ContractError: not fitted yet, a single string in place of a list, repeated texts without ``keys``.
        """
        items, (texts, keys) = fitted(self), query_rows(queries, keys)

        def score(block: slice) -> np.ndarray:
            scores = np.stack([self._scores(query) for query in texts[block]])
            return np.where(scores > 0, scores, np.float32(-np.inf))

        return rank_in_blocks(score, k, keys=keys, items=items, block=64)

    def _scores(self, query: str) -> np.ndarray:
        terms = [self._vocabulary[t] for t in self._terms_of_query(query) if t in self._vocabulary]
        if not terms:
            return np.zeros(len(self.item_ids), dtype=np.float32)
        return self._index.get_scores_from_ids(terms)
