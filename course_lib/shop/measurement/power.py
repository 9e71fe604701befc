"""Power: how many requests must be seen before a difference of a given size can be told from luck."""

from __future__ import annotations

import math

from scipy.stats import norm

from course_lib.core.errors import ContractError


def requests_needed(
    spread: float, difference: float, *, arms: int = 2, power: float = 0.8, level: float = 0.05
) -> int:
    """Requests in each arm, so that a true difference of the means is found with this probability.

    n = arms · (z_{1 − level/2} + z_power)² · spread² / difference²: the normal approximation of a two-sided test (Cohen
    1988, *Statistical Power Analysis for the Behavioral Sciences*, chapter 2). The squared sum is 7.85 by default.

    Args:
        spread: with two arms, the standard deviation of a request's value; with one, that of the paired differences.
        difference: of the two means, in the same unit, of either sign.
        arms: 2, where each request sees one of two systems (an A/B test); 1, where both answer the same requests.
        power: probability of finding a difference that is there.
        level: probability of "finding" one that isn't.

    Requests count as independent; where a customer makes many, count customers.

    Raises:
        ContractError: a negative or infinite spread, a difference of 0, other arms, or probabilities outside 0–1.
    """
    if not (math.isfinite(spread) and spread >= 0 and math.isfinite(difference)) or difference == 0:
        raise ContractError(f"spread is {spread}, difference {difference}; a spread is at least 0, a difference not 0")
    if arms not in (1, 2) or not (0 < power < 1 and 0 < level < 1):
        raise ContractError(f"arms {arms} must be 1 or 2; power {power} and level {level} lie between 0 and 1")
    z = norm.isf(level / 2) + norm.ppf(power)
    return math.ceil(arms * (z * spread / difference) ** 2)
