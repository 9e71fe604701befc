"""The cascade: a request passes one stage after the other, each dearer per product and with fewer products to look at.

Wang, Lin and Metzler 2011 (SIGIR), "A cascade ranking model for efficient ranked retrieval".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking


@dataclass(frozen=True)
class Request:
    """What the shop is asked: a query, or a user without one.

    Attributes:
        key: public id of the query or the user.
        row: its row in the shop's table.
        text: the words of a query; "" for a user.
        kind: ``"query"`` or ``"user"``.
    """

    key: str
    row: int
    text: str = ""
    kind: str = "query"

    def __post_init__(self) -> None:
        if self.kind not in ("query", "user"):
            raise ContractError(f"a request of kind {self.kind!r}", remedy='Use "query" or "user"')


#: (request, int64 [m] catalogue rows) -> int64 [≤ m], some of them, best first
Choose = Callable[[Request, np.ndarray], np.ndarray]


def queries_of(shop: Any) -> list[Request]:
    """A request for each query of a ``Shop``, in the order of its table."""
    return [Request(key, row, text) for row, (key, text) in enumerate(zip(shop.query_ids, shop.queries["text"][:]))]


def users_of(shop: Any) -> list[Request]:
    """A request for each user of a ``Shop``, in the order of its table."""
    return [Request(key, row, kind="user") for row, key in enumerate(shop.users["user_id"][:])]


@dataclass(frozen=True)
class Stage:
    """One stage of the cascade: who chooses, and how many products are handed on."""

    name: str
    choose: Choose
    keep: int

    def __post_init__(self) -> None:
        if isinstance(self.keep, bool) or not isinstance(self.keep, (int, np.integer)) or self.keep < 1:
            what = f"the stage keeps {self.keep!r} products; it must be a whole number of at least 1"
            raise ContractError(what, where=self.name)


@dataclass(frozen=True)
class Step:
    """What one stage did to one request.

    Attributes:
        name: of the stage.
        looked_at: how many products it got.
        rows: int64 [≤ keep], catalogue rows that it handed on, best first.
        seconds: that it took.
    """

    name: str
    looked_at: int
    rows: np.ndarray
    seconds: float


def cascade(request: Request, stages: Sequence[Stage], n_items: int) -> list[Step]:
    """Send one request through the stages: the first looks at the whole catalogue, each later one at what is left.

    Args:
        n_items: size of the catalogue.

    Raises:
        ContractError: no stage, no product, or a stage that hands on a product twice or one that it didn't get.
    """
    if not stages or n_items < 1:
        raise ContractError(f"{len(stages)} stages for {n_items} products", remedy="Give at least one of each")
    rows, steps = np.arange(n_items), []
    for stage in stages:
        start = perf_counter()
        chosen = np.asarray(stage.choose(request, rows), dtype=np.int64)[: stage.keep]
        steps.append(Step(stage.name, len(rows), chosen, perf_counter() - start))
        if len(np.unique(chosen)) < len(chosen) or not np.isin(chosen, rows).all():
            raise ContractError("the stage hands on a product twice, or one that it did not get", where=stage.name)
        rows = chosen
    return steps


def serve(requests: Sequence[Request], stages: Sequence[Stage], items: IdMap) -> Ranking:
    """The lists that customers see: the cascade's last step for each request.

    Returns:
        Ranking [n_requests, keep of the last stage]; scores are 1 / place, since stages hand on orders, not scores.

    Raises:
        ContractError: as ``cascade``; no request, queries and users mixed, or a key twice.
    """
    kinds = {request.kind for request in requests}
    if len(kinds) != 1:
        what = "queries and users stand in one list of requests" if kinds else "there is no request to serve"
        raise ContractError(what, remedy="Serve queries and users apart")
    lists = [cascade(request, stages, len(items))[-1].rows for request in requests]
    ids = np.full((len(lists), stages[-1].keep), PAD, dtype=np.int64)
    for row, shown in enumerate(lists):
        ids[row, : len(shown)] = shown
    places = np.broadcast_to(1 / np.arange(1, ids.shape[1] + 1), ids.shape)
    return Ranking(ids, places, IdMap(kinds.pop(), [request.key for request in requests]), items)


def best_first(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows in descending order of their scores, equal ones by lower row; those of -inf are left out.

    Args:
        scores: float [m], one per row; -inf means "not this one".
        rows: int64 [m].

    Raises:
        ContractError: another number of scores, or a score that is NaN.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != np.shape(rows) or np.isnan(scores).any():
        raise ContractError(f"scores {scores.shape} for {np.shape(rows)} products; each needs one, and none may be NaN")
    order = np.lexsort((rows, -scores))
    return rows[order][scores[order] > -np.inf]


def by_table(scores: np.ndarray, *, above: float = -np.inf) -> Choose:
    """A stage out of a table of scores: products in descending order of ``scores[request.row]``.

    Args:
        scores: float [n_requests, n_items], whoever made them.
        above: products whose score does not exceed this are left out.
    """
    scores = np.asarray(scores)

    def choose(request: Request, rows: np.ndarray) -> np.ndarray:
        own = scores[request.row, rows].astype(np.float64)
        return best_first(np.where(own > above, own, -np.inf), rows)

    return choose
