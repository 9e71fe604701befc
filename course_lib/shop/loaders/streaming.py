"""Tables too large for memory, through ``datasets``: made row by row into a file of its cache, mapped from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import DataError
from course_lib.core.tables import SCHEMAS

if TYPE_CHECKING:
    from datasets import Dataset


def cached_table(
    name: str,
    rows: Callable[..., Iterator[dict[str, Any]]],
    digest: str,
    further: dict[str, str] | None = None,
    **given: Any,
) -> Dataset:
    """A table of the contract from a generator of its rows.

    Args:
        name: ``"items"``, ``"events"``, …
        rows: yields the rows; called with ``given``, which must be plain values.
        digest: sha256 of the file that they come from: the cache knows a changed file by it.
        further: columns beyond the schema, with their types.

    Raises:
        DataError: as ``rows`` raises it.
    """
    from datasets import Dataset, Features, Value
    from datasets.exceptions import DatasetGenerationError

    attribute = [{"name": Value("string"), "value": Value("string")}]
    schema = SCHEMAS[name] | (further or {})
    features = Features({c: attribute if kind == "list[attribute]" else Value(kind) for c, kind in schema.items()})
    try:
        arguments = {"rows": rows, "digest": digest, "given": given}
        return Dataset.from_generator(_call, features=features, gen_kwargs=arguments)
    except DatasetGenerationError as error:
        if isinstance(error.__cause__, DataError):
            raise error.__cause__ from None
        raise


def unique_ids(ids: Sequence[Any], what: str, where: str) -> None:
    """Raises DataError at the first id that stands twice; ``what`` names the thing, places count from 1."""
    first: dict[Any, int] = {}
    for number, one in enumerate(ids, start=1):
        if first.setdefault(one, number) != number:
            shown = " / ".join(one) if isinstance(one, tuple) else one
            raise DataError(
                f"the {what} {shown!r} stands already as {what} {first[one]}",
                where=f"{where}, {what} {number}",
                remedy="Keep one of the two",
            )


def _call(rows: Callable[..., Iterator[Any]], digest: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from rows(**given)
