"""Other words for the same wish: candidates for a rewrite, from sessions, from clicks, and by leaving out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.search.understanding.edits import common_ends
from course_lib.search.understanding.normalise import normalise, words

#: from a query to texts that may stand for it, each with a weight of 0–1
Source = Callable[[str], Mapping[str, float]]
Tokens = Callable[[str], list[str]]


def chain_source(texts: Sequence[str], steps: Mapping[tuple[int, int], int], *, least: int = 1) -> Source:
    """What people asked next: P(b | a) = steps from a to b / all steps from a, for pairs seen ``least`` times.

    Source: Boldi et al., "The Query-flow Graph" (CIKM 2008).

    Args:
        texts: the queries. steps: see ``clicklog.chains``.
    """
    total: Counter[str] = Counter()
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for (a, b), n in steps.items():
        total[normalise(texts[a])] += n
        if n >= least:
            table[normalise(texts[a])][normalise(texts[b])] += n
    return lambda query: {b: n / total[a] for a in (normalise(query),) for b, n in table.get(a, {}).items() if b != a}


def click_source(texts: Sequence[str], clicks: csr_matrix, *, least: float = 0.3, most: int = 10) -> Source:
    """Queries after which people click the same products: cosine of the rows of clicks, weighted by log(1 + clicks).

    Source: Wen, Nie & Zhang, "Clustering User Queries of a Search Engine" (WWW 2001).

    Args:
        clicks: [n_queries, n_items]. least: smallest cosine. most: candidates per query.

    Raises:
        ContractError: shapes that don't fit.
    """
    if clicks.shape[0] != len(texts):
        raise ContractError(f"clicks {clicks.shape} must have a row for each of {len(texts)} queries")
    weights = csr_matrix(clicks, dtype=np.float64).log1p()
    length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    unit = csr_matrix(weights.multiply(1 / np.maximum(length, 1e-12)[:, None]))
    row = {normalise(text): i for i, text in enumerate(texts)}

    def source(query: str) -> dict[str, float]:
        at = row.get(normalise(query))
        if at is None:
            return {}
        cosine = (unit @ unit[at].T).toarray().ravel()
        cosine[at] = 0
        best = np.argsort(-cosine, kind="stable")[:most]
        return {normalise(texts[i]): min(float(cosine[i]), 1.0) for i in best if cosine[i] >= least}

    return source


class Substitutions:
    """Pieces of queries that stand for each other, learned from pairs of queries that differ in one piece alone.

    ebony mug ↔ black mug gives ebony → black, with P(black | ebony) = pairs with this change / pairs that change ebony.
    So a query that the log has never seen can be rewritten.

    Source: Jones et al., "Generating Query Substitutions" (WWW 2006).

    Args:
        tokens: from a query to its words. glue: between words, " " or "" (中文).
        least: in how many pairs a change is seen.
    """

    def __init__(self, tokens: Tokens | None = None, *, glue: str = " ", least: int = 2):
        self.tokens, self.glue, self.least = tokens or (lambda text: words(normalise(text))), glue, least
        self._table: dict[tuple[str, ...], dict[tuple[str, ...], float]] = {}

    def fit(self, pairs: Mapping[tuple[str, str], float]) -> Substitutions:
        """Learn from (query, other query) -> weight, e.g. what the other sources propose for the queries of the log."""
        seen: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        for a, b in dict.fromkeys(pairs):
            was, now = changed(self.tokens(a), self.tokens(b))
            if was and now and len(was) <= 3 and len(now) <= 3:
                seen[was][now] += 1
        self._table = {
            was: {now: n / sum(counts.values()) for now, n in counts.items() if n >= self.least}
            for was, counts in seen.items()
        }  # fmt: skip
        return self

    def __call__(self, query: str) -> dict[str, float]:
        """The query with one piece replaced."""
        tokens, found = self.tokens(query)[:32], {}
        for i in range(len(tokens)):
            for j in range(i + 1, min(i + 3, len(tokens)) + 1):
                for now, weight in self._table.get(tuple(tokens[i:j]), {}).items():
                    found[self.glue.join([*tokens[:i], *now, *tokens[j:]])] = weight
        return found


def dropped_source(tokens: Tokens | None = None, *, glue: str = " ") -> Source:
    """The query without one of its words; the last resort, so its weight is small."""
    tokens = tokens or (lambda text: words(normalise(text)))

    def source(query: str) -> dict[str, float]:
        parts = tokens(query)[:16]
        return {glue.join(parts[:i] + parts[i + 1 :]): 0.1 for i in range(len(parts))} if len(parts) > 1 else {}

    return source


def changed(a: Sequence[str], b: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is left of two lists when their common beginning and then their common end are taken away; empty tuples
    where they have neither (then nothing says that it is the same wish)."""
    start, end = common_ends(a, b)
    if not start + end:
        return (), ()
    return tuple(a[start : len(a) - end]), tuple(b[start : len(b) - end])
