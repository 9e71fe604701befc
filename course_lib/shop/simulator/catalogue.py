"""The latent products: what each item *is*, before any words (so English and 中文 describe the same items)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, Vocabulary

NONE = -1  #: the item has no such attribute; the query does not ask for it
BRAND, MODEL = len(ATTRIBUTES), len(ATTRIBUTES) + 1  #: columns of ``values`` after those of ATTRIBUTES


@dataclass(frozen=True, eq=False)
class Catalogue:
    """n latent items.

    Attributes:
        leaf: int [n]. price: float [n], two decimals.
        values: int [n, 7], rows of ``Vocabulary.terms`` by attribute, then brand, then the item's own row where it has
            a model number; NONE where there is no such value.
        model: list of n model numbers, "" where there is none; no two are the same.
        stuffing: int [n, 3], rows of the leaves that a stuffed title names; NONE in an honest one.
        original: int [n], row of the item that this one lists once more, else NONE.
        quality: float [n], standard normal, spam less. popularity: float [n], rank^-exponent, sums to 1.
    """

    leaf: np.ndarray
    values: np.ndarray
    price: np.ndarray
    model: list[str]
    stuffing: np.ndarray
    original: np.ndarray
    quality: np.ndarray
    popularity: np.ndarray

    def __len__(self) -> int:
        return len(self.leaf)


def draw_items(n: int, vocab: Vocabulary, parameters: Parameters, rng: np.random.Generator) -> Catalogue:
    """n items: leaf, then brand and style, then material and colour given the style, then the price."""
    shares = rng.permutation(np.arange(1, len(vocab.leaves) + 1) ** -parameters.leaf_exponent)
    leaf = rng.choice(len(vocab.leaves), size=n, p=shares / shares.sum())
    values = np.full((n, len(ATTRIBUTES) + 2), NONE, dtype=np.int32)
    for number in np.unique(leaf):
        members = np.flatnonzero(leaf == number)
        values[members, : BRAND + 1] = _draw_values(vocab, number, len(members), rng)
    tier = vocab.brand_tier[values[:, BRAND]]
    size = values[:, ATTRIBUTES.index("size")]
    first_size = np.array([entry.values["size"][0] for entry in vocab.leaves])[leaf]
    median = np.array([entry.price for entry in vocab.leaves])[leaf]
    log_price = np.log(median) + np.take(parameters.tier_markup, tier) + 0.06 * (size - first_size)
    price = np.round(np.exp(log_price + parameters.price_spread * rng.standard_normal(n)), 2)
    has_model = np.array([bool(d.get("models")) for d in vocab.departments])[_department(vocab)[leaf]]
    values[has_model, MODEL] = np.flatnonzero(has_model)
    quality = rng.standard_normal(n)
    # Good items tend to be popular; the weights themselves follow Zipf's law exactly.
    rank = np.argsort(np.argsort(-(0.5 * quality + rng.standard_normal(n)))) + 1
    popularity = rank**-parameters.popularity_exponent
    model = _model_numbers(vocab, values, leaf, has_model, rng)
    honest = np.full((n, 3), NONE), np.full(n, NONE)
    return Catalogue(leaf, values, price, model, *honest, quality, popularity / popularity.sum())


def _draw_values(vocab: Vocabulary, number: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """int [n, 6] for one leaf: the five attributes and the brand; style decides what material and colour are likely."""
    entry = vocab.leaves[number]
    drawn = np.full((n, len(ATTRIBUTES) + 1), NONE)
    style = drawn[:, ATTRIBUTES.index("style")] = rng.choice(entry.values["style"], size=n)
    for name in ("feature", "size"):
        drawn[:, ATTRIBUTES.index(name)] = rng.choice(entry.values[name], size=n)
    for name, place, weight in (("made", 0, 6.0), ("colour", 1, 4.0)):
        allowed = entry.values[name]
        if not len(allowed):
            continue
        for kind in np.unique(style):
            members = style == kind
            odds = np.where(np.isin(allowed, vocab.likes[kind][place]), weight, 1.0)
            drawn[members, ATTRIBUTES.index(name)] = rng.choice(allowed, size=members.sum(), p=odds / odds.sum())
    first = entry.department * vocab.brands_per_department
    drawn[:, -1] = first + rng.integers(vocab.brands_per_department, size=n)
    return drawn


def _model_numbers(
    vocab: Vocabulary, values: np.ndarray, leaf: np.ndarray, has_model: np.ndarray, rng: np.random.Generator
) -> list[str]:
    """Two letters of the brand, a number that no other item has, a closing letter: "QE48213K"."""
    n = len(leaf)
    digits = max(4, len(str(2 * n)))
    numbers = 10 ** (digits - 1) + rng.choice(9 * 10 ** (digits - 1), size=n, replace=False)
    closing = rng.choice(list("ABCDEFGHKLMNPRSTVX"), size=n)
    stem = [name["en"][0].upper() + name["en"][4].upper() for name in vocab.brands]
    return [
        f"{stem[b]}{number}{end}" if wanted else ""
        for b, number, end, wanted in zip(values[:, BRAND], numbers, closing, has_model)
    ]


def _department(vocab: Vocabulary) -> np.ndarray:
    return np.array([leaf.department for leaf in vocab.leaves])
