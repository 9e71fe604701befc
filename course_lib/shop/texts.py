"""What a text model or an index reads of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def item_texts(items: Dataset) -> list[str]:
    """Title, brand and description of each product, joined by ". ", in catalogue order; empty parts are left out."""
    columns = (items[name][:] for name in ("title", "brand", "description"))
    return [". ".join(part for part in parts if part) for parts in zip(*columns)]
