"""``Shop``: one catalogue with its queries, judgements, users and log, simulated or real."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.ids import IdMap
from course_lib.core.tables import EVENT_KINDS
from course_lib.shop.interactions import Interactions
from course_lib.shop.texts import item_texts

if TYPE_CHECKING:
    from datasets import Dataset

    from course_lib.shop.simulator import Parameters

#: events that count as interest; an impression alone says what the shop did, not what the user wants
INTEREST = ("click", "cart", "purchase")


@dataclass(frozen=True, eq=False)
class Shop:
    """The tables of one shop (schemas: ``core.tables``).

    Attributes:
        name: ``"simulate"``, ``"chorus"``, …
        items, queries, judgements, users, events: ``datasets.Dataset``; users and events may have no rows.
        truth: simulator only: what no log shows (latent relevance, preferences, examination, effects); else ``None``.
        source: where the data come from, their licence, and how to cite them; real shops also say whether their
            texts may be shown elsewhere (``redistribution``) and what files were read (name, bytes, sha256, verified).
        tables: what a real data set has beyond the tables above (``"pairs"``, ``"orders"``, …), by name.
    """

    name: str
    items: Dataset
    queries: Dataset
    judgements: Dataset
    users: Dataset
    events: Dataset
    truth: Any = None
    source: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Dataset] = field(default_factory=dict)

    @classmethod
    def simulate(
        cls,
        n_items: int = 2_000,
        n_users: int = 1_000,
        n_queries: int = 300,
        events_per_user: int = 100,
        seed: int = 0,
        language: str = "en",
        parameters: Parameters | None = None,
    ) -> Shop:
        """A shop of invented products and people with known truth; the same arguments give the same shop.

        Args:
            n_items, n_users, n_queries: sizes of the catalogue, the user base and the set of distinct queries.
            events_per_user: mean number of logged events per user; impressions count as events.
            seed: any whole number ≥ 0.
            language: of the texts, ``"en"`` or ``"zh"``.
            parameters: other knobs, e.g. ``course_lib.shop.simulator.Parameters(randomised=0.5)``.

        Raises:
            ContractError: a size below 1, an unknown language, a knob with an impossible value.
        """
        from course_lib.shop.simulator import simulate

        return cls(**simulate(n_items, n_users, n_queries, events_per_user, seed, language, parameters))

    @classmethod
    def load(cls, name: str, path: str | os.PathLike[str] | None = None) -> Shop:
        """A real shop from a folder in its publisher's own layout (``course data list`` names them).

        A table that the data don't have has no rows; what fits none of the tables stands in ``tables``.

        Args:
            name: of the data, with a part of them where they have several: ``"chorus"``, ``"s3rec/Beauty"``.
            path: the folder with the publisher's files; default where ``course data fetch`` puts them.

        Raises:
            ContractError: no data of that name, or no such part.
            DataError: naming file, row and remedy.
        """
        from course_lib.shop.loaders import load

        return cls(**load(name, path))

    @cached_property
    def item_ids(self) -> IdMap:
        """The map from catalogue rows to public item ids."""
        return IdMap("item", self.items["item_id"][:])

    @cached_property
    def query_ids(self) -> IdMap:
        """The map from rows of ``queries`` to public query ids."""
        return IdMap("query", self.queries["query_id"][:])

    @cached_property
    def item_texts(self) -> list[str]:
        """What a text model reads of each product: title, brand and description, in catalogue order."""
        return item_texts(self.items)

    def interactions(
        self, until: int | None = None, since: int | None = None, kinds: str | tuple[str, ...] = INTEREST
    ) -> Interactions:
        """Logged interest with ``since ≤ timestamp < until``, in stable time order.

        The user map holds only users with an event in that span, so that nobody from the future has a row.

        Args:
            until, since: seconds since 1970-01-01 UTC; ``None`` means open.
            kinds: which events count: one kind, or several.

        Raises:
            DataError: the shop has no log.
            ContractError: an unknown kind of event, a moment that is not a number, or an end before the beginning.
        """
        for name, moment in (("until", until), ("since", since)):
            if moment is not None and not isinstance(moment, (int, float, np.number)):
                remedy = "Give seconds since 1970-01-01 UTC, e.g. shop.split_time(0.8)"
                raise ContractError(f"{name} is a {type(moment).__name__}: {moment!r}", remedy=remedy)
        if until is not None and since is not None and since >= until:
            raise ContractError(f"since ({since}) is not before until ({until})", remedy="Swap them")
        kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        unknown = set(kinds) - set(EVENT_KINDS)
        if unknown:
            known = ", ".join(EVENT_KINDS)
            raise ContractError(f"unknown kind(s) of event: {', '.join(sorted(unknown))}; known are {known}")
        log = self._log()
        time, kind = log["timestamp"][:], log["kind"][:]
        keep = np.isin(kind, kinds)
        keep &= time >= since if since is not None else True
        keep &= time < until if until is not None else True
        users, items = (log[column][:][keep].tolist() for column in ("user_id", "item_id"))
        return Interactions.from_ids(users, items, items=self.item_ids, timestamps=time[keep])

    def split_time(self, fraction: float = 0.8) -> int:
        """The moment before which this fraction of all events happened (one global split for everybody)."""
        if not isinstance(fraction, (int, float, np.number)) or not 0 < fraction < 1:
            raise ContractError(f"fraction is {fraction!r}; it must be a number between 0 and 1")
        times = np.sort(self._log()["timestamp"][:])
        return int(times[int(len(times) * fraction)])

    def _log(self) -> Dataset:
        if not len(self.events):
            raise DataError(f"the shop {self.name!r} has no events", remedy="Use Shop.simulate, or data with a log")
        return self.events.with_format("numpy")

    def __repr__(self) -> str:
        tables = ("items", "queries", "judgements", "users", "events")
        sizes = ", ".join(f"{len(getattr(self, table)):,} {table}" for table in tables)
        further = "".join(f", {len(table):,} {name}" for name, table in self.tables.items())
        return f"Shop({self.name!r}: {sizes}{further})"
