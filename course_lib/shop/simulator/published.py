"""The credibility of a simulated shop in one table: each measured property beside what is published about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.simulator import credibility
from course_lib.shop.simulator.observed import Observed
from course_lib.shop.simulator.parameters import SOURCES, Parameters


@dataclass(frozen=True)
class Property:
    """A property of the shop.

    Attributes:
        name: in words.
        value: as measured, or as set for what no log can show.
        low, high: the published range; None where nothing is published that we know of.
        cite: the publication; "" where there is none.
        percent: the value is a share, shown in per cent.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    cite: str = ""
    percent: bool = False

    @property
    def inside(self) -> bool | None:
        """Whether the value lies in the published range; None where there is no range."""
        return None if self.low is None or self.high is None else self.low <= self.value <= self.high

    def row(self) -> list[str]:
        """Cells of a table: name, value, published range, inside, publication."""
        span = "assumed" if self.low is None else f"{self._text(self.low)} to {self._text(self.high)}"
        verdict = {None: "–", True: "yes", False: "no"}[self.inside]
        return [self.name, self._text(self.value), span, verdict, self.cite or "–"]

    def _text(self, value: float) -> str:
        return f"{value:.1%}" if self.percent else f"{value:.2f}".replace("-", "\u2212")


def with_source(shop: Any, log: Observed, words: dict[str, float]) -> list[Property]:
    """Every property that has a published counterpart (``parameters.SOURCES``), as this shop's log shows it.

    Args:
        words: of ``credibility.wording``; ``mean_wording`` averages several shops, since a single shop's most
            frequent queries weigh heavily.

    Raises:
        ContractError: a source without a measurement.
    """
    counts = credibility.popularity(shop, log)
    slopes = credibility.elasticity(shop, log)
    shares = _shares(shop.users["segment"][:])
    measured = {
        "popularity_exponent": ("Zipf exponent of clicks on items", credibility.zipf_exponent(counts["clicks"]), False),
        "query_exponent": ("Zipf exponent of queries", credibility.zipf_exponent(counts["searches"]), False),
        "typo_rate": ("searches with a typo", words["typo_rate"], True),
        "word_mismatch": ("words of a query missing from an exact match", words["word_mismatch"], True),
        "elasticity": ("price elasticity of the mean user", sum(shares[s] * slopes[s][0] for s in slopes), False),
        "purchases_per_cart": ("carts that are bought", credibility.conversion(log)["purchase_rate"], True),
        "queries_per_session": ("pages of a session", credibility.reformulation(shop, log)["pages"], False),
        "out_of_stock": ("weeks in which an item is sold out", credibility.of_items(shop, log)["out_of_stock"], True),
    }
    missing = sorted(set(SOURCES) - set(measured))
    if missing:
        raise ContractError(f"nothing measures {', '.join(missing)}", where="parameters.SOURCES")
    return [
        Property(name, float(value), SOURCES[key].low, SOURCES[key].high, SOURCES[key].cite, percent)
        for key, (name, value, percent) in measured.items()
        if key in SOURCES
    ]


def without_source(shop: Any, log: Observed, words: dict[str, float]) -> list[Property]:
    """Properties that are measured here and have no published counterpart that we know of: they are assumed."""
    rates, week = credibility.click_rate_by_position(shop, log), credibility.calendar(shop, log)
    steps, items = credibility.reformulation(shop, log), credibility.of_items(shop, log)
    groups, taste = credibility.by_group(shop, log), credibility.drift(shop, log)
    ordinary = ~week["sale"] & (np.arange(len(week["sale"])) < len(week["sale"]) - 1)  # the last week is cut short
    visits, bought = (week[n][week["sale"]].mean() / week[n][ordinary].mean() for n in ("sessions", "purchases"))
    weekend = week["weekday"][5:].mean() / week["weekday"][:4].mean()
    first, last = rates["randomised"][0], rates["randomised"][-1]
    found = [
        ("click rate of the first place over that of the last, random order", first / last, False),
        ("sessions of a weekend day over Monday to Thursday", weekend, False),
        ("sessions of a sale week over an ordinary week", visits, False),
        ("purchases of a sale week over an ordinary week", bought, False),
        ("queries whose exact matches share no word with them", words["blind"], True),
        ("next page is a reformulation, after a search without a click", steps["after_silence"], True),
        ("next page is a reformulation, after a search with a click", steps["after_click"], True),
        ("items launched during the log", items["cold_items"], True),
        ("users of the smaller group", groups["b"]["users"], True),
        ("clicks within the early taste, last span over first", taste["early"][-1] / taste["early"][0], False),
    ]
    return [Property(name, float(value), percent=percent) for name, value, percent in found]


def mean_wording(shops: Iterable[Any], language: str = "en") -> dict[str, float]:
    """``credibility.wording``, the mean over several shops: one shop's most frequent queries weigh heavily."""
    measured = [credibility.wording(shop, language) for shop in shops]
    if not measured:
        raise ContractError("there is no shop to measure", where="shops", remedy="Give at least one")
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def assumed_parameters() -> list[str]:
    """Names of the knobs that no entry of ``SOURCES`` speaks of, in the order of ``Parameters``."""
    return [f.name for f in fields(Parameters) if f.name not in SOURCES and f.name not in _BEHIND.values()]


#: entries of ``SOURCES`` that hold a measured property -> the one knob that sets it
_BEHIND = {
    "typo_rate": "kind_shares", "word_mismatch": "asked_otherwise", "elasticity": "elasticities",
    "purchases_per_cart": "purchase_rate", "queries_per_session": "further_pages",
}  # fmt: skip


def _shares(names: list[str]) -> dict[str, float]:
    values, counts = np.unique(names, return_counts=True)
    return dict(zip(values.tolist(), (counts / counts.sum()).tolist()))
