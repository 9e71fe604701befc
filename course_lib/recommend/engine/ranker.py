"""The ranker of the pipeline: trees that name a chance, put right on later events than they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.special import logit

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking import Platt, Table, Trees, keep_negatives


class UnteachableError(ContractError):
    """The log is too short, or has no times, for a ranker to learn from: ``ranker=None`` does without."""

    def __init__(self, what: str):
        super().__init__(what, remedy="Give a longer log with times, or leave the ranker out: ranker=None")


class ChanceRanker:
    """P(the user takes the candidate up within the time that a label spans | the user takes up anything new in it).

    ``Trees`` learn it from candidates of the past, of which only a part of the negatives is kept; Platt's two numbers,
    fitted on all candidates of a later time, make the chances true on average, the dropped negatives included.

    Args:
        rounds: trees. most_pairs: negatives beyond so many are dropped at random before training.
        seed: of LightGBM and of what is dropped. parameters: of ``Trees``.

    Attributes:
        trees: ``Trees``. platt: ``Platt``, on the logarithm of the odds that the trees name.
        training: sizes: pairs and positives, to learn from and to calibrate on.

    Raises:
        ContractError: a number below 1.
    """

    PARAMETERS = {"num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 50, "feature_fraction": 0.5}

    def __init__(self, rounds: int = 40, *, most_pairs: int = 50_000, seed: int = 0, **parameters: Any):
        if rounds < 1 or most_pairs < 1:
            raise ContractError(f"rounds is {rounds} and most_pairs is {most_pairs}; both must be at least 1")
        self.rounds, self.most_pairs, self.seed, self.parameters = rounds, most_pairs, seed, dict(parameters)
        self.trees: Trees | None = None
        self.platt: Platt | None = None
        self.training: dict[str, int] = {}

    def fit(self, features: Mapping[str, np.ndarray], label: np.ndarray) -> Self:
        """Learn from pairs: features [n] by name, and whether each was taken up, bool [n].

        Raises:
            UnteachableError: no pair was taken up, or all were.
        """
        if not label.any() or label.all():
            what = f"{int(label.sum())} of {len(label)} candidates were taken up later, so that there is no order to learn"
            raise UnteachableError(what)
        negatives = int((~label).sum())
        kept = keep_negatives(label, min(1.0, self.most_pairs / negatives), seed=self.seed)
        trees = Trees("binary", rounds=self.rounds, seed=self.seed, **{**self.PARAMETERS, **self.parameters})
        self.trees = trees.fit(_table({name: column[kept] for name, column in features.items()}), label[kept])
        self.training = {"pairs": int(kept.sum()), "positives": int(label.sum())}
        return self

    def calibrate(self, features: Mapping[str, np.ndarray], label: np.ndarray) -> Self:
        """Fit Platt's numbers on later pairs, all of them; raises UnteachableError as ``fit`` does."""
        if not label.any() or label.all():
            raise UnteachableError("no candidate was taken up in the time that chances are calibrated on")
        self.platt = Platt().fit(self.margin(features), label)
        self.training |= {"calibration_pairs": len(label), "calibration_positives": int(label.sum())}
        return self

    def chance(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Calibrated chances: float64 [n]; raises ContractError before ``fit`` and ``calibrate``, or for other features."""
        if self.platt is None:
            raise ContractError("the ranker has learned nothing yet", remedy="Call pipeline.fit(interactions) first")
        return self.platt.probability(self.margin(features))

    def why(self, features: Mapping[str, np.ndarray], rows: np.ndarray) -> list[dict[str, float]]:
        """For some rows: what each feature added to the log odds (Lundberg & Lee 2017, as LightGBM has it), by size."""
        values = _table({name: column[rows] for name, column in features.items()}).values
        if not len(values):
            return []
        added = self.trees.booster.predict(values, num_threads=1, pred_contrib=True)[:, :-1] * self.platt.a
        order = np.argsort(-np.abs(added), axis=1, kind="stable")
        return [{self.trees.names[c]: float(line[c]) for c in cols} for line, cols in zip(added, order)]

    def margin(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """The log odds that the trees name, before calibration: float64 [n]."""
        if self.trees is None:
            raise ContractError("the ranker has learned nothing yet", remedy="Call pipeline.fit(interactions) first")
        return logit(np.clip(self.trees.score(_table(features)), 1e-12, 1 - 1e-12))


def _table(features: Mapping[str, np.ndarray]) -> Table:
    values = np.column_stack(list(features.values())).astype(np.float32)
    nothing = np.empty((len(values), 0), dtype=np.int64)
    return Table(tuple(features), values, nothing, np.zeros(len(values), dtype=np.int64))
