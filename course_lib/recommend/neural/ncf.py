"""Neural collaborative filtering: the tables of a factorisation, and a network where it has the dot product.

He et al., "Neural Collaborative Filtering" (WWW 2017). Rendle et al., "Neural Collaborative Filtering vs. Matrix
Factorization Revisited" (RecSys 2020) measured it against a tuned dot product: the lab of the chapter does the same.
"""

from __future__ import annotations

from typing import Literal

from course_lib.core.errors import ContractError
from course_lib.recommend.neural.factorization import Tables
from course_lib.recommend.neural.similarity import MLP, NeuMF
from course_lib.recommend.neural.trained import Loss, Trained
from course_lib.shop.interactions import Interactions


class NCF(Trained):
    """score(u, i) = a network of the two vectors.

    Args:
        factors: length of the vectors.
        similarity: ``"mlp"``, or ``"neumf"``: half of the vectors go to a weighted dot product beside the network.
        hidden: width of the network's first layer. layers: how many.
        others: see ``Trained``. The sampled and full losses pass every pair of the batch through the network; the
            binary one, which the paper uses, only the pairs and what is drawn.

    Raises:
        ContractError: settings out of range.
    """

    def __init__(
        self,
        factors: int = 32,
        similarity: Literal["mlp", "neumf"] = "mlp",
        *,
        hidden: int = 64,
        layers: int = 2,
        loss: Loss = "binary",
        log_q: bool = True,
        negatives: int = 4,
        steps: int = 300,
        batch_size: int = 512,
        learning_rate: float = 0.02,
        weight_decay: float = 0.5,
        seed: int = 0,
    ):
        if factors < 2 or layers < 1 or hidden < 1 or similarity not in ("mlp", "neumf"):
            raise ContractError('NCF needs factors ≥ 2, layers and hidden ≥ 1, similarity "mlp" or "neumf"')
        super().__init__(loss=loss, log_q=log_q, negatives=negatives, steps=steps, batch_size=batch_size,
                         learning_rate=learning_rate, weight_decay=weight_decay, seed=seed)  # fmt: skip
        self.factors, self.similarity, self.hidden, self.layers = factors, similarity, hidden, layers

    def _net(self, interactions: Interactions) -> Tables:
        make = MLP if self.similarity == "mlp" else NeuMF
        similarity = make(self.factors, self.hidden, self.layers)
        return Tables(len(interactions.users), len(interactions.items), self.factors, similarity)
