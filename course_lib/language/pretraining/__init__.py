"""Pretraining: learn the shop's language from texts that nobody labelled.

Three objectives (``masked``, ``causal``, ``spans``), a baseline that counts (``ngram``), the preparation of texts
(``corpus``), training from random weights and from a finished encoder (``pretrain``), measurement (``evaluate``) and
the arithmetic of a run (``compute``).
"""

from course_lib.language.pretraining.causal import (
    CausalModel,
    causal_loss,
    evaluate_causal,
    pretrain_causal,
    sample,
    small_gpt,
    top_p,
)
from course_lib.language.pretraining.compute import (
    compute_optimal_tokens,
    count_parameters,
    measured_flops,
    training_flops,
)
from course_lib.language.pretraining.corpus import (
    cut,
    pack,
    split_texts,
    step_random,
    stream_batches,
    stream_pieces,
    stream_texts,
)
from course_lib.language.pretraining.evaluate import evaluate_masked, guess_each, log_frequencies
from course_lib.language.pretraining.masked import (
    Policy,
    choose_favoured,
    choose_spans,
    choose_tokens,
    choose_words,
    favour,
    is_special,
    mask_tokens,
    masked_logits,
    replace,
    whole_words,
    word_ids,
)
from course_lib.language.pretraining.ngram import Bigram
from course_lib.language.pretraining.pretrain import (
    RECORD,
    Pretrained,
    adapt,
    continue_pretraining,
    masked_model,
    pretrain,
)
from course_lib.language.pretraining.spans import (
    SpanModel,
    add_sentinels,
    corrupt,
    pretrain_spans,
    restore,
    small_t5,
    span_loss,
    span_mask,
)

__all__ = [
    "RECORD", "Bigram", "CausalModel", "Policy", "Pretrained", "SpanModel", "adapt", "add_sentinels", "causal_loss",
    "choose_favoured", "choose_spans", "choose_tokens", "choose_words", "compute_optimal_tokens",
    "continue_pretraining", "corrupt", "count_parameters", "cut", "evaluate_causal", "evaluate_masked", "favour",
    "guess_each", "is_special", "log_frequencies", "mask_tokens", "masked_logits", "masked_model", "measured_flops",
    "pack", "pretrain", "pretrain_causal", "pretrain_spans", "replace", "restore", "sample", "small_gpt",
    "small_t5", "span_loss", "span_mask", "split_texts", "step_random", "stream_batches", "stream_pieces",
    "stream_texts", "top_p", "training_flops", "whole_words", "word_ids",
]  # fmt: skip
