"""Packed weights: every matrix in the order of memory in which the processor's bf16 instructions read it.

torch brings a matrix into that order again for each product. Doing it once, ahead of the first, and fusing GELU into the
product before it changes no number but the last rounding.

The operators are those behind torch's own compiler (``torch.ops.mkldnn``). They are not part of its public interface, so
that a model is packed only where they are there and agree with the ordinary product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation

_TOKENS = 512  # the number of rows that the order is best for; any other number is computed as well


class PackedLinear(nn.Module):
    """``x Wᵀ + b`` in bf16 with W in the processor's own order, followed by GELU where ``gelu`` is set.

    Shapes: x [..., d_in] -> [..., d_out]. The weights are a copy: training the layer it came from doesn't reach it.
    """

    def __init__(self, layer: nn.Linear, gelu: bool = False):
        super().__init__()
        weight = layer.weight.detach().to(torch.bfloat16)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _TOKENS)
        self.bias = None if layer.bias is None else layer.bias.detach().to(torch.bfloat16)
        self.gelu = gelu

    def forward(self, x: Tensor) -> Tensor:
        kind, how = ("gelu", "none") if self.gelu else ("none", "")
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, kind, [], how)


def pack(model: nn.Module) -> nn.Module:
    """The bf16 model with its linear layers packed, in place; as it was where this torch or this processor can't."""
    if not can_pack():
        return model
    for parent in list(model.modules()):
        act = getattr(parent, "intermediate_act_fn", None)  # BERT's and its like: a linear layer ``dense``, then this
        fused = isinstance(getattr(parent, "dense", None), nn.Linear) and _is_exact_gelu(act)
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear:
                setattr(parent, name, PackedLinear(layer, gelu=fused and name == "dense"))
        if fused:
            parent.intermediate_act_fn = nn.Identity()
    return model


def can_pack() -> bool:
    """Whether the operators are there and agree with torch's ordinary product on a small example."""
    layer = nn.utils.skip_init(nn.Linear, 32, 48, dtype=torch.bfloat16)  # drawing weights would move torch's generator
    x = torch.linspace(-2, 2, 4 * 32).reshape(4, 32).to(torch.bfloat16)
    try:
        with torch.inference_mode():
            layer.weight.copy_(torch.linspace(-1, 1, 48 * 32).reshape(48, 32).sin())
            layer.bias.copy_(torch.linspace(-1, 1, 48))
            pairs = [(PackedLinear(layer)(x), layer(x)), (PackedLinear(layer, gelu=True)(x), nn.functional.gelu(layer(x)))]
    except (AttributeError, RuntimeError, TypeError):  # missing, changed, or built without oneDNN
        return False
    return all(torch.allclose(ours.float(), theirs.float(), rtol=2e-2, atol=2e-2) for ours, theirs in pairs)


def _is_exact_gelu(act: object) -> bool:
    """GELU by the normal distribution itself; the approximation by tanh is another function."""
    if isinstance(act, GELUActivation):
        return True
    return isinstance(act, nn.GELU) and act.approximate == "none"
