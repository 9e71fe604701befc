"""Adapters: small networks between the frozen layers (Houlsby et al. 2019, https://arxiv.org/abs/1902.00751)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.peft.inject import inject

#: the two linear layers of a BERT block whose output is added to the residual stream
SUBLAYERS = ("attention.output.dense", "output.dense")


class Adapter(nn.Module):
    """A frozen linear layer, followed by a bottleneck with a shortcut: h = x Wᵀ + b, then h + U gelu(D h + d) + u.

    Houlsby et al. 2019, §2.1. With U = 0 at first the whole is the layer as it was. The bend in the middle is why an
    adapter, unlike LoRA, can't be merged into W.

    Attributes:
        base: the frozen layer. down: out → width, ``D, d``. up: width → out, ``U, u``.
    """

    def __init__(self, base: nn.Linear, width: int, random: Tensor):
        super().__init__()
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise ContractError(f"the width is {width!r}; it must be a whole number of at least 1")
        like = {"dtype": base.weight.dtype, "device": base.weight.device}
        self.base = base.requires_grad_(False)
        self.down = nn.utils.skip_init(nn.Linear, base.out_features, width, **like)
        self.up = nn.utils.skip_init(nn.Linear, width, base.out_features, **like)
        with torch.no_grad():
            self.down.weight.copy_(random)
            for parameter in (self.down.bias, self.up.weight, self.up.bias):
                parameter.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]."""
        h = self.base(x)
        return h + self.up(gelu(self.down(h)))


def inject_adapter(
    model: nn.Module, width: int = 8, *, placement: str = "houlsby", norms: bool = True, seed: int = 0
) -> dict[str, nn.Module]:
    """Freeze a BERT-like encoder and put adapters into its blocks, before the sums with the residual stream.

    Args:
        width: of the bottleneck.
        placement: ``"houlsby"``: after the attention and after the feed-forward part. ``"pfeiffer"``: after the
            feed-forward part alone, half as many (Pfeiffer et al. 2021, https://arxiv.org/abs/2005.00247).
        norms: train the layer normalisations as well, as Houlsby et al. do.

    Returns:
        The new modules by name.

    Raises:
        ContractError: another placement, no such layers, or a width below 1.
    """
    if placement not in ("houlsby", "pfeiffer"):
        raise ContractError(f"placement {placement!r} is neither houlsby nor pfeiffer")

    def make(name: str, base: nn.Linear) -> Adapter:
        size = (max(1, int(width)), base.out_features)
        return Adapter(base, width, torch.from_numpy(generator(seed, "adapter", name).normal(0, 0.05, size)))

    made = inject(model, SUBLAYERS[1:], make, but=SUBLAYERS[:1] if placement == "pfeiffer" else ())
    if norms:
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.requires_grad_(True)
    return made
