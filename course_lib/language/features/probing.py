"""Probing: what do the vectors know? A linear model reads a label off them, beside two controls.

Alain & Bengio 2016, https://arxiv.org/abs/1610.01644 (linear probes); Hewitt & Liang 2019,
https://arxiv.org/abs/1909.03368 (control tasks: labels that mean nothing, and selectivity, the gap to them).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


@dataclass(frozen=True)
class Probe:
    """What a probe found on rows that it had not seen.

    Attributes:
        right: bool [n_test], per row. majority: bool [n_test], the same for the most frequent label of the training.
        penalty: chosen on a part of the training rows. labels: number of distinct labels.
    """

    right: np.ndarray
    majority: np.ndarray
    penalty: float
    labels: int

    @property
    def accuracy(self) -> float:
        """Share of the test rows whose label was read off rightly."""
        return float(self.right.mean())


def probe(
    vectors: np.ndarray,
    labels: Sequence[Hashable],
    *,
    share: float = 0.3,
    seed: int = 0,
    penalties: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
) -> Probe:
    """Fit a linear probe (ridge regression on one-hot labels) and test it on held-out rows.

    Args:
        vectors: float [n, d]. labels: n of them.
        share: of the rows that is held out; which ones depends on ``seed`` and n alone, so that two encoders are
            tested on the same rows.
        penalties: of the ridge; the one that does best on the last fifth of the training rows is taken.

    Raises:
        ContractError: another number of labels, fewer than ten rows or than two labels, not finite.
    """
    vectors, labels = np.asarray(vectors, dtype=np.float64), list(labels)
    if vectors.ndim != 2 or len(labels) != len(vectors) or len(labels) < 10 or not np.isfinite(vectors).all():
        raise ContractError(f"{len(labels)} labels for vectors {vectors.shape}; ten finite rows are needed at least")
    names = sorted(set(labels), key=str)
    if len(names) < 2 or not 0 < share < 1 or not penalties:
        raise ContractError("a probe needs two labels, a share between 0 and 1, and a penalty to try")
    column = {name: j for j, name in enumerate(names)}
    y = np.array([column[label] for label in labels])
    order = generator(seed, "probe").permutation(len(y))
    train, test = np.split(order, [len(y) - max(1, round(share * len(y)))])
    inner, check = np.split(train, [len(train) * 4 // 5])

    def right(fit: np.ndarray, on: np.ndarray, penalty: float) -> np.ndarray:
        return ridge_scores(vectors[fit], np.eye(len(names))[y[fit]], vectors[on], penalty).argmax(axis=1) == y[on]

    best = max(penalties, key=lambda penalty: right(inner, check, penalty).mean())
    most = np.bincount(y[train]).argmax()
    return Probe(right(train, test, best), y[test] == most, best, len(names))


def ridge_scores(x: np.ndarray, y: np.ndarray, new: np.ndarray, penalty: float) -> np.ndarray:
    """Predictions [m, c] for ``new`` [m, d] of a ridge regression of y [n, c] on x [n, d]; the intercept is free.

    Solves (Xᵀ X + λ I) W = Xᵀ Y for centred X and Y (Hoerl & Kennard 1970, https://doi.org/10.1080/00401706.1970.10488634).
    """
    mean, level = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - level))
    return (new - mean) @ weights + level


def control_labels(types: Sequence[Hashable], labels: Sequence[Hashable], *, seed: int = 0) -> list[Hashable]:
    """A control task: each *type* gets one label by lot, as frequent as in ``labels``, which means nothing.

    A probe that does as well here as on the real labels reads off which type a row is, not what the label says.

    Args:
        types: of each row, e.g. the leaf category of a product; rows of one type share their control label.

    Raises:
        ContractError: another number of types, or none.
    """
    types, labels = list(types), list(labels)
    if len(types) != len(labels) or not labels:
        raise ContractError(f"{len(types)} types for {len(labels)} labels")
    counts = Counter(labels)
    names = sorted(counts, key=str)
    share = np.array([counts[name] for name in names]) / len(labels)
    kinds = sorted(set(types), key=str)
    drawn = generator(seed, "control task").choice(len(names), size=len(kinds), p=share)
    lot = {kind: names[j] for kind, j in zip(kinds, drawn)}
    return [lot[kind] for kind in types]
