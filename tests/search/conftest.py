"""What the tests of the search branch share."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from course_lib.search.engine import QueryLog, SearchEngine
from course_lib.shop.shop import Shop


class WordHash:
    """A stand-in for an encoder that takes no time: each word a fixed direction, a text the sum of its words.

    It keeps the encoder's contract (``encode``, ``dimension``); what an encoder knows of meaning, it doesn't.
    """

    dimension = 24

    def encode(self, texts, progress=False):
        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest())
                out[row] += np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


@pytest.fixture(scope="session")
def word_hash() -> WordHash:
    return WordHash()


@pytest.fixture(scope="session")
def small_shop() -> Shop:
    return Shop.simulate(n_items=300, n_users=60, n_queries=80, events_per_user=30, seed=0)


@pytest.fixture(scope="session")
def words_engine(small_shop) -> SearchEngine:
    """Read only: tests that change an engine make their own."""
    return SearchEngine(log=QueryLog.of_shop(small_shop)).fit(small_shop.items)


@pytest.fixture(scope="session")
def engine(small_shop) -> SearchEngine:
    """The same with a (quick) encoder; read only."""
    return SearchEngine(WordHash(), log=QueryLog.of_shop(small_shop)).fit(small_shop.items)
