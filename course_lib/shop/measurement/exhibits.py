"""Four ways to fool oneself, each small enough to see how. None of them is a way to measure; ``evaluate`` is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import hypergeom, norm

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement.evaluation import evaluate
from course_lib.shop.measurement.report import Report
from course_lib.shop.measurement.splits import split_at_random, split_by_time


def full_ranks(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The place (from 1) of one relevant item in the full ranking of each case: int64 [n], ties by catalogue row.

    Args:
        scores: float [n, n_items], -inf for what may not be listed, such as seen items.
        targets: int [n], catalogue rows.

    Raises:
        ContractError: shapes that don't fit, a NaN, or a target outside the catalogue or that may not be listed.
    """
    scores, targets = np.asarray(scores), np.asarray(targets)
    if scores.ndim != 2 or targets.shape != scores.shape[:1] or np.isnan(scores).any():
        what = f"scores {scores.shape} and targets {targets.shape} must be [n, n_items] and [n], without NaN"
        raise ContractError(what)
    if len(targets) and (targets.min() < 0 or targets.max() >= scores.shape[1]):
        raise ContractError(f"a target lies outside the catalogue of {scores.shape[1]} rows")
    own = np.take_along_axis(scores, targets[:, None], axis=1)
    if np.isneginf(own).any():
        remedy = "Leave seen items out of the test"
        raise ContractError("a target has the score -inf: it may not be listed", remedy=remedy)
    tied_above = (scores == own) & (np.arange(scores.shape[1]) < targets[:, None])
    return 1 + (scores > own).sum(axis=1) + tied_above.sum(axis=1)


def sampled_hit(ranks: np.ndarray, n_items: int, n_sampled: int, k: int) -> np.ndarray:
    """Expected hit@k when the relevant item is ranked among itself and ``n_sampled`` random others: float64 [n].

    Of the rank − 1 items above it, the sample holds a hypergeometric number; it is a hit when that is below k
    (Krichene and Rendle 2020, KDD). With n_sampled = n_items − 1 this is the full ranking.

    Args:
        ranks: whole numbers 1 … n_items, the relevant item's place in the full ranking of each case.

    Raises:
        ContractError: a rank or a sample that the catalogue can't hold, or k < 1.
    """
    ranks = np.asarray(ranks)
    if not len(ranks) or ranks.min() < 1 or ranks.max() > n_items:
        raise ContractError(f"ranks must be whole numbers from 1 to {n_items}, at least one")
    if not 1 <= n_sampled < n_items or k < 1:
        raise ContractError(f"can't sample {n_sampled} others of {n_items} items for k = {k}")
    values, inverse = np.unique(ranks, return_inverse=True)
    return hypergeom.cdf(k - 1, n_items - 1, values - 1, n_sampled)[inverse]


def sampled_reversal(
    ranks_a: np.ndarray, ranks_b: np.ndarray, n_items: int, *, k: int = 10, samples: Sequence[int] = (20, 100, 500)
) -> list[dict[str, Any]]:
    """hit@k of two methods among ever more sampled items, and at last among all: ``sampled, a, b, better`` in each row.

    Sampling forgives a rank of 300 among 10,000 almost entirely: among 100 others it becomes a place near 4. So a
    method that is never quite right beats one that is often exactly right.
    """
    rows = []
    for n_sampled in [*(n for n in samples if n < n_items - 1), n_items - 1]:
        a, b = (float(sampled_hit(ranks, n_items, n_sampled, k).mean()) for ranks in (ranks_a, ranks_b))
        better = "a" if a > b else "b" if b > a else "neither"
        rows.append({"sampled": n_sampled, "a": a, "b": b, "better": better})
    return rows


