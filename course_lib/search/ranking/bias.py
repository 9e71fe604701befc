"""Finding and removing a judge's bias: by products that people graded as well (anchors), and by another order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


@dataclass(frozen=True)
class Effect:
    """What one unit of a trait adds to a judge's grade: estimate, and the 95 % bootstrap interval over queries."""

    mean: float
    low: float
    high: float


class AnchorCorrection:
    """judge − human = b_h + Σ_t c_t · trait_t + error, with a free b_h for each human grade h; solved by least squares.

    Where people said the same, the judge should not differ by a trait; c_t says how much it does. ``correct`` takes
    Σ c_t · trait_t away. It finds linear effects of traits that somebody thought of, and nothing else.

    Attributes:
        effects: trait -> ``Effect``, the change per unit of the trait.
    """

    def fit(
        self, judge: np.ndarray, human: np.ndarray, anchors: np.ndarray, traits: Mapping[str, np.ndarray], *,
        draws: int = 500, seed: int = 0,
    ) -> Self:  # fmt: skip
        """Learn from the anchors.

        Args:
            judge, human: grades [n, k]; human ones only where bool [n, k] ``anchors`` is true.
            traits: name -> float [n, k]. draws: bootstrap samples of the n queries.

        Raises:
            ContractError: no trait, shapes that don't fit, fewer anchors than unknowns.
        """
        if not traits or not all(np.shape(t) == anchors.shape for t in (judge, human, *traits.values())):
            raise ContractError("judge, human, anchors and at least one trait must be arrays of one shape [n, k]")
        row, _ = np.nonzero(anchors)
        levels = np.unique(human[anchors])
        x = np.column_stack([
            *(human[anchors] == level for level in levels), *(np.asarray(t)[anchors] for t in traits.values()),
        ]).astype(np.float64)  # fmt: skip
        if len(x) <= x.shape[1]:
            raise ContractError(f"{len(x)} anchors for {x.shape[1]} unknowns", remedy="Let people grade more products")
        y = (judge - human)[anchors]
        found = _solve(x.T @ x, x.T @ y)[len(levels) :]
        _, query = np.unique(row, return_inverse=True)
        # Sums for each query make a bootstrap sample a weighted sum of small matrices.
        n = query.max() + 1
        xx, xy = np.zeros((n, x.shape[1], x.shape[1])), np.zeros((n, x.shape[1]))
        np.add.at(xx, query, x[:, :, None] * x[:, None, :])
        np.add.at(xy, query, x * y[:, None])
        times = generator(seed, "anchors").multinomial(n, np.full(n, 1 / n), size=draws)
        drawn = np.stack([_solve(np.tensordot(t, xx, 1), t @ xy)[len(levels) :] for t in times])
        low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
        self.effects = {name: Effect(*map(float, v)) for name, *v in zip(traits, found, low, high)}
        return self

    def correct(self, judge: np.ndarray, traits: Mapping[str, np.ndarray]) -> np.ndarray:
        """float64 [n, k]: the judge's grades without the effects of the traits; values below 0 and above 3 are kept."""
        if not hasattr(self, "effects"):
            raise ContractError("nothing is fitted yet", remedy="Call fit with anchors first")
        return judge - sum(effect.mean * np.asarray(traits[name]) for name, effect in self.effects.items())


def position_effect(
    as_listed: np.ndarray, as_reversed: np.ndarray, mask: np.ndarray, *, draws: int = 1_000, seed: int = 0
) -> Effect:
    """How much the first place gains over the middle, from grading every list twice, forwards and backwards.

    A product shown at place r and then at l − 1 − r differs, apart from noise, by 2 · position · (1 − 2 r / (l − 1)):
    the slope through the origin, halved. No human grade is needed.
    """
    last = np.maximum(mask.sum(axis=1, keepdims=True) - 1, 1)
    lean = np.where(mask, 1 - 2 * np.arange(mask.shape[1]) / last, 0)
    top, bottom = ((as_listed - as_reversed) * lean).sum(axis=1), 2 * (lean**2).sum(axis=1)
    times = generator(seed, "swapped").multinomial(len(top), np.full(len(top), 1 / len(top)), size=draws)
    drawn = (times @ top) / np.maximum(times @ bottom, 1e-12)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Effect(float(top.sum() / max(bottom.sum(), 1e-12)), float(low), float(high))


def _solve(xx: np.ndarray, xy: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(xx, xy, rcond=None)[0]
