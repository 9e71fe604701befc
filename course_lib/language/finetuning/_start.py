"""What every task head of this folder begins with: a copy to train, and numbers for names."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from course_lib.language.encoder import TextEncoder
from course_lib.language.pretraining import Pretrained


def copy_of(start: TextEncoder | Pretrained, name: str, autocast: bool, device: str) -> TextEncoder:
    """A new encoder to train, so that ``start`` is never changed."""
    if isinstance(start, Pretrained):
        return start.encoder(name, autocast=autocast, device=device)
    twin = start.copy()
    return TextEncoder(
        twin.model,
        twin.tokenizer,
        max_length=twin.max_length,
        name=name,
        source=start.name,
        autocast=autocast,
        device=device,
    )


def numbers(values: Sequence[Hashable]) -> np.ndarray:
    """int64 [n]: equal values get equal numbers, from 0 in the order of their first coming."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)
