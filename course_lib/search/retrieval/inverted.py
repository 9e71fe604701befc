"""An inverted index: for each word the products that contain it. BM25 reads it, and products come and go.

The formula is that of ``bm25.BM25``, whose library serves as the oracle; what is different is that this index is never
rebuilt: every number of the formula is kept as a count that adding and removing a product can move.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.search.analysis import analyser
from course_lib.search.retrieval.catalogue import catalogue, no_results, query_rows

if TYPE_CHECKING:
    from datasets import Dataset


class Postings:
    """Where one term stands: slots of products, rising, and how often it stands in each (0: the product has gone)."""

    __slots__ = ("slots", "counts", "products")

    def __init__(self) -> None:
        self.slots, self.counts = array("q"), array("q")  # grow in place, and numpy reads them without a copy
        self.products = 0  # how many contain the term now: n_t of the formula

    def add(self, slot: int, count: int) -> None:
        """A new product, whose slot is above all others."""
        self.slots.append(slot)
        self.counts.append(count)
        self.products += 1

    def remove(self, slot: int) -> None:
        """A product that contains the term goes: its count becomes 0, which adds nothing to any score."""
        self.counts[bisect_left(self.slots, slot)] = 0
        self.products -= 1


class InvertedIndex:
    """BM25 over a catalogue that changes. After any changes the scores are those of an index built anew.

    score(q, p) = Σ_t ln(1 + (N − n_t + ½) / (n_t + ½)) · f_tp / (f_tp + k1 (1 − b + b |p| / mean |p|)); the symbols are
    those of ``BM25``. Products stand in the order in which they were added; an updated product (removed, added again)
    goes to the end.

    Source: Zobel & Moffat, "Inverted files for text search engines" (ACM Computing Surveys 2006), for the structure.

    Args:
        k1, b, language: as for ``BM25``.

    Raises:
        ContractError: k1 < 0, b outside 0–1, an unknown language.
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75, language: str = "en"):
        if not k1 >= 0 or not 0 <= b <= 1:
            raise ContractError(f"k1 is {k1} and b is {b}; k1 must be at least 0 and b between 0 and 1")
        self.k1, self.b, self.language = k1, b, language
        self._terms_of_item, self._terms_of_query = analyser(language), analyser(language, query=True)
        self._clear()

    def _clear(self) -> None:
        self._postings: dict[str, Postings] = {}
        self._slot_of: dict[str, int] = {}  # public id -> slot, in the order of adding
        self._held: list[list[Postings]] = []  # by slot, the postings of the product's terms; none once it has gone
        self._lengths = array("q")  # by slot, terms in the product
        self._total = 0  # terms in all products there are
        self._order: tuple[IdMap, np.ndarray] | None = None

    def fit(self, items: Dataset | Sequence[str], *, item_ids: IdMap | None = None) -> Self:
        """Forget everything and index these products (arguments and errors of ``BM25.fit``)."""
        texts, ids = catalogue(items, item_ids)
        self._clear()
        self.add(ids.ids, texts)
        return self

    def add(self, ids: Iterable[str | int], texts: Sequence[str]) -> None:
        """Index new products; nothing changes if one of them can't be.

        Raises:
            ContractError: an id is there already or occurs twice, another number of texts, a text that is no string.
        """
        new, texts = IdMap("item", ids), [] if isinstance(texts, str) else list(texts)
        if len(new) != len(texts) or not all(isinstance(text, str) for text in texts):
            raise ContractError(f"{len(new)} ids need as many texts, in a list", remedy="One text per product")
        if known := [one for one in new if one in self._slot_of]:
            raise ContractError(f"the product {known[0]!r} is in the index", remedy="Remove it first to update it")
        for public, text in zip(new, texts):
            terms, slot = Counter(self._terms_of_item(text)), len(self._held)
            self._held.append([self._postings.setdefault(term, Postings()) for term in terms])
            for found, count in zip(self._held[slot], terms.values()):
                found.add(slot, count)
            self._slot_of[public] = slot
            self._lengths.append(terms.total())
            self._total += terms.total()
        self._order = None

    def remove(self, ids: Iterable[str | int]) -> None:
        """Take products out; nothing changes if one of them isn't there.

        Raises:
            UnknownIdError: an id that is not in the index. ContractError: an id occurs twice.
        """
        gone = IdMap("item", ids)
        if unknown := [one for one in gone if one not in self._slot_of]:
            raise UnknownIdError(f"the product {unknown[0]!r} is not in the index", remedy="Add it before removing it")
        for public in gone:
            slot = self._slot_of.pop(public)
            for found in self._held[slot]:
                found.remove(slot)
            self._held[slot] = []
            self._total -= self._lengths[slot]
        self._order = None
        if len(self._held) > 2 * len(self._slot_of) + 64:
            self._compact()

    def search(self, queries: Sequence[str], k: int = 100, *, keys: IdMap | None = None) -> Ranking:
        """The k best products of each query (arguments and errors of ``BM25.search``); an empty index finds nothing.

        Returns:
            Ranking [n_queries, k] over ``item_ids``, ties in the order of adding.
        """
        texts, keys = query_rows(queries, keys)
        ids, best = no_results(len(texts), k)
        items, slots = self._present()
        for row, text in enumerate(texts):
            scores = self.scores(text)[slots].astype(np.float32)  # rounded before sorting, so that equals stay ties
            found = np.flatnonzero(scores > 0)
            if len(found) > k:
                found = found[scores[found] >= np.partition(scores[found], -k)[-k]]
            found = found[np.argsort(-scores[found], kind="stable")][:k]
            ids[row, : len(found)], best[row, : len(found)] = found, scores[found]
        return Ranking(ids, best, keys, items)

    def scores(self, query: str) -> np.ndarray:
        """The score of every slot: float64 [slots]. All postings of all terms of the query, in one pass."""
        asked = Counter(self._terms_of_query(query))
        lists = [(self._postings[t], times) for t, times in asked.items() if t in self._postings]
        lists = [(found, times) for found, times in lists if found.products]
        if not lists:
            return np.zeros(len(self._held))
        n_t = np.array([found.products for found, _ in lists])
        weight = np.array([times for _, times in lists]) * np.log(1 + (len(self) - n_t + 0.5) / (n_t + 0.5))
        slots = np.concatenate([np.frombuffer(found.slots, np.int64) for found, _ in lists])
        count = np.concatenate([np.frombuffer(found.counts, np.int64) for found, _ in lists])
        weight = np.repeat(weight, [len(found.slots) for found, _ in lists])
        length = np.frombuffer(self._lengths, np.int64)[slots] * (len(self) / self._total)
        part = count / np.maximum(count + self.k1 * (1 - self.b + self.b * length), np.finfo(float).tiny)
        return np.bincount(slots, weight * part, minlength=len(self._held))

    @property
    def item_ids(self) -> IdMap:
        """The products that are there, in the order of adding."""
        return self._present()[0]

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, public: object) -> bool:
        return str(public) in self._slot_of

    def _present(self) -> tuple[IdMap, np.ndarray]:
        """Ids of the products there are, and their slots."""
        if self._order is None:
            slots = np.fromiter(self._slot_of.values(), np.int64, len(self._slot_of))
            self._order = IdMap("item", self._slot_of), slots
        return self._order

    def _compact(self) -> None:
        """Give the slots of products that have gone back: half of what every query reads were zeros."""
        _, kept = self._present()
        new = np.cumsum(np.bincount(kept, minlength=len(self._held))) - 1
        self._slot_of = {public: int(new[slot]) for public, slot in self._slot_of.items()}
        self._held = [self._held[slot] for slot in kept]
        self._lengths = array("q", np.frombuffer(self._lengths, np.int64)[kept].tobytes())
        self._postings = {term: found for term, found in self._postings.items() if found.products}
        for found in self._postings.values():
            count = np.frombuffer(found.counts, np.int64)
            alive = count > 0
            slots = new[np.frombuffer(found.slots, np.int64)[alive]]
            found.slots, found.counts = array("q", slots.tobytes()), array("q", count[alive].tobytes())
        self._order = None
