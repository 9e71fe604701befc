"""Hard negatives: products that an encoder finds near a query although they are wrong answers to it.

Xiong et al. 2021, https://arxiv.org/abs/2007.00808, mine them with the model's own vectors. A product that was never
judged may be right all the same: what is known to be right has to be left out, and the first places are the riskiest
(Qu et al. 2021, https://arxiv.org/abs/2010.08191, §3.2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.core.ranking import top_k
from course_lib.core.seeds import generator


def mine_negatives(
    queries: np.ndarray,
    products: np.ndarray,
    right: Sequence[Collection[int]],
    n: int,
    *,
    depth: int = 50,
    skip: int = 0,
    seed: int = 0,
) -> np.ndarray:
    """For each query n wrong products, drawn from the first ``depth`` of its ranking: int64 [n_queries, n].

    Args:
        queries, products: vectors [n_queries, d] and [n_products, d] whose products are the scores.
        right: of each query the rows of products that are no negatives.
        depth: how far down to look, after the right ones have left; the smaller, the harder.
        skip: so many of the first wrong ones are passed over, since they are the likeliest to be right after all.

    Raises:
        ContractError: shapes that don't fit, or a query that has fewer than n wrong products within the catalogue.
    """
    if len(right) != len(queries) or n < 1 or skip < 0 or depth < skip + n:
        raise ContractError("mining needs one set of right products per query, n ≥ 1, skip ≥ 0 and depth ≥ skip + n")
    random = generator(seed, "hard negatives")
    longest = max((len(rows) for rows in right), default=0)
    ranked, _ = top_k(queries, products, min(len(products), depth + longest))
    found = np.empty((len(queries), n), dtype=np.int64)
    for row, (near, known) in enumerate(zip(ranked, right)):
        wrong = near[~np.isin(near, list(known))][skip:depth]
        if len(wrong) < n:
            raise ContractError(f"query {row} has {len(wrong)} wrong products to draw {n} from")
        found[row] = random.choice(wrong, n, replace=False)
    return found


class BatchNegatives:
    """The hard negatives of a training set: which of them a batch sees, and for whom they are no negatives.

    A negative that is a product of the query in any pair, also one outside the batch, is a right answer.

    Args:
        pairs: int [n, 2], numbers of the query and the product of each pair.
        negatives: int [n, m], numbers of the products that are wrong answers to each pair's query.
    """

    def __init__(self, pairs: np.ndarray, negatives: np.ndarray):
        self._pairs, self._negatives = pairs, negatives
        self._span = int(max(pairs[:, 1].max(), negatives.max())) + 1
        self._right = np.unique(self._keys(pairs[:, 0], pairs[:, 1]))

    def columns(self, rows: np.ndarray) -> tuple[np.ndarray, Tensor]:
        """Numbers [m] of the distinct negatives of these pairs, and bool [b, m]: right answers after all.

        What is a product of the batch is a column already, so it doesn't come a second time.
        """
        queries, products = self._pairs[rows].T
        wrong = np.setdiff1d(self._negatives[rows], products)
        return wrong, torch.from_numpy(np.isin(self._keys(queries[:, None], wrong), self._right))

    def _keys(self, queries: np.ndarray, products: np.ndarray) -> np.ndarray:
        """One number for each (query, product)."""
        return queries * self._span + products
