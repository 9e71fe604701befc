"""Where a model computes, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import nn

from course_lib.core.errors import ContractError

Precision = Literal["bf16", "fp32"]


def pick_device(device: str = "auto") -> str:
    """``"auto"`` is CUDA where torch sees it, else the CPU. Raises ContractError where CUDA is asked for in vain."""
    if device not in ("auto", "cpu", "cuda"):
        raise ContractError(f"device {device!r} is none of auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ContractError("torch sees no CUDA device here", remedy="Use device='auto' or 'cpu'")
    return "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"


def pick_precision(device: str, autocast: bool) -> tuple[Precision, str]:
    """bf16 if asked for and computed in hardware, else fp32 with the reason."""
    if not autocast:
        return "fp32", ""
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        # torch offers these tests under private names only; a name that is gone means "not known to be fast".
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        fast = any(getattr(torch.cpu, name, bool)() for name in names)
    return ("bf16", "") if fast else ("fp32", f"this {device} has no bf16 arithmetic, so fp32 is used")


def autocast_to(device: str, precision: Precision) -> AbstractContextManager[Any]:
    """torch's autocast for bf16; nothing for fp32."""
    return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


@contextmanager
def trainable_attention(model: nn.Module, precision: Precision) -> Iterator[None]:
    """Attention written out (``eager``) in all models of ``transformers`` inside ``model``, while they train in bf16 on a CPU.

    There torch's fused attention is fast forwards, but its way back took a third of a step in bf16, measured with heads
    of 32 columns: written out, a whole step is 1.2 to 1.4 times as fast (``benchmarks/language.py``).
    """
    found = [m for m in model.modules() if hasattr(m, "set_attn_implementation")]
    if precision != "bf16" or device_of(model).type != "cpu":
        found = []
    before = [m.config._attn_implementation for m in found]
    for module in found:
        module.set_attn_implementation("eager")
    try:
        yield
    finally:
        for module, name in zip(found, before):
            module.set_attn_implementation(name)
