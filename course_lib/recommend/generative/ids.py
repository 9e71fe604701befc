"""Semantic ids: the codes of a product's content, and a last number that tells products of equal codes apart."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


class Quantiser(Protocol):
    """What names vectors: ``ResidualKMeans``, ``RQVAE``, ``ByLot``."""

    levels: int
    size: int

    def fit(self, vectors: np.ndarray) -> Self: ...

    def encode(self, vectors: np.ndarray) -> np.ndarray: ...


class ByLot:
    """The control: codes that mean nothing, drawn for each vector. What a model gains over these, it gains by meaning."""

    def __init__(self, levels: int = 3, size: int = 256, *, seed: int = 0):
        self.levels, self.size, self.seed = levels, size, seed

    def fit(self, vectors: np.ndarray) -> Self:
        """Learns nothing."""
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """int64 [n, levels]; the vectors count nothing."""
        return generator(self.seed, "codes by lot").integers(self.size, size=(len(vectors), self.levels))


class SemanticIds:
    """One word for each item: its codes, then a number that counts the items with the same codes.

    Args:
        codes: int64 [n_items, levels]. size: of each level.
        order: int64 [n_items], the rows in the order in which equal codes are numbered. Give no order that knows more
            than the training data does: where rows were numbered by first purchase, the row itself is a leak.
        numbers: how many numbers there are; ``None``: as many as are needed now.

    Attributes:
        words: int64 [n_items, levels + 1], no two rows alike. sizes: of each place of a word.

    Raises:
        ContractError: codes that fit nothing, an order that isn't one, or more equal codes than numbers.
    """

    def __init__(self, codes: np.ndarray, size: int, *, order: np.ndarray | None = None, numbers: int | None = None):
        codes = np.asarray(codes)
        if codes.ndim != 2 or not codes.size or codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= size:
            raise ContractError(f"codes must be whole numbers [n_items, levels] from 0 to below {size}, at least one")
        order = np.arange(len(codes)) if order is None else np.asarray(order)
        if not np.array_equal(np.sort(order), np.arange(len(codes))):
            raise ContractError("order must name each row once")
        _, group = np.unique(codes, axis=0, return_inverse=True)
        group = group.ravel()
        by_group = order[np.argsort(group[order], kind="stable")]
        number = np.empty(len(codes), dtype=np.int64)
        number[by_group] = np.arange(len(codes)) - np.searchsorted(group[by_group], group[by_group])
        self.numbers = int(number.max()) + 1 if numbers is None else numbers
        if number.max() >= self.numbers:
            remedy = "Use more levels or codes, or vectors that tell the products apart"
            raise ContractError(f"{number.max() + 1} products have the same codes, for {self.numbers} numbers", remedy=remedy)
        self.words = np.column_stack([codes, number]).astype(np.int64)
        self.size, self.sizes = size, (*[size] * codes.shape[1], self.numbers)

    @property
    def codes(self) -> np.ndarray:
        """int64 [n_items, levels], without the last number."""
        return self.words[:, :-1]

    def extended(self, codes: np.ndarray) -> SemanticIds:
        """With new items after the others (codes int64 [m, levels]); the words of the others stay.

        Raises:
            ContractError: no number is left for one of them.
        """
        order = np.append(np.argsort(self.words[:, -1], kind="stable"), len(self.words) + np.arange(len(codes)))
        return SemanticIds(np.vstack([self.codes, codes]), self.size, order=order, numbers=self.numbers)

    def __len__(self) -> int:
        return len(self.words)


def collisions(codes: np.ndarray) -> dict[str, float]:
    """How many products share their codes with another: ``names`` (different codes), ``shared`` (share of the products
    that are not alone), ``largest`` (products with the most common codes)."""
    _, group, count = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return {"names": len(count), "shared": float((count[group.ravel()] > 1).mean()), "largest": int(count.max())}


def usage(codes: np.ndarray, size: int) -> list[dict[str, Any]]:
    """Of each level how many codes are in use, and how many equally common ones would be as hard to guess.

    That is 2^H, with the entropy H of the level in bits: ``size`` where all are equally common, 1 where there is but one.
    """
    rows = []
    for column in codes.T:
        share = np.bincount(column, minlength=size) / len(column)
        share = share[share > 0]
        rows.append({"used": len(share), "effective": float(2 ** -(share * np.log2(share)).sum())})
    return rows
