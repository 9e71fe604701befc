"""The features of ``ranking.pairs``, fast enough for one request: what doesn't depend on the user is computed once.

Held equal to ``pair_features`` by ``tests/recommend/test_engine.py``; that is where each feature is explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.recommend.collaborative import item_counts
from course_lib.recommend.ranking import Candidates, Catalogue
from course_lib.recommend.ranking.pairs import WINDOW_DAYS
from course_lib.core.ranking import PAD
from course_lib.shop.interactions import Interactions


@dataclass(frozen=True, eq=False)
class RequestFeatures:
    """What is known of products before anybody asks.

    Attributes:
        catalogue: prices, groups and vectors.
        popularity: of all the past, and of the last days: float64 [n_items] each, as the features have them.
        members: name of a group -> csr_matrix [n_items, n_groups] of 0 / 1.
    """

    catalogue: Catalogue
    popularity: dict[str, np.ndarray]
    members: dict[str, csr_matrix]

    @classmethod
    def of(cls, catalogue: Catalogue, history: Interactions) -> Self:
        """From the catalogue and all that is known now; products at the catalogue's end may be new to the history."""
        popularity, more = {}, len(catalogue.ids) - len(history.items)
        for name, days in (("popularity", None), ("recent_popularity", WINDOW_DAYS)):
            counts = item_counts(history, days)
            popularity[name] = np.r_[np.log1p(counts / max(counts.mean(), 1e-12)), np.zeros(more)]
        members = {}
        for name, group in catalogue.groups.items():
            known = group >= 0
            shape = (len(group), int(group.max(initial=0)) + 1)
            members[name] = csr_matrix((np.ones(known.sum()), (np.flatnonzero(known), group[known])), shape=shape)
        return cls(catalogue, popularity, members)

    def __call__(
        self, pairs: Candidates, scores: Mapping[str, np.ndarray], history: csr_matrix, events: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Features float64 [n_pairs] by name.

        Args:
            pairs: user rows count within this request.
            scores: of each generator, float [n_users, n_items].
            history: csr_matrix [n_users, n_items], weights of the users' events. events: int [n_users], their number.
        """
        u, i = pairs.user_rows, pairs.item_rows
        columns: dict[str, np.ndarray] = {}
        for name, score in scores.items():
            columns[f"{name}_score"] = score[u, i].astype(np.float64)
            place = pairs.places[name]
            columns[f"{name}_place"] = np.where(place == PAD, 0, 1 / (1 + np.maximum(place, 0)))
        for name, value in self.popularity.items():
            columns[name] = value[i]
        columns["trend"] = columns["recent_popularity"] - columns["popularity"]
        total = np.asarray(history.sum(axis=1)).ravel()
        taste = history.multiply(1 / np.where(total > 0, total, 1)[:, None]).tocsr()
        price = self.catalogue.log_price
        known = ~np.isnan(price)
        weight = taste @ known.astype(np.float64)
        usual = np.divide(taste @ np.where(known, price, 0), weight, out=np.full(len(weight), np.nan), where=weight > 0)
        columns["log_price"], columns["price_gap"] = price[i], price[i] - usual[u]
        columns["price_distance"] = np.abs(columns["price_gap"])
        if self.catalogue.vectors is not None:
            profile = taste @ self.catalogue.vectors
            length = np.linalg.norm(profile, axis=1, keepdims=True)
            profile = profile / np.where(length > 0, length, 1)
            columns["text_similarity"] = np.einsum("nd,nd->n", profile[u], self.catalogue.vectors[i])
        for name, members in self.members.items():
            group = self.catalogue.groups[name][i]
            share = (taste @ members).toarray()
            columns[f"{name}_share"] = np.where(group >= 0, share[u, np.maximum(group, 0)], 0)
        columns["history_events"] = np.log1p(events)[u]
        return columns

    def names(self, generators: Iterable[str]) -> list[str]:
        """Names of the features, in order, with generators of these names: those of no pair at all."""
        none = np.zeros(0, dtype=np.int64)
        scores = {name: np.zeros((1, len(self.catalogue.ids)), dtype=np.float32) for name in generators}
        pairs = Candidates(none, none, {name: none for name in scores})
        return list(self(pairs, scores, csr_matrix((1, len(self.catalogue.ids))), np.zeros(1, dtype=np.int64)))
