"""What the chapter and its benchmark share: the methods compared, merchants with shelves of their own, an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder
from course_lib.language.finetuning import CategoryClassifier
from course_lib.language.peft.adalora import inject_adalora
from course_lib.language.peft.adapter import inject_adapter
from course_lib.language.peft.allocation import Schedule
from course_lib.language.peft.inject import train_only
from course_lib.language.peft.lora import inject_lora
from course_lib.language.peft.tuning import Tuned, tune_classifier
from course_lib.language.pretraining import pretrain
from course_lib.shop.measurement import Report

FULL = "full fine-tuning"
ADALORA = "AdaLoRA, 6 to 4"
#: AdaLoRA's ranks per matrix, at first and on average in the end
RANKS = (6, 4)
#: four learning rates for each method, by what it trains: a thin part wants a larger one
GRIDS = {
    "shop": {FULL: (5e-4, 1e-3, 2e-3, 5e-3), "head alone": (1e-2, 5e-2, 1e-1, 3e-1),
             "others": (3e-3, 1e-2, 2e-2, 5e-2)},
    "banking77": {FULL: (1e-4, 3e-4, 1e-3, 3e-3), "head alone": (1e-2, 3e-2, 1e-1, 3e-1),
                  "others": (1e-3, 3e-3, 1e-2, 3e-2)},
}  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One way to fine-tune: what ``tune_classifier`` is given for it."""

    prepare: Callable[[nn.Module], Any]
    allocates: bool = False


def methods(seed: int = 0) -> dict[str, Method]:
    """The methods that are compared, by name."""
    return {
        FULL: Method(lambda model: model),
        "head alone": Method(train_only),
        "biases alone": Method(lambda model: train_only(model, "bias")),
        "adapter, width 8": Method(partial(inject_adapter, width=8, seed=seed)),
        **{f"LoRA, rank {r}": Method(partial(inject_lora, rank=r, seed=seed)) for r in (1, 4, 16)},
        ADALORA: Method(partial(inject_adalora, rank=RANKS[0], seed=seed), allocates=True),
    }


def schedule(matrices: int, steps: int) -> Schedule:
    """AdaLoRA's budget for so many matrices: a fifth of the steps to warm up, a third at the end with the target."""
    return Schedule(start=RANKS[0] * matrices, target=RANKS[1] * matrices, steps=steps, warmup=steps // 5,
                    final=steps // 3, every=2)  # fmt: skip


def tune(
    start: TextEncoder, train: tuple[Sequence[str], Sequence[str]], method: Method, *, steps: int, **settings: Any
) -> Tuned:
    """``tune_classifier`` with a method of the list; AdaLoRA gets its schedule."""
    matrices = 2 * start.model.config.num_hidden_layers  # query and value of each block
    plan = schedule(matrices, steps) if method.allocates else None
    return tune_classifier(start, *train, method.prepare, schedule=plan, steps=steps, **settings)


def grid_of(name: str, grids: Mapping[str, tuple[float, ...]]) -> tuple[float, ...]:
    """The learning rates that a method may try."""
    return grids.get(name, grids["others"])


def shop_encoder(titles: Sequence[str], categories: Sequence[str], seed: int = 0, **settings: Any) -> TextEncoder:
    """An encoder that knows one shop: masked words first, then the category of each title; about ten seconds."""
    made = pretrain(titles, steps=150, max_length=24, vocab_size=2048, seed=seed, progress=False, **settings)
    tuned = tune_classifier(made.encoder(**settings), titles, categories, lambda model: model, steps=150,
                            learning_rate=3e-3, seed=seed, **settings)  # fmt: skip
    return tuned.classifier.encoder


def shelves(categories: Sequence[str], merchant: int, n_shelves: int = 12) -> list[str]:
    """The shelf of each product at a merchant, who sorts whole categories onto shelves as no other merchant does."""
    leaves = sorted(set(categories))
    drawn = generator(merchant, "peft", "shelves").integers(n_shelves, size=len(leaves))
    shelf = {leaf: f"shelf {number + 1}" for leaf, number in zip(leaves, drawn)}
    return [shelf[category] for category in categories]


def correctness(classifier: CategoryClassifier, texts: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """1 where the predicted label is right, else 0: float64 [n]."""
    return (np.array(classifier.predict(texts)) == np.array(labels)).astype(float)


def as_report(values: np.ndarray, metric: str = "accuracy", seed: int = 0) -> Report:
    """Values of single texts as a report, so that intervals and paired tests are those of all other tables."""
    keys = tuple(str(row) for row in range(len(values)))
    return Report(keys, {metric: np.asarray(values, dtype=float)}, 0, 0, 0, "query", "exponential", seed)
