"""Comparing what came with what the reference gave. Total: whatever came, the answer is "agrees" or words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.classroom.wire import Tensor
from course_lib.core.bilingual import Text

_KINDS = {
    "nothing": Text("None", "None"),
    "truth": Text("True or False", "True 或 False"),
    "number": Text("a number", "一个数"),
    "text": Text("a text (str)", "一段文本（str）"),
    "list": Text("a list", "一个列表"),
    "set": Text("a set", "一个集合"),
    "dict": Text("a dict", "一个字典"),
    "array": Text("a NumPy array", "一个 NumPy 数组"),
    "tensor": Text("a torch tensor", "一个 torch 张量"),
    "other": Text("something else", "别的东西"),
}


def close(absolute: float = 1e-9, relative: float = 1e-9) -> Callable[[Any, Any, tuple], Text | None]:
    """Equal kinds and shapes, numbers within ``absolute`` or ``relative``; NaN equals NaN; a tuple may stand for a list.

    Returns:
        ``agree(expected, got, arguments)``: None where they agree, else what differs, without the expected value.
    """

    def agree(expected: Any, got: Any, arguments: tuple) -> Text | None:
        return _differs(expected, got, absolute, relative)

    return agree


def kind_of(value: Any) -> str:
    """The kind of a value as far as comparing goes: a key of ``_KINDS``."""
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
        return Text("{wanted} was expected, {came} came", "应当返回{wanted}，得到的是{came}").format(
            wanted=_KINDS[kind], came=_KINDS[kind_of(got)]
        )
    if kind == "number":
        same = numbers_close(expected, got, absolute, relative)
        return None if same else Text("the number is another one", "数值不对")
    if kind == "list":
        return _sequence(expected, got, absolute, relative)
    if kind == "dict":
        return _dicts(expected, got, absolute, relative)
    if kind in ("array", "tensor"):
        return _arrays(*((one.array if kind == "tensor" else one) for one in (expected, got)), absolute, relative)
    return None if expected == got else Text("the value is another one", "值不对")


def _sequence(expected: Any, got: Any, absolute: float, relative: float) -> Text | None:
    if len(expected) != len(got):
        return Text("the length is another one", "长度不对")
    for place, (one, other) in enumerate(zip(expected, got, strict=True)):
        problem = _differs(one, other, absolute, relative)
        if problem and kind_of(one) == "list":  # a list in a list: "place 0, place 2: …"
            return Text("place {place}, {problem}", "位置 {place}，{problem}").format(place=place, problem=problem)
        if problem:
            return Text("place {place}: {problem}", "位置 {place}：{problem}").format(place=place, problem=problem)
    return None


def _dicts(expected: dict, got: dict, absolute: float, relative: float) -> Text | None:
    if set(expected) != set(got):
        return Text("the keys are other ones", "键不对")
    for key, one in expected.items():
        problem = _differs(one, got[key], absolute, relative)
        if problem:
            return Text("key {key}: {problem}", "键 {key}：{problem}").format(key=repr(key)[:60], problem=problem)
    return None


def _arrays(expected: np.ndarray, got: np.ndarray, absolute: float, relative: float) -> Text | None:
    if expected.shape != got.shape:
        return Text("the shape {came} is another one", "形状 {came} 不对").format(came=got.shape)
    if expected.dtype.kind == "O" or got.dtype.kind == "O":
        return _sequence(expected.ravel().tolist(), got.ravel().tolist(), absolute, relative)
    if (expected.dtype.kind == "b") != (got.dtype.kind == "b"):
        return Text("the array's type (dtype) is another one", "数组类型（dtype）不对")
    same = np.isclose(got.astype(float), expected.astype(float), rtol=relative, atol=absolute, equal_nan=True)
    if same.all():
        return None
    return Text("{wrong} of {n} values are other ones", "{n} 个值中有 {wrong} 个不对").format(
        wrong=f"{int((~same).sum()):,}", n=f"{same.size:,}"
    )
