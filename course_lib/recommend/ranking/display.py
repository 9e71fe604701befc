"""The display list: the ranker proposes, the shop's rules decide what may stand on the page, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from course_lib.core.errors import ContractError


@dataclass(frozen=True, eq=False)
class DisplayList:
    """Rules of the shop, laid over any order of candidates.

    A pinned product stands where it is pinned and counts towards its brand's cap; one that is out of stock gives its
    place up. All other places are filled from the order given, passing over what is out of stock, what is on the page
    already, and brands that are full. Where nothing is left, the list is shorter: a rule is never broken to fill a page.

    ``shop.world.DisplayRules`` has the same rules without pins, as one stage of a cascade.

    Attributes:
        brands: of each product, in catalogue order; "" is no brand and has no cap.
        k: places of the page. per_brand: the most products of one brand; None: no cap.
        in_stock: bool [n_items]; None: everything may be shown.
        pinned: place, from 0 -> catalogue row.

    Raises:
        ContractError: not one stock entry per product, k or per_brand below 1, a pin outside the page or the catalogue,
            one product in two places, or pins that break the cap by themselves.
    """

    brands: Sequence[str]
    k: int = 10
    per_brand: int | None = None
    in_stock: np.ndarray | None = None
    pinned: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.k < 1 or (self.per_brand is not None and self.per_brand < 1):
            raise ContractError("k and per_brand must be at least 1")
        if self.in_stock is not None and np.shape(self.in_stock) != (len(self.brands),):
            raise ContractError(f"stock {np.shape(self.in_stock)} for {len(self.brands)} products")
        rows = list(self.pinned.values())
        if any(not 0 <= place < self.k for place in self.pinned) or any(not 0 <= r < len(self.brands) for r in rows):
            raise ContractError(f"a pin lies outside the {self.k} places or the {len(self.brands)} products")
        if len(set(rows)) < len(rows):
            raise ContractError("one product is pinned to two places")
        names = [self.brands[row] for row in rows if self.brands[row]]
        if self.per_brand is not None and any(names.count(name) > self.per_brand for name in set(names)):
            raise ContractError("the pins alone break the cap per brand", remedy="Unpin some, or raise per_brand")

    def compose(self, order: np.ndarray) -> np.ndarray:
        """int64 [at most k]: catalogue rows from the top, from candidates in the order of the ranker (int [n]).

        Raises:
            ContractError: a candidate outside the catalogue.
        """
        order = np.asarray(order, dtype=np.int64)
        if len(order) and not (0 <= order.min() and order.max() < len(self.brands)):
            raise ContractError(f"a candidate lies outside the {len(self.brands)} products")
        fixed = {place: row for place, row in self.pinned.items() if self._sellable(row)}
        used, count = set(fixed.values()), {}
        for row in used:
            count[self.brands[row]] = count.get(self.brands[row], 0) + 1
        candidates, page = iter(order.tolist()), []
        for place in range(self.k):
            row = fixed.get(place)
            if row is None:
                row = next((r for r in candidates if self._allowed(r, used, count)), None)
                if row is None:
                    continue  # pins further down still stand
                used.add(row)
                count[self.brands[row]] = count.get(self.brands[row], 0) + 1
            page.append(row)
        return np.array(page, dtype=np.int64)

    def _sellable(self, row: int) -> bool:
        return self.in_stock is None or bool(self.in_stock[row])

    def _allowed(self, row: int, used: set[int], count: dict[str, int]) -> bool:
        brand = self.brands[row]
        full = self.per_brand is not None and brand and count.get(brand, 0) >= self.per_brand
        return self._sellable(row) and row not in used and not full
