"""Peeking: a test that is looked at again and again finds something sooner or later."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator


def peeking(
    looks: int = 20, cases_per_look: int = 100, *, experiments: int = 4_000, level: float = 0.05, seed: int = 0
) -> np.ndarray:
    """How often an A/A test "finds" something when somebody looks again and again and stops at the first p < level.

    Both arms are the same, so every finding is false. Each look tests all cases so far with a two-sided z-test.
    Armitage, McPherson and Rowe 1969 (J. R. Stat. Soc. A 132): .05 at one look, .083 at 2, .142 at 5, .193 at 10.

    Returns:
        float64 [looks]: the share of experiments that have stopped by look 1, 2, …

    Raises:
        ContractError: a size below 1, or a level outside 0–1.
    """
    if min(looks, cases_per_look, experiments) < 1 or not 0 < level < 1:
        raise ContractError("looks, cases and experiments must be at least 1, and the level between 0 and 1")
    random = generator(seed, "measurement", "peeking")
    # The sum of n differences of variance 1 is normal with variance n; no need to draw the single cases.
    steps = random.standard_normal((experiments, looks)) * math.sqrt(cases_per_look)
    z = np.cumsum(steps, axis=1) / np.sqrt(cases_per_look * np.arange(1, looks + 1))
    found = np.abs(z) > norm.isf(level / 2)
    return np.maximum.accumulate(found, axis=1).mean(axis=0)
