"""Which inputs can an output see? Found by trying: change a token, and look which outputs move."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.errors import ContractError


@torch.no_grad()
def reach(compute: Callable[[Tensor], Tensor], ids: Tensor, other: Tensor, *, above: float = 1e-6) -> Tensor:
    """bool [l, m]: True at [i, j] where output i moves when token j is replaced.

    It tests a whole model, with all of its masks, and needs to know nothing of how the model is built.

    Args:
        compute: token ids [1, m] -> outputs [1, l, d].
        ids: int64 [1, m]. other: int64 [1, m], another token for each place. above: a smaller change is rounding.

    Raises:
        ContractError: shapes that differ, or a place whose other token is the same one.
    """
    if ids.shape != other.shape or ids.ndim != 2 or len(ids) != 1 or (ids == other).any():
        raise ContractError("ids and other must both be [1, m] and differ everywhere", where="reach")
    before, columns = compute(ids), []
    for place in range(ids.shape[1]):
        changed = ids.clone()
        changed[0, place] = other[0, place]
        columns.append((compute(changed) - before)[0].abs().amax(dim=-1) > above)
    return torch.stack(columns, dim=1)
