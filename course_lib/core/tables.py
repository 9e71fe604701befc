"""Table schemas: which columns every shop has, with their types and units; and the check that a table holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError, DataError

if TYPE_CHECKING:
    from datasets import Dataset

#: column -> type; ``list[attribute]`` is a list of {"name": str, "value": str}
SCHEMAS: dict[str, dict[str, str]] = {
    "items": {
        "item_id": "string",
        "title": "string",
        "description": "string",
        "category": "string",  # path "department > leaf", "" where the source has none
        "brand": "string",
        "attributes": "list[attribute]",
        "price": "float64",  # in the shop's currency
    },
    "queries": {"query_id": "string", "text": "string"},
    "judgements": {"query_id": "string", "item_id": "string", "grade": "int64"},  # 0 irrelevant … 3 exact
    "users": {"user_id": "string"},
    "events": {
        "user_id": "string",
        "item_id": "string",
        "kind": "string",  # one of EVENT_KINDS
        "timestamp": "int64",  # seconds since 1970-01-01 UTC
        "session_id": "string",
        "query_id": "string",  # "" where the event did not come from a search
        "position": "int64",  # 0 is the first place of the list; -1 where there was no list
        "propensity": "float64",  # probability that the logging policy showed this item here; NaN where unknown
        "price": "float64",  # what the item cost at that moment
    },
}
EVENT_KINDS = ("impression", "click", "cart", "purchase")
ID_COLUMNS = {"items": "item_id", "queries": "query_id", "users": "user_id"}
GRADES = (0, 1, 2, 3)
#: what Python and NumPy types fill a column of each type; Arrow alone would turn 1.5 into the grade 1
_ACCEPTED = {
    "string": (str,),
    "int64": (int, np.integer),
    "float64": (int, float, np.integer, np.floating),
}


def make_table(name: str, columns: Mapping[str, Any]) -> Dataset:
    """A ``datasets.Dataset`` from columns (lists, NumPy or Arrow arrays of one length), typed by ``SCHEMAS[name]``.

    Columns beyond the schema are kept as they are. Raises ContractError for another name, DataError as ``check_table`` does, and for values of the
    wrong type, naming the row: nothing is converted but whole numbers to floats.
    """
    import pyarrow as pa
    from datasets import Dataset, DatasetInfo, Features, Value

    if name not in SCHEMAS:
        raise ContractError(f"no table is called {name!r}", remedy=f"Use one of {', '.join(SCHEMAS)}")
    schema = SCHEMAS[name]
    missing = [c for c in schema if c not in columns]
    if missing:
        raise DataError(f"the {name} table lacks the column(s) {', '.join(missing)}")
    for column, kind in schema.items():
        if kind in _ACCEPTED and not isinstance(columns[column], pa.Array):
            _typed(name, column, columns[column], kind)
    attribute = [{"name": Value("string"), "value": Value("string")}]
    types = {c: (attribute if t == "list[attribute]" else Value(t)) for c, t in schema.items()}
    further = {c: v for c, v in columns.items() if c not in schema}
    features = Features({**types, **(Dataset.from_dict(further).features if further else {})})
    arrow = features.arrow_schema
    try:
        # Straight to Arrow: Dataset.from_dict looks at every value in Python, a minute for two million events.
        arrays = [_arrow(columns[field.name], field.type) for field in arrow]
        table = Dataset(pa.Table.from_arrays(arrays, schema=arrow), info=DatasetInfo(features=features))
    except (ValueError, TypeError, OverflowError) as error:  # Arrow's conversion errors
        raise DataError(f"the {name} table: {error}") from error
    return check_table(name, table)


def _arrow(values: Any, kind: Any) -> Any:
    """A pyarrow array of the type; an array that is Arrow's already must have it."""
    import pyarrow as pa

    if not isinstance(values, pa.Array):
        return pa.array(values, type=kind)
    if values.type != kind:
        raise TypeError(f"a column is {values.type}, not {kind}")
    return values


def check_table(name: str, table: Dataset) -> Dataset:
    """The table itself, if it keeps its schema: columns, unique ids, grades 0–3, known kinds.

    Raises:
        DataError: naming the table, the first offending row (counted from 0) and what is wrong.
    """
    missing = [c for c in SCHEMAS[name] if c not in table.column_names]
    if missing:
        raise DataError(f"the {name} table lacks the column(s) {', '.join(missing)}")
    if name in ID_COLUMNS:
        _unique(name, table[ID_COLUMNS[name]][:])
    if name == "judgements":
        if not _pairs_are_unique(table, "query_id", "item_id"):
            _unique(name, list(zip(table["query_id"][:], table["item_id"][:])))
        if set(table.unique("grade")) - set(GRADES):
            row, grade = next((r, g) for r, g in enumerate(table["grade"][:]) if g not in GRADES)
            raise DataError(f"grade {grade!r} is outside 0–3", where=f"judgements, row {row}")
    if name == "events":
        unknown = set(table.unique("kind")) - set(EVENT_KINDS)
        if unknown:
            raise DataError(f"unknown kind(s) of event: {', '.join(sorted(map(str, unknown)))}", where="events")
    return table


def _typed(name: str, column: str, values: Any, kind: str) -> None:
    """Raise DataError at the first value that isn't of the kind; None (unknown) passes."""
    held = {values.dtype.type} if isinstance(values, np.ndarray) and values.dtype != object else set(map(type, values))
    wrong = {t for t in held - {type(None)} if t in (bool, np.bool_) or not issubclass(t, _ACCEPTED[kind])}
    if wrong:
        row = next(row for row, value in enumerate(values) if type(value) in wrong)
        what = f"{column} is of type {type(values[row]).__name__}, not {kind}: {str(values[row])[:40]!r}"
        raise DataError(what, where=f"{name}, row {row}")


def _pairs_are_unique(table: Dataset, first: str, second: str) -> bool:
    """Whether the two columns never hold the same pair twice nor a missing value; millions of rows in a second."""
    codes = []
    for column in (first, second):
        encoded = table.data.column(column).combine_chunks().dictionary_encode()
        if encoded.null_count or table._indices is not None:  # a view's rows are not the table's: look one by one
            return False
        codes.append(np.asarray(encoded.indices, dtype=np.int64))
    pairs = codes[0] * (codes[1].max(initial=0) + 1) + codes[1]
    pairs.sort()  # np.unique hashes whole numbers, which takes ten times as long on ten million
    return not (pairs[1:] == pairs[:-1]).any()


def _unique(name: str, values: list[Any]) -> None:
    first: dict[Any, int] = {}
    for row, value in enumerate(values):
        if value is None or (isinstance(value, tuple) and None in value):
            raise DataError("an id is missing", where=f"{name}, row {row}")
        if first.setdefault(value, row) != row:
            shown = " / ".join(value) if isinstance(value, tuple) else value
            raise DataError(f"{shown!r} stands already in row {first[value]}", where=f"{name}, row {row}")
