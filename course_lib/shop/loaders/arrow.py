"""Tables of millions of rows, built from arrays: Arrow's own casts instead of one Python object per cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.core.tables import SCHEMAS, check_table, make_table

if TYPE_CHECKING:
    from datasets import Dataset


def dataset_of(columns: Mapping[str, Any]) -> Dataset:
    """A ``datasets.Dataset`` in memory from arrays of one length (NumPy or Arrow)."""
    import pyarrow as pa
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable(pa.table(dict(columns))))


def strings(values: Any) -> Any:
    """An Arrow string array of whole numbers or strings."""
    import pyarrow as pa

    return pa.array(values).cast(pa.string())


def events(users: Any, items: Any, kind: str, timestamps: Any, **given: Any) -> Dataset:
    """An ``events`` table of one kind from arrays [n]; what the data don't say is "", -1 or NaN.

    Args:
        users, items: Arrow string arrays of public ids.
        timestamps: int64, seconds.
        given: further columns, or those of the schema that the data do say (``session_id``, ``price``, …).
    """
    import numpy as np
    import pyarrow as pa

    n = len(users)
    unknown = {"session_id": "", "query_id": "", "position": -1, "propensity": np.nan, "price": np.nan}
    columns: dict[str, Any] = {"user_id": users, "item_id": items, "kind": pa.repeat(kind, n), "timestamp": timestamps}
    columns |= {name: pa.repeat(value, n) for name, value in unknown.items()} | given
    types = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}
    typed = {name: pa.array(columns[name]).cast(types[kind_]) for name, kind_ in SCHEMAS["events"].items()}
    return check_table("events", dataset_of(typed | {k: v for k, v in columns.items() if k not in typed}))


def bare_items(ids: list[str], **given: list[Any]) -> Dataset:
    """An ``items`` table of products of which little is known: the texts are "", the price is NaN, unless given."""
    n = len(ids)
    texts = {name: [""] * n for name in ("title", "description", "category", "brand")}
    return make_table("items", {"item_id": ids, **texts, "attributes": [[]] * n, "price": [float("nan")] * n, **given})


def empty(name: str) -> Dataset:
    """A table without rows, with the columns of its schema."""
    return make_table(name, {column: [] for column in SCHEMAS[name]})
