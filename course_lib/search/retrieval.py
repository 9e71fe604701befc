"""Retrieval: a few hundred candidates out of the whole catalogue, by words, by vectors, or by both.

Every retriever keeps one contract: ``fit(items)`` once, then ``search(queries, k) -> Ranking``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Self

import bm25s
import numpy as np

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking, top_k
from course_lib.search.analysis import analyser
from course_lib.shop.texts import item_texts

if TYPE_CHECKING:
    from datasets import Dataset

Encode = Callable[[list[str]], np.ndarray]  #: texts -> float32 [n, d]


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
        texts, self.item_ids = _catalogue(items, item_ids)
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
        items, (texts, keys) = _fitted(self), _asked(queries, keys)

        def score(block: slice) -> np.ndarray:
            scores = np.stack([self._scores(query) for query in texts[block]])
            return np.where(scores > 0, scores, np.float32(-np.inf))

        return rank_in_blocks(score, k, keys=keys, items=items, block=64)

    def _scores(self, query: str) -> np.ndarray:
        terms = [self._vocabulary[t] for t in self._terms_of_query(query) if t in self._vocabulary]
        if not terms:
            return np.zeros(len(self.item_ids), dtype=np.float32)
        return self._index.get_scores_from_ids(terms)


class Dense:
    """Dense retrieval: the products whose vectors have the largest inner product with the query's, exactly.

    Args:
        encode: from a list of texts to float [n, d]; rows of length 1 make the inner product a cosine.
        encode_queries: where queries are encoded in another way than products; by default ``encode``.
        block: queries scored at a time (memory: block × n_items × 4 bytes).
    """

    def __init__(self, encode: Encode, *, encode_queries: Encode | None = None, block: int = 256):
        self.encode, self.encode_queries, self.block = encode, encode_queries or encode, block
        self.item_ids: IdMap | None = None

    def fit(
        self, items: Dataset | Sequence[str], *, item_ids: IdMap | None = None, vectors: np.ndarray | None = None
    ) -> Self:
        """Encode the products, or take ``vectors``, float [n_items, d], in catalogue order.

        Raises:
            ContractError: no items, vectors of another number, shape or with values that are not finite.
        """
        texts, self.item_ids = _catalogue(items, item_ids)
        self.vectors = _vectors(self.encode(texts) if vectors is None else vectors, len(texts))
        return self

    def search(self, queries: Sequence[str], k: int = 100, *, keys: IdMap | None = None) -> Ranking:
        """The k nearest products of each query (see ``BM25.search`` for arguments and errors)."""
        items, (texts, keys) = _fitted(self), _asked(queries, keys)
        ids, scores = _empty(len(texts), k)
        asked = np.flatnonzero([bool(text.strip()) for text in texts])  # an empty query finds nothing
        if len(asked):
            vectors = _vectors(self.encode_queries([texts[row] for row in asked]), len(asked))
            ids[asked], scores[asked] = top_k(vectors, self.vectors, k, block=self.block)
        return Ranking(ids, scores, keys, items)


def reciprocal_rank_fusion(rankings: Iterable[Ranking], k: int, *, c: float = 60) -> Ranking:
    """One list out of several, by places alone: score(q, p) = Σ_r 1 / (c + place of p in r), places counted from 1.

    Scores of different retrievers have no common unit; places have. A product that a list lacks gets nothing from it.

    Source: Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion Outperforms Condorcet" (SIGIR 2009), with c = 60.

    Args:
        rankings: of the same catalogue and the same keys; rows are joined by key, in the order of the first ranking.
        k: length of the fused list.

    Raises:
        ContractError: no ranking, different catalogues or keys, k < 1, c < 0.
    """
    rankings = list(rankings)
    if not rankings:
        raise ContractError("there is no ranking to fuse")
    ids, scores = _empty(len(rankings[0]), k)
    if not c >= 0:
        raise ContractError(f"c is {c}; it must be at least 0")
    first, n_items = rankings[0], len(rankings[0].items)
    pairs, gains = [], []
    for ranking in rankings:
        if ranking.items != first.items:
            raise ContractError("the rankings have different catalogues")
        if ranking.keys.kind != first.keys.kind or set(ranking.keys.ids) != set(first.keys.ids):
            raise ContractError("the rankings have different keys", remedy="Search each with the same queries")
        found = ranking.ids[ranking.keys.rows(first.keys.ids)]
        row, place = np.nonzero(found != PAD)
        pairs.append(row * n_items + found[row, place])  # one number per (query, product)
        gains.append(1 / (c + place + 1))
    pair, which = np.unique(np.concatenate(pairs), return_inverse=True)
    # Rounding comes before sorting, so that sums that differ only in the order of addition are ties.
    score = np.bincount(which, weights=np.concatenate(gains), minlength=len(pair)).astype(np.float32)
    row, item = np.divmod(pair, max(n_items, 1))
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)  # rows are sorted: distance from the row's first entry
    kept = place < k
    ids[row[kept], place[kept]], scores[row[kept], place[kept]] = item[kept], score[kept]
    return Ranking(ids, scores, first.keys, first.items)


def _catalogue(items: Dataset | Sequence[str], item_ids: IdMap | None) -> tuple[list[str], IdMap]:
    """Texts and ids of a catalogue with at least one product."""
    if hasattr(items, "column_names"):
        texts, ids = item_texts(items), IdMap("item", items["item_id"][:])
        if item_ids is not None and item_ids != ids:
            raise ContractError("item_ids differ from the item_id column of the items table")
    else:
        texts = [] if isinstance(items, str) else list(items)
        if not all(isinstance(text, str) for text in texts):
            raise ContractError("items must be the items table of a shop or a list of texts")
        ids = item_ids.expect("item") if item_ids is not None else IdMap("item", range(len(texts)))
    if not texts:
        raise ContractError("there are no items to search", remedy="Pass shop.items or a list of texts")
    if len(ids) != len(texts):
        raise ContractError(f"{len(ids)} item ids for {len(texts)} texts")
    return texts, ids


def _asked(queries: Sequence[str], keys: IdMap | None) -> tuple[list[str], IdMap]:
    """The texts and the keys of the rows of a search."""
    texts = [] if isinstance(queries, str) else list(queries)
    if isinstance(queries, str) or not all(isinstance(text, str) for text in texts):
        raise ContractError("queries must be a list of texts", remedy='E.g. search(["red running shoes"])')
    if keys is None:
        if len(set(texts)) != len(texts):
            raise ContractError("a query text occurs twice", remedy='Pass keys=IdMap("query", query_ids)')
        keys = IdMap("query", texts)
    if len(keys.expect("query")) != len(texts):
        raise ContractError(f"{len(keys)} keys for {len(texts)} queries")
    return texts, keys


def _fitted(retriever: BM25 | Dense) -> IdMap:
    if retriever.item_ids is None:
        raise ContractError(f"{type(retriever).__name__} has no catalogue yet", remedy="Call fit(shop.items) first")
    return retriever.item_ids


def _vectors(vectors: np.ndarray, n: int) -> np.ndarray:
    """float32 [n, d], contiguous and finite."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != n:
        raise ContractError(f"vectors {vectors.shape} must be [{n}, d], one row per text")
    if not np.isfinite(vectors).all():
        raise ContractError("a vector holds NaN or infinity")
    return vectors


def _empty(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and scores [n, k] of rows without a result yet."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    return np.full((n, k), PAD, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
