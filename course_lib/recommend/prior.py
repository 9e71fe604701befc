"""A popularity prior: what a model scores, plus a set share of how many people took an item."""

from __future__ import annotations

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.base import Recommender
from course_lib.shop.interactions import Interactions


class PopularityPrior(Recommender):
    """Another model's scores moved by popularity: s(u, i) + weight · log n_i, with n_i the users who met the item.

    A model of cosines can't make a vector longer for an item that everybody takes; added to its logits, the logarithm of
    a count multiplies the odds by a power of it. Post-hoc logit adjustment, Menon et al., "Long-tail Learning via Logit
    Adjustment" (ICLR 2021), section 4.1, there with the opposite sign to lift rare classes.

    Args:
        model: a recommender; ``fit`` fits it, unless it was fitted on the very same interactions before.
        weight: in the units of the model's scores; 0 leaves them, below 0 favours rare items.

    Attributes:
        lift: float32 [n_items], what is added. An item that nobody met gets 0, as one that a single user met.

    Raises:
        ContractError: something else than a recommender, or a weight that isn't a finite number.
    """

    def __init__(self, model: Recommender, weight: float):
        if not isinstance(model, Recommender):
            raise ContractError(f"the model is a {type(model).__name__}", remedy="Pass a recommender, e.g. LightGCN()")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not np.isfinite(weight):
            raise ContractError(f"weight is {weight!r}; it must be a finite number")
        self.model, self.weight = model, weight

    def _fit(self, interactions: Interactions) -> None:
        if self.model.interactions is not interactions:
            self.model.fit(interactions)
        met = interactions.matrix.copy()
        met.eliminate_zeros()
        users = np.bincount(met.indices, minlength=len(interactions.items))
        self.lift = (self.weight * np.log(np.maximum(users, 1))).astype(np.float32)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        scores = np.array(self.model._score(rows), dtype=np.float32)
        if self.model.needs_evidence:  # no evidence stays none, however popular the item
            scores[scores <= 0] = -np.inf
        scores += self.lift
        return scores
