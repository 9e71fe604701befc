"""AdaLoRA's allocation: the ranks of all layers share one budget, and the least important directions lose theirs.

Zhang et al. 2023, https://arxiv.org/abs/2303.10512, §3.2 (importance) and §3.3 (budget).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.peft.adalora import adalora_layers, orthogonality


@dataclass(frozen=True)
class Schedule:
    """How the budget (singular values in all layers together) falls over the steps.

    Attributes:
        start, target: budget at first and in the end.
        steps: of the whole training. warmup: steps before it falls. final: steps at the end with the target.
        every: while it falls, values are taken away at each ``every``-th step.
    """

    start: int
    target: int
    steps: int
    warmup: int
    final: int
    every: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.target < self.start:
            raise ContractError(f"the budget must fall: start {self.start}, target {self.target}")
        if min(self.warmup, self.final) < 0 or self.warmup + self.final >= self.steps or self.every < 1:
            raise ContractError("warmup and final must leave a step between them, and every must be at least 1")

    def budget(self, step: int) -> int:
        """Budget after ``step`` steps: constant, then a cubic fall, then the target (§3.3)."""
        if step <= self.warmup:
            return self.start
        left = 1 - (step - self.warmup) / (self.steps - self.final - self.warmup)
        return self.target + int((self.start - self.target) * max(0.0, left) ** 3)


class Importance:
    """Smoothed sensitivity and its uncertainty, for each single weight.

    I = |w · ∂L/∂w| estimates how the loss would change if w were 0. It jumps from batch to batch, so it is smoothed,
    Ī ← β₁ Ī + (1 − β₁) I, and so is its distance from that, Ū ← β₂ Ū + (1 − β₂) |I − Ī|. The score is Ī · Ū.
    """

    def __init__(self, beta1: float = 0.85, beta2: float = 0.85):
        if not (0 < beta1 < 1 and 0 < beta2 < 1):
            raise ContractError("beta1 and beta2 must lie between 0 and 1")
        self.beta1, self.beta2 = beta1, beta2
        self._mean: dict[str, Tensor] = {}
        self._spread: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, name: str, weight: nn.Parameter) -> None:
        """Take in the gradient that the weight has now; raises ContractError where it has none."""
        if weight.grad is None:
            raise ContractError(f"{name} has no gradient", remedy="Update after the backward pass")
        now = (weight * weight.grad).abs()
        zero = torch.zeros_like(now)
        mean = self.beta1 * self._mean.get(name, zero) + (1 - self.beta1) * now
        self._spread[name] = self.beta2 * self._spread.get(name, zero) + (1 - self.beta2) * (now - mean).abs()
        self._mean[name] = mean

    def score(self, name: str) -> Tensor:
        """Ī · Ū, in the shape of the weight."""
        return self._mean[name] * self._spread[name]


def keep_best(scores: dict[str, Tensor], budget: int) -> dict[str, Tensor]:
    """Which entries stay: those above the (n − budget)-th smallest of all n scores; ties at that threshold fall.

    So at most ``budget`` stay, and fewer where scores are equal.

    Returns:
        Truth values, in the shapes of ``scores``.

    Raises:
        ContractError: a budget below 0, or no scores.
    """
    if budget < 0 or not scores:
        raise ContractError("the budget must be at least 0, and there must be scores")
    every = torch.cat([s.flatten() for s in scores.values()])
    fall = len(every) - budget
    if fall <= 0:
        return {name: torch.ones_like(s, dtype=torch.bool) for name, s in scores.items()}
    threshold = every.kthvalue(fall).values
    return {name: s > threshold for name, s in scores.items()}


class RankAllocator:
    """Decides after each step which singular values of a model's AdaLoRA layers stay (Zhang et al. 2023, algorithm 1).

    Attributes:
        history: after each step, the budget and the rank of each layer.
    """

    def __init__(self, model: nn.Module, schedule: Schedule, *, beta1: float = 0.85, beta2: float = 0.85):
        self.layers, self.schedule, self.importance = adalora_layers(model), schedule, Importance(beta1, beta2)
        if schedule.start != sum(len(layer.values) for layer in self.layers.values()):
            raise ContractError(f"the schedule starts with {schedule.start}, the layers hold another number of values")
        self.now = 0
        self.kept: dict[str, Tensor] = {}
        self.history: list[dict[str, Any]] = []

    def scores(self) -> dict[str, Tensor]:
        """Importance of each triplet, [r] per layer: its value's, plus the means of its two directions' (eq. 7)."""
        score = self.importance.score
        return {
            name: score(f"{name}.values") + score(f"{name}.P").mean(dim=0) + score(f"{name}.Q").mean(dim=1)
            for name in self.layers
        }

    @torch.no_grad()
    def step(self) -> None:
        """Once per optimiser step, after it, while its gradients are still there."""
        self.now += 1
        plan, budget = self.schedule, self.schedule.budget(self.now)
        end = plan.steps - plan.final
        if self.now < end:
            for name, layer in self.layers.items():
                for part in ("values", "P", "Q"):
                    self.importance.update(f"{name}.{part}", getattr(layer, part))
        falling = plan.warmup < self.now < end and self.now % plan.every == 0
        if falling or self.now == end:
            self.kept = keep_best(self.scores(), budget)
        if falling or self.now >= end:  # a value that was set to 0 may grow again while the budget falls, not after
            for name, layer in self.layers.items():
                layer.values[~self.kept[name]] = 0
        self.history.append({"budget": budget, "ranks": {name: layer.rank for name, layer in self.layers.items()}})

    def after_step(self, step: int, model: nn.Module) -> None:
        """``step`` in the form that ``fit`` calls after each step; the gradients of that step are still there then."""
        self.step()


def penalised(loss: Callable[[nn.Module, Any], Tensor], weight: float) -> Callable[[nn.Module, Any], Tensor]:
    """What ``fit`` minimises for an AdaLoRA: the task's loss, plus ``weight`` times ``orthogonality``."""
    return lambda model, batch: loss(model, batch) + weight * orthogonality(model)
