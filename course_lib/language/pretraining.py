"""Pretraining: a small BERT that learns the shop's language by guessing hidden words.

The masked language model of Devlin et al. 2019, https://arxiv.org/abs/1810.04805, §3.1: of 15 % of the tokens, 80 % are
replaced by ``[MASK]``, 10 % by a random token and 10 % stay; the model has to say what stood there.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerBase

from course_lib.core.errors import ContractError, DataError
from course_lib.core.files import atomic_folder, read_json, write_json
from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder, check_texts, load_transformer, pad, save_transformer
from course_lib.language.tokenization import train_tokenizer
from course_lib.language.training import (
    History,
    autocast_to,
    device_of,
    fit,
    pick_precision,
    shuffled_batches,
)

RECORD = "course_pretraining.json"


@dataclass
class Pretrained:
    """A pretrained masked language model.

    Attributes:
        max_length: the longest sequence it was trained on, in tokens.
        history: of the training. evaluation: on held-out texts, see ``evaluate_masked``.
    """

    model: BertForMaskedLM
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    history: History
    evaluation: dict[str, float] = field(default_factory=dict)

    def encoder(self, name: str = "pretrained", *, autocast: bool = True, device: str = "auto") -> TextEncoder:
        """A ``TextEncoder`` with a copy of the transformer; the vocabulary's projection is left behind."""
        bert = copy.deepcopy(self.model.bert)
        return TextEncoder(
            bert, self.tokenizer, max_length=self.max_length, name=name, autocast=autocast, device=device
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights (safetensors), configuration, tokenizer, history and evaluation: whole or not at all."""
        with atomic_folder(folder) as temporary:
            save_transformer(temporary, self.model, self.tokenizer)
            record = {"max_length": self.max_length, "history": self.history.to_dict(), "evaluation": self.evaluation}
            write_json(temporary / RECORD, record)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Pretrained:
        """Read what ``save`` wrote; raises DataError where a file is missing or broken."""
        folder = Path(folder)
        model, tokenizer = load_transformer(folder, BertForMaskedLM)
        record = read_json(folder / RECORD)
        try:
            return cls(model, tokenizer, record["max_length"], History(**record["history"]), record["evaluation"])
        except (KeyError, TypeError) as error:
            raise DataError(f"not a record of a pretraining ({error})", where=str(folder / RECORD)) from error


def mask_tokens(
    ids: Tensor, special: Tensor, mask_id: int, words: Tensor, random: torch.Generator, share: float = 0.15
) -> tuple[Tensor, Tensor]:
    """Hide tokens for the model to guess (Devlin et al. 2019, §3.1 and appendix A.1).

    Args:
        ids: int64 [b, l], the tokens. special: bool [b, l], true at [CLS], [SEP] and padding, which are never hidden.
        mask_id: the id of [MASK]. words: int64 [v], the ids that a random token is drawn from.
        share: of the other tokens that is chosen, each by its own draw.

    Returns:
        The tokens as the model sees them, int64 [b, l], and which were chosen, bool [b, l]: at least one, where any
        token is not special.
    """
    draw = torch.rand(ids.shape, generator=random).masked_fill(special, 2.0)
    chosen = ~special & ((draw < share) | (draw == draw.min()))
    fate = torch.rand(ids.shape, generator=random)
    anything = words[torch.randint(len(words), ids.shape, generator=random)]
    hidden = torch.where(chosen & (fate < 0.8), mask_id, ids)
    hidden = torch.where(chosen & (fate >= 0.9), anything, hidden)
    return hidden, chosen


def masked_logits(model: BertForMaskedLM, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
    """Logits over the vocabulary [n_chosen, v] at the chosen positions alone.

    The projection onto the vocabulary is most of a small model's work; the other 85 % of the positions have no part
    in the loss, so they never reach it.
    """
    hidden = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    return model.cls(hidden[chosen])


def pretrain(
    texts: Sequence[str],
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    steps: int = 600,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    layers: int = 2,
    hidden: int = 128,
    heads: int = 4,
    dropout: float = 0.0,
    initial_std: float = 0.06,
    vocab_size: int = 4096,
    max_length: int = 64,
    mask_share: float = 0.4,
    held_out: float = 0.1,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Pretrained:
    """Train a BERT from random weights on texts; a share of the *distinct* texts is held out for the evaluation.

    The tokenizer, where none is given, is learned from the training texts alone. A text longer than ``max_length``
    tokens is cut into pieces. The same arguments give the same model on a CPU with the same number of threads.

    Args:
        texts: products and queries, mixed.
        layers, hidden, heads: of the transformer; its inner layer is 4 × hidden wide.
        initial_std: standard deviation of the random weights.
        dropout: 0 by default, since a few hundred steps on thousands of texts underfit.
        steps, batch_size: many small batches; a short training profits more from steps than from large batches.
        mask_share: of the tokens hidden in training; the evaluation always hides 15 %. More than the 15 % of the paper
            gives a short training more to learn from (Wettig et al. 2023, https://arxiv.org/abs/2202.08005).
        held_out: share of the distinct texts, at least one text and at most 500.

    Raises:
        ContractError: not a list of strings, fewer than two distinct texts with words, settings out of range.
    """
    if not 0 < mask_share < 1:
        raise ContractError(f"mask_share is {mask_share}; it must lie between 0 and 1")
    train, test = split_texts(texts, held_out, seed)
    tokenizer = tokenizer if tokenizer is not None else train_tokenizer(train, vocab_size, max_length=max_length)
    train_pieces, test_pieces = (cut(tokenizer, part, max_length) for part in (train, test))
    if not train_pieces or not test_pieces:
        raise ContractError("too few texts with words in them", remedy="Pass more texts that are not empty")
    if hidden % heads:
        raise ContractError(f"hidden is {hidden}, which {heads} heads do not divide")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=max_length,
        # BERT's own .02 suits a width of 768; a narrow model with it sits at word frequencies for hundreds of steps.
        initializer_range=initial_std,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)

    masking, words = torch.Generator().manual_seed(seed), word_ids(tokenizer)

    def loss(model: BertForMaskedLM, rows: np.ndarray) -> Tensor:
        batch = pad([train_pieces[row] for row in rows], tokenizer.pad_token_id)
        ids = batch["input_ids"]
        seen, chosen = mask_tokens(ids, is_special(ids, tokenizer), tokenizer.mask_token_id, words, masking, mask_share)
        where = device_of(model)
        logits = masked_logits(model, seen.to(where), batch["attention_mask"].to(where), chosen.to(where))
        return cross_entropy(logits.float(), ids[chosen].to(where))

    batches = shuffled_batches(len(train_pieces), batch_size, seed, lengths=[len(p) for p in train_pieces])
    history = fit(
        model,
        batches,
        loss,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        autocast=autocast,
        device=device,
        log_dir=log_dir,
        tag="pretraining",
        progress=progress,
    )
    result = Pretrained(model, tokenizer, max_length, history)
    result.evaluation = evaluate_masked(result, test_pieces, train_pieces, autocast=autocast)
    return result


def evaluate_masked(
    pretrained: Pretrained,
    pieces: Sequence[Sequence[int]],
    train_pieces: Sequence[Sequence[int]],
    *,
    seed: int = 0,
    batch_size: int = 64,
    autocast: bool = True,
) -> dict[str, float]:
    """How well hidden tokens of held-out pieces (token ids) are guessed; the masking is fixed by ``seed``.

    Returns:
        ``masked_accuracy`` (the right token is the most probable one), ``cross_entropy`` in nats, ``perplexity``;
        on the same positions ``unigram_accuracy`` (always guess the most frequent token of the training pieces) and
        ``unigram_cross_entropy`` (training frequencies with add-one smoothing); ``n_masked`` and ``n_texts``, counts.
    """
    model, tokenizer = pretrained.model.eval(), pretrained.tokenizer
    where = device_of(model)
    words, masking = word_ids(tokenizer), torch.Generator().manual_seed(seed)
    precision, _ = pick_precision(where.type, autocast)
    right, total_loss, truths = 0, 0.0, []
    by_length = sorted(pieces, key=len)
    with torch.inference_mode(), autocast_to(where.type, precision):
        for start in range(0, len(by_length), batch_size):
            batch = pad(by_length[start : start + batch_size], tokenizer.pad_token_id)
            ids = batch["input_ids"]
            seen, chosen = mask_tokens(ids, is_special(ids, tokenizer), tokenizer.mask_token_id, words, masking)
            truth = ids[chosen]
            logits = masked_logits(model, seen.to(where), batch["attention_mask"].to(where), chosen.to(where))
            logits = logits.float().cpu()
            right += int((logits.argmax(-1) == truth).sum())
            total_loss += float(cross_entropy(logits, truth, reduction="sum"))
            truths.append(truth)
    truth = torch.cat(truths)
    counts = torch.bincount(torch.tensor([i for piece in train_pieces for i in piece]), minlength=len(tokenizer))
    frequency = counts[words].double() + 1
    log_share = torch.full((len(tokenizer),), -math.inf, dtype=torch.float64)
    log_share[words] = (frequency / frequency.sum()).log()
    entropy = total_loss / len(truth)
    return {
        "masked_accuracy": right / len(truth),
        "unigram_accuracy": float((truth == log_share.argmax()).double().mean()),
        "cross_entropy": entropy,
        "unigram_cross_entropy": float(-log_share[truth].mean()),
        "perplexity": math.exp(entropy),
        "n_masked": len(truth),
        "n_texts": len(pieces),
    }


def split_texts(texts: Sequence[str], held_out: float, seed: int) -> tuple[list[str], list[str]]:
    """Training texts (all repetitions) and held-out texts (distinct ones, none of them among the training texts)."""
    check_texts(texts)
    if not 0 < held_out < 1:
        raise ContractError(f"held_out is {held_out}; it must lie between 0 and 1")
    distinct = list(dict.fromkeys(t for t in texts if t.strip()))
    if len(distinct) < 2:
        raise ContractError("pretraining needs at least two distinct texts that are not empty")
    size = min(500, max(1, round(held_out * len(distinct))), len(distinct) - 1)
    chosen = generator(seed, "held out").permutation(len(distinct))[:size]
    test = [distinct[row] for row in sorted(chosen)]
    forbidden = set(test)
    return [t for t in texts if t.strip() and t not in forbidden], test


def cut(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of the texts in pieces of at most ``max_length``, each between [CLS] and [SEP].

    A piece that holds nothing but unknown tokens is dropped: there is nothing to guess in it.
    """
    inside = max_length - 2
    if inside < 1:
        raise ContractError(f"max_length is {max_length}; it must be at least 3")
    tokens = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
    pieces = [t[i : i + inside] for t in tokens for i in range(0, len(t), inside)]
    special = set(tokenizer.all_special_ids)
    return [[tokenizer.cls_token_id, *p, tokenizer.sep_token_id] for p in pieces if not special.issuperset(p)]


def is_special(ids: Tensor, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """bool, the shape of ``ids``: true at special tokens, padding and [UNK] included."""
    return torch.isin(ids, torch.tensor(sorted(tokenizer.all_special_ids)))


def word_ids(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """int64 [v]: the ids that are not special, ascending."""
    return torch.tensor(sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids)))
