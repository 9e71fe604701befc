"""Comparing what came with what the reference gave. Total: whatever came, the answer is "agrees" or words.

Where the type, the length or the shape is another one, the words are a ``Form``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.classroom.form import Form, inside, other_type
from course_lib.classroom.wire import Tensor
from course_lib.core.bilingual import Text

_NOT_FINITE = Text("{came} came: was something divided by 0?", "得到了 {came}：是否除以了 0？")
_MINUS_INFINITY = Text("-inf came: was the logarithm of 0 taken?", "得到了 -inf：是否对 0 取了对数？")


def close(absolute: float = 1e-9, relative: float = 1e-9) -> Callable[[Any, Any, tuple], Text | None]:
    """Equal kinds and shapes, numbers within ``absolute`` or ``relative``; NaN equals NaN; a tuple may stand for a list.

    Returns:
        ``agree(expected, got, arguments)``: None where they agree, else what differs, without the expected value.
    """

    def agree(expected: Any, got: Any, arguments: tuple) -> Text | None:
        return _differs(expected, got, absolute, relative)

    return agree


def kind_of(value: Any) -> str:
    """The kind of a value as far as comparing goes: "number", "list" (also of a tuple), "array" …"""
    if value is None:
        return "nothing"
    if isinstance(value, (bool, np.bool_)):
        return "truth"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return "number"
    for kind, types in (("text", str), ("list", (list, tuple)), ("set", (set, frozenset)), ("dict", dict),
                        ("array", np.ndarray), ("tensor", Tensor)):  # fmt: skip
        if isinstance(value, types):
            return kind
    return "other"


def numbers_close(expected: float, got: float, absolute: float, relative: float) -> bool:
    """Whether two numbers agree, for any numbers at all (NaN, infinities, whole numbers too large for a float)."""
    try:
        expected, got = float(expected), float(got)
    except (OverflowError, ValueError):
        # As Python's own numbers: NumPy's comparison with a whole number that is too large raises.
        return _plain(expected) == _plain(got)
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    return math.isclose(expected, got, rel_tol=relative, abs_tol=absolute)


def _plain(number: float) -> float:
    return number.item() if isinstance(number, np.generic) else number


def _differs(expected: Any, got: Any, absolute: float, relative: float) -> Text | None:
    kind = kind_of(expected)
    if kind != kind_of(got):
        return other_type(_exact(expected), _exact(got))
    if kind == "number":
        same = numbers_close(expected, got, absolute, relative)
        return None if same else _not_finite(expected, got) or Text("the number is another one", "数值不对")
    if kind == "list":
        return _sequence(expected, got, absolute, relative)
    if kind == "dict":
        return _dicts(expected, got, absolute, relative)
    if kind in ("array", "tensor"):
        return _arrays(*((one.array if kind == "tensor" else one) for one in (expected, got)), absolute, relative)
    return None if expected == got else Text("the value is another one", "值不对")


def _exact(value: Any) -> str:
    """The kind in words for a learner, who is told a tuple from a list."""
    return "tuple" if isinstance(value, tuple) else kind_of(value)


def _not_finite(expected: Any, got: Any) -> Text | None:
    """Words for nan and the infinities where a finite number was expected."""
    if not _finite(expected) or _finite(got):
        return None
    return _MINUS_INFINITY if got < 0 else _NOT_FINITE.format(came=float(got))


def _finite(number: Any) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that is too large for a float
        return True


def _sequence(expected: Any, got: Any, absolute: float, relative: float) -> Text | None:
    if len(expected) != len(got):
        # A tuple may stand for a list; of another length it is one by mistake: a comma too many or too few.
        if isinstance(expected, tuple) != isinstance(got, tuple):
            return other_type(_exact(expected), _exact(got))
        came = f"{len(got):,}"
        return Form(f"the length is another one ({came} came)", f"长度不对（得到 {came} 个）")
    for place, (one, other) in enumerate(zip(expected, got, strict=True)):
        problem = _differs(one, other, absolute, relative)
        if problem and kind_of(one) == "list":  # a list in a list: "place 0, place 2: …"
            return inside(Text("place {place}, {problem}", "位置 {place}，{problem}"), problem, place=place)
        if problem:
            return inside(Text("place {place}: {problem}", "位置 {place}：{problem}"), problem, place=place)
    return None


def _dicts(expected: dict, got: dict, absolute: float, relative: float) -> Text | None:
    if set(expected) != set(got):
        return Form("the keys are other ones", "键不对")
    for key, one in expected.items():
        problem = _differs(one, got[key], absolute, relative)
        if problem:
            return inside(Text("key {key}: {problem}", "键 {key}：{problem}"), problem, key=repr(key)[:60])
    return None


def _arrays(expected: np.ndarray, got: np.ndarray, absolute: float, relative: float) -> Text | None:
    if expected.shape != got.shape:
        return Form(f"the shape {got.shape} is another one", f"形状 {got.shape} 不对")
    if expected.dtype.kind == "O" or got.dtype.kind == "O":
        return _sequence(expected.ravel().tolist(), got.ravel().tolist(), absolute, relative)
    if (expected.dtype.kind == "b") != (got.dtype.kind == "b"):
        return Form("the array's type (dtype) is another one", "数组类型（dtype）不对")
    same = np.isclose(got.astype(float), expected.astype(float), rtol=relative, atol=absolute, equal_nan=True)
    if same.all():
        return None
    strange = got[np.isfinite(expected) & ~np.isfinite(got)]
    numbers = {"wrong": f"{int((~same).sum()):,}", "n": f"{same.size:,}"}
    words = Text("{wrong} of {n} values are other ones", "{n} 个值中有 {wrong} 个不对").format(**numbers)
    if not strange.size:
        return words
    return Text("{words}; {strange}", "{words}；{strange}").format(words=words, strange=_not_finite(0.0, strange[0]))
