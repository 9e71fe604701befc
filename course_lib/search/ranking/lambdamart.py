"""LambdaMART: the gradients of LambdaRank, followed by boosted trees in place of weights. Called from LightGBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import Ranking
from course_lib.search.ranking.checks import check_lists
from course_lib.search.ranking.gains import gains
from course_lib.search.ranking.table import FeatureTable, reordered

if TYPE_CHECKING:
    import lightgbm


class LambdaMART:
    """Gradient-boosted trees with LightGBM's ``lambdarank`` (Burges 2010, §7), under the contract of ``ListRanker``.

    Args:
        rounds: trees. gain: of a grade, ``"exponential"`` or ``"linear"``.
        parameters: further ones of LightGBM, over those of ``PARAMETERS``.
    """

    PARAMETERS = {
        "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 20, "feature_fraction": 0.7, "lambda_l2": 1.0,
        "deterministic": True, "force_row_wise": True, "verbose": -1, "num_threads": 1,
    }  # fmt: skip

    def __init__(self, *, rounds: int = 60, gain: str = "exponential", seed: int = 0, **parameters: Any):
        if rounds < 1:
            raise ContractError(f"rounds is {rounds}; it must be at least 1")
        self.rounds, self.gain = rounds, gain
        self.parameters = {**self.PARAMETERS, "objective": "lambdarank", "seed": seed, **parameters}
        self.booster: lightgbm.Booster | None = None

    def fit(self, table: FeatureTable, grades: np.ndarray) -> Self:
        """Learn from n lists and the grade of each of their products: whole numbers, [n, k].

        Raises:
            ContractError: grades of another shape, not whole, below 0; no two different grades in any list.
        """
        import lightgbm

        _, grades, mask = check_lists(np.zeros(table.mask.shape), grades, table.mask)
        label = grades[mask]
        if (label != np.round(label)).any() or label.min() < 0:
            raise ContractError("LightGBM's lambdarank wants whole grades of at least 0")
        low, high = np.where(mask, grades, np.inf).min(axis=1), np.where(mask, grades, -np.inf).max(axis=1)
        if not (high > low).any():
            raise ContractError("no list has two products of different grades: there is no order to learn")
        worth = gains(np.arange(int(label.max()) + 1), self.gain).tolist()
        sizes = mask.sum(axis=1)
        data = lightgbm.Dataset(table.values[mask], label, group=sizes[sizes > 0], feature_name=list(table.names))
        self.booster = lightgbm.train({**self.parameters, "label_gain": worth}, data, self.rounds)
        self.names = table.names
        return self

    def score(self, table: FeatureTable) -> np.ndarray:
        """float64 [n, k]; 0 under pads. Raises ContractError before ``fit`` and for other features."""
        if self.booster is None:
            raise ContractError("the trees have learned nothing yet", remedy="Call fit(table, grades) first")
        if table.names != self.names:
            raise ContractError(f"features {', '.join(table.names)}, where the trees learned {', '.join(self.names)}")
        scores = np.zeros(table.mask.shape)
        if table.mask.any():
            scores[table.mask] = self.booster.predict(table.values[table.mask], num_threads=1)
        return scores

    def rerank(self, candidates: Ranking, table: FeatureTable, k: int) -> Ranking:
        """The k best candidates of each row (see ``ListRanker.rerank``)."""
        if table.candidates is not candidates and not np.array_equal(table.candidates.ids, candidates.ids):
            raise ContractError("the features belong to other candidates")
        return reordered(candidates, self.score(table), k)

    def importance(self) -> dict[str, float]:
        """Part of the trees' total gain that each feature brought, largest first."""
        if self.booster is None:
            raise ContractError("the trees have learned nothing yet", remedy="Call fit(table, grades) first")
        gain = self.booster.feature_importance("gain")
        share = dict(zip(self.names, (gain / max(gain.sum(), 1e-12)).tolist()))
        return dict(sorted(share.items(), key=lambda entry: -entry[1]))
