"""``Interactions``: users × items behind typed id maps, so that the two can't be transposed silently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap


@dataclass(frozen=True, eq=False)
class Interactions:
    """What users did with items, one entry per event, in time order.

    Attributes:
        users: map of kind ``"user"``: the rows of the matrix.
        items: map of kind ``"item"``: the catalogue, the columns of the matrix.
        user_rows, item_rows: int64 [n_events].
        weights: float32 [n_events], 1 unless the caller says otherwise.
        timestamps: int64 [n_events], seconds since 1970-01-01 UTC, ascending (equal times keep their log order).

    Raises:
        ContractError: maps of the wrong kind, arrays of different lengths, rows outside the maps.
    """

    users: IdMap
    items: IdMap
    user_rows: np.ndarray
    item_rows: np.ndarray
    weights: np.ndarray
    timestamps: np.ndarray

    def __post_init__(self) -> None:
        self.users.expect("user")
        self.items.expect("item")
        types = {"user_rows": np.int64, "item_rows": np.int64, "weights": np.float32, "timestamps": np.int64}
        arrays = {name: np.asarray(getattr(self, name)) for name in types}
        n = len(self.user_rows)
        if any(array.shape != (n,) for array in arrays.values()):
            raise ContractError("user_rows, item_rows, weights and timestamps must have one length")
        for rows, ids in ((arrays["user_rows"], self.users), (arrays["item_rows"], self.items)):
            if n and rows.dtype.kind not in "iu":
                raise ContractError(f"{ids.kind} rows are {rows.dtype}, not integers")
            if n and (rows.min() < 0 or rows.max() >= len(ids)):
                raise ContractError(f"a row lies outside the {len(ids)} {ids.kind} rows")
        if n and arrays["timestamps"].dtype.kind not in "iuf":
            raise ContractError(f"timestamps are {arrays['timestamps'].dtype}, not seconds since 1970-01-01 UTC")
        order = np.argsort(arrays["timestamps"], kind="stable")
        for name, dtype in types.items():
            object.__setattr__(self, name, arrays[name][order].astype(dtype))

    @classmethod
    def from_ids(
        cls,
        user_ids: Iterable[str],
        item_ids: Iterable[str],
        *,
        items: IdMap,
        users: IdMap | None = None,
        weights: np.ndarray | None = None,
        timestamps: np.ndarray | None = None,
    ) -> Interactions:
        """Join events by public id. Without ``users``, the map holds exactly the users that occur, sorted."""
        user_ids, item_ids = list(user_ids), list(item_ids)
        if len(user_ids) != len(item_ids):
            raise ContractError(f"{len(user_ids)} user ids for {len(item_ids)} item ids")
        users = users if users is not None else IdMap("user", sorted(set(user_ids)))
        n = len(user_ids)
        return cls(
            users=users,
            items=items,
            user_rows=users.rows(user_ids),
            item_rows=items.rows(item_ids),
            weights=np.ones(n, dtype=np.float32) if weights is None else np.asarray(weights),
            timestamps=np.zeros(n, dtype=np.int64) if timestamps is None else np.asarray(timestamps),
        )

    @cached_property
    def matrix(self) -> csr_matrix:
        """float32 csr_matrix [n_users, n_items]; repeated events add up."""
        shape = (len(self.users), len(self.items))
        return csr_matrix((self.weights, (self.user_rows, self.item_rows)), shape=shape)

    def without(self, seen: Interactions) -> Interactions:
        """The events whose user–item pair is not in ``seen``, joined by public id: what is new to each user."""
        if self.items != seen.items:
            raise ContractError("the two sets of interactions have different catalogues")
        known = {(seen.users.ids[u], i) for u, i in zip(seen.user_rows.tolist(), seen.item_rows.tolist())}
        pairs = zip(self.user_rows.tolist(), self.item_rows.tolist())
        keep = np.fromiter(((self.users.ids[u], i) not in known for u, i in pairs), dtype=bool, count=len(self))
        return self.select(keep)

    def of_users(self, users: Iterable[str]) -> Interactions:
        """The events of these users only; a user who has no row here has no events."""
        if isinstance(users, str):
            raise ContractError(f"got the text {users!r} where several user ids belong", remedy="Put it in a list")
        wanted = np.isin(np.arange(len(self.users)), self.users.rows(u for u in users if u in self.users))
        return self.select(wanted[self.user_rows])

    def active_users(self) -> list[str]:
        """Public ids of the users with at least one event, in row order."""
        return self.users.take(np.unique(self.user_rows))

    def select(self, keep: np.ndarray) -> Interactions:
        """The events where bool [n_events] ``keep`` is true; both id maps stay."""
        parts = (self.user_rows[keep], self.item_rows[keep], self.weights[keep], self.timestamps[keep])
        return Interactions(self.users, self.items, *parts)

    def __len__(self) -> int:
        return len(self.user_rows)

    def __repr__(self) -> str:
        return f"Interactions({len(self)} events, {len(self.users)} users × {len(self.items)} items)"
