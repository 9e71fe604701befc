"""Sellers who bend the rules: titles stuffed with the names of other goods, and products listed twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from course_lib.shop.simulator.catalogue import MODEL, NONE, Catalogue
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.vocabulary import Vocabulary

KEYWORDS = 3  #: names of other leaves in a stuffed title


def add_spam(catalogue: Catalogue, vocab: Vocabulary, parameters: Parameters, rng: np.random.Generator) -> Catalogue:
    """The catalogue with some of its items turned into spam; all others stay as they are.

    A stuffed title names leaves of *other* departments, large ones rather than small ones. A duplicate is the same
    product as its original (leaf, attributes, brand, wording), a little cheaper and without a model number.
    """
    n = len(catalogue)
    order = rng.permutation(n)
    n_stuffed, n_copies = int(parameters.stuffed * n), int(parameters.duplicated * n)
    stuffed, copies = order[:n_stuffed], order[n_stuffed : n_stuffed + n_copies]
    stuffing = catalogue.stuffing.copy()
    department = np.array([leaf.department for leaf in vocab.leaves])
    size = np.bincount(catalogue.leaf, minlength=len(vocab.leaves)) + 1e-9
    for number in np.unique(department[catalogue.leaf[stuffed]]):
        members = stuffed[department[catalogue.leaf[stuffed]] == number]
        odds = np.where(department == number, 0.0, size)
        # Exponential races: the KEYWORDS smallest times are a draw without replacement in proportion to the odds.
        with np.errstate(divide="ignore"):
            times = rng.exponential(size=(len(members), len(odds))) / odds
        stuffing[members] = np.argsort(times, axis=1)[:, :KEYWORDS]
    honest = order[n_stuffed + n_copies :]
    odds = catalogue.popularity[honest]
    source = rng.choice(honest, size=n_copies, p=odds / odds.sum()) if n_copies else np.empty(0, dtype=np.int64)
    original, leaf, values, price = (
        part.copy() for part in (catalogue.original, catalogue.leaf, catalogue.values, catalogue.price)
    )
    original[copies], leaf[copies], values[copies] = source, leaf[source], values[source]
    values[copies, MODEL] = NONE
    price[copies] = np.round(price[source] * rng.uniform(0.85, 1.0, size=n_copies), 2)
    model = list(catalogue.model)
    for row in copies.tolist():
        model[row] = ""
    quality = catalogue.quality.copy()
    quality[np.concatenate([stuffed, copies])] += parameters.spam_quality
    return replace(
        catalogue, stuffing=stuffing, original=original, leaf=leaf, values=values, price=price, model=model,
        quality=quality,
    )  # fmt: skip
