"""What training costs in memory: by arithmetic, and measured on the tensors themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError


def lora_size(shapes: Iterable[tuple[int, int]], rank: int) -> int:
    """Trained weights of LoRA on matrices of these shapes (out, in): each brings r · (out + in).

    Raises:
        ContractError: a rank or a side below 1.
    """
    sides = [tuple(shape) for shape in shapes]
    if rank < 1 or any(min(shape) < 1 for shape in sides):
        raise ContractError("the rank and all sides must be at least 1")
    return sum(rank * (out + inner) for out, inner in sides)


def training_bytes(
    total: int, trained: int, *, weight: int = 4, gradient: int = 4, moments: int = 8, master: int = 0
) -> dict[str, int]:
    """Bytes that Adam holds in training, without activations.

    Args:
        total, trained: numbers of weights, those that are added included.
        weight: bytes of a weight as the model computes with it. gradient, moments, master: bytes of each *trained*
            weight for its gradient, Adam's two means, and a copy in higher precision (Rajbhandari et al. 2020,
            https://arxiv.org/abs/1910.02054, §3.1: in mixed precision 2, 2, 8 and 4).

    Returns:
        ``weights``, ``gradients``, ``optimiser`` (moments and master copy), ``total``.

    Raises:
        ContractError: not 0 ≤ trained ≤ total.
    """
    if not 0 <= trained <= total:
        raise ContractError(f"{trained} trained weights of {total}")
    parts = {"weights": weight * total, "gradients": gradient * trained, "optimiser": (moments + master) * trained}
    return {**parts, "total": sum(parts.values())}


def optimiser_bytes(model: nn.Module) -> int:
    """Measured: bytes of the tensors that AdamW keeps for the trained weights, its step counters included.

    One step with learning rate 0 and gradients of 0 makes AdamW create them; the weights stay as they are.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        return 0
    before = [p.grad for p in trained]
    optimiser = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0)
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for parameter, gradient in zip(trained, before):
        parameter.grad = gradient
    return sum(t.nbytes for state in optimiser.state.values() for t in state.values() if isinstance(t, Tensor))


def activation_bytes(model: nn.Module, compute: Callable[[], Tensor]) -> int:
    """Measured: bytes that autograd keeps from the forward pass ``compute`` for the backward pass.

    Weights aren't counted, they are there anyway; what several operations keep counts once.
    """
    weights = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}
    held: list[Tensor] = []  # so that no address is used again while we count

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
            held.append(tensor.detach())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(kept.values())
