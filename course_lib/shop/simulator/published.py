"""The credibility of a simulated shop in one table: each measured property beside what is published about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.log import CART, CLICK, Log
from course_lib.shop.simulator import credibility
from course_lib.shop.simulator.calendar import week_of
from course_lib.shop.simulator.parameters import SOURCES, Parameters, Source
from course_lib.shop.simulator.turnover import turnover


@dataclass(frozen=True)
class Property:
    """A property of the shop.

    Attributes:
        name: in words.
        value: as measured.
        percent: the value is a share, shown in per cent.
        source: what is published, with its range; None where nothing is published that we know of.
        error: standard error of the value, another log of the same shop being drawn; None where it is not known.
    """

    name: str
    value: float
    percent: bool = False
    source: Source | None = None
    error: float | None = None

    @property
    def inside(self) -> str:
        """Does the value lie in the published range: "yes", "no", "within error" (its 95 % interval does), or ""."""
        if not self.source:
            return ""
        beyond = max(self.source.low - self.value, self.value - self.source.high)
        return "yes" if beyond <= 0 else "within error" if beyond <= 1.96 * (self.error or 0.0) else "no"

    def row(self) -> list[str]:
        """Cells of a table: name, value with the half of its 95 % interval, published range, inside, publication."""
        value = self._text(self.value) + (f"\u00a0±\u00a0{self._text(1.96 * self.error)}" if self.error is not None else "")
        if not self.source:
            return [self.name, value, "assumed", "–", "–"]
        return [
            self.name, value, f"{self._text(self.source.low)} to {self._text(self.source.high)}", self.inside,
            self.source.cite,
        ]  # fmt: skip

    def _text(self, value: float) -> str:
        return (f"{value:.1%}" if self.percent else f"{value:.2f}").replace("-", "\u2212")


def with_source(shop: Any, log: Log, words: dict[str, float]) -> list[Property]:
    """Every property that has a published counterpart (``parameters.SOURCES``), as this shop's log shows it.

    Args:
        words: of ``credibility.wording``; ``mean_wording`` averages several shops, since a single shop's most
            frequent queries weigh heavily.

    Raises:
        ContractError: a source without a measurement, or a log too short to measure the turnover.
    """
    counts, funnel = credibility.popularity(shop, log), credibility.conversion(log)
    clicks, carts = ((log.kind == kind).sum() for kind in (CLICK, CART))
    exponents = [credibility.zipf_exponent(counts[name]) for name in ("clicks", "searches")]
    measured: dict[str, tuple[str, float, bool, float | None]] = {
        "popularity_exponent": ("Zipf exponent of clicks on items", exponents[0], False, None),
        "query_exponent": ("Zipf exponent of queries", exponents[1], False, None),
        "typo_rate": ("searches with a typo", words["typo_rate"], True, None),
        "word_mismatch": ("words of a query missing from an exact match", words["word_mismatch"], True, None),
        "elasticity": ("price elasticity of the mean user", *_elasticity(shop, log)),
        "cart_rate": ("clicks that become carts", *_share(funnel["cart_rate"], clicks)),
        "purchases_per_cart": ("carts that are bought", *_share(funnel["purchase_rate"], carts)),
        "queries_per_session": ("pages of a session", credibility.reformulation(shop, log)["pages"], False, None),
        "weekend": ("sessions of a weekend day over a working day", *_weekend(shop, log)),
        "turnover": ("fall of popularity's likeness to itself, from 1 to 20 weeks", *_turnover(log)),
        "out_of_stock": ("weeks in which an item is sold out", credibility.of_items(shop, log)["out_of_stock"], True,
                         None),
    }  # fmt: skip
    missing = sorted(set(SOURCES) - set(measured))
    if missing:
        raise ContractError(f"nothing measures {', '.join(missing)}", where="parameters.SOURCES")
    return [
        Property(name, float(value), percent, SOURCES[key], error)
        for key, (name, value, percent, error) in measured.items()
        if key in SOURCES
    ]


def _share(share: float, n: int) -> tuple[float, bool, float]:
    return share, True, float(np.sqrt(share * (1 - share) / max(n, 1)))


def _elasticity(shop: Any, log: Log) -> tuple[float, bool, float]:
    """The mean over users of their segment's estimate."""
    slopes = credibility.elasticity(shop, log)
    segments = np.array(shop.users["segment"][:])
    weights = np.array([(segments == name).mean() for name in slopes])
    estimates, errors = np.array(list(slopes.values())).T
    return float(weights @ estimates), False, float(np.sqrt(weights**2 @ errors**2))


