"""Queries as shoppers might type them, made from products alone: what the fine-tuned encoder learns from.

Five forms, each from the fields of one product: its kind ("toner cartridge"), brand and kind ("xerox toner cartridge"),
a feature and kind ("black toner cartridge"), brand and name ("hp laserjet 8150n"), a few words of its title or details.
Pairs are drawn so that a kind with many products doesn't drown the others. No query of a person, no click and no
judgement is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.bench.search_products import Product, words
from course_lib.core.errors import DataError
from course_lib.core.seeds import generator

#: form → how often it is drawn where the product has what it needs
FORMS = {"kind": 4.0, "brand kind": 3.0, "feature kind": 2.0, "brand name": 2.0, "words": 4.0}
LONGEST_WORDS = 3  #: of the form "words"
BLIND = 0.5  #: share of the product texts that lose the kind from their title
DEPTH = 20  #: of the nearest wrong products, from which the hard negative is drawn
PLURAL = 0.25  #: share of the kinds that are typed in the plural


@dataclass(frozen=True)
class Pair:
    """A query and the product that it was made from.

    Attributes:
        query: in lower case. row: of the product in the catalogue. text: of the product, as the encoder reads it.
        group: other products of the same group are no wrong answers: the kind where there is one, else the product.
        broad: does the query ask for any product of the kind (of a brand), and not for this one?
    """

    query: str
    row: int
    text: str
    group: str
    broad: bool


def synthetic_pairs(products: Sequence[Product], n: int, *, seed: int = 0) -> list[Pair]:
    """``n`` pairs, half of them from products whose kind is known; the chance of one falls with √(products of its kind).

    Raises:
        DataError: no product has words to make a query of.
    """
    random = generator(seed, "bench", "synthetic queries")
    made = [_forms(product) for product in products]
    usable = np.array([bool(forms) for forms in made])
    if not usable.any():
        what = "no product has a word to make a query of"
        raise DataError(what, where="catalogue", remedy="Give products with titles")
    counts = Counter(product.kind for product in products)
    chance = np.array([counts[product.kind] ** -0.5 for product in products]) * usable
    for named in (True, False):
        part = np.array([bool(product.kind) == named for product in products])
        chance[part] /= max(chance[part].sum(), 1e-12)
    pairs = []
    for row in random.choice(len(products), size=n, p=chance / chance.sum()):
        product, forms = products[row], made[row]
        weights = np.array([FORMS[name] for name in forms])
        name = list(forms)[random.choice(len(forms), p=weights / weights.sum())]
        query = forms[name](random)
        blind = bool(random.random() < BLIND)
        broad = name in ("kind", "brand kind", "feature kind")
        pairs.append(Pair(query, int(row), product.text(blind=blind), product.kind or f"product {row}", broad))
    return pairs


def _forms(product: Product) -> dict[str, Callable[[np.random.Generator], str]]:
    """The forms of query that this product has the fields for, as functions of a random generator."""
    brand, name, kind = product.brand.lower(), words(product.name)[:3], product.kind
    features = [value.lower() for _, value in product.attributes if value.isalpha() and len(value) < 15]
    features = [value for value in features if value in words(product.title) and value not in kind.split()]
    text = [w for w in words(f"{product.title} {product.details}") if not w.isdigit() and (len(w) > 2 or not w.isascii())]
    forms: dict[str, Callable[[np.random.Generator], str]] = {}
    if kind:
        forms["kind"] = lambda random: _plural(kind, random)
    if kind and brand and brand not in kind:
        forms["brand kind"] = lambda random: f"{brand} {_plural(kind, random)}"
    if kind and features:
        forms["feature kind"] = lambda random: f"{features[random.integers(len(features))]} {_plural(kind, random)}"
    if brand and name:
        forms["brand name"] = lambda random: " ".join([brand, *name[: 1 + random.integers(len(name))]])
    if text:
        forms["words"] = lambda random: _some(text, random)
    return forms


def _plural(kind: str, random: np.random.Generator) -> str:
    return f"{kind}s" if random.random() < PLURAL and kind[-1] not in "s)" else kind


def _some(text: list[str], random: np.random.Generator) -> str:
    """One to three words of the text, in its order; those of the first eight twice as likely."""
    chance = np.where(np.arange(len(text)) < 8, 2.0, 1.0)
    n = min(1 + int(random.integers(LONGEST_WORDS)), len(text))
    places = random.choice(len(text), size=n, replace=False, p=chance / chance.sum())
    return " ".join(dict.fromkeys(text[place] for place in sorted(places)))


def hard_negatives(
    pairs: Sequence[Pair], products: Sequence[Product], near: np.ndarray, *, seed: int = 0
) -> list[list[str]]:
    """For each pair the text of one product that looks like an answer to its query and is none, in a list.

    A product with every word of the query may be an answer, so it is passed over. For a broad query so are all whose
    kind isn't known, or ends in the same word ("printer", "inkjet printer").

    Args:
        near: int64 [n, m], for each query the rows of the products nearest to it, nearest first.
    """
    random = generator(seed, "bench", "hard negatives of synthetic queries")
    known = [set(words(product.text())) for product in products]
    found = []
    for pair, candidates in zip(pairs, near):
        asked, head = set(words(pair.query)), pair.group.split()[-1]
        wrong = [
            row
            for row in candidates
            if row != pair.row
            and not asked <= known[row]
            and not (pair.broad and products[row].kind.split()[-1:] in ([], [head]))
        ]
        # Where nothing is wrong, the pair's own product: training leaves out what is right for the query.
        found.append([products[wrong[random.integers(min(len(wrong), DEPTH))]].text() if wrong else pair.text])
    return found
