"""Amazon's Shopping Queries Data Set (ESCI): queries with products judged exact, substitute, complement, irrelevant.

Files (https://github.com/amazon-science/esci-data; Reddy et al., arXiv:2206.06588):
``shopping_queries_dataset_examples.parquet`` and ``shopping_queries_dataset_products.parquet``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import ContractError, DataError
from course_lib.core.tables import make_table
from course_lib.shop.loaders.folder import Folder
from course_lib.shop.loaders.parquet import check_columns, damaged, read_columns, require
from course_lib.shop.loaders.streaming import cached_table, unique_ids

if TYPE_CHECKING:
    from datasets import Dataset

EXAMPLES = "shopping_queries_dataset_examples.parquet"
PRODUCTS = "shopping_queries_dataset_products.parquet"
LOCALES = ("us", "es", "jp")
GRADE_OF = {"E": 3, "S": 2, "C": 1, "I": 0}
_EXAMPLES = {
    "example_id": "whole", "query": "text", "query_id": "whole", "product_id": "text", "product_locale": "text",
    "esci_label": "text", "small_version": "whole", "large_version": "whole", "split": "text",
}  # fmt: skip
_PRODUCTS = {
    name: "text"
    for name in (
        "product_id", "product_title", "product_description", "product_bullet_point", "product_brand", "product_color",
        "product_locale",
    )
}  # fmt: skip


def load_esci(folder: Folder, part: str = "us") -> dict[str, Any]:
    """One locale of the data: ``items``, ``queries`` and ``judgements``.

    - items: title, description (description and bullet points, joined by a space), brand, attributes (color); category
      "" and price NaN, which the publisher doesn't say. They lie in a file of the ``datasets`` cache, not in memory.
    - queries: query_id and text, in order of appearance; further columns split ("train", "test") and small (1: in the
      reduced version of the ranking task).
    - judgements: grade 3 exact, 2 substitute, 1 complement, 0 irrelevant.

    Args:
        part: ``"us"``, ``"es"`` or ``"jp"``: product ids are unique within a locale only.

    Raises:
        ContractError: another locale.
        DataError: a file is missing or damaged, a pair or a product stands twice, a label or a product is unknown.
    """
    part = part or "us"
    if part not in LOCALES:
        raise ContractError(f"there is no part {part!r} of esci", remedy="Name one of esci/us, esci/es, esci/jp")
    folder.need(EXAMPLES, PRODUCTS)
    queries, judgements = _examples(folder, part)
    items = _products(folder, part)
    path = folder.where(EXAMPLES)
    unknown = sorted(set(judgements["item_id"]) - set(items["item_id"][:]))
    if unknown:
        what = f"{len(unknown)} judged product(s) are not among the products of {part!r}, first {unknown[0]!r}"
        raise DataError(what, where=path, remedy="Fetch both files again from their publisher")
    tables = {"queries": make_table("queries", queries), "judgements": make_table("judgements", judgements)}
    return {"items": items, **tables}


def _examples(folder: Folder, locale: str) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    import pyarrow.compute as pc

    path = folder.large(EXAMPLES)
    table = read_columns(path, _EXAMPLES, tuple(_EXAMPLES))
    _known(table["esci_label"], GRADE_OF, "esci_label", path)
    _known(table["product_locale"], LOCALES, "product_locale", path)
    _known(table["split"], ("train", "test"), "split", path)
    table = table.filter(pc.equal(table["product_locale"], locale))
    if not len(table):
        raise DataError(f"no example is of the locale {locale!r}", where=str(path), remedy="Choose another locale")
    rows = {name: table[name].to_pylist() for name in ("query", "product_id", "esci_label", "split", "small_version")}
    ids = list(map(str, table["query_id"].to_pylist()))
    first: dict[str, tuple[str, str]] = {}
    small: dict[str, int] = {}
    for query, said, split, is_small in zip(ids, rows["query"], rows["split"], rows["small_version"]):
        if first.setdefault(query, (said, split)) != (said, split):
            what = f"query {query} has two texts or splits: {first[query]} and {(said, split)}"
            raise DataError(what, where=str(path), remedy="Fetch the file again from its publisher")
        small[query] = max(small.get(query, 0), is_small)
    unique_ids(list(zip(ids, rows["product_id"])), f"example of {locale!r}", str(path))
    texts, splits = zip(*first.values())
    queries = {"query_id": list(first), "text": list(texts), "split": list(splits), "small": list(small.values())}
    grades = [GRADE_OF[label] for label in rows["esci_label"]]
    return queries, {"query_id": ids, "item_id": rows["product_id"], "grade": grades}


def _products(folder: Folder, locale: str) -> Dataset:
    path = folder.large(PRODUCTS)
    check_columns(path, _PRODUCTS)
    items = cached_table("items", _rows, folder.files[-1]["sha256"], path=str(path), locale=locale)
    unique_ids(items["item_id"][:], f"product of {locale!r}", str(path))
    return items


def _rows(path: str, locale: str) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row, found = 0, 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=8192, columns=list(_PRODUCTS)):
            batch.validate(full=True)
            for name in ("product_id", "product_title", "product_locale"):
                require(batch.column(name), name, Path(path), row)
            row += len(batch)
            for product in batch.to_pylist():
                if product["product_locale"] == locale:
                    found += 1
                    yield _item(product)
    except (pa.ArrowException, OSError) as error:
        raise damaged(Path(path), error) from error
    if not found:
        raise DataError(f"no product is of the locale {locale!r}", where=path, remedy="Choose another locale")


def _item(product: dict[str, str | None]) -> dict[str, Any]:
    parts = (product["product_description"], product["product_bullet_point"])
    color = product["product_color"]
    return {
        "item_id": product["product_id"],
        "title": product["product_title"],
        "description": " ".join(part for part in parts if part),
        "category": "",
        "brand": product["product_brand"] or "",
        "attributes": [{"name": "color", "value": color}] if color else [],
        "price": float("nan"),
    }


def _known(column: Any, known: Any, name: str, path: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    odd = pc.invert(pc.is_in(column, value_set=pa.array(list(known), type=column.type)))
    if pc.any(odd).as_py():
        row = odd.to_pylist().index(True)
        what = f"{name} is {column[row].as_py()[:40]!r}, none of {', '.join(known)}"
        raise DataError(what, where=f"{path}, row {row}", remedy="Fetch the file again from its publisher")
