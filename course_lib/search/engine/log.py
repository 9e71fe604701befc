"""What the engine keeps of a log: queries, the categories clicked after them, and which query followed which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.understanding import chains, corrected_pairs, query_counts
from course_lib.shop.log import read_log

if TYPE_CHECKING:
    from course_lib.shop.shop import Shop


@dataclass(frozen=True)
class QueryLog:
    """A log without people or times, small enough to be saved with the index.

    Attributes:
        queries: the texts that were typed. categories: for each, category -> clicks.
        corrections: (query, the next query of the same session).

    Raises:
        ContractError: not one count of categories for each query.
    """

    queries: tuple[str, ...] = ()
    categories: tuple[Mapping[str, float], ...] = ()
    corrections: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if len(self.queries) != len(self.categories):
            raise ContractError(f"{len(self.categories)} counts of categories for {len(self.queries)} queries")

    @classmethod
    def of_shop(cls, shop: Shop, *, until: int | None = None, rows: Iterable[int] | None = None) -> QueryLog:
        """The log of a shop before a moment (seconds since 1970); queries that were never clicked are left out.

        Args:
            rows: of ``shop.queries``, those to learn from; by default all. For measuring on queries that nobody has
                typed before, leave these out.
        """
        if not len(shop.events):
            return cls()
        log = read_log(shop, until=until)
        counts = query_counts(log)
        name = np.array([category or "" for category in shop.items["category"][:]], dtype=object)
        texts, kept, categories = shop.queries["text"][:], [], []
        learned = set(range(len(texts)) if rows is None else map(int, rows))
        for row in sorted(learned):
            text, clicked = texts[row], counts[row]
            if clicked.nnz:
                of: dict[str, float] = {}
                for item, n in zip(clicked.indices, clicked.data):
                    of[name[item]] = of.get(name[item], 0.0) + float(n)
                kept.append(text)
                categories.append(of)
        steps = Counter({(a, b): n for (a, b), n in chains(log).items() if {a, b} <= learned})
        return cls(tuple(kept), tuple(categories), tuple(corrected_pairs(texts, steps)))

    def as_json(self) -> dict[str, Any]:
        """For a file; ``from_json`` reads it."""
        return {"queries": list(self.queries), "categories": [dict(c) for c in self.categories],
                "corrections": [list(pair) for pair in self.corrections]}  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> QueryLog:
        """Raises KeyError, TypeError or ValueError where the value isn't what ``as_json`` wrote."""
        categories = tuple({str(k): float(v) for k, v in one.items()} for one in value["categories"])
        corrections = tuple((str(a), str(b)) for a, b in value["corrections"])
        return cls(tuple(map(str, value["queries"])), categories, corrections)
