"""Seeds: the same numbers in every process, independent streams under one seed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


def test_same_numbers_in_a_new_process():
    code = "from course_lib.core.seeds import generator; print(generator(7, 'people', 3).integers(2**62, size=4))"
    run = [sys.executable, "-c", code]
    shown = {
        subprocess.run(run, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": s}).stdout
        for s in ("1", "2")
    }
    assert shown == {f"{generator(7, 'people', 3).integers(2**62, size=4)}\n"}


def test_streams_differ_by_seed_name_order_and_number():
    drawn = [
        generator(seed, *names).random()
        for seed in (0, 1, 2**40)
        for names in ((), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", 1), ("a", 2))
    ]
    assert len(set(drawn)) == len(drawn)


def test_streams_are_uncorrelated():
    streams = np.stack([generator(0, "stream", i).normal(size=4_000) for i in range(12)])
    correlations = np.corrcoef(streams)[np.triu_indices(12, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(4_000)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ContractError, match="the seed is "):
        generator(seed, "a")


def test_numpy_seeds_are_seeds():
    assert generator(np.int64(5), "a").random() == generator(5, "a").random()
