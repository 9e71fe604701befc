"""The rank stage: a weighted sum of few features that anybody can read, so that every place can be explained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from course_lib.core.errors import ContractError

#: feature -> weight, from a grid (benchmarks/engine.py --tune --seeds 0 1 2) on simulated shops, on queries that
#: nobody had typed before. A category of 0.5 did as well; the lower weight trusts the intent model less. Neither the
#: fusion's score nor a vote of the list about the category added anything there.
WEIGHTS: dict[str, float] = {"words": 1.0, "meaning": 0.5, "category": 0.25}


def features(fused: np.ndarray, words: np.ndarray, meaning: np.ndarray, category: np.ndarray) -> dict[str, np.ndarray]:
    """The features of one query's candidates, each [m], brought to one unit: about 0 to 1 within the list.

    - ``fused``: the fusion's score, over the list's best.
    - ``words``: BM25's score, over the list's best.
    - ``meaning``: the cosine, less that of the list's worst, over the list's spread.
    - ``category``: P(category of the product | query), as the intent model has it.

    A feature that all candidates share adds the same to each and moves nothing.
    """
    return {"fused": _of_best(fused), "words": _of_best(words), "meaning": _spread(meaning), "category": category}


def contributions(values: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Weight times feature, [m] each: their sum is the product's score.

    Raises:
        ContractError: a weight for a feature that there isn't.
    """
    if unknown := set(weights) - set(values):
        what = f"there is no feature {sorted(unknown)[0]!r}"
        raise ContractError(what, remedy=f"Choose among {', '.join(values)}")
    return {name: weight * values[name] for name, weight in weights.items()}


def _of_best(scores: np.ndarray) -> np.ndarray:
    best = scores.max(initial=0.0)
    return scores / best if best > 0 else np.zeros_like(scores)


def _spread(scores: np.ndarray) -> np.ndarray:
    if not len(scores) or scores.max() == scores.min():
        return np.zeros_like(scores)
    return (scores - scores.min()) / (scores.max() - scores.min())
