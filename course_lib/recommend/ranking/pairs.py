"""What the second stage knows of a (user, item) pair: features from the past alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import item_counts
from course_lib.shop.interactions import Interactions

if TYPE_CHECKING:
    from datasets import Dataset

WINDOW_DAYS = 14  #: what counts as "recent" popularity
BLOCK = 256  #: users whose scores of the whole catalogue are alive at a time


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The columns of the items table that features use, as arrays in catalogue order.

    Attributes:
        ids: map of kind "item".
        log_price: float64 [n_items], natural logarithm of the price; NaN where the price is not positive.
        groups: name (department, category, brand) -> int64 [n_items], the number of the item's group; -1 where it is
            unknown ("").
        vectors: float32 [n_items, d], rows of length 1, or None.
    """

    ids: IdMap
    log_price: np.ndarray
    groups: dict[str, np.ndarray]
    vectors: np.ndarray | None

    @classmethod
    def from_items(cls, items: Dataset, vectors: np.ndarray | None = None) -> Self:
        """From a shop's items and (optionally) a text vector for each.

        Raises:
            ContractError: vectors that are not one finite row per item.
        """
        price = np.asarray(items["price"][:], dtype=np.float64)
        category = items["category"][:]
        names = {
            "department": [path.partition(" > ")[0] for path in category],
            "category": category,
            "brand": items["brand"][:],
        }
        if vectors is not None:
            vectors = np.asarray(vectors, dtype=np.float32)
            if vectors.ndim != 2 or len(vectors) != len(items) or not np.isfinite(vectors).all():
                raise ContractError(f"vectors {vectors.shape} must be {len(items)} finite rows, one per item")
            vectors = _unit_rows(vectors)
        return cls(
            ids=IdMap("item", items["item_id"][:]),
            log_price=np.log(price, out=np.full(len(price), np.nan), where=price > 0),
            groups={name: _group_numbers(values) for name, values in names.items()},
            vectors=vectors,
        )


@dataclass(frozen=True, eq=False)
class Candidates:
    """(user, item) pairs, grouped by user.

    Attributes:
        user_rows: int64 [n_pairs], ascending, rows of the history's users.
        item_rows: int64 [n_pairs], catalogue rows, ascending within a user.
        places: name of recommender -> int64 [n_pairs], place in its list (0 is the first), or -1 if not in it.
    """

    user_rows: np.ndarray
    item_rows: np.ndarray
    places: dict[str, np.ndarray]

    @classmethod
    def from_recommenders(
        cls, recommenders: Mapping[str, Recommender], users: list[str], depth: int, exclude_seen: bool = True
    ) -> Self:
        """The union of the first ``depth`` items of each recommender for each user."""
        history = next(iter(recommenders.values())).interactions
        rows, n_items = history.users.rows(users), len(history.items)
        lists = {
            name: model.recommend(users, depth, exclude_seen=exclude_seen).ids for name, model in recommenders.items()
        }
        keys = {name: np.where(ids != PAD, rows[:, None] * n_items + ids, PAD) for name, ids in lists.items()}
        pairs = np.unique(np.concatenate([k[k != PAD] for k in keys.values()]))
        places = {}
        for name, key in keys.items():
            places[name] = np.full(len(pairs), PAD, dtype=np.int64)
            row, place = np.nonzero(key != PAD)
            places[name][np.searchsorted(pairs, key[row, place])] = place
        user_rows, item_rows = np.divmod(pairs, n_items)
        return cls(user_rows, item_rows, places)


def pair_features(
    pairs: Candidates, recommenders: Mapping[str, Recommender], history: Interactions, catalogue: Catalogue
) -> dict[str, np.ndarray]:
    """Features of each pair, float64 [n_pairs] by name; all from ``history``, none from later.

    - ``{name}_score``, ``{name}_place``: the recommender's score; 1 / (place + 1) in its list, 0 if it isn't there.
    - ``popularity``, ``recent_popularity``: log of 1 + events of the item, per average item, in all the past and in its
      last ``WINDOW_DAYS`` days; ``trend``: recent minus all. Shares, not counts, so that a longer past changes nothing.
    - ``log_price``; ``price_gap``: log price minus the mean log price of the user's history; ``price_distance``: its
      size. NaN where a price is unknown.
    - ``text_similarity``: cosine of the item's vector and the sum of those of the user's history (with vectors only).
    - ``department_share``, ``category_share``, ``brand_share``: part of the user's history in the item's group.
    - ``history_events``: log of 1 + the user's events.
    """
    u, i = pairs.user_rows, pairs.item_rows
    columns: dict[str, np.ndarray] = {}
    for name, model in recommenders.items():
        columns[f"{name}_score"] = _scores_of_pairs(model, pairs)
        place = pairs.places[name]
        columns[f"{name}_place"] = np.where(place == PAD, 0, 1 / (1 + np.maximum(place, 0)))
    for name, days in (("popularity", None), ("recent_popularity", WINDOW_DAYS)):
        counts = item_counts(history, days)
        columns[name] = np.log1p(counts / max(counts.mean(), 1e-12))[i]
    columns["trend"] = columns["recent_popularity"] - columns["popularity"]
    taste = _rows_sum_to_one(history.matrix)
    columns["log_price"] = catalogue.log_price[i]
    columns["price_gap"] = catalogue.log_price[i] - _mean_known(taste, catalogue.log_price)[u]
    columns["price_distance"] = np.abs(columns["price_gap"])
    if catalogue.vectors is not None:
        profile = _unit_rows(taste @ catalogue.vectors)
        columns["text_similarity"] = np.einsum("nd,nd->n", profile[u], catalogue.vectors[i])
    for name, group in catalogue.groups.items():
        known = group >= 0
        shape = (len(group), group.max(initial=0) + 1)
        members = csr_matrix((np.ones(known.sum()), (np.flatnonzero(known), group[known])), shape=shape)
        share = (taste @ members).tocsr()  # [n_users, n_groups]
        columns[f"{name}_share"] = np.where(known[i], np.asarray(share[u, np.maximum(group[i], 0)]).ravel(), 0)
    columns["history_events"] = np.log1p(np.bincount(history.user_rows, minlength=len(history.users)))[u]
    return columns


def _scores_of_pairs(model: Recommender, pairs: Candidates) -> np.ndarray:
    """The model's score of each pair, a block of users at a time."""
    scores = np.empty(len(pairs.user_rows), dtype=np.float64)
    users = np.unique(pairs.user_rows)
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        first, last = np.searchsorted(pairs.user_rows, [block[0], block[-1] + 1])
        dense = model.score(model.interactions.users.take(block))
        row = np.searchsorted(block, pairs.user_rows[first:last])
        scores[first:last] = dense[row, pairs.item_rows[first:last]]
    return scores


def _group_numbers(values: list[str]) -> np.ndarray:
    number = {value: n for n, value in enumerate(sorted({v for v in values if v}))}
    return np.array([number.get(value, -1) for value in values], dtype=np.int64)


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _rows_sum_to_one(matrix: csr_matrix) -> csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return matrix.multiply(1 / np.where(total > 0, total, 1)[:, None]).tocsr()


def _mean_known(weights: csr_matrix, values: np.ndarray) -> np.ndarray:
    """Weighted mean of the values that are known (not NaN) for each row of weights; NaN where none is."""
    known = ~np.isnan(values)
    total = weights @ known.astype(np.float64)
    return np.divide(weights @ np.where(known, values, 0), total, out=np.full(len(total), np.nan), where=total > 0)
