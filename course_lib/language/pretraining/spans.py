"""Span corruption: cut spans out of a text, let an encoder-decoder write them down.

Raffel et al. 2020, https://arxiv.org/abs/1910.10683, §3.1.4 and figure 2: each span is replaced by one *sentinel*, a
token of its own; the target is the spans, each behind its sentinel, and a last sentinel. 15 % of the tokens, spans of
3 tokens on average (§3.3.4).
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.encoder import pad
from course_lib.language.pretraining.corpus import prepare
from course_lib.language.training import History, autocast_to, device_of, fit, pick_precision, shuffled_batches


@dataclass
class SpanModel:
    """A pretrained encoder-decoder: a small T5.

    Attributes:
        sentinels: ids of <extra_id_0>, <extra_id_1>, …
        history: of the training. evaluation: ``cross_entropy`` in nats per target token, ``perplexity``, ``n_tokens``
            and ``n_texts`` on held-out texts.
    """

    model: T5ForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    sentinels: list[int]
    history: History
    evaluation: dict[str, float] = field(default_factory=dict)


def add_sentinels(tokenizer: PreTrainedTokenizerBase, n: int = 16) -> tuple[PreTrainedTokenizerBase, list[int]]:
    """A copy of the tokenizer with <extra_id_0> … <extra_id_{n−1}>, and their ids; the one given stays as it was."""
    if n < 1:
        raise ContractError(f"{n} sentinels; at least 1 is needed")
    names, twin = [f"<extra_id_{i}>" for i in range(n)], copy.deepcopy(tokenizer)
    twin.add_special_tokens({"additional_special_tokens": names}, replace_extra_special_tokens=False)
    return twin, twin.convert_tokens_to_ids(names)


def span_mask(n: int, random: np.random.Generator, share: float = 0.15, mean_length: float = 3.0) -> np.ndarray:
    """Which of n tokens are cut out: bool [n], round(share · n) of them (at least 1), in spans of ``mean_length``.

    Hidden and kept tokens are each divided at random into parts that take turns; the spans never touch. T5's own code
    begins with a kept part and ends with a hidden one. That is nothing in its 512 tokens, but a title of eight tokens
    has one span, which would always be its end: here the first and the last kept part may be empty.

    Raises:
        ContractError: no token, a share not between 0 and 1, a mean length below 1.
    """
    if n < 1 or not 0 < share < 1 or mean_length < 1:
        raise ContractError("span_mask needs n ≥ 1, 0 < share < 1 and mean_length ≥ 1")
    hidden = min(max(1, round(share * n)), max(1, n - 1))
    spans = min(max(1, round(hidden / mean_length)), n - hidden + 1)
    gone = _parts(hidden, spans, random)
    kept = _parts(n - hidden + 2, spans + 1, random)
    kept[[0, -1]] -= 1  # so that these two may be empty
    lengths = np.stack([kept, np.append(gone, 0)], axis=1).ravel()
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def _parts(total: int, parts: int, random: np.random.Generator) -> np.ndarray:
    """``total`` divided into ``parts`` whole numbers ≥ 1, every division equally likely."""
    ends = np.sort(random.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], ends, [total]]))


def corrupt(ids: Sequence[int], hidden: Sequence[bool], sentinels: Sequence[int]) -> tuple[list[int], list[int]]:
    """Input and target of one text: each run of hidden tokens becomes one sentinel, and moves behind it in the target.

    Args:
        ids, hidden: the tokens of a text without special ones, and which are cut out; of equal length.
        sentinels: their ids in order; one more than there are spans, since the last one ends the target.

    Raises:
        ContractError: unequal lengths, or too few sentinels.
    """
    if len(ids) != len(hidden):
        raise ContractError(f"{len(hidden)} marks for {len(ids)} tokens")
    source: list[int] = []
    target: list[int] = []
    spans, before = 0, False
    for token, gone in zip(ids, hidden):
        if gone and not before:
            if spans + 1 >= len(sentinels):
                remedy = "Add one more than there are spans"
                raise ContractError(f"{len(sentinels)} sentinels are too few", remedy=remedy)
            source.append(sentinels[spans])
            target.append(sentinels[spans])
            spans += 1
        (target if gone else source).append(token)
        before = bool(gone)
    return source, [*target, sentinels[spans]]


def restore(source: Sequence[int], target: Sequence[int], sentinels: Sequence[int]) -> list[int]:
    """The text again: each sentinel of the input gives way to what stands behind it in the target.

    A model's own output may be put in as the target: a sentinel that it forgot is replaced by nothing.
    """
    spans: dict[int, list[int]] = {}
    current: list[int] = []
    for token in target:
        if token in sentinels:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    return [found for token in source for found in (spans.get(token, []) if token in sentinels else [token])]


def small_t5(
    vocab_size: int, pad_id: int, end_id: int, *, layers: int = 2, hidden: int = 128, heads: int = 4, seed: int = 0
) -> T5ForConditionalGeneration:
    """A T5 of this size with random weights: ``layers`` in the encoder and as many in the decoder, no dropout.

    Raises:
        ContractError: heads that don't divide the width.
    """
    if hidden % heads:
        raise ContractError(f"hidden is {hidden}, which {heads} heads do not divide")
    config = T5Config(
        vocab_size=vocab_size, d_model=hidden, d_kv=hidden // heads, d_ff=4 * hidden, num_layers=layers,
        num_heads=heads, dropout_rate=0.0, pad_token_id=pad_id, eos_token_id=end_id, decoder_start_token_id=pad_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return T5ForConditionalGeneration(config)


def span_loss(model: T5ForConditionalGeneration, source: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor:
    """Mean −log p(target token | input, target tokens before it), in nats; the decoder reads the target one late.

    Args:
        source, target: ``input_ids`` and ``attention_mask``, int64 [b, l], as ``encoder.pad`` gives them.
    """
    where = device_of(model)
    truth, real = target["input_ids"].to(where), target["attention_mask"].to(where).bool()
    start = truth.new_full((len(truth), 1), model.config.decoder_start_token_id)
    logits = model(
        input_ids=source["input_ids"].to(where),
        attention_mask=source["attention_mask"].to(where),
        decoder_input_ids=torch.cat([start, truth[:, :-1]], dim=1),
    ).logits
    return cross_entropy(logits[real].float(), truth[real])


def pretrain_spans(
    texts: Sequence[str],
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    steps: int = 600,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    layers: int = 2,
    hidden: int = 128,
    heads: int = 4,
    vocab_size: int = 4096,
    max_length: int = 64,
    mask_share: float = 0.15,
    mean_length: float = 3.0,
    held_out: float = 0.1,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    **options: Any,
) -> SpanModel:
    """Train a small T5 from random weights; arguments as ``pretrain``. The spans of a step follow from (seed, step).

    Raises:
        ContractError: not a list of strings, fewer than two distinct texts with words, settings out of range.
    """
    tokenizer, train_pieces, test_pieces = prepare(
        texts, tokenizer, vocab_size=vocab_size, max_length=max_length, held_out=held_out, seed=seed
    )
    tokenizer, sentinels = add_sentinels(tokenizer, max_length // 2 + 2)
    train_pieces, test_pieces = ([piece[1:-1] for piece in part] for part in (train_pieces, test_pieces))
    ends = tokenizer.pad_token_id, tokenizer.sep_token_id
    model = small_t5(len(tokenizer), *ends, layers=layers, hidden=hidden, heads=heads, seed=seed)

    def pairs(pieces: Sequence[Sequence[int]], random: np.random.Generator) -> tuple[dict[str, Tensor], ...]:
        made = [corrupt(p, span_mask(len(p), random, mask_share, mean_length), sentinels) for p in pieces]
        return tuple(pad([pair[side] for pair in made], tokenizer.pad_token_id) for side in (0, 1))

    def loss(model: T5ForConditionalGeneration, batch: tuple[int, np.ndarray]) -> Tensor:
        step, rows = batch
        return span_loss(model, *pairs([train_pieces[row] for row in rows], generator(seed, "spans", step)))

    rows = shuffled_batches(len(train_pieces), batch_size, seed, lengths=[len(p) for p in train_pieces])
    history = fit(
        model, enumerate(rows), loss, steps=steps, learning_rate=learning_rate, seed=seed, autocast=autocast,
        device=device, log_dir=log_dir, tag="spans", progress=progress, **options,
    )  # fmt: skip
    precision, _ = pick_precision(history.device, autocast)
    total, n = 0.0, 0
    with torch.inference_mode(), autocast_to(history.device, precision):
        for start in range(0, len(test_pieces), 64):
            source, target = pairs(test_pieces[start : start + 64], generator(0, "spans", "evaluation", start))
            tokens = int(target["attention_mask"].sum())
            total, n = total + tokens * float(span_loss(model, source, target)), n + tokens
    found = {"cross_entropy": total / n, "perplexity": math.exp(total / n), "n_tokens": n, "n_texts": len(test_pieces)}
    return SpanModel(model, tokenizer, sentinels, history, found)
