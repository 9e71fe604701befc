"""Sampled metrics: ranking the right item among a few random others asks an easier question, and another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import hypergeom

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.shop.interactions import Interactions


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


def drawn_targets(test: Interactions, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """One relevant item of each user, drawn at random, as sampled protocols have it.

    Returns:
        ids of the users with an event in ``test``, in row order, and the catalogue rows of their items, int64 [n].

    Raises:
        ContractError: no events.
    """
    if not len(test):
        raise ContractError("there is no event to draw a target from")
    order = generator(seed, "measurement", "targets").permutation(len(test))
    users, first = np.unique(test.user_rows[order], return_index=True)
    return test.users.take(users), test.item_rows[order][first]


def ranks_of_targets(
    score: Callable[[list[str]], np.ndarray],
    train: Interactions,
    users: Sequence[str],
    targets: np.ndarray,
    *,
    block: int = 512,
    seed: int = 0,
) -> np.ndarray:
    """``full_ranks`` of a recommender, a block of users at a time: int64 [n].

    What a user has in ``train`` is left out. Items with the same score stand in random order, one order for all users:
    by catalogue row they might stand in order of popularity, as where ids were given to items as they came.

    Args:
        score: from user ids to float [n, n_items], such as ``model.score``.
        targets: catalogue rows, int [n], none that its user has in ``train``.

    Raises:
        ContractError: as ``full_ranks``. UnknownIdError: a user whom ``train`` lacks.
    """
    shuffled = generator(seed, "measurement", "ties").permutation(len(train.items))
    place = np.argsort(shuffled)
    rows, ranks = train.users.rows(users), []
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        scores = np.array(score(list(users[part])), dtype=np.float32)
        scores[train.matrix[rows[part]].nonzero()] = -np.inf
        ranks.append(full_ranks(scores[:, shuffled], place[np.asarray(targets)[part]]))
    return np.concatenate(ranks) if ranks else np.empty(0, dtype=np.int64)
