"""The products of a pipeline: their rows, and the columns that features and the page read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.ranking import Catalogue

if TYPE_CHECKING:
    from datasets import Dataset

TEXTS = ("title", "brand", "category")


def product_rows(items: Dataset | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Plain rows ``item_id, title, brand, category, price``; what is missing becomes "" or, a price, ``None``.

    Raises:
        ContractError: no table of rows, a row without an id, a text or a price of another type.
    """
    rows = items.to_list() if hasattr(items, "to_list") else items
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Iterable):
        raise ContractError("products must be the items table of a shop or a list of its rows",
                            remedy='E.g. [{"item_id": "i1", "title": "red shoes", "category": "shoes"}]')  # fmt: skip
    return [_row(row, place) for place, row in enumerate(rows)]


def _row(row: Any, place: int) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise ContractError(f"product {place} is a {type(row).__name__}, not a row with an item_id")
    public, price = row.get("item_id"), row.get("price")
    if isinstance(public, bool) or not isinstance(public, (str, int)):
        raise ContractError(f"product {place} has no item_id")
    if isinstance(price, bool) or not (price is None or isinstance(price, (int, float))):
        raise ContractError(f"the price of product {public!r} is {price!r}, not a number")
    kept: dict[str, Any] = {"item_id": str(public)}
    for name in TEXTS:
        value = row.get(name)
        if not (value is None or isinstance(value, str)):
            raise ContractError(f"the {name} of product {public!r} is a {type(value).__name__}, not a text")
        kept[name] = value or ""
    known = price is not None and np.isfinite(price)
    return kept | {"price": float(price) if known else None}


class Columns:
    """Rows read by column, as ``Catalogue.from_items`` reads a table."""

    def __init__(self, products: list[dict[str, Any]]):
        self._products = products

    def __getitem__(self, name: str) -> list[Any]:
        if name == "price":
            return [np.nan if p["price"] is None else p["price"] for p in self._products]
        return [product[name] for product in self._products]

    def __len__(self) -> int:
        return len(self._products)


def catalogue_of(products: list[dict[str, Any]], vectors: np.ndarray | None = None) -> Catalogue:
    """The columns that features use; raises ContractError for an id that occurs twice or vectors that don't fit."""
    return Catalogue.from_items(Columns(products), vectors)


def with_new(
    products: list[dict[str, Any]],
    catalogue: Catalogue,
    items: Dataset | Iterable[Mapping[str, Any]],
    vectors: np.ndarray | None,
) -> tuple[list[dict[str, Any]], Catalogue]:
    """Rows and columns with new products at their end; what was given stays as it is.

    Args:
        products, catalogue: so far. items: the new ones.
        vectors: float [n, d] of the new ones, where the catalogue has vectors; else None.

    Raises:
        ContractError: a product that is there already, vectors missing or not asked for; as ``product_rows`` and
            ``catalogue_of`` do.
    """
    new = product_rows(items)
    if known := [product["item_id"] for product in new if product["item_id"] in catalogue.ids]:
        raise ContractError(f"the product {known[0]!r} is there already")
    if (vectors is None) != (catalogue.vectors is None):
        raise ContractError("give vectors of the new products if, and only if, the pipeline has vectors")
    both = None if vectors is None else np.concatenate([catalogue.vectors, np.asarray(vectors, dtype=np.float32)])
    rows = [*products, *new]
    return rows, catalogue_of(rows, both)
