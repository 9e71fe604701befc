"""Features of candidate lists, side by side as the lists are: one row of numbers for each product of each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """d features of the products of n candidate lists of length k.

    Attributes:
        values: float64 [n, k, d], finite; 0 under pads. names: of the d columns, all different.
        candidates: the lists.

    Raises:
        ContractError: shapes that don't fit, a name twice, a value that is not finite where a product stands.
    """

    values: np.ndarray
    names: tuple[str, ...]
    candidates: Ranking

    def __post_init__(self) -> None:
        values, names = np.asarray(self.values, dtype=np.float64), tuple(self.names)
        if values.shape != (*self.candidates.ids.shape, len(names)) or len(set(names)) != len(names):
            what = f"values {values.shape} must be {[*self.candidates.ids.shape, len(names)]}, names all different"
            raise ContractError(what)
        bad = ~np.isfinite(values) & self.mask[:, :, None]
        if bad.any():
            raise ContractError(f"the feature {names[np.argwhere(bad)[0][2]]!r} is not finite for some product")
        object.__setattr__(self, "values", np.where(self.mask[:, :, None], values, 0.0))
        object.__setattr__(self, "names", names)

    @property
    def mask(self) -> np.ndarray:
        """bool [n, k]: where a product stands."""
        return self.candidates.ids != PAD

    def column(self, name: str) -> np.ndarray:
        """float64 [n, k]: one feature."""
        if name not in self.names:
            raise ContractError(f"no feature {name!r}; known are {', '.join(self.names)}")
        return self.values[:, :, self.names.index(name)]

    def with_columns(self, columns: Mapping[str, np.ndarray]) -> FeatureTable:
        """With further features, float [n, k] each."""
        more = [np.asarray(column, dtype=np.float64)[:, :, None] for column in columns.values()]
        return FeatureTable(np.concatenate([self.values, *more], axis=2), (*self.names, *columns), self.candidates)

    def only(self, names: Sequence[str]) -> FeatureTable:
        """With these features alone, in this order."""
        return FeatureTable(np.stack([self.column(name) for name in names], axis=2), tuple(names), self.candidates)

    def rows(self, rows: np.ndarray) -> FeatureTable:
        """The lists of these rows alone: int or bool."""
        return FeatureTable(self.values[rows], self.names, rows_of(self.candidates, rows))


def rows_of(ranking: Ranking, rows: np.ndarray) -> Ranking:
    """Some rows of a ranking, in this order: int or bool [n]."""
    rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
    return Ranking(
        ranking.ids[rows], ranking.scores[rows], IdMap(ranking.keys.kind, ranking.keys.take(rows)), ranking.items
    )


def candidate_grades(candidates: Ranking, judgements: object, *, unjudged: int = 0) -> np.ndarray:
    """int64 [n, k]: the grade of each candidate in a judgements table (query_id, item_id, grade), joined by id.

    Args:
        unjudged: of candidates without a judgement, and of pads.
    """
    query, item, grade = (list(judgements[name][:]) for name in ("query_id", "item_id", "grade"))
    found = np.full(candidates.ids.shape, unjudged, dtype=np.int64)
    n_items, row = len(candidates.items), {key: r for r, key in enumerate(candidates.keys)}
    here = [i for i, (q, p) in enumerate(zip(query, item)) if q in row and p in candidates.items]
    if not here:
        return found
    code = np.array([row[query[i]] for i in here]) * n_items + candidates.items.rows(item[i] for i in here)
    order = np.argsort(code)
    code, value = code[order], np.asarray(grade, dtype=np.int64)[here][order]
    wanted = np.arange(len(found))[:, None] * n_items + candidates.ids
    at = np.minimum(np.searchsorted(code, wanted), len(code) - 1)
    return np.where((code[at] == wanted) & (candidates.ids != PAD), value[at], found)


def reordered(candidates: Ranking, scores: np.ndarray, k: int) -> Ranking:
    """The candidates by falling score, cut to k; equal scores keep the candidates' order.

    Args:
        scores: float [n, k_candidates], finite where a product stands.

    Raises:
        ContractError: scores of another shape or not finite, k < 1.
    """
    mask, scores = candidates.ids != PAD, np.asarray(scores, dtype=np.float64)
    if scores.shape != mask.shape or not np.isfinite(scores[mask]).all():
        raise ContractError(f"scores {scores.shape} must be finite and {list(mask.shape)}, one for each candidate")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    order = np.argsort(np.where(mask, -scores, np.inf), axis=1, kind="stable")[:, :k]
    ids = np.take_along_axis(candidates.ids, order, axis=1)
    best = np.take_along_axis(np.where(mask, scores, -np.inf), order, axis=1)
    return Ranking(ids, best.astype(np.float32), candidates.keys, candidates.items)
