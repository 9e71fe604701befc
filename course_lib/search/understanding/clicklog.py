"""What the log says about queries: clicks, impressions, and which query followed which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.shop.log import CLICK, NO_QUERY, Log


def query_counts(log: Log, kind: int = CLICK) -> csr_matrix:
    """float64 [n_queries, n_items]: how often an event of this kind (``shop.log``) followed the query on the item."""
    of_kind = (log.kind == kind) & (log.query != NO_QUERY)
    shape, cells = (log.n_queries, log.n_items), (log.query[of_kind], log.item[of_kind])
    return csr_matrix((np.ones(of_kind.sum()), cells), shape=shape)


def chains(log: Log, *, within: int = 600) -> Counter[tuple[int, int]]:
    """(query, the next other query of the same session) -> how often, at most ``within`` seconds apart.

    The next query is mostly the same wish in other words, narrower, wider or spelt right; sometimes it is a new wish.
    """
    page = log.first_of_page()
    order = page[np.lexsort((log.event[page], log.timestamp[page], log.session[page]))]
    a, b = order[:-1], order[1:]
    follows = (log.session[a] == log.session[b]) & (log.timestamp[b] - log.timestamp[a] <= within)
    follows &= (log.query[a] != log.query[b]) & (log.query[a] != NO_QUERY) & (log.query[b] != NO_QUERY)
    return Counter(zip(log.query[a[follows]].tolist(), log.query[b[follows]].tolist()))


def corrected_pairs(texts: list[str], steps: Counter[tuple[int, int]]) -> list[tuple[str, str]]:
    """(query, next query) of the chains, each pair once: what ``Channel.learn`` picks the slips from."""
    return [(texts[a], texts[b]) for a, b in sorted(steps)]



def reformulations(
    texts: Sequence[str], steps: Mapping[tuple[int, int], int], clicks: csr_matrix
) -> dict[tuple[str, str], float]:
    """(query, the next query) -> how often, where the next one was clicked: what a rewriter can learn from.

    Args:
        texts: the queries. steps: see ``chains``. clicks: [n_queries, n_items]; a query without any is no target.

    Raises:
        ContractError: clicks that don't have a row for each text.
    """
    if clicks.shape[0] != len(texts):
        raise ContractError(f"clicks {clicks.shape} must have a row for each of {len(texts)} queries")
    clicked = np.asarray(clicks.sum(axis=1)).ravel() > 0
    kept = ((a, b, n) for (a, b), n in sorted(steps.items()) if clicked[b] and texts[a] != texts[b])
    return {(texts[a], texts[b]): float(n) for a, b, n in kept}
