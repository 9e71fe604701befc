"""Display: what may stand on the page together. Rules, not scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.world.cascade import Request


@dataclass(frozen=True, eq=False)
class DisplayRules:
    """A stage: go down the list and keep what the rules allow; each product passed over makes room for the next.

    Attributes:
        brands: the brand of each product, in catalogue order; "" is no brand and has no limit.
        in_stock: bool [n_items]; None: everything may be shown.
        per_brand: the most products of one brand; None: no limit.

    Raises:
        ContractError: not one brand or one stock entry per product, or a limit below 1.
    """

    brands: Sequence[str]
    in_stock: np.ndarray | None = None
    per_brand: int | None = None

    def __post_init__(self) -> None:
        if self.in_stock is not None and np.shape(self.in_stock) != (len(self.brands),):
            raise ContractError(f"stock {np.shape(self.in_stock)} for {len(self.brands)} products")
        if self.per_brand is not None and self.per_brand < 1:
            raise ContractError(f"per_brand is {self.per_brand}; it must be at least 1, or None for no limit")

    def __call__(self, request: Request, rows: np.ndarray) -> np.ndarray:
        """The rows that may be shown, in the order given."""
        shown: Counter[str] = Counter()
        kept = []
        for row in rows.tolist():
            brand = self.brands[row]
            if self.in_stock is not None and not self.in_stock[row]:
                continue
            if self.per_brand is not None and brand and shown[brand] >= self.per_brand:
                continue
            shown[brand] += 1
            kept.append(row)
        return np.array(kept, dtype=np.int64)
