"""Filters: what a customer or the shop rules out before anything is searched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError


@dataclass(frozen=True)
class Filters:
    """Conditions that every product of a list must meet; a product without a price meets no condition on it.

    Attributes:
        category, brand: the product's own, letters of any case; ``None`` allows all.
        min_price, max_price: both included, in the shop's currency.
        out_of_stock: ids of products that can't be sold now.

    Raises:
        ContractError: a price that is no number, or a lower bound above the upper one.
    """

    category: str | None = None
    brand: str | None = None
    min_price: float | None = None
    max_price: float | None = None
    out_of_stock: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        low, high = self.min_price, self.max_price
        if any(price is not None and not math.isfinite(price) for price in (low, high)):
            raise ContractError("a price limit is not a finite number")
        if low is not None and high is not None and low > high:
            raise ContractError(f"the lowest price {low:g} is above the highest {high:g}", remedy="Swap the two")
        if isinstance(self.out_of_stock, str):
            raise ContractError("out_of_stock must be a set of product ids", remedy="E.g. frozenset({'i1'})")
        object.__setattr__(self, "out_of_stock", frozenset(self.out_of_stock))

    def __bool__(self) -> bool:
        return self != Filters()

    def mask(self, products: Iterable[Mapping[str, Any]]) -> np.ndarray:
        """Which products may be shown: bool [n]."""
        return np.fromiter((self._allows(product) for product in products), dtype=bool)

    def _allows(self, product: Mapping[str, Any]) -> bool:
        for field, wanted in (("category", self.category), ("brand", self.brand)):
            if wanted is not None and str(product[field] or "").casefold() != wanted.casefold():
                return False
        if self.min_price is not None or self.max_price is not None:
            price = product["price"]
            if price is None or not math.isfinite(price):
                return False
            if price < (self.min_price or 0) or price > (math.inf if self.max_price is None else self.max_price):
                return False
        return product["item_id"] not in self.out_of_stock
