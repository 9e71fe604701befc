"""What two descriptions have in common, as numbers: lexical likeness, model numbers, prices, and the competition.

Competition: products match almost one to one, so that a likeness means more when no other product of the catalogue is
as like. It reads the catalogue's texts (both sides, every split), never a label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.bench.text_data import Pairs, Product

_BLOCK = 4_000_000  #: likenesses held at a time
_CODE = re.compile(r"[^a-z0-9]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def competition(left: Any, right: Any, rows: np.ndarray) -> np.ndarray:
    """Likeness of each pair, and its lead over the best rival on either side: float64 [n, 3].

    Args:
        left, right: vectors [n_left, d] and [n_right, d], dense or sparse; the likeness is their dot product.
        rows: int64 [n, ≥2], row in ``left`` and row in ``right``.

    Returns:
        Columns: s(l, r); s(l, r) − max of s(l, r') over r' ≠ r; s(l, r) − max of s(l', r) over l' ≠ l. A side with
        one product has no rival: the lead is s itself.
    """
    n_left, n_right = left.shape[0], right.shape[0]
    mine = np.zeros(len(rows))
    by_row, by_column = np.zeros((n_left, 2)), np.full((n_right, 2), -np.inf)  # the two largest, ascending
    step = max(1, _BLOCK // n_right)
    for start in range(0, n_left, step):
        block = left[start : start + step] @ right.T
        block = np.asarray(block.todense()) if hasattr(block, "todense") else np.asarray(block)
        here = np.flatnonzero((rows[:, 0] >= start) & (rows[:, 0] < start + step))
        mine[here] = block[rows[here, 0] - start, rows[here, 1]]
        by_row[start : start + step] = _two_largest(block)
        by_column = _two_largest(np.column_stack([by_column, _two_largest(block.T)]))
    leads = []
    for two, side in ((by_row, 0), (by_column, 1)):
        second, first = two[rows[:, side]].T
        rival = np.where(mine >= first - 1e-9, second, first)
        leads.append(mine - np.where(np.isfinite(rival), rival, 0.0))
    return np.column_stack([mine, *leads])


def _two_largest(matrix: np.ndarray) -> np.ndarray:
    if matrix.shape[1] == 1:
        return np.column_stack([np.full(len(matrix), -np.inf), matrix])
    return np.sort(np.partition(matrix, -2, axis=1)[:, -2:], axis=1)


@dataclass(frozen=True)
class Views:
    """The catalogue seen in several ways: name → (vectors of the left side, vectors of the right side), of length 1."""

    vectors: dict[str, tuple[Any, Any]]

    @classmethod
    def of(cls, data: Pairs) -> Views:
        """TF-IDF over the words and over the letters of titles and of whole descriptions."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = {"token_pattern": r"[^\s]+"}
        settings = {
            "title words": (title, words),
            "title letters": (title, {"analyzer": "char_wb", "ngram_range": (3, 5)}),
            "title without gaps": (lambda p: squeeze(title(p)), {"analyzer": "char", "ngram_range": (4, 6)}),
            "all words": (whole, words),
            "all letters": (whole, {"analyzer": "char_wb", "ngram_range": (3, 5)}),
        }
        vectors = {}
        for name, (text, setting) in settings.items():
            left, right = ([text(product) for product in side] for side in (data.left, data.right))
            weigh = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **setting).fit([*left, *right])
            vectors[name] = weigh.transform(left), weigh.transform(right)
        return cls(vectors)

    def likeness(self, rows: np.ndarray) -> np.ndarray:
        """Cosine of each pair in each view: float64 [n, n_views]."""
        return np.column_stack([_row_products(a[rows[:, 0]], b[rows[:, 1]]) for a, b in self.vectors.values()])

    def competition(self, rows: np.ndarray) -> np.ndarray:
        """``competition`` in each view: float64 [n, 3 · n_views]."""
        return np.column_stack([competition(a, b, rows) for a, b in self.vectors.values()])


def details(data: Pairs, rows: np.ndarray) -> np.ndarray:
    """Model numbers, numbers, prices, lengths and first word of each pair: float64 [n, f]; −1 where a price is unknown."""
    return np.array([_details(data.left[left], data.right[right]) for left, right, *_ in rows], dtype=np.float64)


def _details(a: Product, b: Product) -> list[float]:
    (title_a, all_a), (title_b, all_b) = ((title(p).split(), whole(p)) for p in (a, b))
    codes_a, codes_b = codes(all_a), codes(all_b)
    squeezed_a, squeezed_b = squeeze(all_a), squeeze(all_b)
    prefix = [(_shared_start(x, y), max(len(x), len(y))) for x in codes_a for y in codes_b]
    numbers_a, numbers_b = set(_NUMBER.findall(title(a))), set(_NUMBER.findall(title(b)))
    known = not (math.isnan(a.price) or math.isnan(b.price))
    return [
        len(codes(title(a)) & codes(title(b))),
        len(codes_a & codes_b),
        max((len(code) for code in codes_a if code in squeezed_b), default=0),
        max((len(code) for code in codes_b if code in squeezed_a), default=0),
        sum(len(code) for code in codes(title(a)) if code not in squeezed_b),
        sum(len(code) for code in codes(title(b)) if code not in squeezed_a),
        max((shared for shared, _ in prefix), default=-1),
        max((shared / longest for shared, longest in prefix), default=-1),
        len(numbers_a & numbers_b),
        len(numbers_a - numbers_b),
        len(numbers_b - numbers_a),
        abs(math.log((a.price + 1) / (b.price + 1))) if known else -1.0,
        len(title_a),
        len(title_b),
        title_a[0] == title_b[0],
    ]


def title(product: Product) -> str:
    """The title in lower case."""
    return product.title.lower()


def whole(product: Product) -> str:
    """Title, brand and description in lower case."""
    return " ".join(part for part in (product.title, product.brand, product.description) if part).lower()


def squeeze(text: str) -> str:
    """Letters and digits alone, so that ``f8n044-slv`` and ``f8n044slv`` are one."""
    return _CODE.sub("", text)


def codes(text: str) -> set[str]:
    """Words with a digit, of at least three letters or digits: mostly model numbers."""
    squeezed = (squeeze(word) for word in text.split())
    return {word for word in squeezed if len(word) >= 3 and any(c.isdigit() for c in word)}


def _shared_start(a: str, b: str) -> int:
    n = 0
    for x, y in zip(a, b):
        if x != y:
            break
        n += 1
    return n


def _row_products(a: Any, b: Any) -> np.ndarray:
    product = a.multiply(b) if hasattr(a, "multiply") else a * b
    return np.asarray(product.sum(axis=1)).ravel()


def serialised(products: Sequence[Product]) -> list[str]:
    """One text a product, for an encoder: the title first, since long texts are cut."""
    return [" ".join(part for part in (p.title, p.brand, p.description) if part) for p in products]
