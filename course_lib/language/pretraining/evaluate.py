"""How well a masked model guesses hidden tokens, beside the guess that needs no model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.language.encoder import pad
from course_lib.language.pretraining.masked import Policy, is_special, mask_tokens, masked_logits, word_ids
from course_lib.language.training import autocast_to, device_of, pick_precision

if TYPE_CHECKING:
    from course_lib.language.pretraining.pretrain import Pretrained


def evaluate_masked(
    pretrained: Pretrained,
    pieces: Sequence[Sequence[int]],
    train_pieces: Sequence[Sequence[int]],
    *,
    seed: int = 0,
    batch_size: int = 64,
    autocast: bool = True,
    policy: Policy | None = None,
) -> dict[str, float]:
    """How well hidden tokens of held-out pieces (token ids) are guessed; the masking is fixed by ``seed``.

    Args:
        policy: chooses the tokens to hide, 15 % of them; by default each by its own draw. Numbers of two policies
            don't compare: they ask for different tokens.

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
            ids, special = batch["input_ids"], is_special(batch["input_ids"], tokenizer)
            seen, chosen = mask_tokens(ids, special, tokenizer.mask_token_id, words, masking, policy=policy)
            truth = ids[chosen]
            logits = masked_logits(model, seen.to(where), batch["attention_mask"].to(where), chosen.to(where))
            logits = logits.float().cpu()
            right += int((logits.argmax(-1) == truth).sum())
            total_loss += float(cross_entropy(logits, truth, reduction="sum"))
            truths.append(truth)
    truth = torch.cat(truths)
    log_share = log_frequencies(train_pieces, words, len(tokenizer))
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


def log_frequencies(pieces: Sequence[Sequence[int]], words: Tensor, size: int) -> Tensor:
    """The guess that needs no model: log of each token's share of the pieces, with one added to each count.

    Args:
        words: int64 [v], the ids that can be guessed. size: of the vocabulary.

    Returns:
        float64 [size], −∞ for the ids that can't be guessed.
    """
    counts = torch.bincount(torch.tensor([i for piece in pieces for i in piece]), minlength=size)
    frequency = counts[words].double() + 1
    found = torch.full((size,), -math.inf, dtype=torch.float64)
    found[words] = (frequency / frequency.sum()).log()
    return found


def guess_each(
    pretrained: Pretrained, pieces: Sequence[Sequence[int]], *, batch_size: int = 256, autocast: bool = True
) -> dict[str, np.ndarray]:
    """Hide every token once, it alone, and let the model say it: no luck of a masking, and a value for each token.

    The sum of a text's surprise is its pseudo-log-likelihood (Salazar et al. 2020, arXiv:1910.14659, §2).

    Returns:
        Arrays [n], one entry per token that is not special, in order: ``piece`` (row of the text), ``place`` (in it),
        ``token`` (its id), ``right`` (bool: the right token is the most probable one), ``surprise`` (−log p, nats).
    """
    model, tokenizer = pretrained.model.eval(), pretrained.tokenizer
    where, special = device_of(model), set(tokenizer.all_special_ids)
    precision, _ = pick_precision(where.type, autocast)
    asked = [(i, j) for i, piece in enumerate(pieces) for j, token in enumerate(piece) if token not in special]
    right, surprise = [], []
    with torch.inference_mode(), autocast_to(where.type, precision):
        for start in range(0, len(asked), batch_size):
            some = asked[start : start + batch_size]
            batch = pad([pieces[i] for i, _ in some], tokenizer.pad_token_id)
            ids, rows, places = batch["input_ids"], torch.arange(len(some)), torch.tensor([j for _, j in some])
            hidden = torch.zeros_like(ids, dtype=torch.bool)
            hidden[rows, places] = True
            seen = ids.masked_fill(hidden, tokenizer.mask_token_id)
            logits = masked_logits(model, seen.to(where), batch["attention_mask"].to(where), hidden.to(where))
            logits, truth = logits.float().cpu(), ids[hidden]
            right.append(logits.argmax(-1) == truth)
            surprise.append(cross_entropy(logits, truth, reduction="none"))
    return {
        "piece": np.array([i for i, _ in asked], dtype=np.int64),
        "place": np.array([j for _, j in asked], dtype=np.int64),
        "token": np.array([pieces[i][j] for i, j in asked], dtype=np.int64),
        "right": torch.cat(right).numpy() if right else np.zeros(0, dtype=bool),
        "surprise": torch.cat(surprise).numpy() if surprise else np.zeros(0, dtype=np.float32),
    }
