"""The glossary: one word of the other language for one English term, and where a translation departs from it.

``book/glossary.yml`` is read by the check, and by people who translate. A longer term is found first and takes its
words with it, so that "hybrid retrieval" does not ask for the word for "retrieval".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.core.errors import DataError
from course_lib.publishing.i18n_messages import prose
from course_lib.publishing.mapfile import read_yaml

FILE = "book/glossary.yml"
_KEYS = {"en": str, "zh": str, "forms": list, "accept": list, "unless": list}


@dataclass(frozen=True)
class Term:
    """A term.

    Args:
        en: the English term, as it stands in a dictionary.
        zh: its translation.
        forms: other English forms of it (``retrieve``, ``retriever``); a plural ``s`` needs no entry.
        accept: other translations that are right in some sentences.
        unless: English phrases in which the word is not the term.
    """

    en: str
    zh: str
    forms: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    @property
    def translations(self) -> tuple[str, ...]:
        """All that the check takes for a translation."""
        return (self.zh, *self.accept)


def load_glossary(root: Path) -> tuple[Term, ...]:
    """The terms of ``book/glossary.yml``; none where there is no such file.

    Raises:
        DataError: the file breaks its form, or names a term twice.
    """
    path = root / FILE
    if not path.is_file():
        return ()
    raw = read_yaml(path)
    if not isinstance(raw, dict) or set(raw) != {"terms"} or not isinstance(raw["terms"], list):
        raise DataError("expected one key, 'terms', with a list", where=str(path))
    terms = tuple(_term(one, f"{path}, term {number}") for number, one in enumerate(raw["terms"], 1))
    seen: set[str] = set()
    for form in (form.lower() for term in terms for form in (term.en, *term.forms)):
        if form in seen:
            raise DataError(f"{form!r} stands twice", where=str(path), remedy="One English term, one entry")
        seen.add(form)
    return terms


def _term(raw: Any, where: str) -> Term:
    if not isinstance(raw, dict) or not raw.get("en") or not raw.get("zh"):
        raise DataError("expected a mapping with 'en' and 'zh'", where=where)
    for key, value in raw.items():
        if key not in _KEYS:
            raise DataError(f"unknown key {key!r}", where=where, remedy=f"Known keys: {', '.join(_KEYS)}")
        texts = value if isinstance(value, list) else [value]
        if not isinstance(value, _KEYS[key]) or not all(isinstance(text, str) and text for text in texts):
            raise DataError(f"{key!r} must be {'texts in a list' if _KEYS[key] is list else 'a text'}", where=where)
    return Term(**{key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()})


def violations(terms: Sequence[Term], english: str, translated: str) -> list[str]:
    """Terms of the English message whose translation the other one lacks: one line per term."""
    rest, found = prose(english), []
    owners = {form.lower(): term for term in terms for form in (term.en, *term.forms)}
    phrases = {phrase.lower(): None for term in terms for phrase in term.unless}
    for form in sorted([*owners, *phrases], key=len, reverse=True):
        rest, times = re.subn(rf"(?<![\w-]){re.escape(form)}(?:s|es)?(?![\w-])", " ", rest, flags=re.IGNORECASE)
        term = owners.get(form)
        if times and term and not any(one.lower() in translated.lower() for one in term.translations):
            found.append(f"“{form}” should be {' or '.join(term.translations)}")
    return found
