"""Tokenization: texts as sequences of pieces from a fixed vocabulary.

- ``bpe``, ``unigram``, ``longest``: the three ways to cut a word, written out; each is held against ``tokenizers``.
- ``bert``: the WordPiece tokenizer that the course's models read with; ``library``: BPE and Unigram at full speed.
- ``words``: what all of them see as a word. ``measures``: what a vocabulary costs and loses.
"""

from course_lib.language.tokenization.bert import (
    CLS,
    MASK,
    PAD,
    SEP,
    SPECIAL_TOKENS,
    UNK,
    train_tokenizer,
    wordpiece,
)
from course_lib.language.tokenization.bpe import bpe_encode, bpe_train
from course_lib.language.tokenization.library import train_bpe, unigram_tokenizer
from course_lib.language.tokenization.longest import longest_match
from course_lib.language.tokenization.measures import (
    Measured,
    alike,
    cost,
    embedding_parameters,
    measure,
    round_trip,
)
from course_lib.language.tokenization.unigram import em_step, prune, seed_pieces, unigram_train, viterbi
from course_lib.language.tokenization.words import count_words, split_words

__all__ = [
    "CLS", "MASK", "Measured", "PAD", "SEP", "SPECIAL_TOKENS", "UNK", "alike", "bpe_encode", "bpe_train", "cost",
    "count_words", "em_step", "embedding_parameters", "longest_match", "measure", "prune", "round_trip", "seed_pieces",
    "split_words", "train_bpe", "train_tokenizer", "unigram_tokenizer", "unigram_train", "viterbi", "wordpiece",
]  # fmt: skip
