"""Gradient-boosted trees on the same table: the strong baseline, called from LightGBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking.features import Table

if TYPE_CHECKING:
    import lightgbm


class Trees:
    """LightGBM with a loss for probabilities (``"binary"``) or for the order of each page (``"lambdarank"``).

    Args:
        objective: ``"binary"``: ``score`` is P(y = 1). ``"lambdarank"``: it only orders; its scale means nothing.
        rounds: trees. parameters: of LightGBM, over those of ``PARAMETERS``.
    """

    PARAMETERS = {
        "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 100, "feature_fraction": 0.7, "lambda_l2": 10.0,
        "deterministic": True, "force_row_wise": True, "verbose": -1, "num_threads": 1,
    }  # fmt: skip

    def __init__(self, objective: str = "binary", *, rounds: int = 100, seed: int = 0, **parameters: Any):
        if objective not in ("binary", "lambdarank") or rounds < 1:
            raise ContractError(f"objective is {objective!r} and rounds {rounds}; known are binary and lambdarank, ≥ 1")
        self.objective, self.rounds = objective, rounds
        self.parameters = {**self.PARAMETERS, "objective": objective, "seed": seed, **parameters}
        self.booster: lightgbm.Booster | None = None

    def fit(self, table: Table, y: np.ndarray, page: np.ndarray | None = None) -> Self:
        """Learn outcomes [n], 0 / 1; for lambdarank with the page of each row (rows of a page stand together).

        Raises:
            ContractError: another number of outcomes, outcomes all alike, lambdarank without pages.
        """
        import lightgbm

        y = np.asarray(y).astype(np.int8)
        if y.shape != (len(table),) or len(np.unique(y)) < 2:
            raise ContractError(f"{y.shape} outcomes for {len(table)} rows: one each, and not all alike")
        sizes = None
        if self.objective == "lambdarank":
            if page is None or len(page) != len(y) or (np.diff(page) < 0).any():
                raise ContractError("lambdarank needs the page of each row, ascending")
            sizes = np.unique(page, return_counts=True)[1]
        data = lightgbm.Dataset(table.values, y, group=sizes, feature_name=list(table.names))
        self.booster = lightgbm.train(self.parameters, data, self.rounds)
        self.names = table.names
        return self

    def score(self, table: Table) -> np.ndarray:
        """float64 [n]; raises ContractError before ``fit`` and for other columns."""
        if self.booster is None:
            raise ContractError("the trees have learned nothing yet", remedy="Call fit(table, y) first")
        if table.names != self.names:
            raise ContractError(f"columns {', '.join(table.names)}, where the trees learned {', '.join(self.names)}")
        return self.booster.predict(table.values, num_threads=1) if len(table) else np.zeros(0)

    def importance(self) -> dict[str, float]:
        """Part of the trees' total gain that each column brought, largest first."""
        if self.booster is None:
            raise ContractError("the trees have learned nothing yet", remedy="Call fit(table, y) first")
        gain = self.booster.feature_importance("gain")
        share = dict(zip(self.names, (gain / max(gain.sum(), 1e-12)).tolist()))
        return dict(sorted(share.items(), key=lambda entry: -entry[1]))
