"""What a tokenizer sees as a word, before it cuts any: the step that decides what no vocabulary can mend later.

Full-width forms are folded (NFKC), letters made lower case. A space becomes the mark ``▁`` at the beginning of the
word after it (the way of SentencePiece, Kudo & Richardson 2018, https://arxiv.org/abs/1808.06226), so that the pieces
of a text, glued together, give the text back. Punctuation stands alone. 中文 has no spaces: a run between two marks of
punctuation is one word, and the learned pieces cut it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import normalizers, pre_tokenizers

from course_lib.core.errors import ContractError
from course_lib.language.encoder import check_texts

START = "▁"  #: the mark of a space


def normalizer() -> normalizers.Normalizer:
    """NFKC and lower case; runs of white space become one space, none stands at an end."""
    from tokenizers import Regex

    steps = [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    return normalizers.Sequence(steps)


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Words that begin with the mark of their space; punctuation apart."""
    marked = pre_tokenizers.Metaspace(START, prepend_scheme="first")
    return pre_tokenizers.Sequence([marked, pre_tokenizers.Punctuation("isolated")])


_NORMALIZER, _PRE_TOKENIZER = normalizer(), pre_tokenizer()


def split_words(text: str) -> list[str]:
    """The words of a text: ``"Mug, 1.5 L"`` → ``["▁mug", ",", "▁1", ".", "5", "▁l"]``; glued, they are the text.

    Raises:
        ContractError: not a string.
    """
    if not isinstance(text, str):
        raise ContractError(f"a text is {type(text).__name__}, not a string")
    return [word for word, _ in _PRE_TOKENIZER.pre_tokenize_str(_NORMALIZER.normalize_str(text))]


def count_words(texts: Sequence[str]) -> Counter[str]:
    """How often each word occurs: all that BPE and Unigram learn from.

    Raises:
        ContractError: a single string, something other than strings, or no word in any text.
    """
    check_texts(texts)
    counts = Counter(word for text in texts for word in split_words(text))
    if not counts:
        raise ContractError("no text to learn a vocabulary from", remedy="Pass at least one text that is not empty")
    return counts
