"""The last stage: likeness and the shop's rules make a page of the ranker's order, and every move has a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.recommend.ranking import Catalogue, DisplayList, mmr


@dataclass(frozen=True)
class Display:
    """What may stand on a page, and how like one another its products may be. The defaults change nothing.

    Attributes:
        trade: of MMR: 1 is the ranker's score alone, 0 likeness alone.
        per_brand: the most products of one brand; None: no cap.
        out_of_stock: ids of products that can't be sold now.
        pinned: place, from 1 -> id of the product that stands there, whoever asks.
        pool: so many of the ranker's first candidates may come onto the page.

    Raises:
        ContractError: a trade outside 0–1, a cap or a pool below 1, a place below 1, a product pinned twice.
    """

    trade: float = 1.0
    per_brand: int | None = None
    out_of_stock: frozenset[str] = frozenset()
    pinned: Mapping[int, str] = field(default_factory=dict)
    pool: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.trade <= 1:
            raise ContractError(f"trade is {self.trade}; it must lie between 0 and 1")
        if self.pool < 1 or (self.per_brand is not None and self.per_brand < 1):
            raise ContractError("per_brand and pool must be at least 1", remedy="per_brand=None is no cap")
        if isinstance(self.out_of_stock, str):
            raise ContractError("out_of_stock must be a set of product ids", remedy="E.g. frozenset({'i1'})")
        object.__setattr__(self, "out_of_stock", frozenset(self.out_of_stock))
        pinned = {int(place): str(item) for place, item in self.pinned.items()}
        if any(place < 1 for place in pinned) or len(set(pinned.values())) < len(pinned):
            raise ContractError("pins need places from 1, and each product one place at most")
        object.__setattr__(self, "pinned", pinned)

    @property
    def neutral(self) -> bool:
        """Whether the page is the ranker's order, cut."""
        return self.trade == 1 and self.per_brand is None and not self.out_of_stock and not self.pinned


@dataclass(frozen=True, eq=False)
class Page:
    """A composed page.

    Attributes:
        rows: int64 [at most k], catalogue rows from the top.
        moved: catalogue row -> why it stands elsewhere than the ranker had it.
        dropped: catalogue row -> why it isn't there, of the ranker's first k.
    """

    rows: np.ndarray
    moved: dict[int, str]
    dropped: dict[int, str]


class Composer:
    """``Display`` over a catalogue: brands, stock and pins looked up once.

    Args:
        ids: of the products. brands: of each. catalogue: whose groups say how like two products are.

    Raises:
        UnknownIdError: a rule for a product that isn't in the catalogue.
    """

    def __init__(self, display: Display, ids: IdMap, brands: Sequence[str], catalogue: Catalogue):
        self.display, self.brands, self._catalogue = display, brands, catalogue
        self.in_stock = np.ones(len(ids), dtype=bool)
        self.in_stock[ids.rows(sorted(display.out_of_stock))] = False
        places = sorted(display.pinned)
        rows = ids.rows([display.pinned[place] for place in places])
        self.pinned = {place - 1: int(row) for place, row in zip(places, rows)}

    def compose(self, order: np.ndarray, score: np.ndarray, k: int) -> Page:
        """The page of at most k products.

        Args:
            order: int64 [n], candidates as the ranker has them. score: float [n], falling.
        """
        order = np.asarray(order[: max(self.display.pool, k)], dtype=np.int64)
        pinned = {place: row for place, row in self.pinned.items() if place < k}
        chosen = order
        if self.display.trade < 1 and len(order):
            chosen = order[mmr(score[: len(order)], self._likeness(order), len(order), self.display.trade)]
        rules = DisplayList(self.brands, k, self.display.per_brand, self.in_stock, pinned)
        rows = rules.compose(chosen)
        return Page(rows, *self._reasons(order, chosen, rows, pinned, k))

    def _likeness(self, order: np.ndarray) -> np.ndarray:
        """float [n, d]: department, category, brand, and the product itself: nobody is like another in all."""
        parts = [np.eye(len(order))]
        for group in self._catalogue.groups.values():
            number = np.unique(group[order], return_inverse=True)[1]
            parts.append(np.eye(number.max() + 1)[number] * (group[order] >= 0)[:, None])
        return np.hstack(parts)

    def _reasons(
        self, order: np.ndarray, chosen: np.ndarray, rows: np.ndarray, pinned: Mapping[int, int], k: int
    ) -> tuple[dict[int, str], dict[int, str]]:
        """Why products stand elsewhere, and why some of the first aren't there."""
        ranked = {row: place for place, row in enumerate(order.tolist(), start=1)}
        diverse = {row: place for place, row in enumerate(chosen.tolist(), start=1)}
        moved, dropped, fixed = {}, {}, set(pinned.values())
        for place, row in enumerate(rows.tolist(), start=1):
            before = ranked.get(row)
            if row in fixed:
                moved[row] = "pinned" if before is None else f"pinned, {before} by the ranker"
            elif before != place:
                up, by_likeness = place < before, diverse[row] != before
                why = (("unlike" if up else "like") + " what stands above" if by_likeness
                       else "places were freed" if up else "a pin stands above")  # fmt: skip
                moved[row] = f"{'up' if up else 'down'} from {before}: {why}"
        there = set(rows.tolist())
        cap = self.display.per_brand
        count: dict[str, int] = {}
        for row in there:
            count[self.brands[row]] = count.get(self.brands[row], 0) + 1
        for row in order[:k].tolist():
            if row in there:
                continue
            brand = self.brands[row]
            if not self.in_stock[row]:
                dropped[row] = "sold out"
            elif cap is not None and brand and count.get(brand, 0) >= cap:
                dropped[row] = f"{brand} has its {cap} place{'s' * (cap != 1)}"
            elif diverse[row] > k:
                dropped[row] = "too like what stands above"
            else:
                dropped[row] = "a pin took its place"
        return moved, dropped
