"""The second stage: rank a few hundred candidates by everything that is known of user and item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import lightgbm
import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.recommend.base import Recommender
from course_lib.recommend.ranking.pairs import Candidates, Catalogue, pair_features
from course_lib.recommend.split import new_interests
from course_lib.shop.interactions import Interactions

if TYPE_CHECKING:
    from datasets import Dataset


class LearnedRanker:
    """A recommender in two stages: others propose candidates, gradient-boosted trees put them in order.

    Time keeps the answer out of the features. ``fit`` learns at a moment t1 of the past: recommenders and features see
    what came before t1 (``history``), and the label of a candidate is whether the user did something with it after t1
    (``labels``). ``refit`` moves the same trees to the present: recommenders and features are computed again from all
    that is known now, in the same way.

    Source: LambdaMART, Burges, "From RankNet to LambdaRank to LambdaMART" (2010), as in LightGBM's ``lambdarank``.

    Args:
        make_recommenders: new, unfitted recommenders by name; their names begin the names of their features.
        items: the items table of the shop, whose rows are the catalogue rows.
        vectors: float [n_items, d], a text vector of each item, or None.
        depth: candidates that each recommender proposes for a user.
        rounds: how many trees.
        seed: of LightGBM, which shows each tree a random half of the features.
        num_threads: of LightGBM; its result does not depend on it, and beside other busy processes more can be slower.
        parameters: of LightGBM, over the defaults in ``PARAMETERS``.

    Attributes:
        feature_names: what the trees see, in order.
        booster: the trees (``lightgbm.Booster``).
        training: sizes of the last ``fit``: users, pairs, positives, candidate_recall (part of the labels that are
            among the candidates: no order can win more).

    Raises:
        ContractError: a depth or a number of rounds below 1, vectors that don't fit the items.
    """

    PARAMETERS = {
        "objective": "lambdarank",
        # Small trees, few of them: a user brings one or two positives, and held-out users are too few to stop by.
        "learning_rate": 0.05,
        "num_leaves": 7,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.5,
        "lambda_l2": 10.0,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }

    def __init__(
        self,
        make_recommenders: Callable[[], Mapping[str, Recommender]],
        items: Dataset,
        vectors: np.ndarray | None = None,
        *,
        depth: int = 100,
        rounds: int = 60,
        seed: int = 0,
        num_threads: int = 1,
        parameters: Mapping[str, Any] | None = None,
    ):
        if depth < 1 or rounds < 1:
            raise ContractError(f"depth is {depth} and rounds is {rounds}; both must be at least 1")
        self.make_recommenders, self.catalogue = make_recommenders, Catalogue.from_items(items, vectors)
        self.depth, self.rounds, self.seed = depth, rounds, seed
        self.parameters = {**self.PARAMETERS, "seed": seed, "num_threads": num_threads, **(parameters or {})}
        self.booster: lightgbm.Booster | None = None

    def fit(self, history: Interactions, labels: Interactions) -> Self:
        """Learn the order of candidates from what users did next.

        Args:
            history: everything before a moment t1.
            labels: what came from t1 on, up to now; only what was new to a user of the history counts.

        Raises:
            ContractError: labels that begin before the history ends, nothing new in them, or nothing new among the
                candidates; another catalogue than the items table.
        """
        wanted = new_interests(history, labels)
        self.refit(history)
        users = wanted.active_users()
        pairs, features = self._features(users, exclude_seen=True)
        # Joined by public id: the two parts of the log have maps of their own.
        rows = history.users.rows(wanted.users.ids[u] for u in wanted.user_rows)
        n_items = len(self.catalogue.ids)
        positive = np.unique(rows * n_items + wanted.item_rows)
        label = np.isin(pairs.user_rows * n_items + pairs.item_rows, positive).astype(np.int8)
        learnable = np.isin(pairs.user_rows, pairs.user_rows[label > 0])  # a user without a positive has no order
        if not label.any():
            raise ContractError("no candidate was wanted later", remedy="Propose more candidates (depth=…)")
        self.booster = self._boost(features[learnable], label[learnable], pairs.user_rows[learnable])
        self.training = {
            "users": int(len(np.unique(pairs.user_rows[learnable]))),
            "pairs": int(learnable.sum()),
            "positives": int(label.sum()),
            "candidate_recall": float(label.sum() / len(positive)),
        }
        return self

    def refit(self, history: Interactions) -> Self:
        """Fit the recommenders anew on all that is known now; the trees stay as they are."""
        if history.items != self.catalogue.ids:
            raise ContractError("the interactions have another catalogue than the items table")
        models = dict(self.make_recommenders())
        if not models:
            raise ContractError("make_recommenders gave no recommender", remedy='E.g. lambda: {"ials": IALS()}')
        self.recommenders = {name: model.fit(history) for name, model in models.items()}
        self.history = history
        return self

    def recommend(self, users: Sequence[str], k: int = 20, *, exclude_seen: bool = True) -> Ranking:
        """The k best candidates of each user, ties by catalogue row (contract: ``Recommender.recommend``).

        Raises:
            ContractError: not fitted yet, a user named twice, k < 1. UnknownIdError: a user without any history.
        """
        if self.booster is None:
            raise ContractError("LearnedRanker has learned nothing yet", remedy="Call fit(history, labels) first")
        if isinstance(users, str):
            raise ContractError("users must be a list of user ids", remedy=f"E.g. recommend([{users!r}])")
        keys = IdMap("user", users)
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
        ids, scores = np.full((len(keys), k), PAD, dtype=np.int64), np.full((len(keys), k), -np.inf, dtype=np.float32)
        if len(keys):
            pairs, features = self._features(list(keys), exclude_seen)
            asked = self.history.users.rows(keys)
            row_of = np.full(len(self.history.users), -1)
            row_of[asked] = np.arange(len(asked))
            score = np.empty(0, dtype=np.float32)
            if len(features):  # not so when these users have seen all that could be proposed
                threads = self.parameters["num_threads"]
                score = self.booster.predict(features, num_threads=threads).astype(np.float32)
            order = np.lexsort((pairs.item_rows, -score, pairs.user_rows))
            user, item, score = pairs.user_rows[order], pairs.item_rows[order], score[order]
            place = np.arange(len(user)) - np.searchsorted(user, user)
            kept = place < k
            ids[row_of[user[kept]], place[kept]] = item[kept]
            scores[row_of[user[kept]], place[kept]] = score[kept]
        return Ranking(ids, scores, keys, self.catalogue.ids)

    def importance(self) -> dict[str, float]:
        """Part of the trees' total gain that each feature brought, largest first; the sum is 1 (0 without a split)."""
        if self.booster is None:
            raise ContractError("LearnedRanker has learned nothing yet", remedy="Call fit(history, labels) first")
        gain = self.booster.feature_importance("gain")
        share = dict(zip(self.feature_names, (gain / max(gain.sum(), 1e-12)).tolist()))
        return dict(sorted(share.items(), key=lambda entry: -entry[1]))

    def _features(self, users: list[str], exclude_seen: bool) -> tuple[Candidates, np.ndarray]:
        pairs = Candidates.from_recommenders(self.recommenders, users, self.depth, exclude_seen)
        columns = pair_features(pairs, self.recommenders, self.history, self.catalogue)
        self.feature_names = list(columns)
        return pairs, np.column_stack(list(columns.values())).astype(np.float32)

    def _boost(self, features: np.ndarray, label: np.ndarray, user_rows: np.ndarray) -> lightgbm.Booster:
        sizes = np.unique(user_rows, return_counts=True)[1]  # rows of one user stand together
        data = lightgbm.Dataset(features, label, group=sizes, feature_name=self.feature_names)
        return lightgbm.train(self.parameters, data, self.rounds)
