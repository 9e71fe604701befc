"""``Ranking``: who is shown what, best first. And ``top_k``: the exact nearest items of a set of query vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap

PAD = -1  #: fills the places of a row that has fewer than k results


@dataclass(frozen=True, eq=False)
class Ranking:
    """The first k items for each of n queries or users.

    Attributes:
        ids: int64 [n, k], catalogue rows, best first; -1 pads at the end of a row.
        scores: float32 [n, k], descending; -inf under the pads.
        keys: the query or user of each row (a map of kind ``"query"`` or ``"user"``, n ids).
        items: the map from catalogue rows to public item ids.

    Equal scores keep the order in which they are given; ``top_k`` and ``Ranking.from_scores`` break ties by
    catalogue row, so that the same scores always give the same list.

    Raises:
        ContractError: wrong shapes or dtypes, a row outside the catalogue, an item twice in one row, scores that
            rise or are NaN, pads before results.
    """

    ids: np.ndarray
    scores: np.ndarray
    keys: IdMap
    items: IdMap

    def __post_init__(self) -> None:
        ids, scores = np.asarray(self.ids), np.asarray(self.scores)
        if ids.ndim != 2 or ids.shape != scores.shape:
            raise ContractError(f"ids {ids.shape} and scores {scores.shape} must be two equal [n, k] arrays")
        if ids.dtype.kind not in "iu":
            raise ContractError(f"ids are {ids.dtype}, not integer catalogue rows")
        ids, scores = ids.astype(np.int64, copy=False), scores.astype(np.float32, copy=False)
        if not isinstance(self.keys, IdMap) or not isinstance(self.items, IdMap):
            raise ContractError("keys and items must be IdMap objects", remedy='E.g. IdMap("query", query_ids)')
        self.items.expect("item")
        if self.keys.kind not in ("query", "user"):
            raise ContractError(f"keys name {self.keys.kind}s; a ranking belongs to queries or users")
        if len(self.keys) != len(ids):
            raise ContractError(f"{len(self.keys)} keys for {len(ids)} rows")
        pad = ids == PAD
        if ids.size:
            if ids.min() < PAD or ids.max() >= len(self.items):
                raise ContractError(f"an id lies outside the catalogue of {len(self.items)} rows")
            if (pad[:, :-1] & ~pad[:, 1:]).any():
                raise ContractError("a pad (-1) stands before a result")
            if (bad := np.isnan(scores) & ~pad).any():
                row, place = np.argwhere(bad)[0]
                remedy = "Check the model's output, or pad what it can't score with -1"
                raise ContractError(f"the score in place {place} of row {row} is NaN", remedy=remedy)
            scores = np.where(pad, np.float32(-np.inf), scores)
            if (scores[:, :-1] < scores[:, 1:]).any():
                raise ContractError("scores must not rise along a row", remedy="Use Ranking.from_scores to sort them")
            in_order = np.sort(ids, axis=1)
            if ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != PAD)).any():
                raise ContractError("an item stands twice in one row")
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "scores", scores)

    @classmethod
    def from_scores(
        cls, scores: np.ndarray, k: int, *, keys: IdMap, items: IdMap, exclude: np.ndarray | None = None
    ) -> Ranking:
        """The k best columns of a full score matrix.

        Args:
            scores: float [n, n_items]; -inf means "never show this one".
            k: length of the list; shorter lists are padded.
            exclude: bool [n, n_items], True where an item must not appear.
        """
        scores = np.asarray(scores, dtype=np.float32)
        if scores.ndim != 2 or scores.shape[1] != len(items):
            raise ContractError(f"scores {scores.shape} must be [n, {len(items)}], one column per catalogue row")
        if exclude is not None:
            if np.shape(exclude) != scores.shape:
                raise ContractError(f"exclude {np.shape(exclude)} and scores {scores.shape} must have one shape")
            scores = np.where(exclude, np.float32(-np.inf), scores)
        return cls(*_select(scores, k), keys=keys, items=items)

    def public_ids(self, row: int) -> list[str]:
        """Public item ids of one row, best first, without the pads."""
        return self.items.take(self.ids[row][self.ids[row] != PAD])

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        """Columns of the ranking: the longest list that a row can hold."""
        return self.ids.shape[1]

    def head(self, k: int) -> Ranking:
        """The same ranking cut to its first k places; raises ContractError when k < 1."""
        if k < 1:
            raise ContractError(f"k is {k!r}; it must be at least 1")
        return Ranking(self.ids[:, :k], self.scores[:, :k], self.keys, self.items)

    def __repr__(self) -> str:
        return f"Ranking({len(self)} × top {self.k} of {len(self.items)} items, keys: {self.keys.kind})"


def top_k(queries: np.ndarray, vectors: np.ndarray, k: int, *, block: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest items by inner product.

    Args:
        queries: float [n, d].
        vectors: float [n_items, d].
        k: results per query; a row is padded when there are fewer items.
        block: queries scored at a time (memory: block × n_items × 4 bytes).

    Returns:
        ids int64 [n, k] and scores float32 [n, k], descending, ties by lower row.

    Raises:
        ContractError: dimensions differ, k < 1, or a vector holds NaN.
    """
    queries, vectors = np.asarray(queries, dtype=np.float32), np.asarray(vectors, dtype=np.float32)
    if queries.ndim != 2 or vectors.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ContractError(f"queries {queries.shape} and vectors {vectors.shape} must be [n, d] and [n_items, d]")
    blocks = [_select(queries[i : i + block] @ vectors.T, k) for i in range(0, len(queries), block)]
    if not blocks:
        return np.empty((0, k), dtype=np.int64), np.empty((0, k), dtype=np.float32)
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])


def _select(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns of float32 [n, m], descending, ties by column; -inf columns are never chosen."""
    if not isinstance(k, (int, np.integer)) or k < 1:
        raise ContractError(f"k is {k!r}; it must be a whole number of at least 1")
    if np.isnan(scores).any():
        raise ContractError("a score is NaN", remedy="Check the vectors for NaN or overflow")
    n, m = scores.shape
    ids, best = np.full((n, k), PAD, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
    for row in range(n):
        columns = _candidates(scores[row], min(k, m))
        order = np.lexsort((columns, -scores[row, columns]))[:k]
        chosen = columns[order]
        ids[row, : len(chosen)], best[row, : len(chosen)] = chosen, scores[row, chosen]
    return ids, best


def _candidates(scores: np.ndarray, k: int, group: int = 64) -> np.ndarray:
    """Columns that may be among the k best: all that reach a lower bound of the k-th best score.

    The k-th largest maximum of disjoint groups is such a bound (k groups each hold one score that reaches it), and
    group maxima cost one pass; a partial sort of the whole row costs several.
    """
    groups = len(scores) // group
    if groups > k:
        maxima = scores[: groups * group].reshape(groups, group).max(axis=1)
        bound = np.partition(maxima, groups - k)[groups - k]
    elif k:
        bound = np.partition(scores, len(scores) - k)[len(scores) - k]
    else:
        bound = np.float32(-np.inf)
    return np.flatnonzero((scores >= bound) & (scores > -np.inf))
