"""What the log hides: the simulator's own knowledge, to hold estimates against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Truth:
    """The latent world of a simulated shop. Rows are those of the shop's tables.

    Attributes:
        relevance: int8 csr_matrix [n_queries, n_items], grades 1–3; what is not stored is grade 0.
        examination: float [length], P(the user looks at position p).
        attraction: float32 [n_events], P(click | examined) of the event's impression.
        randomised: bool [n_events], the event's page was a uniform random ordering.
        query_leaf: int [n_queries]; item_leaf: int [n_items]: rows of ``leaves``.
        leaves: category paths "department > leaf".
        item_quality: float [n_items]. item_popularity: float [n_items], sums to 1. item_factors: float32 [n_items, 8].
        user_factors: float32 [n_users, 8]; taste of user u for item i is ``user_factors[u] @ item_factors[i]``.
        user_cluster: int [n_users].
        early_taste, late_taste: float csr_matrix [n_users, n_leaves], rows sum to 1; a session at the share t of the
            period follows the late taste with probability ``drift · t``.
        drift: float.
        elasticity: float [n_users], own-price elasticity of the purchase of a carted item.
        price_factor: float32 [n_items, n_weeks], price of the week relative to the list price.
    """

    relevance: csr_matrix
    examination: np.ndarray
    attraction: np.ndarray
    randomised: np.ndarray
    query_leaf: np.ndarray
    item_leaf: np.ndarray
    leaves: list[str]
    item_quality: np.ndarray
    item_popularity: np.ndarray
    item_factors: np.ndarray
    user_factors: np.ndarray
    user_cluster: np.ndarray
    early_taste: csr_matrix
    late_taste: csr_matrix
    drift: float
    elasticity: np.ndarray
    price_factor: np.ndarray
