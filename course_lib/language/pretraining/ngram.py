"""The baseline of every language model: count which token follows which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.errors import ContractError


class Bigram:
    """p(w | v) = (c(v, w) + μ p(w)) / (c(v) + μ): pairs as counted, pulled towards the frequency of the token.

    Smoothing with a Dirichlet prior (MacKay & Peto 1995); p(w) has one added to each count.

    Args:
        size: v, the number of tokens. mu: how many observations the frequency is worth.
    """

    def __init__(self, size: int, mu: float = 10.0):
        if size < 1 or not mu > 0:
            raise ContractError(f"size is {size} and mu {mu}; size must be at least 1 and mu above 0")
        self.size, self.mu = size, mu

    def fit(self, pieces: Iterable[Sequence[int]]) -> Self:
        """Count the pairs of neighbours in sequences of token ids."""
        before, after = _pairs(pieces)
        self._pairs = csr_matrix((np.ones(len(before)), (before, after)), shape=(self.size, self.size))
        self._follows = np.bincount(before, minlength=self.size)
        frequency = np.bincount(after, minlength=self.size) + 1
        self._frequency = frequency / frequency.sum()
        return self

    def probabilities(self, token: int) -> np.ndarray:
        """float [v]: of every token, to follow this one."""
        seen = self._pairs[token].toarray()[0]
        return (seen + self.mu * self._frequency) / (self._follows[token] + self.mu)

    def cross_entropy(self, pieces: Iterable[Sequence[int]]) -> float:
        """Mean −log p(token | the one before it), in nats, over all tokens but the first of each piece."""
        before, after = _pairs(pieces)
        seen = np.asarray(self._pairs[before, after]).ravel()
        chance = (seen + self.mu * self._frequency[after]) / (self._follows[before] + self.mu)
        return float(-np.log(chance).mean())


def _pairs(pieces: Iterable[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    rows = [np.asarray(piece, dtype=np.int64) for piece in pieces]
    rows = [row for row in rows if len(row) > 1]
    if not rows:
        raise ContractError("no sequence has two tokens, so there is no pair to count")
    return np.concatenate([row[:-1] for row in rows]), np.concatenate([row[1:] for row in rows])
