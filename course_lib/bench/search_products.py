"""What a product of the catalogue is called: brand, name, kind ("networking cable"), features; read from its own fields.

A catalogue of this sort writes titles as brand, name, kind, features: "Xerox 008R12896 toner cartridge Original Black".
Brand and name stand in fields of their own, kinds are written small and features large. So the kinds are learned from
the titles that are built like this, and then found in the others. Nothing here reads a query or a judgement.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

LONGEST_KIND = 4  #: words
RAREST_KIND = 3  #: products; a run of words that fewer titles share is no kind
TOLD_ATTRIBUTES, LONGEST_VALUE = 3, 30  #: of each product, and letters of each: publishers list what matters first

_SMALL = re.compile(r"[a-z][a-z/&'-]+")  #: a word of a kind; names of series ("Galaxy") and features ("Black") are large
_LARGE = re.compile(r"[A-Z][a-z-]+|[A-Z]{2,4}")  #: the first word of a kind, where a small one follows: "USB cable"
_OTHER = re.compile(r"\s(?:for|f/|with|w/|by|from|and|in|of|to)\s|[,(]")  #: what comes after is about something else
_WORD = re.compile(r"[a-z][a-z/&'-]*|[A-Z]{2,4}")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Product:
    """One product, in parts.

    Attributes:
        title, brand: as the catalogue has them. name: of the model, without brand and kind; ``""`` if the title lacks it.
        kind: what it is, in lower case; ``""`` where the title doesn't say.
        details: the description without what the title says already.
        attributes: (name, value), in the catalogue's order.
    """

    title: str
    brand: str
    name: str
    kind: str
    details: str
    attributes: tuple[tuple[str, str], ...]

    def text(self, *, blind: bool = False) -> str:
        """What an encoder reads: title, details and the first attributes; ``blind``: the title without its kind.

        Half of the titles don't name the kind; to learn what such a product is, a model must see others without it.
        """
        title = self.title
        if blind and self.kind:
            title = " ".join(re.sub(rf"(?<!\w){re.escape(self.kind)}(?!\w)", " ", title, flags=re.IGNORECASE).split())
        told = ", ".join(f"{name} {value[:LONGEST_VALUE]}" for name, value in self.attributes[:TOLD_ATTRIBUTES])
        return ". ".join(part for part in (title, self.details, told) if part)


def read_products(items: Dataset) -> list[Product]:
    """The products of a shop's items table, in catalogue order."""
    columns = [items[name][:] for name in ("title", "brand", "description", "attributes")]
    products = [_parts(*row) for row in zip(*columns)]
    counts = Counter(product.kind for product in products if product.kind)
    kinds = {tuple(kind.split()) for kind, n in counts.items() if n >= RAREST_KIND}
    return [p if tuple(p.kind.split()) in kinds else replace(p, kind=find_kind(p.title, kinds)) for p in products]


def find_kind(title: str, kinds: set[tuple[str, ...]]) -> str:
    """The last kind that the title names before it speaks of something else; the longest where several end there."""
    tokens = _OTHER.split(title, maxsplit=1)[0].lower().split()
    for end in range(len(tokens), 0, -1):
        for size in range(min(LONGEST_KIND, end), 0, -1):
            if tuple(tokens[end - size : end]) in kinds:
                return " ".join(tokens[end - size : end])
    return ""


def _parts(title: str, brand: str, description: str, attributes: list[dict[str, str]]) -> Product:
    rest = title[len(brand) :].lstrip() if brand and title.lower().startswith(brand.lower()) else title
    name = _name(rest, description)
    values = {attribute["value"] for attribute in attributes}
    kind = _kind(rest[len(name) :].split(), values) if name else ""
    seen = set(words(title))
    details = " ".join(word for word in description[len(name) :].strip(". ").split() if not set(words(word)) <= seen)
    return Product(title, brand, name, kind, details, tuple((a["name"], a["value"]) for a in attributes))


def _name(rest: str, description: str) -> str:
    """The longest opening of the description, up to a full stop, with which the rest of the title opens."""
    best = 0
    for stop in re.finditer(r"\. |$", description[: len(rest) + 2]):
        if rest.lower().startswith(description[: stop.start()].lower()):
            best = stop.start()
    return rest[:best]


def _kind(tokens: list[str], values: set[str]) -> str:
    """The small words with which the tokens begin, and a large one before them: "USB cable", "Drip coffee maker".

    A large one that is a value of an attribute is a feature: "Original yellow".
    """
    large = tokens[:1] if tokens and _LARGE.fullmatch(tokens[0]) and tokens[0] not in values else []
    run = list(large)
    for token in tokens[len(large) : LONGEST_KIND + 1]:
        if not _SMALL.fullmatch(token) or len(run) == LONGEST_KIND:
            break
        run.append(token)
    return " ".join(run).lower() if len(run) > len(large) or run == ["TV"] else ""


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(text.lower())
