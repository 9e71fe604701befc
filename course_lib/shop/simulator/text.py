"""Product texts: titles and descriptions realised from a small grammar, in one language."""

from __future__ import annotations

import re
from string import Formatter
from typing import Any

import numpy as np

from course_lib.shop.simulator.catalogue import BRAND, NONE, Catalogue
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, LANGUAGES, Vocabulary


def realise(catalogue: Catalogue, vocab: Vocabulary, language: str, rng: np.random.Generator) -> dict[str, list[Any]]:
    """The text columns of the items table: title, description, category, brand, attributes (n entries each)."""
    grammar = vocab.grammar[language]
    sentences = [[(form, _slots(form)) for form in forms] for forms in grammar["description"]]
    picks = rng.integers(2**31, size=(len(catalogue), 1 + len(sentences)))
    copies = catalogue.original != NONE
    picks[copies] = picks[catalogue.original[copies]]  # a duplicate listing keeps the wording
    columns: dict[str, list[Any]] = {name: [] for name in ("title", "description", "category", "brand", "attributes")}
    for row in range(len(catalogue)):
        words = item_words(catalogue, row, vocab, language)
        title = grammar["title"][picks[row, 0] % len(grammar["title"])].format_map(words)
        parts = []
        for forms, pick in zip(sentences, picks[row, 1:]):
            possible = [form for form, slots in forms if all(words[slot] for slot in slots)]
            parts.append(possible[pick % len(possible)].format_map(words))
        extra = [vocab.leaves[leaf].term.word[language] for leaf in catalogue.stuffing[row] if leaf != NONE]
        columns["title"].append(" ".join([_tidy(title), *extra]))
        columns["description"].append((" " if language == "en" else "").join(parts))
        columns["category"].append(vocab.category(catalogue.leaf[row], language))
        columns["brand"].append(words["Brand"])
        columns["attributes"].append(_attributes(catalogue.values[row], catalogue.leaf[row], vocab, language))
    return columns


def item_words(catalogue: Catalogue, row: int, vocab: Vocabulary, language: str) -> dict[str, str]:
    """Slot -> word of one item; "" where the item has no such attribute."""
    entry = vocab.leaves[catalogue.leaf[row]]
    words = {"leaf": entry.term.word[language], "model": catalogue.model[row]}
    words["Brand"] = vocab.brands[catalogue.values[row, BRAND]][language]
    for column, name in enumerate(ATTRIBUTES):
        value = catalogue.values[row, column]
        term = vocab.terms[name][value] if value != NONE else None
        words[name] = term.word[language] if term else ""
        clause = {"made": "effect", "style": "use", "feature": "benefit"}.get(name)
        if clause:
            words[clause] = term.clause[language] if term else ""
    phrase = vocab.departments[entry.department]["made"][2 + LANGUAGES.index(language)]
    words["made_phrase"] = phrase.format(made=words["made"])
    words["Made_phrase"], words["Feature"] = _capital(words["made_phrase"]), _capital(words["feature"])
    plural = words["leaf"].endswith("s") and not words["leaf"].endswith("ss")
    agreement = ("These", "come", "are", "They", "they") if plural else ("This", "comes", "is", "It", "it")
    return words | dict(zip(("This", "comes", "is", "It", "it"), agreement))


def _attributes(values: np.ndarray, leaf: int, vocab: Vocabulary, language: str) -> list[dict[str, str]]:
    place = LANGUAGES.index(language)
    names = {
        "colour": ("colour", "颜色"), "style": ("style", "风格"), "feature": ("feature", "功能"), "size": ("size", "规格"),
        "made": vocab.departments[vocab.leaves[leaf].department]["made"][:2],
    }  # fmt: skip
    return [
        {"name": names[name][place], "value": vocab.terms[name][value].word[language]}
        for name, value in zip(ATTRIBUTES, values)
        if value != NONE
    ]


def _slots(form: str) -> list[str]:
    return [slot for _, slot, _, _ in Formatter().parse(form) if slot]


def _tidy(text: str) -> str:
    """Close the gaps that empty slots leave: repeated spaces and commas."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"( ?,)+", ",", text)
    return text.strip(" ,")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
