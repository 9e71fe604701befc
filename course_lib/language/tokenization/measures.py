"""What a tokenizer costs and what it loses: length, unknown pieces, unused vocabulary, round trip, money."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.language.encoder import check_texts

Cut = Callable[[str], list[str]]  #: text -> pieces


@dataclass(frozen=True)
class Measured:
    """One tokenizer on one set of texts.

    Attributes:
        tokens: tokens of each text, int64 [n].
        fertility: tokens per word (words are separated by spaces; 中文: per character that is no space).
        unknown: share of the tokens that are ``[UNK]``, 0–1.
        coverage: share of the vocabulary that occurs at all, 0–1; NaN where no size was given.
    """

    tokens: np.ndarray
    fertility: float
    unknown: float
    coverage: float

    @property
    def mean(self) -> float:
        """Tokens per text."""
        return float(self.tokens.mean())


def measure(
    cut: Cut, texts: Sequence[str], *, vocab_size: int = 0, unknown: str = "[UNK]", per: str = "word"
) -> Measured:
    """Cut all texts and count.

    Args:
        cut: text -> pieces, without the special tokens at the ends.
        vocab_size: for the coverage.
        per: unit of the fertility, ``"word"`` or ``"character"``.

    Raises:
        ContractError: no texts, nothing but white space in them, or another unit.
    """
    check_texts(texts)
    if per not in ("word", "character"):
        raise ContractError(f"per={per!r}", remedy='Use "word" or "character"')
    units = sum(len(text.split()) if per == "word" else len("".join(text.split())) for text in texts)
    if not units:
        raise ContractError("there is no text to measure")
    pieces = [cut(text) for text in texts]
    tokens = np.array([len(row) for row in pieces], dtype=np.int64)
    seen = Counter(piece for row in pieces for piece in row)
    total = max(int(tokens.sum()), 1)
    used = len(seen.keys() - {unknown})
    return Measured(tokens, total / units, seen[unknown] / total, used / vocab_size if vocab_size else float("nan"))


def round_trip(cut: Cut, glue: Callable[[list[str]], str], texts: Sequence[str]) -> float:
    """Share of the texts that come back whole from their pieces, up to case, width of letters and white space.

    Raises:
        ContractError: no texts.
    """
    check_texts(texts)
    if not len(texts):
        raise ContractError("there are no texts")
    return float(np.mean([_plain(glue(cut(text))) == _plain(text) for text in texts]))


def alike(cut: Cut, values: Sequence[str]) -> float:
    """Are values that look alike cut alike? The share that is cut in the most usual way of its shape, 0–1.

    The shape of a value has 0 for each digit and a for each letter: ``WH1000`` and ``ZX2300`` both have aa0000. If one
    becomes ``wh 1000`` and the other ``z x2 300``, a model has to learn each code by itself.

    Raises:
        ContractError: no values.
    """
    check_texts(values)
    ways: defaultdict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for value in values:
        lengths = tuple(len(piece.removeprefix("##").replace("▁", "")) for piece in cut(value))
        ways[_shape(value)][tuple(n for n in lengths if n)] += 1
    if not ways:
        raise ContractError("there are no values")
    return sum(max(way.values()) for way in ways.values()) / len(values)


def embedding_parameters(vocab_size: int, dimension: int) -> int:
    """Numbers in the table of token vectors: one row of ``dimension`` per piece."""
    if vocab_size < 1 or dimension < 1:
        raise ContractError(f"a table of {vocab_size} × {dimension} has no numbers")
    return vocab_size * dimension


def cost(tokens_per_text: float, n_texts: float, price_per_million: float) -> float:
    """What a service that charges by the token takes, in the currency of the price.

    Raises:
        ContractError: a negative number.
    """
    if min(tokens_per_text, n_texts, price_per_million) < 0:
        raise ContractError("tokens, texts and price must not be negative")
    return tokens_per_text * n_texts * price_per_million / 1e6


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _shape(value: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", value))
