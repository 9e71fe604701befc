"""BPE and Unigram by ``tokenizers``, for sizes at which the written-out loops are slow. Same words, same pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenizers import Tokenizer, decoders, models, trainers

from course_lib.core.errors import ContractError
from course_lib.language.encoder import check_texts
from course_lib.language.tokenization.bert import UNK
from course_lib.language.tokenization.words import START, count_words, normalizer, pre_tokenizer


def train_bpe(texts: Sequence[str], vocab_size: int, *, min_frequency: int = 2) -> Tokenizer:
    """A BPE tokenizer of at most ``vocab_size`` pieces, ``[UNK]`` and letters included.

    Raises:
        ContractError: no text, a size below 2, or a single string.
    """
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=[UNK], show_progress=False
    )
    check_texts(texts)
    if vocab_size < 2:
        raise ContractError(f"vocab_size is {vocab_size}; it must be at least 2")
    count_words(texts)  # says so where there is no text
    tokenizer = _around(Tokenizer(models.BPE(unk_token=UNK)))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def unigram_tokenizer(scores: Mapping[str, float]) -> Tokenizer:
    """A tokenizer with these pieces and log-probabilities, from ``unigram_train``.

    Why not the ``UnigramTrainer`` of ``tokenizers``: its first pieces are the substrings that *different* words share,
    however often a word occurs, so that the texts of a shop, few words and many repetitions, give it too few; and each
    process learns another vocabulary.

    Raises:
        ContractError: no pieces.
    """
    if not scores:
        raise ContractError("there are no pieces to cut with")
    return _around(Tokenizer(models.Unigram([(UNK, 0.0), *scores.items()], unk_id=0)))


def _around(tokenizer: Tokenizer) -> Tokenizer:
    """The words of ``words.py`` before the model, and the way back."""
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer(), pre_tokenizer()
    tokenizer.decoder = decoders.Metaspace(START, prepend_scheme="first")
    return tokenizer
