"""The users: clusters of like-minded people, their own taste, a late taste they drift to, and what they can spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.simulator.catalogue import BRAND, NONE, Catalogue
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, Vocabulary

GROUPS = ("a", "b")  #: an attribute that deserves protection: the larger and the smaller group
BUDGETS = ("low", "middle", "high")
FACTORS = 8  #: dimensions of the latent taste
#: weight of each column of ``Catalogue.values`` in an item's factors: brand and style matter most, size not at all
_WEIGHTS = dict(zip((*ATTRIBUTES, "brand"), (0.6, 0.6, 1.0, 0.5, 0.0, 1.2)))


@dataclass(frozen=True, eq=False)
class People:
    """n users.

    Attributes:
        cluster: int [n]. group: int [n], rows of GROUPS. budget: int [n], rows of BUDGETS.
        segment: int [n], rows of ``Parameters.elasticities``.
        leaves: int [2, n, m], the leaf categories of the early and of the late taste; an entry may repeat.
        shares: float [n, m], how often each of them, sums to 1.
        factors: float32 [n, FACTORS]: the taste for an item is ``factors @ item_factors``.
        elasticity: float [n]. activity: float [n], share of all sessions, sums to 1.
    """

    cluster: np.ndarray
    group: np.ndarray
    segment: np.ndarray
    budget: np.ndarray
    leaves: np.ndarray
    shares: np.ndarray
    factors: np.ndarray
    elasticity: np.ndarray
    activity: np.ndarray


def item_factors(catalogue: Catalogue, vocab: Vocabulary, rng: np.random.Generator) -> np.ndarray:
    """float32 [n_items, FACTORS], unit length: a weighted sum of random vectors of the item's attributes and brand."""
    total = np.zeros((len(catalogue), FACTORS))
    for column, (name, weight) in enumerate(_WEIGHTS.items()):
        size = len(vocab.brands) if column == BRAND else len(vocab.terms[name])
        table = np.vstack([rng.standard_normal((size, FACTORS)), np.zeros(FACTORS)])  # the last row serves NONE = -1
        total += weight * table[catalogue.values[:, column]]
    assert NONE == -1
    return (total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32)


def draw_people(n: int, demand: np.ndarray, parameters: Parameters, rng: np.random.Generator) -> People:
    """n users.

    Args:
        demand: float [n_leaves], share of the shop's demand that each leaf has; 0 where the shop has no such items.
    """
    clusters, m = parameters.clusters, parameters.leaves_per_user
    # A sparse gamma makes each cluster care for few leaves; the demand keeps the sum over clusters near the shop's.
    interest = demand * rng.gamma(0.15, size=(clusters, len(demand))) + 1e-6 * demand
    interest /= interest.sum(axis=1, keepdims=True)
    cluster = rng.integers(clusters, size=n)
    early = _pick(interest, cluster, m, rng)
    late = early.copy()
    late[:, m // 2 :] = _pick(interest, rng.integers(clusters, size=n), m - m // 2, rng)
    segment = rng.choice(len(parameters.elasticities), size=n, p=parameters.segment_shares)
    # Segments and budgets go together, but loosely: every pair occurs.
    budget = np.clip(segment + rng.choice([-1, 0, 1], size=n, p=[0.2, 0.6, 0.2]), 0, len(BUDGETS) - 1)
    centres = rng.standard_normal((clusters, FACTORS))
    factors = centres[cluster] + parameters.own_taste * rng.standard_normal((n, FACTORS))
    elasticity = np.array([value for _, value in parameters.elasticities])[segment]
    activity = rng.lognormal(sigma=0.5, size=n)
    # The groups' tastes lie on either side of the middle, along one direction of the taste space.
    group = (rng.random(n) < parameters.minority).astype(np.int64)
    direction = rng.standard_normal(FACTORS)
    direction *= parameters.group_taste / np.linalg.norm(direction)
    factors = factors + np.where(group == 0, 1.0, -1.0)[:, None] * direction
    return People(
        cluster=cluster,
        group=group,
        segment=segment,
        budget=budget,
        leaves=np.stack([early, late]),
        shares=rng.dirichlet(np.full(m, 0.8), size=n),
        factors=factors.astype(np.float32),
        elasticity=elasticity,
        activity=activity / activity.sum(),
    )


def _pick(interest: np.ndarray, cluster: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """int [n, m]: m leaves for each user, drawn from the interest of the user's cluster."""
    picked = np.empty((len(cluster), m), dtype=np.int64)
    for number in np.unique(cluster):
        members = np.flatnonzero(cluster == number)
        picked[members] = rng.choice(interest.shape[1], size=(len(members), m), p=interest[number])
    return picked
