"""“Because you bought …”: what of a user's history a model's score of an item rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.collaborative.als import IALS
from course_lib.recommend.collaborative.ease import EASE
from course_lib.recommend.collaborative.neighbours import ItemCosine

EXPLAINS = (ItemCosine, EASE, IALS)  #: their score is a sum over the user's history


@dataclass(frozen=True)
class Reason:
    """One item of the history: its public id, what it adds to the score, and that as a part of the whole score."""

    item: str
    contribution: float
    share: float


def because(model: ItemCosine | EASE | IALS, user: str, item: str, n: int = 3) -> list[Reason]:
    """The n items of the user's history that speak most for an item, the strongest first.

    The contributions of the *whole* history add up to the score; items that add nothing or speak against it (EASE and
    iALS know such) are no reason and are left out, so that the shares shown may add up to more than 1.

    - ``ItemCosine``: x_uj · s_ji. ``EASE``: B_ji.
    - ``IALS``: the user's vector is (QᵀC_uQ + λI)⁻¹ Qᵀ C_u y_u, hence the score Σ_j c_uj q_iᵀ(QᵀC_uQ + λI)⁻¹q_j (Hu et
      al. 2008, section 5). The score explained is that of the vector solved anew, which the fitted one is near to.

    Raises:
        ContractError: a model whose score is no such sum, or that has learned nothing yet, or n < 1.
        UnknownIdError: a user or an item that the model doesn't know.
    """
    if not isinstance(model, EXPLAINS):
        known = ", ".join(kind.__name__ for kind in EXPLAINS)
        raise ContractError(f"{type(model).__name__} has no reasons in the history", remedy=f"Those with: {known}")
    if model.interactions is None:
        raise ContractError(f"{type(model).__name__} has learned nothing yet", remedy="Call fit(interactions) first")
    if n < 1:
        raise ContractError(f"n is {n}; it must be at least 1")
    data = model.interactions
    row, column = int(data.users.rows([user])[0]), int(data.items.rows([item])[0])
    history = data.matrix[row].indices
    adds = np.asarray(model.contributions(row, column), dtype=np.float64)
    order = [at for at in np.lexsort((history, -adds)) if adds[at] > 0][:n]
    whole = adds.sum()
    shares = adds / whole if whole > 0 else np.full(len(adds), np.nan)
    return [Reason(data.items.take([history[at]])[0], float(adds[at]), float(shares[at])) for at in order]
