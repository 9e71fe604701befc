"""The pipe's encoding: what goes in comes out, and whatever hostile bytes come, the answer is a value or WireError."""

from __future__ import annotations

import json
import math
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.classroom.wire import (
    MAX_DEPTH,
    REPLY_BYTES,
    Tensor,
    Unsendable,
    WireError,
    decode,
    encode,
    pack,
    unpack,
)

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]))
_KEYS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.sets(_KEYS, max_size=4)
    | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["float", "str", "list", "tuple", "set", "dict", "array", "scalar", "tensor", "nan", "float64", "t", "v"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("t v x".split()), inner, max_size=3)
    | st.builds(lambda t, v: {"t": t, "v": v},
                st.sampled_from("float str list tuple set frozenset dict array scalar tensor".split()), inner),
    max_leaves=12,
)  # fmt: skip


def through(value):
    return decode(unpack(pack({"value": encode(value)})[4:])["value"])


def same(a, b) -> bool:
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_plain_values_come_back_as_they_were(value):
    assert same(value, through(value))


@pytest.mark.parametrize("dtype", "bool int8 int64 uint64 float16 float32 float64".split())
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3)])
def test_arrays_come_back_with_type_and_shape(dtype, shape):
    array = (np.arange(math.prod(shape)).reshape(shape) % 2).astype(dtype)
    back = through(array)
    assert back.dtype == array.dtype and back.shape == array.shape and np.array_equal(back, array)


def test_views_scalars_texts_and_tensors():
    array = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(through(array.T), array.T)
    assert np.array_equal(through(array[:, ::2]), array[:, ::2])
    assert type(through(np.float32(0.5))) is np.float32
    assert math.isnan(through(np.float64("nan")))
    assert through(np.array(["a", "中文"])).tolist() == ["a", "中文"]
    assert isinstance(through(Tensor(array)), Tensor)


def test_torch_tensors_cross_without_torch_on_the_grader_side():
    torch = pytest.importorskip("torch")
    back = through(torch.tensor([1.5, 2.0], dtype=torch.bfloat16, requires_grad=True))
    assert isinstance(back, Tensor) and back.array.tolist() == [1.5, 2.0]
    real = decode(encode(torch.arange(6).reshape(2, 3)), torch)
    assert torch.equal(real, torch.arange(6).reshape(2, 3))


class _Mine:
    pass


@pytest.mark.parametrize(
    "value", [_Mine(), lambda: 1, object, 1j, b"x", iter([]), np.datetime64("2026-01-01"), 10**2000]
)
def test_what_cannot_cross_says_its_kind(value):
    with pytest.raises(Unsendable) as caught:
        encode([value])
    assert caught.value.kind


def test_a_subclass_crosses_as_its_plain_kind_without_its_methods():
    class Sly(dict):
        def items(self):
            return [("forged", 1)]

    assert through(Sly(a=2)) == {"a": 2}
    with pytest.raises(Unsendable):  # a float's own subclass could carry an __eq__ that is always true

        class Agreeable(float):
            def __eq__(self, other):
                return True

        encode(Agreeable(1.0))


def test_circular_and_deep_values_are_refused():
    circle: list = []
    circle.append(circle)
    with pytest.raises(Unsendable):
        encode(circle)
    deep = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert through(deep) == deep


@given(JSON)
@settings(max_examples=400, deadline=None)
def test_decode_is_total(data):
    try:
        decode(data)
    except WireError:
        pass


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_unpack_is_total(body):
    try:
        assert isinstance(unpack(body), dict)
    except WireError:
        pass


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000, b'{"a":' * 200_000, b"[]", b"1", b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}x',
        b'{"a": ' + b"9" * 5_000 + b"}", b"\xff\xfe", b"", b'{"a": "\\ud800',
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused(body):
    with pytest.raises(WireError):
        unpack(body)


@pytest.mark.parametrize("pattern", [b'"\\', b'\\"', b'"', b"[", b'"[', b"\\", b'{"', b'"\\""'])
def test_a_megabyte_of_any_pattern_is_read_in_linear_time(pattern):
    start = time.perf_counter()
    with pytest.raises(WireError):
        unpack(pattern * (REPLY_BYTES // len(pattern)))
    assert time.perf_counter() - start < 5  # a quadratic scan takes hours


@pytest.mark.parametrize(
    "inner",
    [
        ["float64", [2**39], ""], ["float64", [-1], ""], ["float64", [2, 2], "AAAAAAAAAAA="], ["object", [1], [[]] * 2],
        ["float64", [1], "!!"], ["O", [1], ["a"]], ["V8", [1], "AAAAAAAAAAA="], ["float64", [0] * 40, ""], ["float64"],
        ["float64", 3, ""], [["float64"], [1], "AAAAAAAAAAA="],
    ],
)  # fmt: skip
def test_forged_arrays_are_refused(inner):
    with pytest.raises(WireError):
        decode({"t": "array", "v": inner})


def test_the_length_comes_first_in_four_bytes():
    message = pack({"op": "call"})
    assert struct.unpack(">I", message[:4]) == (len(message) - 4,) and json.loads(message[4:]) == {"op": "call"}
