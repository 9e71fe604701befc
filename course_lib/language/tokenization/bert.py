"""A WordPiece tokenizer in the form that BERT uses, learned from the texts of the shop.

WordPiece (Wu et al. 2016, https://arxiv.org/abs/1609.08144, §4.1) cuts a word into the longest pieces that the
vocabulary holds, from left to right; a piece inside a word is written ``##piece``. Which pieces the vocabulary holds
is learned by merging the most frequent pair of neighbours again and again (Sennrich et al. 2016,
https://arxiv.org/abs/1508.07909, §3.2).

Why not the ``WordPieceTrainer`` of ``tokenizers``: it numbers the ``##`` letters in the order of a hash map, and breaks
ties by these numbers, so that each process learns another vocabulary. Its ``BpeTrainer`` sorts its alphabet; we mark
the beginning of a word instead of its inside, let it merge, and translate the pieces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from course_lib.core.errors import ContractError
from course_lib.language.encoder import check_texts

PAD, UNK, CLS, SEP, MASK = SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_START = "▁"  # marks the beginning of a word while the merges are learned


def train_tokenizer(
    texts: Sequence[str], vocab_size: int = 4096, *, min_frequency: int = 2, max_length: int = 64
) -> PreTrainedTokenizerFast:
    """Learn a lower-casing WordPiece tokenizer; the same texts in any order give the same one, in any process.

    Ids: the five special tokens, then the letters (as words, then as ``##`` insides), then pieces by order of merging.
    Every Chinese character is a word of its own; accents are stripped. At most half of the vocabulary is spent on
    single characters; rarer ones become ``[UNK]``.

    Args:
        texts: the training texts.
        vocab_size: largest number of tokens, special tokens included (fewer where the texts hold no more pairs).
        min_frequency: a pair must occur this often to be merged.
        max_length: ``model_max_length`` of the result, in tokens.

    Raises:
        ContractError: a single string or something other than strings, no letter in the texts, too small a vocabulary.
    """
    check_texts(texts)
    normalizer, words = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts = Counter(c for text in texts for c in normalizer.normalize_str(text) if c != _START and not c.isspace())
    if not counts:
        raise ContractError("no text to learn a vocabulary from", remedy="Pass at least one text that is not empty")
    ranked = sorted(counts, key=lambda c: (-counts[c], c))
    alphabet = sorted(ranked[: max(1, vocab_size // 4)])
    inside = [c for c in alphabet if len(words.pre_tokenize_str(normalizer.normalize_str("a" + c))) == 1]
    base = [*SPECIAL_TOKENS, *alphabet, *(f"##{c}" for c in inside)]
    if vocab_size < len(SPECIAL_TOKENS) + 2 or vocab_size < len(base):
        raise ContractError(f"vocab_size is {vocab_size}; these texts need at least {max(len(base), 16)}")

    rare = {ord(c): " " for c in [*ranked[len(alphabet) :], _START]}
    merged = Tokenizer(models.BPE())
    merged.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.Metaspace(_START, prepend_scheme="always")])
    # Room for every letter and its marked twin on top: those are dropped below, and the surplus is cut.
    room = vocab_size + 2 * len(alphabet) + 1
    trainer = trainers.BpeTrainer(vocab_size=room, min_frequency=min_frequency, show_progress=False)
    merged.train_from_iterator((normalizer.normalize_str(t).translate(rare) for t in texts), trainer)
    pieces = sorted(merged.get_vocab(), key=merged.get_vocab().get)
    pieces = [p[1:] if p.startswith(_START) else f"##{p}" for p in pieces]
    # dict.fromkeys keeps the first of each and the order; the bare mark and the letters are in the base already.
    known = list(dict.fromkeys([*base, *(p for p in pieces if p and len(p.removeprefix("##")) > 1)]))[:vocab_size]
    return wordpiece({token: number for number, token in enumerate(known)}, max_length)


def wordpiece(vocabulary: dict[str, int], max_length: int) -> PreTrainedTokenizerFast:
    """A BERT-style tokenizer from a vocabulary that begins with the five special tokens."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNK))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [(CLS, vocabulary[CLS]), (SEP, vocabulary[SEP])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}", pair=f"{CLS} $A {SEP} $B:1 {SEP}:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNK,
        cls_token=CLS,
        sep_token=SEP,
        mask_token=MASK,
        model_max_length=max_length,
    )
