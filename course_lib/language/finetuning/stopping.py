"""Early stopping: train in rounds, measure each on validation data, keep the best weights.

Prechelt 1998, "Early Stopping – But When?" (Neural Networks: Tricks of the Trade), with patience counted in rounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.training import History, fit


@dataclass(frozen=True)
class Stopping:
    """What early stopping saw.

    Attributes:
        steps: after how many steps each measurement was made; the first is 0, the start.
        scores: the validation score then, the higher the better.
        best: steps of the weights that were kept. stopped: whether patience ended before the steps did.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    best: int
    stopped: bool


def fit_until_best(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], Tensor],
    score: Callable[[nn.Module], float],
    *,
    steps: int,
    every: int = 50,
    patience: int = 3,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    after_step: Callable[[int, nn.Module], bool | None] | None = None,
    **settings: Any,
) -> tuple[History, Stopping]:
    """``fit`` in rounds of ``every`` steps; ends with the weights that scored best on validation.

    Each round is a run of ``fit`` of its own, whose learning rate rises and falls (warm restarts, Loshchilov & Hutter
    2017, https://arxiv.org/abs/1608.03983): a model is measured only where its learning rate has come down.

    Args:
        score: measures the model, in eval mode, on data that training never sees.
        steps: at most; the last round may be shorter.
        patience: rounds without a new best score after which to stop.
        checkpoint: folder that gets a checkpoint of ``fit`` for each round. After a kill, finished rounds are read and
            measured again instead of trained, and the round that was cut off goes on.
        after_step: as of ``fit``, with the steps of all rounds; True ends the round in which it is said, and training.
        settings: further ones of ``fit``, each round's.

    Raises:
        ContractError: ``every`` or ``patience`` below 1, or as ``fit``.
    """
    if every < 1 or patience < 1 or steps < 1:
        raise ContractError(f"steps {steps}, every {every} and patience {patience} must all be at least 1")
    source: Iterator[Any] = iter(batches)
    history: History | None = None
    seen, scores, best = [0], [float(score(model.eval()))], 0
    kept = _weights(model)
    while seen[-1] < steps and len(scores) - 1 - scores.index(max(scores)) < patience:
        now = min(every, steps - seen[-1])
        folder = None if checkpoint is None else Path(checkpoint) / f"round-{len(scores)}"
        part = fit(model, source, loss, steps=now, seed=seed + len(scores), checkpoint=folder,
                   after_step=_counted(after_step, seen[-1]), **settings)  # fmt: skip
        history = part if history is None else _joined(history, part)
        seen.append(seen[-1] + len(part.loss))
        scores.append(float(score(model)))
        if scores[-1] > max(scores[:-1]):
            best, kept = seen[-1], _weights(model)
        if len(part.loss) < now:
            break
    model.load_state_dict(kept)
    assert history is not None  # steps ≥ 1 and patience ≥ 1: there was a round
    return history, Stopping(tuple(seen), tuple(scores), best, stopped=seen[-1] < steps)


def fit_or_stop(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], Tensor],
    score: Callable[[nn.Module], float] | None,
    *,
    every: int,
    patience: int,
    **settings: Any,
) -> tuple[History, Stopping | None]:
    """``fit_until_best`` where there is a score to stop by, else ``fit``: all steps, the last weights."""
    if score is None:
        return fit(model, batches, loss, **settings), None
    return fit_until_best(model, batches, loss, score, every=every, patience=patience, **settings)


def _counted(
    after_step: Callable[[int, nn.Module], bool | None] | None, before: int
) -> Callable[[int, nn.Module], bool | None] | None:
    """``after_step`` of one round, told the steps of all."""
    return None if after_step is None else lambda step, model: after_step(before + step, model)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    with torch.no_grad():
        return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _joined(first: History, then: History) -> History:
    start = first.seconds[-1]
    first.loss += then.loss
    first.learning_rate += then.learning_rate
    first.seconds += [start + seconds for seconds in then.seconds]
    return first
