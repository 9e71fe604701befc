"""Reading Parquet files that we don't trust: the columns are checked before, texts and missing values after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.core.errors import DataError
from course_lib.shop.loaders.reading import FETCH_AGAIN


def check_columns(path: Path, kinds: Mapping[str, str]) -> int:
    """The number of rows of a Parquet file whose columns have these kinds; further columns are fine.

    Args:
        kinds: column -> ``"text"``, ``"whole"``, ``"number"`` (whole numbers too) or ``"time"``.

    Raises:
        DataError: not a whole Parquet file, a column is missing or of another kind, no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tests = {
        "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
        "whole": pa.types.is_integer,
        "number": lambda t: pa.types.is_integer(t) or pa.types.is_floating(t),
        "time": pa.types.is_timestamp,
    }
    try:
        schema, n_rows = pq.read_schema(path), pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error
    for name, kind in kinds.items():
        if schema.get_all_field_indices(name) == [] or len(schema.get_all_field_indices(name)) > 1:
            what = f"the columns need {name}, once; they are {', '.join(schema.names)[:100]}"
            raise DataError(what, where=str(path), remedy=FETCH_AGAIN)
        if not tests[kind](schema.field(name).type):
            what = f"the column {name} holds {schema.field(name).type}, not {kind}"
            raise DataError(what, where=str(path), remedy=FETCH_AGAIN)
    if not n_rows:
        raise DataError("the file holds no rows", where=str(path), remedy=FETCH_AGAIN)
    return n_rows


def read_columns(path: Path, kinds: Mapping[str, str], required: tuple[str, ...] = ()) -> Any:
    """The ``pyarrow.Table`` of these columns; raises DataError as ``check_columns``, for bad bytes, and where one of
    ``required`` misses a value (rows count from 0)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_columns(path, kinds)
    try:
        table = pq.read_table(path, columns=list(kinds))
        table.validate(full=True)  # texts that aren't UTF-8, offsets that lead outside
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error
    for name in required:
        require(table.column(name), name, path)
    return table


def require(column: Any, name: str, path: Path, first_row: int = 0) -> None:
    """Raises DataError at the first missing value of an Arrow column."""
    if column.null_count:
        row = first_row + column.is_null().to_numpy(zero_copy_only=False).nonzero()[0][0]
        raise DataError(f"{name} is missing", where=f"{path}, row {row}", remedy="Fill it in, or remove the row")


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a Parquet file that Arrow can't read."""
    reason = (str(error).split("\n")[0] or type(error).__name__)[:100]
    return DataError(f"not a whole Parquet file ({reason})", where=str(path), remedy=FETCH_AGAIN)
