"""Seeds: one number in, the same course out, on every run and in every process."""

from __future__ import annotations

import hashlib

import numpy as np

from course_lib.core.errors import ContractError


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """An independent random stream for each name under one seed.

    Streams are derived from a hash of the names (SeedSequence spawn keys), so that adding a stream later does not
    move the numbers of the others: ``generator(0, "people", "budget")``.

    Raises:
        ContractError: the seed is not a whole number of at least 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ContractError(f"the seed is {seed!r}; it must be a whole number of at least 0")
    digest = hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=16).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.default_rng(np.random.SeedSequence(entropy=int(seed), spawn_key=words))
