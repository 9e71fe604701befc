"""What the log hides: the simulator's own knowledge, to hold estimates against."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Truth:
    """The latent world of a simulated shop. Rows are those of the shop's tables.

    Attributes:
        relevance: int8 csr_matrix [n_queries, n_items], grades 1–3; what is not stored is grade 0.
        examination: float [length], P(the user looks at position p); under a cascade, given no click above it.
        attraction: float32 [n_events], P(click | examined) of the event's impression.
        randomised: bool [n_events], the event's page was a uniform random ordering.
        production_propensity, random_propensity: float32 [n_events], the probability of the item at this position
            under the production ranker and under the uniform ordering; the logged propensity mixes them, with the
            weights 1 - ``randomised_share`` and ``randomised_share``.
        randomised_share: float.
        step: int8 [n_events], rows of ``steps``: how the event's query follows from the session's query before;
        previous_query: int32 [n_events], that query, -1 where there is no step. A search that found nothing leaves no
            events of its own, but may be such a query.
        steps: names of the kinds of reformulation; "" where there is none.
        query_constraints: int [n_queries, 7], what each query asks for, -1 for nothing.
        query_correction: int [n_queries], the query that a misspelt one means, -1 for all others.
        query_leaf: int [n_queries]; item_leaf: int [n_items]: rows of ``leaves``.
        leaves: category paths "department > leaf".
        item_quality: float [n_items]. item_popularity: float [n_items], sums to 1. item_factors: float32 [n_items, 8].
        user_factors: float32 [n_users, 8]; taste of user u for item i is ``user_factors[u] @ item_factors[i]``.
        user_cluster: int [n_users]. user_group: int [n_users], 0 for group "a", 1 for "b".
        item_stuffed: bool [n_items], the title names goods that the item is not.
        item_original: int [n_items], the item that a duplicate listing copies, -1 for all others.
        launch_week: int [n_items], 0 for what was there from the start. available: bool [n_items, n_weeks].
        early_taste, late_taste: float csr_matrix [n_users, n_leaves], rows sum to 1; a session at the share t of the
            period follows the late taste with probability ``drift · t``.
        drift: float.
        elasticity: float [n_users], own-price elasticity of the purchase of a carted item.
        price_factor: float32 [n_items, n_weeks], price of the week relative to the list price.
        season: float [n_leaves, n_weeks], demand for each leaf relative to its middle.
        trend: float32 [n_leaves, n_weeks], the passing demand for each leaf, a logarithm.
        fashion: float32 [n_items, n_weeks], the item's passing appeal, part of the logit of a click.
        sale: bool [n_weeks].
    """

    relevance: csr_matrix
    examination: np.ndarray
    attraction: np.ndarray
    randomised: np.ndarray
    production_propensity: np.ndarray
    random_propensity: np.ndarray
    randomised_share: float
    step: np.ndarray
    previous_query: np.ndarray
    steps: tuple[str, ...]
    query_constraints: np.ndarray
    query_correction: np.ndarray
    query_leaf: np.ndarray
    item_leaf: np.ndarray
    leaves: list[str]
    item_quality: np.ndarray
    item_popularity: np.ndarray
    item_factors: np.ndarray
    user_factors: np.ndarray
    user_cluster: np.ndarray
    user_group: np.ndarray
    item_stuffed: np.ndarray
    item_original: np.ndarray
    launch_week: np.ndarray
    available: np.ndarray
    early_taste: csr_matrix
    late_taste: csr_matrix
    drift: float
    elasticity: np.ndarray
    price_factor: np.ndarray
    season: np.ndarray
    trend: np.ndarray
    fashion: np.ndarray
    sale: np.ndarray

    def __repr__(self) -> str:
        """A line per field, with its shape: the arrays themselves would fill a terminal."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        lines = [
            f"  {name}: {type(one).__name__} {list(one.shape)} {one.dtype}" if hasattr(one, "shape")
            else f"  {name}: {len(one)} names" if isinstance(one, (list, tuple)) else f"  {name}: {one}"
            for name, one in values
        ]  # fmt: skip
        return "Truth of a simulated shop:\n" + "\n".join(lines)
