"""What a training costs before it is run: parameters, tokens, floating-point operations (FLOPs), hours.

The rule of thumb 6 · N · D is from Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, §2.1: a token costs two FLOPs
per weight forward (a multiplication and an addition) and twice that backward.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from course_lib.core.errors import ContractError


def count_parameters(model: nn.Module) -> dict[str, int]:
    """``total``, ``embedding`` (look-up tables: no multiplication) and ``matrices`` (everything else).

    A matrix that is tied, such as embedding and output projection, is counted once, as an embedding.
    """
    tables = {id(m.weight): m.weight.numel() for m in model.modules() if isinstance(m, nn.Embedding)}
    total = sum(p.numel() for p in model.parameters())
    return {"total": total, "embedding": sum(tables.values()), "matrices": total - sum(tables.values())}


def training_flops(matrices: int, tokens: float, *, output: int = 0, predicted: float | None = None) -> float:
    """6 · N · D, with the projection onto the vocabulary counted where it happens.

    Args:
        matrices: N, the weights outside of the embeddings. tokens: D, read in training, padding not counted.
        output: d · v, size of the projection onto the vocabulary. predicted: tokens that are projected: all of them
            for a causal model (the default), the hidden ones for a masked model.

    Attention's own products are left out: they add a part of l / (6 d) for texts of l tokens at width d (Kaplan et al.,
    table 1), a few per cent for short product texts.

    Raises:
        ContractError: a negative number.
    """
    predicted = tokens if predicted is None else predicted
    if min(matrices, tokens, output, predicted) < 0:
        raise ContractError("parameters and tokens can't be negative")
    return 6.0 * (matrices * tokens + output * predicted)


def compute_optimal_tokens(parameters: int) -> int:
    """About 20 tokens per parameter: where a fixed budget is spent best (Hoffmann et al. 2022, arXiv:2203.15556)."""
    if parameters < 0:
        raise ContractError("parameters can't be negative")
    return 20 * parameters


def measured_flops(step: Callable[[], object]) -> int:
    """FLOPs that torch counts in ``step()``, a forward and backward pass: matrix products only, on the CPU."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # The counter knows the products of plain attention; a fused kernel would hide them from it.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        step()
    return counter.get_total_flops()
