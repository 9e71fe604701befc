"""The words of the shop and the order of its shelves, read once from the YAML files in ``data``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

DATA = Path(__file__).parent / "data"
LANGUAGES = ("en", "zh")
#: the attributes of a product, in the order of the columns of ``Catalogue.values``
ATTRIBUTES = ("colour", "made", "style", "feature", "size")


@dataclass(frozen=True)
class Term:
    """One value in both languages: product-side word, query-side word ("" if none), clause ("" if none)."""

    word: dict[str, str]
    ask: dict[str, str]
    clause: dict[str, str]


@dataclass(frozen=True)
class Leaf:
    """A leaf category: its place in the taxonomy and the values that its products may take (rows of ``terms``)."""

    term: Term
    department: int
    group: int
    price: float
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Vocabulary:
    """The taxonomy.

    Attributes:
        departments: the raw department entries (names, phrases, flags).
        leaves: all leaf categories.
        terms: for each attribute of ``ATTRIBUTES``, its values.
        kept: language -> the asker's words that are kept for evaluation queries.
        likes: style row -> the ``made`` rows and the ``colour`` rows that it prefers.
        brands: invented names; brand b belongs to department ``b // brands_per_department``.
        brand_tier: int [n_brands], 0 cheap … 2 premium.
        seasons: leaf row -> day of the year on which its demand peaks; leaves without a season are not there.
        related: bool [n_leaves, n_leaves], same group or complementary (a leaf is related to itself).
        grammar: sentence forms by language.
    """

    departments: list[dict[str, Any]]
    leaves: list[Leaf]
    terms: dict[str, list[Term]]
    kept: dict[str, frozenset[str]]
    likes: list[tuple[np.ndarray, np.ndarray]]
    brands: list[dict[str, str]]
    brand_tier: np.ndarray
    brands_per_department: int
    seasons: dict[int, int]
    related: np.ndarray
    grammar: dict[str, Any]

    def category(self, leaf: int, language: str) -> str:
        """The path "department > leaf"."""
        entry = self.leaves[leaf]
        department = self.departments[entry.department]["name"][LANGUAGES.index(language)]
        return f"{department} > {entry.term.word[language]}"


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The shop's vocabulary; read-only, shared by all callers."""
    taxonomy, attributes = _read("taxonomy.yml"), _read("attributes.yml")
    terms: dict[str, list[Term]] = {
        "colour": [_term(v[:4]) for v in attributes["colour"].values()],
        "made": [_term([v[0], v[1], None, None, v[2], v[3]]) for v in attributes["made"].values()],
        "style": [], "feature": [], "size": [],
    }  # fmt: skip
    colour_row = {name: row for row, name in enumerate(attributes["colour"])}
    made_row = {name: row for row, name in enumerate(attributes["made"])}
    size_rows = {
        system: _append(terms["size"], [_term([*pair, None, None]) for pair in pairs])
        for system, pairs in attributes["size"].items()
    }
    leaves, likes, group_number = [], [], 0
    for number, department in enumerate(taxonomy["departments"]):
        style_rows = _append(terms["style"], [_term(style[:6]) for style in department["styles"]])
        for style in department["styles"]:
            likes.append((_rows(style[6], made_row), _rows(style[7], colour_row)))
        colours = np.arange(len(colour_row)) if department.get("colour", True) else np.empty(0, dtype=np.int64)
        for group in department["groups"]:
            shared = {
                "colour": colours,
                "style": style_rows,
                "feature": _append(terms["feature"], [_term(f) for f in group["features"]]),
                "size": size_rows[group["size"]],
            }
            for *names, made, price in group["leaves"]:
                values = {**shared, "made": _rows(made, made_row)}
                leaves.append(Leaf(_term(names), number, group_number, float(price), values))
            group_number += 1
    first, last, tiers = (taxonomy["brands"][key] for key in ("first", "last", "tier"))
    brands = [{"en": f[0] + b[0], "zh": f[1] + b[1]} for f in first[: len(taxonomy["departments"])] for b in last]
    return Vocabulary(
        departments=taxonomy["departments"], leaves=leaves, terms=terms, kept=_kept(leaves, terms), likes=likes,
        brands=brands, brand_tier=np.tile(tiers, len(taxonomy["departments"])), brands_per_department=len(last),
        seasons=_seasons(leaves), related=_related(leaves, taxonomy["complements"]), grammar=_read("grammar.yml"),
    )  # fmt: skip


def _kept(leaves: list[Leaf], terms: dict[str, list[Term]]) -> dict[str, frozenset[str]]:
    """Every third of the asker's words for leaves and values, and whatever other such word contains one of those."""
    groups = [[leaf.term for leaf in leaves], *terms.values()]
    kept = {}
    for language in LANGUAGES:
        gap = " " if language == "en" else ""
        chosen = {term.ask[language] for group in groups for term in group[2::3]} - {""}
        every = {term.ask[language] for group in groups for term in group} - {""}
        kept[language] = frozenset(
            word for word in every if any(f"{gap}{part}{gap}" in f"{gap}{word}{gap}" for part in chosen)
        )
    return kept


def _seasons(leaves: list[Leaf]) -> dict[int, int]:
    row = {leaf.term.word["en"]: r for r, leaf in enumerate(leaves)}
    return {row[name]: season["peak"] for season in _read("seasons.yml").values() for name in season["leaves"]}


def _related(leaves: list[Leaf], complements: list[list[str]]) -> np.ndarray:
    groups = np.array([leaf.group for leaf in leaves])
    related = groups[:, None] == groups[None, :]
    row = {leaf.term.word["en"]: r for r, leaf in enumerate(leaves)}
    for a, b in complements:
        related[row[a], row[b]] = related[row[b], row[a]] = True
    return related


def _term(parts: list[str | None]) -> Term:
    padded = [part or "" for part in parts] + [""] * (6 - len(parts))
    return Term(*({"en": padded[i], "zh": padded[i + 1]} for i in (0, 2, 4)))


def _append(target: list[Term], new: list[Term]) -> np.ndarray:
    rows = np.arange(len(target), len(target) + len(new))
    target.extend(new)
    return rows


def _rows(names: list[str], row: dict[str, int]) -> np.ndarray:
    return np.array([row[name] for name in names], dtype=np.int64)


def _read(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))
