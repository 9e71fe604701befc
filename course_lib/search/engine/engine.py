"""``SearchEngine``: understand → retrieve → fuse → rank → display, in one object that can be asked why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.analysis import analyser
from course_lib.search.engine import scoring
from course_lib.search.engine.filters import Filters
from course_lib.search.engine.log import QueryLog
from course_lib.search.engine.products import encoder_text, product_rows, product_text
from course_lib.search.engine.query import QueryReader, Reading
from course_lib.search.engine.trace import Stage, Trace
from course_lib.search.engine.vectors import VectorStore
from course_lib.search.retrieval import InvertedIndex, reciprocal_rank_fusion
from course_lib.search.retrieval.catalogue import no_results, query_rows

if TYPE_CHECKING:
    from datasets import Dataset

    from course_lib.language.encoder import TextEncoder


class SearchEngine:
    """Search over a catalogue that changes.

    Lists are those of an engine built anew from the same products in the order in which they were added.

    Args:
        encoder: for dense retrieval; without one the engine searches by words alone.
        log: what people asked for and clicked (``QueryLog.of_shop``): spelling and intent learn from it.
        language: ``"en"`` or ``"zh"``.
        weights: of the rank stage, see ``scoring.WEIGHTS``.
        depth: candidates of each retriever.

    Raises:
        ContractError: a depth below 1, an unknown language, a weight for a feature that there isn't.
    """

    def __init__(
        self,
        encoder: TextEncoder | None = None,
        *,
        log: QueryLog | None = None,
        language: str = "en",
        weights: Mapping[str, float] | None = None,
        depth: int = 200,
    ):
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise ContractError(f"depth is {depth!r}; it must be a whole number of at least 1")
        self.encoder, self.language, self.depth = encoder, language, depth
        self.weights = dict(scoring.WEIGHTS if weights is None else weights)
        nothing = np.zeros(0)
        scoring.contributions(scoring.features(*[nothing] * 4), self.weights)
        self._terms = analyser(language, query=True)
        self.reader = QueryReader(log, language)
        self._clear()

    def _clear(self) -> None:
        self._products: dict[str, dict[str, Any]] = {}  # public id -> row, in the order of adding
        self._words = InvertedIndex(language=self.language)
        self._vectors = VectorStore(self.encoder.dimension) if self.encoder is not None else None
        self._listed: list[dict[str, Any]] | None = None

    # -- the catalogue ------------------------------------------------------------------------------------------------
    def fit(
        self, items: Dataset | Iterable[Mapping[str, Any]], *, vectors: np.ndarray | None = None, progress: bool = False
    ) -> Self:
        """Forget all products, take these, and learn spelling and intent from them.

        Args:
            items: the items table of a shop, or rows of it.
            vectors: float [n, d] of length 1, where the encoder has computed them already.

        Raises:
            ContractError: no products, products or vectors that aren't as they should be, an id that occurs twice.
        """
        products = product_rows(items)
        if not products:
            raise ContractError("there are no products to search", remedy="Pass shop.items")
        self._clear()
        self.add(products, vectors=vectors, progress=progress)
        return self.refresh()

    def add(
        self, items: Dataset | Iterable[Mapping[str, Any]], *, vectors: np.ndarray | None = None, progress: bool = False
    ) -> None:
        """Put products in, without a rebuild; nothing changes if one of them can't be.

        Raises:
            ContractError: as ``fit``; an id that is there already.
        """
        products = product_rows(items)
        ids = IdMap("item", (product["item_id"] for product in products))
        if known := [public for public in ids if public in self._products]:
            raise ContractError(f"the product {known[0]!r} is there already", remedy="Remove it first to update it")
        if vectors is not None and self._vectors is None:
            raise ContractError("vectors were given, but the engine has no encoder for queries")
        if self._vectors is not None:
            if vectors is None:
                vectors = self.encoder.encode([encoder_text(p) for p in products], progress=progress)
            self._vectors.add(ids, vectors)  # the only step that may refuse: it comes first
        self._words.add(ids, [product_text(product, self.language) for product in products])
        self.reader.add(products)
        self._products.update(zip(ids, products))
        self._listed = None

    def remove(self, ids: Iterable[str | int]) -> None:
        """Take products out, without a rebuild; nothing changes if one of them isn't there.

        Raises:
            UnknownIdError: an id that is not in the engine. ContractError: an id occurs twice.
        """
        gone = IdMap("item", ids)
        if unknown := [public for public in gone if public not in self._products]:
            raise UnknownIdError(f"the product {unknown[0]!r} is not in the engine", remedy="Look at engine.item_ids")
        self._words.remove(gone)
        if self._vectors is not None:
            self._vectors.remove(gone)
        self.reader.remove([self._products.pop(public) for public in gone])
        self._listed = None

    def refresh(self) -> Self:
        """Learn spelling and intent anew from the products there are; search itself needs no refreshing."""
        self.reader.learn(self.products)
        return self

    @property
    def item_ids(self) -> IdMap:
        """The products there are, in the order of adding."""
        return self._words.item_ids

    @property
    def products(self) -> list[dict[str, Any]]:
        """Their rows, in the same order."""
        if self._listed is None:
            self._listed = list(self._products.values())
        return self._listed

    def vectors(self) -> np.ndarray | None:
        """Their vectors: float32 [n, d], or ``None`` without an encoder."""
        return None if self._vectors is None else self._vectors.matrix()

    def __len__(self) -> int:
        return len(self._products)

    # -- searching ----------------------------------------------------------------------------------------------------
    def search(
        self, queries: Sequence[str], k: int = 10, *, keys: IdMap | None = None, filters: Filters | None = None
    ) -> Ranking:
        """The k best products of each query; a query with nothing to search for finds nothing.

        Raises:
            ContractError: a single string in place of a list, repeated texts without ``keys``, k < 1.
        """
        return self._run(queries, k, keys, filters or Filters(), lambda *_: None)

    def explain(self, query: str, k: int = 10, *, filters: Filters | None = None) -> Trace:
        """The same search of one query, with what every stage found, and its time.

        Raises:
            ContractError: the query is not a text, k < 1.
        """
        stages: list[Stage] = []
        start = time.perf_counter()

        def note(name: str, said: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
            nonlocal start
            seconds = time.perf_counter() - start
            stages.append(Stage(name, seconds, said, rows()))
            start = time.perf_counter()  # what it takes to write a trace belongs to no stage

        self._run([query], k, None, filters or Filters(), note)
        return Trace(query, tuple(stages))

    def show(self, query: str, k: int = 10, *, filters: Filters | None = None) -> list[dict[str, Any]]:
        """The displayed list: for each place the product's row, its score, and the words of the query that its title has."""
        return self.explain(query, k, filters=filters)["display"].rows

    def _run(self, queries: Sequence[str], k: int, keys: IdMap | None, filters: Filters, note: Callable[..., None]) -> Ranking:
        texts, keys = query_rows(queries, keys)
        no_results(0, k)  # refuses a k that is none
        depth = max(self.depth, k)
        readings = [self.reader.read(text) for text in texts]
        note("understand", readings[0].said() if readings else "", list)
        allowed = filters.mask(self.products) if filters else None
        lists = [self._lexical(readings, keys, depth, allowed)]
        note("lexical", _found(lists[0]), lambda: self._rows(lists[0], k))
        asked: np.ndarray | None = None
        if self._vectors is not None:
            asked = self.encoder.encode([reading.text for reading in readings])
            lists.append(self._dense(asked, readings, keys, depth, allowed))
            note("dense", _found(lists[1]), lambda: self._rows(lists[1], k))
        fused = reciprocal_rank_fusion(lists, depth)
        note("fuse", _found(fused), lambda: self._rows(fused, k))
        ranked, why = self._rank(fused, lists[0], asked, readings)
        note("rank", f"weights {', '.join(f'{n} {w:g}' for n, w in self.weights.items())}",
             lambda: self._rows(ranked.head(k), k, why[0]))  # fmt: skip
        shown = ranked.head(k)
        note("display", _found(shown), lambda: self._display(shown, readings[0]))
        return shown

    def _lexical(self, readings: list[Reading], keys: IdMap, depth: int, allowed: np.ndarray | None) -> Ranking:
        texts = [reading.text for reading in readings]
        if allowed is None:
            return self._words.search(texts, depth, keys=keys)
        whole = self._words.search(texts, max(len(self), 1), keys=keys)  # a filter must not lose what lies deeper
        ids, scores = no_results(len(texts), depth)
        for row in range(len(texts)):
            kept = np.flatnonzero((whole.ids[row] != PAD) & allowed[whole.ids[row]])[:depth]
            ids[row, : len(kept)], scores[row, : len(kept)] = whole.ids[row, kept], whole.scores[row, kept]
        return Ranking(ids, scores, keys, whole.items)

    def _dense(
        self, asked: np.ndarray, readings: list[Reading], keys: IdMap, depth: int, allowed: np.ndarray | None
    ) -> Ranking:
        ids, scores = no_results(len(readings), depth)
        rows = [row for row, reading in enumerate(readings) if reading.text]
        if rows and len(self):
            ids[rows], scores[rows] = self._vectors.search(asked[rows], depth, allowed=allowed)
        return Ranking(ids, scores, keys, self.item_ids)

    def _rank(
        self, fused: Ranking, lexical: Ranking, asked: np.ndarray | None, readings: list[Reading]
    ) -> tuple[Ranking, list[dict[str, np.ndarray]]]:
        """The fused candidates by their weighted features, and what each feature added, in the new order."""
        ids, scores = no_results(*fused.ids.shape)
        why = []
        for row, reading in enumerate(readings):
            places = fused.ids[row][fused.ids[row] != PAD]
            bm25 = dict(zip(lexical.ids[row].tolist(), lexical.scores[row].tolist()))
            bm25 = np.array([bm25.get(place, 0.0) for place in places.tolist()])
            near = np.zeros(len(places)) if asked is None else self._vectors.cosines(asked[row], places)
            about = np.array([reading.category.get(self.products[place]["category"], 0.0) for place in places.tolist()])
            values = scoring.features(fused.scores[row, : len(places)], bm25, near, about)
            added = scoring.contributions(values, self.weights)
            total = sum(added.values(), np.zeros(len(places))).astype(np.float32)
            order = np.argsort(-total, kind="stable")  # ties as fusion had them
            ids[row, : len(places)], scores[row, : len(places)] = places[order], total[order]
            why.append({name: part[order] for name, part in added.items()})
        return Ranking(ids, scores, fused.keys, fused.items), why

    def _rows(self, ranking: Ranking, k: int, why: Mapping[str, np.ndarray] | None = None) -> list[dict[str, Any]]:
        """The first k of the first query, for a trace."""
        rows = []
        for place, item in enumerate(ranking.ids[0, :k].tolist()):
            if item != PAD:
                product = self.products[item]
                row = {"item_id": product["item_id"], "title": product["title"], "score": float(ranking.scores[0, place])}
                rows.append(row | {name: float(part[place]) for name, part in (why or {}).items()})
        return rows

    def _display(self, shown: Ranking, reading: Reading) -> list[dict[str, Any]]:
        asked, rows = set(self._terms(reading.text)), []
        for row in self._rows(shown, shown.k):
            product = self._products[row["item_id"]]
            matched = [word for word in product["title"].split() if asked & set(self._terms(word))]
            rows.append(row | {"brand": product["brand"], "category": product["category"], "price": product["price"],
                               "matched": matched})  # fmt: skip
        return rows


def _found(ranking: Ranking) -> str:
    n = int((ranking.ids != PAD).sum())
    return f"{n} product{'s' * (n != 1)}"
