"""The word index of "type your own query": postings for BM25, and which typed words mean which term."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.analysis import STOPWORDS, WORD, analyser
from course_lib.search.retrieval import BM25

# A page has no stemmer. It gets every form that the shop's texts and queries use, and those that these endings make of
# them and of their stems (batteri, run -> battery, running), each with the term that the real stemmer says.
ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "ers", "ly", "y")


def index_parts(texts: list[str], queries: list[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of an English index for ``packing.pack``.

    Args:
        texts: of the items, in catalogue order. queries: texts whose words the page shall know, too.

    Raises:
        ContractError: no texts, or more than 65,535 of them.
    """
    if not 0 < len(texts) < 2**16:
        raise ContractError(f"{len(texts)} items; the demo indexes 1 to 65,535")
    terms_of = analyser("en")
    number: dict[str, int] = {}
    rows = [[number.setdefault(term, len(number)) for term in terms_of(text)] for text in texts]
    postings: list[dict[int, int]] = [{} for _ in number]
    for item, terms in enumerate(rows):
        for term in terms:
            postings[term][item] = postings[term].get(item, 0) + 1
    model = BM25()
    meta = {"words": _words(texts, queries, number), "k1": model.k1, "b": model.b}
    return meta, {
        "lengths": np.array([len(terms) for terms in rows], dtype=np.uint16),
        "starts": np.cumsum([0, *map(len, postings)]).astype(np.uint32),
        "posting_items": np.array([item for of in postings for item in of], dtype=np.uint16),
        "posting_counts": np.array([min(n, 255) for of in postings for n in of.values()], dtype=np.uint8),
    }


def _words(texts: list[str], queries: list[str], number: dict[str, int]) -> dict[str, int]:
    """Typed word -> its term; -1 for a stopword, which says nothing."""
    stem = analyser("en")
    seen = {word for text in (*texts, *queries) for word in WORD.findall(text.lower())}
    bases = {base for stemmed in number for base in (stemmed, stemmed + stemmed[-1], stemmed + "e", stemmed[:-1] + "y")}
    forms = {base + ending for base in seen | bases for ending in ENDINGS}
    found = {word: number[terms[0]] for word in sorted(forms) if len(terms := stem(word)) == 1 and terms[0] in number}
    return found | {word: -1 for word in sorted(STOPWORDS)}
