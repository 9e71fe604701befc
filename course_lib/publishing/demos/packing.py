"""One run of bytes out of arrays and words, which a page can read: a JSON header, then each array at a multiple of 4."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError

TYPES = ("int8", "uint8", "uint16", "uint32", "int32", "float32")


def pack(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Length of the header (uint32, little-endian), the header ``{meta, arrays: {name: [type, shape, offset]}}``, the arrays.

    Raises:
        ContractError: an array of a type that is not in ``TYPES``.
    """
    entries, parts, at = {}, [], 0
    for name, array in arrays.items():
        if array.dtype.name not in TYPES:
            raise ContractError(f"{name} is {array.dtype.name}", remedy=f"Use one of {', '.join(TYPES)}")
        content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        entries[name] = [array.dtype.name, list(array.shape), at]
        content += bytes(-len(content) % 4)
        parts.append(content)
        at += len(content)
    header = json.dumps({"meta": dict(meta), "arrays": entries}, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    return b"".join([len(header).to_bytes(4, "little"), header, *parts])


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What ``pack`` was given."""
    size = int.from_bytes(content[:4], "little")
    header, body = json.loads(content[4 : 4 + size]), content[4 + size :]
    arrays = {
        name: np.frombuffer(body, np.dtype(kind).newbyteorder("<"), int(np.prod(shape)), at).reshape(shape)
        for name, (kind, shape, at) in header["arrays"].items()
    }
    return header["meta"], arrays


def quantise(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 per row: int8 [n, m] and the scale of each row, float32 [n]; row ≈ scale · int8.

    The largest entry of a row becomes ±127, so that no entry is off by more than half a scale (Jacob et al. 2018,
    https://arxiv.org/abs/1712.05877, §2, with zero-point 0).
    """
    matrix = np.asarray(matrix, dtype=np.float32)
    scale = np.abs(matrix).max(axis=1, initial=0) / 127
    safe = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(matrix / safe[:, None]).astype(np.int8), scale.astype(np.float32)


def dequantise(whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The matrix that a page computes with: float32 [n, m]."""
    return whole.astype(np.float32) * scale[:, None]
