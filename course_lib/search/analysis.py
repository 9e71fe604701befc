"""From text to index terms: what counts as the same word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import Stemmer
from bm25s.stopwords import STOPWORDS_EN

from course_lib.core.errors import ContractError

LANGUAGES = ("en", "zh")
WORD = re.compile(r"\b\w\w+\b")
STOPWORDS = frozenset(STOPWORDS_EN)
# Runs of Han characters (with the extensions that one code unit of the plane holds), or of anything else in a word.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HAN_OR_WORD = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")


def analyser(language: str, *, query: bool = False) -> Callable[[str], list[str]]:
    """The function that turns one text into its terms.

    - ``"en"``: lower case, words of at least two characters, Lucene's English stopwords out, Snowball stems.
    - ``"zh"``: a run of Han characters has no spaces, so it becomes its overlapping pairs of characters
      (运动鞋 → 运动, 动鞋), which need no dictionary; other words (model numbers, sizes) are kept whole in lower
      case. Products are indexed by single characters as well, so that the one-character query 鞋 finds them; a query
      of two and more characters asks for pairs alone. Full-width forms are folded (ＸＬ → xl, NFKC).

    Args:
        language: ``"en"`` or ``"zh"``.
        query: terms of a query rather than of a product.

    Raises:
        ContractError: an unknown language.
    """
    if language == "en":
        stem = Stemmer.Stemmer("english")
        return lambda text: stem.stemWords([w for w in WORD.findall(text.lower()) if w not in STOPWORDS])
    if language == "zh":
        return lambda text: _chinese_terms(text, singles=not query)
    raise ContractError(f"no analyser for the language {language!r}", remedy=f"Choose one of {', '.join(LANGUAGES)}")


def _chinese_terms(text: str, singles: bool) -> list[str]:
    terms: list[str] = []
    for run in _HAN_OR_WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if not re.match(f"[{_HAN}]", run):
            terms.append(run)
            continue
        terms += [run[i : i + 2] for i in range(len(run) - 1)]
        if singles or len(run) == 1:
            terms += run
    return terms
