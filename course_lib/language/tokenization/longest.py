"""WordPiece's way to cut a word: from the left, always the longest piece that the vocabulary holds.

Source: Wu et al., "Google's Neural Machine Translation System" (2016), https://arxiv.org/abs/1609.08144, §4.1; the
greedy cut is the one published with BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805).
"""

from __future__ import annotations

from collections.abc import Collection

from course_lib.core.errors import ContractError


def longest_match(
    word: str, vocabulary: Collection[str], *, unknown: str = "[UNK]", inside: str = "##", max_letters: int = 100
) -> list[str]:
    """Pieces of a word; those after the first are written with ``inside`` before them.

    The cut never looks back: where no piece fits the rest, the whole word is ``unknown``, even if another cut would
    have gone through.

    Args:
        vocabulary: the pieces; a set or a dict, so that looking up is fast.
        max_letters: a longer word is unknown, unread.

    Raises:
        ContractError: the word is not a string.
    """
    if not isinstance(word, str):
        raise ContractError(f"a word is {type(word).__name__}, not a string")
    if len(word) > max_letters:
        return [unknown]
    pieces: list[str] = []
    start = 0
    while start < len(word):
        mark = inside if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocabulary), None)
        if end is None:
            return [unknown]
        pieces.append(mark + word[start:end])
        start = end
    return pieces
