"""Values as a learner sees them: short, on one line, and whole enough to recognise."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.classroom.wire import Tensor

_LENGTH = 240
_ITEMS = 12


def render(value: Any, length: int = _LENGTH) -> str:
    """A value as Python writes it, cut in the middle of long lists and at ``length`` characters; total."""
    try:
        text = _render(value, 0)
    except Exception:
        text = f"<{type(value).__name__}>"
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= length else text[: length - 1] + "…"


def _render(value: Any, depth: int) -> str:
    if depth > 4:
        return "…"
    if isinstance(value, Tensor):
        return _render(np.asarray(value.array), depth).replace("array(", "tensor(", 1)
    if isinstance(value, np.ndarray):
        # Without values an array may still have a billion rows, and a list of them.
        cut = value.size > 50 or (value.size == 0 and value.ndim > 1)
        head = value.ravel()[: _ITEMS + 1] if cut else value
        return f"array({_render(head.tolist(), depth + 1)})" + (f" of shape {value.shape}" if cut else "")
    if isinstance(value, np.generic):
        return _render(value.item(), depth)
    if isinstance(value, dict):
        pairs = [f"{_render(k, depth + 1)}: {_render(v, depth + 1)}" for k, v in list(value.items())[:_ITEMS]]
        return "{" + ", ".join(pairs + ["…"] * (len(value) > _ITEMS)) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        if not value and not isinstance(value, (list, tuple)):
            return "set()"
        whole = list(value) if isinstance(value, (list, tuple)) else sorted(value, key=repr)  # the same on every run
        parts = [_render(one, depth + 1) for one in whole[:_ITEMS]]
        parts += [f"… {len(value):,} in all"] if len(value) > _ITEMS else []
        opening, closing = {list: "[]", tuple: "()"}.get(type(value), "{}")
        return opening + ", ".join(parts) + ("," if isinstance(value, tuple) and len(value) == 1 else "") + closing
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 400:
        return f"<a whole number of {value.bit_length():,} bits>"
    return repr(value)
