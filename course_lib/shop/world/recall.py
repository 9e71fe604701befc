"""Recall: thousands of products to some hundred, at next to no cost per product.

By words, an inverted index touches only the products that share a word with the query; for a user without a query, what
is popular in the categories that he or she looked at. Several ways to find candidates may be joined.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.log import CLICK, Log
from course_lib.shop.world.cascade import Choose, Request, best_first

_RUN = re.compile(r"[\u4e00-\u9fff]+|[^\W_\u4e00-\u9fff]+")


def words(text: str) -> set[str]:
    """The words of a text, in lower case; of a run of Chinese characters, which has no spaces, each pair of neighbours.

    Nothing else is done: "shoe" and "shoes" are two words here (``search.retrieval`` does better).
    """
    found: set[str] = set()
    for run in _RUN.findall(text.lower()):
        chinese = "\u4e00" <= run[0] <= "\u9fff" and len(run) > 1
        found |= {run[i : i + 2] for i in range(len(run) - 1)} if chinese else {run}
    return found


class WordIndex:
    """For each word, the products that have it, and a weight that is higher for rarer words.

    The weight is ln(1 + n / df) with n products, df of them with the word, the inverse document frequency of Spärck
    Jones 1972 (Journal of Documentation 28); a word that no product has counts as if half a product had it.

    Args:
        texts: of the products, in catalogue order.

    Raises:
        ContractError: no texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        if isinstance(texts, str) or not len(texts):
            raise ContractError("the index needs a list of product texts, at least one")
        self.n = len(texts)
        postings: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            for word in sorted(words(text)):
                postings.setdefault(word, []).append(row)
        self._rows = {word: np.array(rows) for word, rows in postings.items()}

    def weight(self, word: str) -> float:
        """How much a word says."""
        return math.log(1 + self.n / (len(self._rows[word]) if word in self._rows else 0.5))

    def match(self, text: str) -> np.ndarray:
        """The share of the query's weight that each product covers: float64 [n_items], 0 no word to 1 every word."""
        asked = sorted(words(text))
        covered, total = np.zeros(self.n), sum(self.weight(word) for word in asked)
        for word in asked:
            if word in self._rows:
                covered[self._rows[word]] += self.weight(word) / total
        return np.minimum(covered, 1.0)

    def recall(self) -> Choose:
        """A stage: products that share a word with the query, those that cover most of its weight first."""

        def choose(request: Request, rows: np.ndarray) -> np.ndarray:
            match = self.match(request.text)[rows]
            return best_first(np.where(match > 0, match, -np.inf), rows)

        return choose


def recall_popular(log: Log) -> Choose:
    """A stage: the products with most clicks in the log first, whatever the request."""
    clicks = np.bincount(log.item[log.kind == CLICK], minlength=log.n_items).astype(np.float64)
    return lambda request, rows: best_first(clicks[rows], rows)


def recall_own_categories(log: Log, categories: Sequence[str], *, strength: float = 1.0) -> Choose:
    """A stage for users: what is popular, times the share of the user's clicks that went to the product's category.

    ``strength`` clicks of the average user are added to the user's own, so that somebody new sees what is popular.

    Args:
        categories: of the products, in catalogue order.

    Raises:
        ContractError: not one category per product, a log without clicks, or a request that is no user.
    """
    if len(categories) != log.n_items:
        raise ContractError(f"{len(categories)} categories for {log.n_items} products")
    clicked = log.kind == CLICK
    if not clicked.any():
        raise ContractError("the log holds no click")
    _, category = np.unique(np.asarray(categories), return_inverse=True)
    popular = np.bincount(log.item[clicked], minlength=log.n_items).astype(np.float64)
    of_all = np.bincount(category, weights=popular) / popular.sum()
    own = np.zeros((log.n_users, len(of_all)))
    np.add.at(own, (log.user[clicked], category[log.item[clicked]]), 1)
    share = (own + strength * of_all) / (own.sum(axis=1, keepdims=True) + strength)

    def choose(request: Request, rows: np.ndarray) -> np.ndarray:
        if request.kind != "user":
            raise ContractError(f"the request {request.key!r} is no user", remedy="Recall queries by words")
        return best_first((share[request.row, category] * popular)[rows], rows)

    return choose


def union(recalls: Sequence[Choose], keep: int) -> Choose:
    """A stage: the first ``keep`` products of each way to recall, taking turns, no product twice.

    Raises:
        ContractError: no recall, or keep below 1.
    """
    if not recalls or keep < 1:
        raise ContractError(f"{len(recalls)} ways to recall, {keep} products of each; both must be at least 1")

    def choose(request: Request, rows: np.ndarray) -> np.ndarray:
        found = [recall(request, rows)[:keep] for recall in recalls]
        turns = [chosen[place] for place in range(keep) for chosen in found if place < len(chosen)]
        return np.array(list(dict.fromkeys(turns)), dtype=np.int64)

    return choose
