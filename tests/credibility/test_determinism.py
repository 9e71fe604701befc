"""The same seed writes the same parquet files, byte for byte, in two processes; another seed writes others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from course_lib.core.fingerprint import ROOT

CODE = """
import sys; sys.path.insert(0, sys.argv[1])
import hashlib, io
from course_lib import Shop
shop = Shop.simulate(300, 100, 80, 60, seed=int(sys.argv[2]), language=sys.argv[3])
for name in ("items", "queries", "judgements", "users", "events"):
    buffer = io.BytesIO()
    getattr(shop, name).to_parquet(buffer)
    print(name, hashlib.sha256(buffer.getvalue()).hexdigest())
"""


def digests(seed: int, language: str, hash_seed: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(ROOT), str(seed), language],
        capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_same_seed_same_parquet_bytes(language):
    first = digests(5, language, "1")
    assert len(first) == 5 and first == digests(5, language, "2")
    other = digests(6, language, "1")
    assert all(first[name] != other[name] for name in first)
