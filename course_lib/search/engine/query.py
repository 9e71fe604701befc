"""The understand stage: what a customer typed, as the engine reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.search.analysis import analyser
from course_lib.search.engine.log import QueryLog
from course_lib.search.engine.products import product_text
from course_lib.search.understanding import (
    Channel,
    ClickIntent,
    RunSpeller,
    Segmenter,
    Speller,
    count_words,
    fold_codes,
    is_model_code,
    normalise,
    shop_words,
    words,
)


@dataclass(frozen=True, eq=False)
class Reading:
    """A query as the engine reads it.

    Attributes:
        typed: as it came. text: normalised, codes and spelling mended; "" where nothing can be searched for.
        changes: (typed, read) for each word that was changed.
        category: P(category | query): all of it on the category that the query names, or else, of each category that the
            log knows, what the clicks say; empty where neither speaks.
    """

    typed: str
    text: str
    changes: tuple[tuple[str, str], ...]
    category: Mapping[str, float]

    def said(self) -> str:
        """One line for a trace."""
        if not self.text:
            return "nothing to search for"
        mended = "".join(f", {a} read as {b}" for a, b in self.changes)
        best = max(self.category, key=self.category.__getitem__, default=None)
        about = f"; about {best} ({self.category[best]:.0%})" if best is not None else ""
        return f"“{self.text}”{mended}{about}"


class QueryReader:
    """Normalisation, model codes, spelling and intent, learned from a catalogue and a log.

    Products that come later are known at once, so that their words are never "corrected"; as candidates of a correction
    they count from the next ``learn`` on.

    Args:
        log: what people asked for and clicked; without one there is no intent.
        language: ``"en"`` or ``"zh"``.
    """

    def __init__(self, log: QueryLog | None = None, language: str = "en"):
        self.log, self.language = log or QueryLog(), language
        self._known: Counter[str] = Counter()  # shared with the speller, which must not touch these words
        self._codes: set[str] = set()  # those of them that are model codes
        self._speller: Speller | RunSpeller | None = None
        self._intent: ClickIntent | None = None
        self._names: dict[tuple[str, ...], list[str]] = {}  # terms of a category's last name -> the categories so named
        self._terms = analyser(language, query=True)

    def learn(self, products: Sequence[Mapping[str, Any]]) -> Self:
        """Learn anew from all products there are."""
        self._known, self._codes = Counter(), set()
        self.add(products)
        self._names = {}
        for category in sorted({product["category"] for product in products if product["category"]}):
            self._names.setdefault(tuple(self._terms(category.rpartition(" > ")[2])), []).append(category)
        self._names.pop((), None)
        self._speller, self._intent = None, None
        if not products:
            return self
        if self.language == "zh":
            from datasets import Dataset

            segmenter = Segmenter(shop_words(Dataset.from_list([dict(p) for p in products]), self.log.queries))
            self._speller, tokens = RunSpeller(segmenter), segmenter.segment
        else:
            channel = Channel.learn(self.log.corrections)
            if self._known:
                self._speller = Speller(self._known, count_words(dict.fromkeys(self.log.queries)), channel=channel)
                self._speller.catalogue = self._known  # not the copy: what is added later counts as known
            tokens = None
        if self.log.queries:
            self._intent = _intent(self.log, products, tokens)
        return self

    def add(self, products: Iterable[Mapping[str, Any]]) -> None:
        """Know the words of new products."""
        for product in products:
            counts = count_words([product_text(product, self.language)])
            self._known.update(counts)
            self._codes.update(filter(is_model_code, counts))

    def remove(self, products: Iterable[Mapping[str, Any]]) -> None:
        """Forget words that no product has any more."""
        for product in products:
            for word, count in count_words([product_text(product, self.language)]).items():
                self._known[word] -= count
                if self._known[word] <= 0:
                    del self._known[word]
                    self._codes.discard(word)

    def read(self, query: str) -> Reading:
        """Read one query; a hostile one (control characters, a megabyte of text) is cut and cleaned, never refused.

        Raises:
            ContractError: the query is not a text.
        """
        if not isinstance(query, str):
            raise ContractError(f"a query is a text, not {type(query).__name__}")
        text, changes = normalise(query, self.language), ()
        folded = fold_codes(text, self._codes)
        if self._speller is not None and words(folded):
            corrected = self._speller.correct(folded)
            folded, changes = corrected.text, corrected.changes
        if not words(folded):
            return Reading(query, "", (), {})
        category = self._named(folded)
        if not category and self._intent is not None:
            category = dict(zip(self._intent.categories, map(float, self._intent.probabilities([folded])[0])))
        return Reading(query, folded, changes, category)

    def _named(self, text: str) -> dict[str, float]:
        """The categories whose name stands in the text, the longest name alone: "running shoes" is no matter of clicks."""
        terms = tuple(self._terms(text))
        longest = min(len(terms), max(map(len, self._names), default=0))
        for size in range(longest, 0, -1):
            for start in range(len(terms) - size + 1):
                if found := self._names.get(terms[start : start + size]):
                    return {category: 1 / len(found) for category in found}
        return {}


def _intent(log: QueryLog, products: Sequence[Mapping[str, Any]], tokens: Any) -> ClickIntent:
    """The log is kept by category, not by product: each category stands as one product without a title."""
    names = sorted({name for counts in log.categories for name in counts})
    column = {name: len(products) + i for i, name in enumerate(names)}
    cells = [(row, column[name], n) for row, counts in enumerate(log.categories) for name, n in counts.items()]
    rows, columns, counts = zip(*cells) if cells else ((), (), ())
    shape = (len(log.queries), len(products) + len(names))
    clicks = csr_matrix((np.array(counts, dtype=float), (rows, columns)), shape=shape)
    categories = [product["category"] or "" for product in products] + names
    titles = [product["title"] or "" for product in products] + [""] * len(names)
    return ClickIntent(tokens).fit(list(log.queries), clicks, categories, titles)
