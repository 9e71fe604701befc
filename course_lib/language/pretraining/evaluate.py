"""How well a masked model guesses hidden tokens, beside the guess that needs no model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
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
