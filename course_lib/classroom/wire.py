"""The grader's side and the worker's side of one pipe: plain values as length-prefixed JSON, and nothing else.

This file is also copied into the sandbox beside ``worker.py``, so it needs only the standard library (and NumPy when an
array passes). What comes from a worker is hostile: ``decode`` accepts a closed list of types, bounds every size, and
raises ``WireError`` on anything else.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any

REPLY_BYTES = 1_000_000  #: longest message that a grader accepts
MAX_DEPTH = 40
MAX_DIGITS = 400
MAX_COLLISIONS = 100  #: members of one set or dict with the same hash
_SAFE_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
)  # fmt: skip
# Possessive, and a string without an end reaches to the end: linear in the length, whatever comes.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


class WireError(Exception):
    """A message that is not what the protocol allows; the text is safe to show."""


class Unsendable(Exception):
    """A value that can't cross: ``kind`` names its type."""

    def __init__(self, kind: str):
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, eq=False)
class Tensor:
    """A torch tensor on the grader's side, which knows no torch: its values as an array (bfloat16 as float32)."""

    array: Any


def pack(message: Any) -> bytes:
    """A message as it crosses: four bytes of length (big-endian), then JSON."""
    body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii")
    return struct.pack(">I", len(body)) + body


def unpack(body: bytes) -> dict[str, Any]:
    """A message from its JSON bytes; raises WireError unless it is an object of bounded depth and numbers."""
    if _depth(body) > MAX_DEPTH * 3:  # a value of one level takes up to three brackets
        raise WireError("nested too deep")
    try:
        message = json.loads(body, parse_int=_int, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WireError("not a message") from error
    if not isinstance(message, dict):
        raise WireError("not a message")
    return message


def encode(value: Any, depth: int = 0) -> Any:
    """A value as JSON. Raises Unsendable for a type that is not on the list (see ``decode``)."""
    if depth > MAX_DEPTH:
        raise Unsendable("nested too deep")
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind.__module__ == "numpy":
        return _encode_numpy(value, depth)
    if kind.__module__.partition(".")[0] == "torch" and kind.__name__ in ("Tensor", "Parameter"):
        return {"t": "tensor", "v": _encode_numpy(_array_of(value), depth)}
    if kind is Tensor:
        return {"t": "tensor", "v": _encode_numpy(value.array, depth)}
    if kind is int:
        if value.bit_length() > MAX_DIGITS * 3:
            raise Unsendable(f"a whole number of {value.bit_length():,} bits")
        return value
    if kind is float:
        return value if math.isfinite(value) else {"t": "float", "v": repr(value)}
    if kind is str:
        return {"t": "str", "v": value.encode("utf-8", "surrogatepass").hex()} if _odd(value) else value
    if isinstance(value, (list, tuple, set, frozenset)):
        name = next(one.__name__ for one in (list, tuple, set, frozenset) if isinstance(value, one))
        return {"t": name, "v": [encode(one, depth + 1) for one in value]}
    if isinstance(value, dict):
        return {"t": "dict", "v": [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in dict.items(value)]}
    raise Unsendable(kind.__name__ if kind.__module__ == "builtins" else f"object of type {kind.__name__}")


def decode(data: Any, torch: Any = None, depth: int = 0) -> Any:
    """The value of an encoded one: None, bool, int, float, str, list, tuple, set, dict, NumPy scalar or array, Tensor.

    Args:
        torch: the module, in a worker that wants real tensors; None makes ``Tensor``.

    Raises:
        WireError: anything else.
    """
    if depth > MAX_DEPTH:
        raise WireError("nested too deep")
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if not isinstance(data, dict) or set(data) != {"t", "v"}:
        raise WireError("not a value")
    kind, inner = data["t"], data["v"]
    if kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if kind == "str" and isinstance(inner, str):
        return _unhex(inner)
    if kind in ("list", "tuple", "set", "frozenset") and isinstance(inner, list):
        parts = [decode(one, torch, depth + 1) for one in inner]
        try:
            if kind.endswith("set"):
                _require_spread(parts)
            return {"list": list, "tuple": tuple, "set": set, "frozenset": set}[kind](parts)
        except TypeError:
            raise WireError("a set of what can't be in a set") from None
    if kind == "dict" and isinstance(inner, list):
        return _decode_dict(inner, torch, depth)
    if kind in ("array", "scalar"):
        return _decode_numpy(kind, inner)
    if kind == "tensor":
        array = decode(inner, None, depth + 1)
        if type(array).__module__ != "numpy" or not hasattr(array, "dtype"):
            raise WireError("a tensor without values")
        return Tensor(array) if torch is None else torch.from_numpy(array.copy())
    raise WireError("not a value")


def _encode_numpy(value: Any, depth: int) -> Any:
    import numpy as np

    if isinstance(value, np.generic) and value.dtype.name in _SAFE_DTYPES:
        return {"t": "scalar", "v": [value.dtype.name, encode(value.item(), depth + 1)]}
    if isinstance(value, np.str_):
        return encode(str(value), depth + 1)
    if isinstance(value, np.ndarray) and value.dtype.name in _SAFE_DTYPES:
        raw = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"t": "array", "v": [value.dtype.name, list(value.shape), raw]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        flat = [encode(one, depth + 1) for one in value.ravel().tolist()]
        return {"t": "array", "v": ["object", list(value.shape), flat]}
    raise Unsendable(f"NumPy {type(value).__name__} of {getattr(value, 'dtype', '?')}")


def _decode_numpy(kind: str, inner: Any) -> Any:
    import numpy as np

    if not isinstance(inner, list) or len(inner) != (2 if kind == "scalar" else 3):
        raise WireError("not an array")
    name, values = inner[0], inner[-1]
    if not isinstance(name, str) or (name not in _SAFE_DTYPES and (name, kind) != ("object", "array")):
        raise WireError("an array of another kind")
    try:
        if kind == "scalar":
            with np.errstate(all="ignore"):
                return np.dtype(name).type(decode(values))
        shape = inner[1]
        if not isinstance(shape, list) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise WireError("an array of impossible shape")
        if name == "object":
            flat = np.empty(len(values), dtype=object)
            flat[:] = [decode(one) for one in values]
        else:
            flat = np.frombuffer(base64.b64decode(values, validate=True), dtype=name).copy()
        if math.prod(shape) != len(flat):
            raise WireError("an array of another shape than its values")
        return flat.reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise WireError("not an array") from error


def _decode_dict(pairs: list[Any], torch: Any, depth: int) -> dict[Any, Any]:
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise WireError("not a dict")
    keys = [decode(key, torch, depth + 1) for key, _ in pairs]
    try:
        _require_spread(keys)
        return dict(zip(keys, [decode(one, torch, depth + 1) for _, one in pairs], strict=True))
    except TypeError:
        raise WireError("a dict with a key that can't be one") from None


def _require_spread(members: list[Any]) -> None:
    """Hashes of whole numbers are no secret: thousands of one hash would keep the grader busy for minutes."""
    seen: dict[int, int] = {}
    for one in members:
        key = hash(one)
        seen[key] = seen.get(key, 0) + 1
    if max(seen.values(), default=0) > MAX_COLLISIONS:
        raise WireError("a set or dict whose members have one hash")


def _array_of(tensor: Any) -> Any:
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def _depth(body: bytes) -> int:
    """Deepest nesting of brackets outside strings, found without recursion."""
    deepest = level = 0
    for token in _TOKEN.finditer(body):
        level += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        deepest = max(deepest, level)
    return deepest


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise WireError("a whole number of too many digits")
    return int(digits)


def _refuse(constant: str) -> float:
    raise WireError(f"{constant} is not JSON")


def _odd(text: str) -> bool:
    """Whether a text has lone surrogates, which UTF-8 can't carry."""
    return any("\ud800" <= c <= "\udfff" for c in text)


def _unhex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8", "surrogatepass")
    except ValueError:
        raise WireError("not a text") from None
