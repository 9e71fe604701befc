"""Texts in the course's two languages, and which of them the reader wants."""

from __future__ import annotations

import os
from dataclasses import dataclass

from course_lib.core.errors import ContractError

LANGUAGES = ("en", "zh")


def language_of(code: str) -> str:
    """The course's language for a locale code (``"zh_CN"`` -> ``"zh"``). Raises ContractError for any other language."""
    language = code.replace("-", "_").split("_")[0].lower()
    if language not in LANGUAGES:
        raise ContractError(f"there is no language {code!r}", remedy=f"Choose one of {', '.join(LANGUAGES)}")
    return language


def chosen_language() -> str:
    """The language in the environment variable ``COURSE_LANG`` (``en``, ``zh`` or a locale such as ``zh_CN``), else English.

    Raises:
        ContractError: ``COURSE_LANG`` names another language.
    """
    code = os.environ.get("COURSE_LANG") or "en"
    try:
        return language_of(code)
    except ContractError as error:
        raise ContractError(error.what, where="COURSE_LANG", remedy=error.remedy) from None


@dataclass(frozen=True)
class Text:
    """One text in both languages; a language that a file lacks is "" (checks report it)."""

    en: str
    zh: str

    def get(self, language: str) -> str:
        """The text in a language, given as ``"en"``, ``"zh"`` or a locale such as ``"zh_CN"``."""
        return getattr(self, language_of(language))

    def __str__(self) -> str:
        """The text in the chosen language (``COURSE_LANG``)."""
        return self.get(chosen_language())

    def format(self, **values: object) -> Text:
        """Both texts with their ``{names}`` filled in; a value that is a ``Text`` fills each with its own language.

        The values are put in as they are: braces in them are not read again.
        """
        return Text(*(self.get(code).format(**{name: value.get(code) if isinstance(value, Text) else value
                                               for name, value in values.items()}) for code in LANGUAGES))  # fmt: skip
