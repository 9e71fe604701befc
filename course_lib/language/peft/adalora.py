"""AdaLoRA's layer: ΔW as P Λ Q, a product like a singular value decomposition.

Zhang et al. 2023, https://arxiv.org/abs/2303.10512, §3.1. Which of the singular values may stay is decided in
``allocation.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.peft.delta import DeltaLinear
from course_lib.language.peft.inject import QUERY_VALUE, inject


class AdaLoRALinear(DeltaLinear):
    """W stays, and ΔW = (α / r) P Λ Q is learned (Zhang et al. 2023, eq. 3; the factor α / r as in LoRA).

    Attributes:
        P: [out, r], left directions. values: [r], the diagonal of Λ, zero at first. Q: [r, in], right directions.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, left: Tensor, right: Tensor):
        super().__init__(base, rank, alpha)
        like = {"dtype": base.weight.dtype, "device": base.weight.device}
        self.P = nn.Parameter(left[:, :rank].to(**like))
        self.Q = nn.Parameter(right[:rank].to(**like))
        self.values = nn.Parameter(torch.zeros(rank, **like))

    @property
    def rank(self) -> int:
        """How many singular values aren't zero: the rank that ΔW has now."""
        return int((self.values != 0).sum())

    def delta(self) -> Tensor:
        """(α / r) P Λ Q, [out, in]."""
        return self.scale * (self.P * self.values) @ self.Q

    def correction(self, x: Tensor) -> Tensor:
        """Two thin products, and the values between them."""
        return self.scale * ((x @ self.Q.T * self.values) @ self.P.T)


def orthogonality(model: nn.Module) -> Tensor:
    """How far the directions are from orthogonal: mean over layers of |PᵀP − I|² + |QQᵀ − I|² (Zhang et al., eq. 4).

    Without it, a direction could be long and its value small, and the values would say nothing.

    Raises:
        ContractError: the model has no AdaLoRA layer.
    """
    layers = adalora_layers(model).values()
    terms = []
    for layer in layers:
        for product in (layer.P.T @ layer.P, layer.Q @ layer.Q.T):
            terms.append((product - torch.eye(len(product), dtype=product.dtype, device=product.device)).square().sum())
    return torch.stack(terms).sum() / len(layers)


def adalora_layers(model: nn.Module) -> dict[str, AdaLoRALinear]:
    """The AdaLoRA layers of a model by name; raises ContractError where it has none."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, AdaLoRALinear)}
    if not layers:
        raise ContractError("this model has no AdaLoRA layer", remedy="Call inject_adalora first")
    return layers


def inject_adalora(
    model: nn.Module,
    rank: int = 6,
    *,
    alpha: float | None = None,
    targets: Sequence[str] = QUERY_VALUE,
    seed: int = 0,
) -> dict[str, nn.Module]:
    """Freeze the model and give each linear layer that ``targets`` names an AdaLoRA that starts with this rank.

    Directions start as random orthogonal ones, values as zero. Arguments, result and errors as ``inject_lora``.
    """

    def make(name: str, base: nn.Linear) -> AdaLoRALinear:
        random, room = generator(seed, "adalora", name), min(base.in_features, base.out_features)
        columns = [torch.linalg.qr(torch.from_numpy(random.normal(size=(n, min(room, max(1, int(rank)))))))[0]
                   for n in (base.out_features, base.in_features)]  # fmt: skip
        return AdaLoRALinear(base, rank, 2 * rank if alpha is None else alpha, columns[0], columns[1].T)

    return inject(model, targets, make)
