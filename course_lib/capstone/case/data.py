"""The case's data, out of the simulated shop: texts and queries of the article's lengths, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.shop import Shop

if TYPE_CHECKING:
    from datasets import Dataset

TEXT, QUERY = 200, 50  #: characters of a product and of a query, as in the article
SAMPLE = 200  #: queries of the past, that an approximate index is tuned on
EVENTS = 60  #: events of each user


@dataclass(frozen=True, eq=False)
class CaseData:
    """Everything that the case reads.

    Attributes:
        texts: of the products, at most 200 characters each.
        queries: n texts of at most 50 characters. past: texts of other queries, for tuning.
        targets: int64 [n], the product that each query's words were taken from.
        history: for each query, int64 rows of the products that its user clicked or bought, the latest first.
    """

    texts: list[str]
    queries: list[str]
    past: list[str]
    targets: np.ndarray
    history: list[np.ndarray]


def make_case(items: int = 100_000, queries: int = 1_000, *, seed: int = 0) -> CaseData:
    """Simulate the case.

    A simulated query has some 20 characters. Up to 50, words of the title of one product that answers it are added, as
    a customer would who knows what she wants: that product is the query's target.

    Raises:
        ContractError: fewer than 1 query, or fewer products than a shop can have.
    """
    if queries < 1:
        raise ContractError(f"{queries} queries", remedy="Ask for at least 1")
    users = max(100, min(queries, 1_000))
    shop = Shop.simulate(n_items=items, n_users=users, n_queries=queries + SAMPLE, events_per_user=EVENTS, seed=seed)
    texts = [cut(text, TEXT) for text in shop.item_texts]
    rng, titles = generator(seed, "case", "queries"), shop.items["title"][:]
    targets = _targets(shop.judgements, shop, rng)
    long = [lengthened(text, titles[row], QUERY) for text, row in zip(shop.queries["text"][:], targets)]
    order = rng.permutation(len(long))
    asked, past = order[:queries], order[queries:]
    of_user = _histories(shop)
    return CaseData(texts, [long[row] for row in asked], [long[row] for row in past], targets[asked],
                    [of_user[place % len(of_user)] for place in range(queries)])  # fmt: skip


def cut(text: str, longest: int) -> str:
    """The text up to the last word that fits whole; a single longer word is cut."""
    if len(text) <= longest:
        return text
    return text[: longest + 1].rsplit(" ", 1)[0] if " " in text[: longest + 1] else text[:longest]


def lengthened(query: str, title: str, longest: int) -> str:
    """The query with words of the title that it lacks, as long as they fit."""
    text, held = cut(query, longest), set(query.lower().split())
    for word in title.replace(",", " ").split():
        if word.lower() not in held and len(text) + 1 + len(word) <= longest:
            text += f" {word}"
    return text


def _targets(judgements: Dataset, shop: Shop, rng: np.random.Generator) -> np.ndarray:
    """One product of the highest grade for each query, drawn evenly."""
    table = judgements.data.table
    query = shop.query_ids.rows(table["query_id"].to_pylist())
    item, grade = shop.item_ids.rows(table["item_id"].to_pylist()), table["grade"].to_numpy()
    luck = rng.random(len(query))
    order = np.lexsort((luck, -grade, query))
    first = order[np.flatnonzero(np.diff(query[order], prepend=-1))]
    targets = np.zeros(len(shop.queries), dtype=np.int64)
    targets[query[first]] = item[first]
    return targets


def _histories(shop: Shop) -> list[np.ndarray]:
    """Products that each user clicked or bought, the latest first, each once."""
    seen = shop.interactions()
    return [np.array(list(dict.fromkeys(seen.item_rows[seen.user_rows == user][::-1].tolist())), dtype=np.int64)
            for user in range(len(seen.users))]  # fmt: skip
