"""Products as the engine keeps them: one plain row for each, in the columns of a shop's items table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import ContractError
from course_lib.search.understanding import normalise

if TYPE_CHECKING:
    from datasets import Dataset

TEXTS = ("title", "brand", "description", "category")  #: columns that hold a text, or nothing


def product_rows(items: Dataset | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with an ``item_id`` and a title; what else a product lacks is empty (``price``: ``None``).

    Raises:
        ContractError: not products, an id or a title is missing, a column of the wrong type.
    """
    rows = items.to_list() if hasattr(items, "column_names") else items
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Iterable):
        raise ContractError("products must be the items table of a shop or a list of its rows",
                            remedy='E.g. [{"item_id": "i1", "title": "red running shoes"}]')  # fmt: skip
    return [_row(row, place) for place, row in enumerate(rows)]


def _row(row: Any, place: int) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise ContractError(f"product {place} is a {type(row).__name__}, not a row with an item_id and a title")
    public, price = row.get("item_id"), row.get("price")
    if isinstance(public, bool) or not isinstance(public, (str, int)) or not isinstance(row.get("title"), str):
        raise ContractError(f"product {place} has no item_id or no title", remedy="Both are needed; the rest may lack")
    if isinstance(price, bool) or not (price is None or isinstance(price, (int, float))):
        raise ContractError(f"the price of product {public!r} is {price!r}, not a number")
    kept: dict[str, Any] = {"item_id": str(public)}
    for name in TEXTS:
        value = row.get(name)
        if not (value is None or isinstance(value, str)):
            raise ContractError(f"the {name} of product {public!r} is a {type(value).__name__}, not a text")
        kept[name] = value or ""
    attributes = [{"name": str(a["name"]), "value": str(a["value"])} for a in row.get("attributes") or ()]
    return kept | {"attributes": attributes, "price": None if price is None else float(price)}


def product_text(product: Mapping[str, Any], language: str) -> str:
    """Title, brand and description, each normalised as queries are (and, like them, cut at 2,000 characters)."""
    parts = (normalise(product[name], language) for name in ("title", "brand", "description"))
    return ". ".join(part for part in parts if part)


def encoder_text(product: Mapping[str, Any]) -> str:
    """What the encoder reads of it: the text of ``shop.texts.item_texts``."""
    return ". ".join(product[name] for name in ("title", "brand", "description") if product[name])
