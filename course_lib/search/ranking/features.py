"""What a ranker knows of a query and a product: words, meaning, shelf, price, and what sold before a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD, Ranking
from course_lib.search.ranking.lexical import FieldIndex
from course_lib.search.ranking.table import FeatureTable
from course_lib.shop.log import CLICK, PURCHASE, Log
from course_lib.shop.texts import item_texts

if TYPE_CHECKING:
    from datasets import Dataset

    from course_lib.search.understanding import ClickIntent

Encode = Callable[[list[str]], np.ndarray]  #: texts -> float [n, d], rows of length 1
DAY = 86_400


class PairFeatures:
    """Features of candidate lists. Nothing after the moment that ``fit`` is told enters them.

    - ``bm25``, ``bm25_title``: of the whole text and of the title; ``covered``, ``covered_title``, ``covered_brand``,
      ``covered_attributes``: share of the query's weight that the field holds.
    - ``cosine``: of the vectors of query and product (with vectors only).
    - ``bm25_short``, ``cosine_short``: how far below the best of its list; a linear model can't see the list itself.
    - ``place``: 1 / (10 + place) in the candidate list.
    - ``vote``: share of the list, weighed by place, that stands on the product's own shelf; ``intent``: P(category |
      query) by a fitted ``ClickIntent`` (with one only).
    - ``price``: ln price; ``price_gap``: ln price minus the median of its category. 0 where a price is missing.
    - ``clicks``, ``purchases``: ln(1 + events in the window before the moment) (with a log only).
    - ``words``: of the product's text, and ``asked``: of the query (ln(1 + n)).

    Args:
        language: of the texts. window_days: how far back the counts of clicks and purchases reach.
    """

    def __init__(self, *, language: str = "en", window_days: float = 30):
        if not window_days > 0:
            raise ContractError(f"window_days is {window_days}; it must be above 0")
        self.language, self.window_days = language, window_days
        self._items = -1

    def fit(
        self,
        items: Dataset,
        *,
        vectors: np.ndarray | None = None,
        encode: Encode | None = None,
        log: Log | None = None,
        until: int | None = None,
        intent: ClickIntent | None = None,
    ) -> Self:
        """Read the catalogue, and count the log.

        Args:
            vectors: float [n_items, d], of the products, and ``encode`` for the queries; give both or neither.
            log, until: events, and the moment they all lie before: the split, or now.
            intent: fitted on the log before that moment.

        Raises:
            ContractError: an event at or after the moment, a log without a moment, vectors without ``encode`` or of
                another number, an intent model of other categories.
        """
        if (vectors is None) != (encode is None) or (log is None) != (until is None):
            raise ContractError("vectors go with encode, and a log with the moment (until) it ends at; give both")
        if vectors is not None and (np.ndim(vectors) != 2 or len(vectors) != len(items)):
            raise ContractError(f"vectors {np.shape(vectors)} must be [{len(items)}, d], one row for each product")
        if log is not None and len(log) and log.timestamp.max() >= until:
            remedy = "Read the log with until=…: what comes later must not enter a feature"
            raise ContractError("the log reaches beyond the moment of the split", remedy=remedy)
        self.vectors, self.encode, self.intent = vectors, encode, intent
        self._items, texts = len(items), item_texts(items)
        attributes = [" ".join(one["value"] for one in many) for many in items["attributes"][:]]
        fields = {"": texts, "_title": items["title"][:], "_brand": items["brand"][:], "_attributes": attributes}
        self._fields = {name: FieldIndex(language=self.language).fit(of) for name, of in fields.items()}
        price = np.asarray(items["price"][:], dtype=np.float64)
        category, self._shelf = np.unique(np.asarray(items["category"][:], dtype=str), return_inverse=True)
        known = np.isfinite(price) & (price > 0)
        log_price = np.log(np.where(known, price, 1))
        middle = np.array([_median(log_price[known & (self._shelf == shelf)]) for shelf in range(len(category))])
        self._of_item = {
            "price": np.where(known, log_price, 0),
            "price_gap": np.where(known, log_price - middle[self._shelf], 0),
            "words": np.log1p([len(text.split()) for text in texts]),
        }  # fmt: skip
        if log is not None:
            recent = log.timestamp >= until - self.window_days * DAY
            for name, kind in (("clicks", CLICK), ("purchases", PURCHASE)):
                count = np.bincount(log.item[recent & (log.kind == kind)], minlength=len(items))
                self._of_item[name] = np.log1p(count)
        if intent is not None:
            if not set(category) <= set(intent.categories or ()):
                raise ContractError("the intent model doesn't know all categories of these products")
            self._column = np.array([intent.categories.index(name) for name in category])
        return self

    def compute(self, candidates: Ranking, queries: Sequence[str]) -> FeatureTable:
        """All features of the candidates of n queries.

        Args:
            queries: the text of each row of the candidates.

        Raises:
            ContractError: not fitted yet, another catalogue, not one text for each row.
        """
        if self._items != len(candidates.items):
            raise ContractError(f"features of {self._items} products, candidates out of {len(candidates.items)}",
                                remedy="Call fit(items) with the catalogue that was searched")  # fmt: skip
        queries = [] if isinstance(queries, str) else list(queries)
        if len(queries) != len(candidates):
            raise ContractError(f"{len(queries)} query texts for {len(candidates)} lists")
        mask = candidates.ids != PAD
        row, place = np.nonzero(mask)
        item = candidates.ids[row, place]
        columns: dict[str, np.ndarray] = {}
        for name, index in self._fields.items():
            bm25, covered = index.scores(queries, row, item)
            columns |= {f"bm25{name}": bm25} if name in ("", "_title") else {}
            columns[f"covered{name}"] = covered
        if self.vectors is not None:
            asked = np.asarray(self.encode(queries)) if queries else np.zeros((0, self.vectors.shape[1]))
            columns["cosine"] = np.einsum("md,md->m", asked[row], self.vectors[item])
        for name in ("bm25", "cosine"):
            if name in columns:
                best = np.full(len(mask), -np.inf)
                np.maximum.at(best, row, columns[name])
                columns[f"{name}_short"] = columns[name] - best[row]
        columns["place"] = 1 / (10 + place)
        # A list votes for shelves: each candidate gives its place's weight to the shelf it comes from.
        shelf, weight = self._shelf[item], columns["place"]
        n_shelves = self._shelf.max() + 1
        votes = np.bincount(row * n_shelves + shelf, weight, minlength=len(mask) * n_shelves)
        columns["vote"] = votes[row * n_shelves + shelf] / np.maximum(np.bincount(row, weight, len(mask)), 1e-12)[row]
        if self.intent is not None:
            columns["intent"] = self.intent.probabilities(queries)[row, self._column[shelf]]
        columns |= {name: values[item] for name, values in self._of_item.items()}
        columns["asked"] = np.log1p([len(text.split()) for text in queries])[row] if queries else np.zeros(0)
        values = np.zeros((*mask.shape, len(columns)))
        values[row, place] = np.column_stack(list(columns.values()))
        return FeatureTable(values, tuple(columns), candidates)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0
