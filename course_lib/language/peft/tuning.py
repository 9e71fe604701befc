"""One task, trained in the same way whatever part of the encoder is trained: a category for each text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.core.errors import ContractError
from course_lib.language.encoder import TextEncoder, check_texts, embed, pad, tokenize
from course_lib.language.finetuning import CategoryClassifier
from course_lib.language.peft.allocation import RankAllocator, Schedule, penalised
from course_lib.language.peft.inject import Count, count_parameters
from course_lib.language.training import device_of, fit, shuffled_batches


@dataclass
class Tuned:
    """What ``tune_classifier`` made.

    Attributes:
        classifier: encoder and head, with the history of the training.
        count: weights of the encoder (without the head): trained, total. head: weights of the head, trained always.
        ranks: one entry per step where ranks were allocated, see ``RankAllocator.history``; else empty.
    """

    classifier: CategoryClassifier
    count: Count
    head: int
    ranks: list[dict[str, Any]] = field(default_factory=list)


def tune_classifier(
    start: TextEncoder,
    texts: Sequence[str],
    labels: Sequence[str],
    prepare: Callable[[nn.Module], Any],
    *,
    schedule: Schedule | None = None,
    penalty: float = 0.01,
    steps: int = 100,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    progress: bool = False,
    **options: Any,
) -> Tuned:
    """Train a copy of ``start`` with a linear head on labelled texts; ``prepare`` says which weights are trained.

    Args:
        prepare: called with the copied transformer; freezes and injects what the method asks for.
        schedule: of AdaLoRA's budget. Without it an AdaLoRA keeps every rank it started with.
        penalty: weight of AdaLoRA's orthogonality term.
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``; with a schedule neither
            ``checkpoint`` nor ``after_step``, since what the allocation remembers is in no checkpoint.

    Raises:
        ContractError: texts and labels of different numbers, fewer than two labels, entries that aren't strings, a
            schedule together with a checkpoint.
    """
    check_texts(texts)
    check_texts(labels)
    counts = Counter(labels)
    if len(texts) != len(labels) or len(counts) < 2:
        raise ContractError(f"{len(labels)} labels ({len(counts)} distinct) for {len(texts)} texts; two are needed")
    if schedule is not None and options.keys() & {"checkpoint", "after_step"}:
        remedy = "Train it in one go, or without a schedule"
        raise ContractError("an AdaLoRA with a schedule takes no checkpoint and no after_step", remedy=remedy)
    names = sorted(counts)
    targets = torch.tensor([names.index(label) for label in labels])
    twin = start.copy()
    prepare(twin.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.ModuleDict({"body": twin.model, "head": nn.Linear(twin.dimension, len(names))})
    tokens = tokenize(twin.tokenizer, texts, twin.max_length)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        pooled = embed(model["body"], pad([tokens[row] for row in rows], twin.tokenizer.pad_token_id))
        return cross_entropy(model["head"](pooled).float(), targets[rows].to(device_of(model)))

    allocator = None if schedule is None else RankAllocator(twin.model, schedule)
    batches = shuffled_batches(len(tokens), batch_size, seed, lengths=[len(t) for t in tokens])
    if allocator is not None:
        loss, options = penalised(loss, penalty), {**options, "after_step": allocator.after_step}
    history = fit(model, batches, loss, steps=steps, learning_rate=learning_rate, seed=seed, autocast=autocast,
                  device=device, tag="peft", progress=progress, **options)  # fmt: skip
    majority = min(names, key=lambda label: (-counts[label], label))
    head = model["head"]
    return Tuned(CategoryClassifier(twin, head, names, majority, history), count_parameters(twin.model),
                 sum(p.numel() for p in head.parameters()), allocator.history if allocator else [])  # fmt: skip
