"""Attributes that a query names: brand, colour, material, size … by the catalogue's dictionary and the log's clicks."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.search.understanding.normalise import HAN_ALONE, LANGUAGES, is_model_code, normalise, words

if TYPE_CHECKING:
    from datasets import Dataset

BRAND, CATEGORY, MODEL = "brand", "category", "model"
_READ = 128  #: pieces of a query that are looked at


@dataclass(frozen=True)
class Tag:
    """A value that a query names.

    Attributes:
        text: as typed, normalised. name: of the attribute, e.g. "colour". value: as the catalogue writes it.
        confidence: P(name | the words), from the catalogue or from clicks. learned: from clicks rather than spelling.
    """

    text: str
    name: str
    value: str
    confidence: float = 1.0
    learned: bool = False


class Tagger:
    """Longest match of the catalogue's values, from left to right.

    Where one word is a value of several attributes (orange: a colour, a flavour), the one with most products wins,
    P(name | word) = products with (name, word) / products with the word under any name; ``within`` counts in one
    category alone. Words that no product has can be learned from clicks, see ``learn``.

    Args:
        language: ``"en"`` matches whole words, ``"zh"`` characters.
    """

    def __init__(self, language: str = "en"):
        if language not in LANGUAGES:
            raise ContractError(f"there is no language {language!r}", remedy=f"Choose one of {', '.join(LANGUAGES)}")
        self.language, self.glue = language, " " if language == "en" else ""
        self.values: dict[str, Counter[tuple[str, str]]] = {}
        self.learned: dict[str, Tag] = {}

    def fit(self, items: Dataset) -> Self:
        """Read the columns brand, category, attributes and the model codes in titles.

        Raises:
            ContractError: no items table.
        """
        if not hasattr(items, "column_names"):
            raise ContractError("the dictionary is learned from the items table of a shop", remedy="Pass shop.items")
        self.values, self._within = defaultdict(Counter), defaultdict(lambda: defaultdict(Counter))
        columns = (items[name][:] for name in ("title", "category", "brand", "attributes"))
        self.of_item: list[set[tuple[str, str]]] = []
        for title, category, brand, attributes in zip(*columns):
            named = {(entry["name"], entry["value"]) for entry in attributes or ()}
            named |= {(BRAND, brand), (CATEGORY, category.split(" > ")[-1])}
            self.of_item.append({pair for pair in named if pair[1]})
            codes = {(MODEL, word) for word in words(normalise(title, self.language)) if is_model_code(word)}
            for name, value in self.of_item[-1] | codes:
                key = self.glue.join(self._pieces(value))
                if key:
                    self.values[key][name, value] += 1
                    self._within[category][key][name, value] += 1
        self._longest = max((len(self._pieces(key)) for key in self.values), default=1)
        return self

    def tag(self, query: str, *, within: str | None = None) -> list[Tag]:
        """The values that the query names, in its order.

        Args:
            within: category (as in the items table) that decides what an ambiguous word means.

        Raises:
            ContractError: the query is not a text, or there is no dictionary yet.
        """
        return [tag for _, tag in self._read(query, within) if tag]

    def untagged(self, query: str) -> list[str]:
        """The pieces of the query that no value covers: words, or in 中文 runs."""
        if self.language == "en":
            return [piece for piece, tag in self._read(query, None) if not tag]
        text = "".join(" " if tag else piece for piece, tag in self._read(query, None))
        return words(text)

    def learn(
        self, queries: Sequence[str], clicks: csr_matrix, impressions: csr_matrix, *, share: float = 0.5, z: float = 3.0
    ) -> Self:
        """Words that no product has, by what is clicked after them: ebony → colour: black.

        For each untagged piece u and value v, over the queries that hold u: p = share of clicks on products with v,
        p₀ = share of impressions. u is taken to mean the v with the largest z = (p - p₀) / √(p₀ (1 - p₀) / clicks),
        where p ≥ ``share``, z ≥ ``z``, and two queries at least hold u. Comparing with impressions keeps what the shop
        shows anyway from looking like a wish.

        Args:
            clicks, impressions: [n_queries, n_items], see ``clicklog.query_counts``.

        Raises:
            ContractError: shapes that don't fit.
        """
        if clicks.shape != impressions.shape or clicks.shape != (len(queries), len(self.of_item)):
            shapes = f"clicks {clicks.shape} and impressions {impressions.shape}"
            raise ContractError(f"{shapes} must be [{len(queries)} queries, {len(self.of_item)} products]")
        names = sorted({pair for pairs in self.of_item for pair in pairs if pair[0] not in (BRAND, MODEL)})
        column = {pair: j for j, pair in enumerate(names)}
        cells = [(i, column[pair]) for i, pairs in enumerate(self.of_item) for pair in sorted(pairs) if pair in column]
        rows, cols = zip(*cells) if cells else ((), ())
        has = csr_matrix((np.ones(len(cells)), (rows, cols)), shape=(len(self.of_item), len(names)))
        clicked, shown = clicks @ has, impressions @ has
        n_clicks, n_shown = (np.asarray(m.sum(axis=1)).ravel() for m in (clicks, impressions))
        held: dict[str, list[int]] = defaultdict(list)
        for row, query in enumerate(queries):
            for piece in dict.fromkeys(self.untagged(query)):
                held[piece].append(row)
        for piece, at in held.items():
            n, m = n_clicks[at].sum(), n_shown[at].sum()
            if len(at) < 2 or not n or not m or not names:
                continue
            p = np.asarray(clicked[at].sum(axis=0)).ravel() / n
            base = np.clip(np.asarray(shown[at].sum(axis=0)).ravel() / m, 1 / (m + 2), 1 - 1 / (m + 2))
            score = np.where(p >= share, (p - base) / np.sqrt(base * (1 - base) / n), -math.inf)
            best = int(score.argmax())
            if score[best] >= z:
                self.learned[piece] = Tag(piece, *names[best], float(p[best]), True)
        return self

    def _read(self, query: str, within: str | None) -> list[tuple[str, Tag | None]]:
        """The pieces of a query and what each means; a tag stands at the last piece of its words."""
        if not self.values:
            raise ContractError("the tagger has no dictionary yet", remedy="Call fit(shop.items) first")
        pieces, out, i = self._pieces(query)[:_READ], [], 0
        near = self._within.get(within, {})
        while i < len(pieces):
            for j in range(min(len(pieces), i + self._longest), i, -1):
                key = self.glue.join(pieces[i:j])
                if key in self.values:
                    out.append((key, _likeliest(key, near.get(key) or self.values[key])))
                    break
            else:
                j, learned = self._learned(pieces, i)
                out.append((self.glue.join(pieces[i:j]), learned))
            i = j
        return out

    def _learned(self, pieces: list[str], i: int) -> tuple[int, Tag | None]:
        for j in range(min(len(pieces), i + 6), i, -1) if self.learned else ():
            tag = self.learned.get(self.glue.join(pieces[i:j]))
            if tag:
                return j, tag
        return i + 1, None

    def _pieces(self, text: str) -> list[str]:
        runs = words(normalise(text, self.language))
        if self.language == "en":
            return runs
        return [piece for run in runs for piece in (run if HAN_ALONE.fullmatch(run) else [run])]


def _likeliest(text: str, counts: Mapping[tuple[str, str], int]) -> Tag:
    (name, value), n = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return Tag(text, name, value, n / sum(counts.values()))