def _weekend(shop: Any, log: Log) -> tuple[float, bool, float]:
    share, n = credibility.calendar(shop, log)["weekday"], log.session.max() + 1
    ratio, weekend = share[5:].mean() / share[:5].mean(), share[5:].sum()
    return ratio, False, float(ratio * np.sqrt(1 / (n * weekend) + 1 / (n * (1 - weekend))))


def _turnover(log: Log, groups: int = 10) -> tuple[float, bool, float]:
    """Of all items; its error from ``groups`` groups of items, each measured alone."""
    clicked = log.kind == CLICK
    item, week = log.item[clicked], week_of(log)[clicked]
    parts = [turnover(item[item % groups == g], week[item % groups == g]) for g in range(groups)]
    whole, falls = turnover(item, week), [part[0] - part[-1] for part in parts]
    return float(whole[0] - whole[-1]), False, float(np.std(falls, ddof=1) / np.sqrt(groups))


def without_source(shop: Any, log: Log, words: dict[str, float]) -> list[Property]:
    """Properties that are measured here and have no published counterpart that we know of: they are assumed."""
    rates, week = credibility.click_rate_by_position(shop, log), credibility.calendar(shop, log)
    steps, items = credibility.reformulation(shop, log), credibility.of_items(shop, log)
    groups, taste = credibility.by_group(shop, log), credibility.drift(shop, log)
    ordinary = ~week["sale"] & (np.arange(len(week["sale"])) < len(week["sale"]) - 1)  # the last week is cut short
    visits, bought = (week[n][week["sale"]].mean() / week[n][ordinary].mean() for n in ("sessions", "purchases"))
    first, last = rates["randomised"][0], rates["randomised"][-1]
    slope, error = credibility.season_response(week)
    found: list[tuple[str, float, bool]] = [
        ("click rate of the first place over that of the last, random order", first / last, False),
        ("sessions of a sale week over an ordinary week", visits, False),
        ("purchases of a sale week over an ordinary week", bought, False),
        ("queries whose exact matches share no word with them", words["blind"], True),
        ("next page is a reformulation, after a search without a click", steps["after_silence"], True),
        ("next page is a reformulation, after a search with a click", steps["after_click"], True),
        ("items launched during the log", items["cold_items"], True),
        ("users of the smaller group", groups["b"]["users"], True),
        ("clicks within the early taste, last span over first", taste["early"][-1] / taste["early"][0], False),
    ]
    season = Property("response of a seasonal category's clicks to its season (1: in step)", slope, error=error)
    return [Property(name, float(value), percent) for name, value, percent in found] + [season]


def mean_wording(shops: Iterable[Any], language: str = "en") -> dict[str, float]:
    """``credibility.wording``, the mean over several shops: one shop's most frequent queries weigh heavily."""
    measured = [credibility.wording(shop, language) for shop in shops]
    if not measured:
        raise ContractError("there is no shop to measure", where="shops", remedy="Give at least one")
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def assumed_parameters() -> list[str]:
    """Names of the knobs that no entry of ``SOURCES`` speaks of, in the order of ``Parameters``."""
    return [f.name for f in fields(Parameters) if f.name not in SOURCES and f.name not in _BEHIND.values()]


#: entries of ``SOURCES`` that hold a measured property -> the knob that is set by it
_BEHIND = {
    "typo_rate": "kind_shares", "word_mismatch": "asked_otherwise", "elasticity": "elasticities",
    "purchases_per_cart": "purchase_rate", "queries_per_session": "further_pages", "weekend": "weekday_weights",
    "turnover": "fashion",
}  # fmt: skip
