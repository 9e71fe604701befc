"""A search that wants every word: what many shops start with, and where zero results come from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from course_lib.core.errors import ContractError

Tokens = Callable[[str], list[str]]


class AllWords:
    """The products that hold every word of a query, those first in which these words make up most of the text.

    score(q, p) = Σ_{w ∈ q} f_wp / |p|, over products with f_wp > 0 for each w; ties by catalogue row.

    Symbols: f_wp: how often w stands in the text of p; |p|: words of that text.

    Args:
        texts: of the products, in catalogue order. tokens: from a product's text to its words; asked: from a query's,
            by default the same.

    Raises:
        ContractError: no products.
    """

    def __init__(self, texts: Sequence[str], tokens: Tokens, asked: Tokens | None = None):
        if isinstance(texts, str) or not len(texts):
            raise ContractError("there are no products to search", remedy="Pass a list of texts")
        self.asked = asked or tokens
        self._share: dict[str, dict[int, float]] = defaultdict(dict)
        for row, text in enumerate(texts):
            found = tokens(text)
            for word, n in Counter(found).items():
                self._share[word][row] = n / len(found)

    def search(self, queries: Sequence[str], k: int = 10) -> list[list[int]]:
        """The first k catalogue rows for each query; a query without words finds nothing.

        Raises:
            ContractError: a single text in place of a list, k < 1.
        """
        if isinstance(queries, str) or k < 1:
            remedy = 'E.g. search(["red shoes"])'
            raise ContractError("queries must be a list of texts, and k at least 1", remedy=remedy)
        return [self._best(query, k) for query in queries]

    def _best(self, query: str, k: int) -> list[int]:
        holds = [self._share.get(word, {}) for word in dict.fromkeys(self.asked(query))]
        if not holds or not all(holds):
            return []
        rows = set(min(holds, key=len)).intersection(*holds)
        return sorted(rows, key=lambda row: (-sum(share[row] for share in holds), row))[:k]
