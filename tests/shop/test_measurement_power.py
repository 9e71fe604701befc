"""Requests needed: against a library, and against simulated tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.power import requests_needed


@pytest.mark.parametrize("difference", [0.2, -0.5, 0.05])
def test_as_the_textbook_has_it(difference):
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert requests_needed(1.0, difference) == math.ceil(2 * z**2 / difference**2)
    assert requests_needed(1.0, 0.5) == 63  # Cohen 1988, table 2.4.1: 64 with the t distribution


def test_half_the_difference_needs_four_times_as_many():
    assert requests_needed(3.0, 0.01) == pytest.approx(4 * requests_needed(3.0, 0.02), abs=4)
    assert requests_needed(3.0, 0.1, arms=1) == pytest.approx(requests_needed(3.0, 0.1) / 2, abs=1)
    assert requests_needed(3.0, 0.1, power=0.9) > requests_needed(3.0, 0.1) > requests_needed(3.0, 0.1, level=0.1)
    assert requests_needed(0.0, 0.1) == 0


def test_the_power_that_was_asked_for_is_the_power_that_tests_have():
    random, difference = np.random.default_rng(0), 0.3
    n = requests_needed(1.0, difference)
    found = np.mean([
        stats.ttest_ind(random.normal(difference, 1, n), random.normal(0, 1, n)).pvalue < 0.05 for _ in range(2_000)
    ])  # fmt: skip
    assert found == pytest.approx(0.8, abs=0.035)  # about 4 standard errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((-1.0, 0.1), "spread is -1.0"),
        ((math.inf, 0.1), "spread is inf"),
        ((1.0, 0.0), "difference 0.0"),
        ((1.0, math.nan), "difference nan"),
    ],
)
def test_refuses(arguments, says):
    with pytest.raises(ContractError, match=says):
        requests_needed(*arguments)


@pytest.mark.parametrize("wrong", [{"arms": 3}, {"power": 1.0}, {"level": 0.0}])
def test_refuses_other_settings(wrong):
    with pytest.raises(ContractError, match="must be 1 or 2"):
        requests_needed(1.0, 0.1, **wrong)
