"""The first stage: each generator's list, and the union of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.recommend.base import Recommender
from course_lib.recommend.engine.folding import fold_in
from course_lib.recommend.ranking import Candidates
from course_lib.shop.interactions import Interactions

VISITOR = "visitor"
BLOCK = 256  #: users whose scores of the whole catalogue are alive at a time


@dataclass(frozen=True, eq=False)
class View:
    """The generators as they serve certain users.

    Attributes:
        models: by name; those that can't serve these users are not among them.
        interactions: the users' histories, over the pipeline's catalogue.
        said: what has to be told of it, for a trace.
    """

    models: dict[str, Recommender]
    interactions: Interactions
    said: str = ""

    def histories(self, users: Sequence[str]) -> tuple[csr_matrix, np.ndarray]:
        """Of some of the users: weights of their events, csr_matrix [n, n_items], and how many events, int64 [n]."""
        log = self.interactions
        rows = log.users.rows(users)
        return log.matrix[rows], np.bincount(log.user_rows, minlength=len(log.users))[rows]


def visitor_view(
    generators: Mapping[str, Recommender], items: IdMap, rows: np.ndarray, times: Sequence[int] | np.ndarray
) -> View:
    """One visitor, with the products of these catalogue rows: each generator that can fold in (``fold_in``).

    A product that is newer than a generator is left out of the history that this generator sees.
    """
    someone, times = IdMap("user", [VISITOR]), np.asarray(times)

    def visit(catalogue: IdMap, kept: np.ndarray) -> Interactions:
        nothing = np.zeros(int(kept.sum()), dtype=np.int64)
        return Interactions(someone, catalogue, nothing, rows[kept], np.ones(len(nothing)), times[kept])

    models, refused, newer = {}, [], 0
    for name, model in generators.items():
        kept = rows < len(model.interactions.items)
        newer = max(newer, int((~kept).sum()))
        view = fold_in(model, visit(model.interactions.items, kept))
        if view is None:
            refused.append(name)
        else:
            models[name] = view
    said = f"; {', '.join(refused)} can't serve somebody new without training" if refused else ""
    said += f"; {newer} newer than the models that count" if newer else ""
    return View(models, visit(items, np.ones(len(rows), dtype=bool)), said)


def propose(
    view: View,
    users: list[str],
    depth: int,
    names: Iterable[str],
    *,
    exclude_seen: bool = True,
    note: Callable[[str, Ranking], None] | None = None,
) -> tuple[Candidates, dict[str, np.ndarray]]:
    """The union of the generators' lists, as ``Candidates.from_recommenders`` has it, and all their scores.

    Args:
        users: of the view; who has no history gets no candidates.
        names: of all generators, in order: one that isn't in the view proposes nothing, and its scores are 0.
        note: called after each generator, with its name and its lists.

    Returns:
        Candidates, whose user rows count within ``users``; name -> float32 [n, n_items].
    """
    log = view.interactions
    rows, n_items = log.users.rows(users), len(log.items)
    seen = log.matrix[rows].nonzero() if exclude_seen else None
    blank = np.diff(log.matrix.indptr)[rows] == 0
    scores, keys = {}, {}
    for name, model in view.models.items():
        scores[name] = _scores(model, users, n_items)
        listed = _list(model, np.where(blank[:, None], -np.inf, scores[name]), users, seen, depth, log.items)
        keys[name] = np.where(listed.ids != PAD, np.arange(len(users))[:, None] * n_items + listed.ids, PAD)
        if note:
            note(name, listed)
    pairs = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(key[key != PAD] for key in keys.values())]))
    places = {}
    for name, key in keys.items():
        places[name] = np.full(len(pairs), PAD, dtype=np.int64)
        row, place = np.nonzero(key != PAD)
        places[name][np.searchsorted(pairs, key[row, place])] = place
    nothing = np.zeros((len(users), n_items), dtype=np.float32), np.full(len(pairs), PAD)
    user_rows, item_rows = np.divmod(pairs, n_items)
    return (Candidates(user_rows, item_rows, {name: places.get(name, nothing[1]) for name in names}),
            {name: scores.get(name, nothing[0]) for name in names})  # fmt: skip


def in_blocks(users: list[str], size: int = BLOCK) -> Iterator[list[str]]:
    """The users, so many at a time."""
    for start in range(0, len(users), size):
        yield users[start : start + size]


def fused_score(pairs: Candidates, scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Without a ranker: the score of a single generator, or the places of several (``reciprocal_rank_fusion``)."""
    if len(scores) == 1:
        return next(iter(scores.values()))[pairs.user_rows, pairs.item_rows]
    places = np.stack(list(pairs.places.values()))
    return np.where(places == PAD, 0.0, 1 / (61 + np.maximum(places, 0))).sum(axis=0)


def _scores(model: Recommender, users: list[str], n_items: int) -> np.ndarray:
    """float32 [n, n_items] over the pipeline's catalogue: 0, no evidence, for products newer than the model."""
    scores = model.score(users)
    more = n_items - scores.shape[1]
    return np.pad(scores, ((0, 0), (0, more))) if more else scores


def _list(
    model: Recommender, scores: np.ndarray, users: list[str], seen: tuple | None, depth: int, items: IdMap
) -> Ranking:
    """The first of a generator's list, as ``Recommender.recommend`` has it; writes into the scores."""
    if model.needs_evidence:
        scores[scores <= 0] = -np.inf
    scores[:, len(model.interactions.items) :] = -np.inf
    if seen is not None:
        scores[seen] = -np.inf
    return Ranking.from_scores(scores, depth, keys=IdMap("user", users), items=items)
