"""What LoRA and AdaLoRA share: a frozen linear layer, plus a matrix that is added to its weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError


class DeltaLinear(nn.Module):
    """A frozen linear layer W, b and a correction ΔW: x ↦ x Wᵀ + b + x ΔWᵀ.

    Subclasses say what ΔW is (``delta``), and how x ΔWᵀ is computed without forming it (``correction``).

    Attributes:
        base: the frozen layer. scale: number that ΔW carries as a factor. merged: whether ΔW is added to ``base``.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float):
        super().__init__()
        room = min(base.in_features, base.out_features)
        if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= room:
            raise ContractError(f"the rank is {rank!r}; this layer takes whole numbers from 1 to {room}")
        if not alpha > 0:
            raise ContractError(f"alpha is {alpha!r}; it must be above 0")
        self.base, self.scale = base.requires_grad_(False), alpha / rank
        self._before: Tensor | None = None

    @property
    def merged(self) -> bool:
        """Whether ΔW is part of the base weights at the moment."""
        return self._before is not None

    def delta(self) -> Tensor:
        """ΔW, [out, in]."""
        raise NotImplementedError

    def correction(self, x: Tensor) -> Tensor:
        """x ΔWᵀ for x [..., in]: [..., out]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]."""
        return self.base(x) if self.merged else self.base(x) + self.correction(x)

    @torch.no_grad()
    def merge(self) -> None:
        """Add ΔW to the base weights: from now on, the layer costs what it cost before.

        The weights as they were are kept, since W + ΔW − ΔW isn't W in floating point. Raises ContractError if merged.
        """
        if self.merged:
            raise ContractError("this layer is merged already", remedy="Call unmerge first")
        self._before = self.base.weight.detach().clone()
        self.base.weight += self.delta()

    @torch.no_grad()
    def unmerge(self) -> None:
        """Bring the base weights back, bit for bit. Raises ContractError if nothing was merged."""
        if self._before is None:
            raise ContractError("this layer isn't merged", remedy="Call merge first")
        self.base.weight.copy_(self._before)
        self._before = None


def merge(model: nn.Module) -> int:
    """Merge every layer of the model that can be merged; returns how many. Raises ContractError where there is none."""
    layers = _layers(model)
    for layer in layers:
        layer.merge()
    return len(layers)


def unmerge(model: nn.Module) -> int:
    """Undo ``merge``; returns how many layers. Raises ContractError where there is none."""
    layers = _layers(model)
    for layer in layers:
        layer.unmerge()
    return len(layers)


def is_merged(model: nn.Module) -> bool:
    """Whether any layer is merged."""
    return any(module.merged for module in model.modules() if isinstance(module, DeltaLinear))


def _layers(model: nn.Module) -> list[DeltaLinear]:
    layers = [module for module in model.modules() if isinstance(module, DeltaLinear)]
    if not layers:
        raise ContractError("this model has nothing to merge", remedy="Inject LoRA or AdaLoRA first")
    return layers