def sharp_and_vague(n_cases: int = 2_000, n_items: int = 10_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Full ranks of two invented methods: one right at once in 3 of 10 cases and lost in the others, one never right.

    Returns:
        sharp int64 [n_cases]: rank 1–5 with probability 0.3, else any; vague: any of the ranks of the best 5 % below
        the first 50.
    """
    random = generator(seed, "measurement", "sharp and vague")
    anywhere = random.integers(1, n_items + 1, size=n_cases)
    sharp = np.where(random.random(n_cases) < 0.3, random.integers(1, 6, size=n_cases), anywhere)
    return sharp, random.integers(51, max(52, n_items // 20) + 1, size=n_cases)


def random_split_leakage(
    interactions: Interactions,
    recommend: Callable[[Interactions, list[str], int], Ranking],
    *,
    metric: str = "recall@20",
    fraction: float = 0.8,
    seed: int = 0,
) -> dict[str, Report]:
    """The same recommender under two splits: ``"by time"``, and ``"at random"``, where it has learned from the future.

    Args:
        recommend: from training interactions, user ids and k to the ranking of those users, seen items left out.
        metric: ``name@k`` of ``evaluate``.
    """
    k = int(metric.rpartition("@")[2])
    reports = {}
    for name, (train, test) in (
        ("by time", split_by_time(interactions, fraction)),
        ("at random", split_at_random(interactions, fraction, seed)),
    ):
        ranking = recommend(train, test.active_users(), k)
        reports[name] = evaluate(ranking, test, metric, seen=train, seed=seed)
    return reports


def popularity(counted: Interactions, seen: Interactions, users: Sequence[str], k: int) -> Ranking:
    """The k items with most events in ``counted`` for each user, without what the user has in ``seen``.

    Ties by catalogue row. Both must have one user map and one catalogue.
    """
    if counted.users != seen.users or counted.items != seen.items:
        raise ContractError("the two sets of interactions have different users or items", remedy="Select from one set")
    counts = np.bincount(counted.item_rows, minlength=len(counted.items)).astype(np.float32)
    rows = seen.users.rows(users)

    def score(block: slice) -> np.ndarray:
        had = seen.matrix[rows[block]]
        scores = np.tile(counts, (had.shape[0], 1))
        scores[had.nonzero()] = -np.inf
        return scores

    return rank_in_blocks(score, k, keys=IdMap("user", users), items=seen.items)


def popularity_with_the_future(
    interactions: Interactions, *, metric: str = "recall@20", fraction: float = 0.8, seed: int = 0
) -> dict[str, Report]:
    """Popularity counted before the split (``"the past"``) and over the whole log (``"all of it"``), on one test.

    The second is what ``items["n_sales"]`` of a database export holds. Both reports have the same keys: ``compare``.
    """
    k = int(metric.rpartition("@")[2])
    train, test = split_by_time(interactions, fraction)
    users = test.active_users()
    lists = {"the past": popularity(train, train, users, k), "all of it": popularity(interactions, train, users, k)}
    return {name: evaluate(ranking, test, metric, seen=train, seed=seed) for name, ranking in lists.items()}


def peeking(
    looks: int = 20, cases_per_look: int = 100, *, experiments: int = 4_000, level: float = 0.05, seed: int = 0
) -> np.ndarray:
    """How often an A/A test "finds" something when somebody looks again and again and stops at the first p < level.

    Both arms are the same, so every finding is false. Each look tests all cases so far with a two-sided z-test.
    Armitage, McPherson and Rowe 1969 (J. R. Stat. Soc. A 132): .05 at one look, .083 at 2, .142 at 5, .193 at 10.

    Returns:
        float64 [looks]: the share of experiments that have stopped by look 1, 2, …

    Raises:
        ContractError: a size below 1, or a level outside 0–1.
    """
    if min(looks, cases_per_look, experiments) < 1 or not 0 < level < 1:
        raise ContractError("looks, cases and experiments must be at least 1, and the level between 0 and 1")
    random = generator(seed, "measurement", "peeking")
    # The sum of n differences of variance 1 is normal with variance n; no need to draw the single cases.
    steps = random.standard_normal((experiments, looks)) * math.sqrt(cases_per_look)
    z = np.cumsum(steps, axis=1) / np.sqrt(cases_per_look * np.arange(1, looks + 1))
    found = np.abs(z) > norm.isf(level / 2)
    return np.maximum.accumulate(found, axis=1).mean(axis=0)
