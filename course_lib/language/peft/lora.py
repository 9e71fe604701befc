"""LoRA: the change of a weight matrix is the product of two thin ones.

Hu et al. 2021, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.core.seeds import generator
from course_lib.language.peft.delta import DeltaLinear
from course_lib.language.peft.inject import QUERY_VALUE, inject


class LoRALinear(DeltaLinear):
    """W stays, and ΔW = (α / r) B A is learned (Hu et al. 2021, §4.1, eq. 3).

    Attributes:
        A: [r, in], random at first. B: [out, r], zero at first, so that training starts from the model as it was.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, random: Tensor):
        super().__init__(base, rank, alpha)
        like = {"dtype": base.weight.dtype, "device": base.weight.device}
        self.A = nn.Parameter(random[:rank].to(**like))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank, **like))

    def delta(self) -> Tensor:
        """(α / r) B A, [out, in]."""
        return self.scale * (self.B @ self.A)

    def correction(self, x: Tensor) -> Tensor:
        """Two thin products; the [out, in] matrix is never formed."""
        return self.scale * (x @ self.A.T @ self.B.T)


def inject_lora(
    model: nn.Module,
    rank: int = 4,
    *,
    alpha: float | None = None,
    targets: Sequence[str] = QUERY_VALUE,
    seed: int = 0,
) -> dict[str, nn.Module]:
    """Freeze the model and give each linear layer that ``targets`` names a LoRA of this rank.

    Args:
        alpha: ΔW is scaled by alpha / rank; default twice the rank.
        targets: endings of names, see ``find_linear``.
        seed: of the matrices A; each layer draws its own, whatever the other layers are.

    Returns:
        The new layers by name.

    Raises:
        ContractError: no such layer, or a rank that doesn't fit it.
    """

    def make(name: str, base: nn.Linear) -> LoRALinear:
        bound = 1 / math.sqrt(base.in_features)  # the range that a new nn.Linear has
        size = (min(base.in_features, base.out_features), base.in_features)
        draw = generator(seed, "lora", name).uniform(-bound, bound, size)
        return LoRALinear(base, rank, 2 * rank if alpha is None else alpha, torch.from_numpy(draw))

    return inject(model, targets, make)
