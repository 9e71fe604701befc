"""Turnover: 1 where shares never change, falling where they drift; bad input is one line."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.shop.simulator.fashion import draw_fashion
from course_lib.shop.simulator.turnover import turnover

RNG = np.random.default_rng(0)


def events(rates: np.ndarray, n: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    """Items and weeks of n events with probabilities proportional to ``rates`` [n_items, n_weeks]."""
    cell = RNG.choice(rates.size, size=n, p=rates.ravel() / rates.sum())
    return cell // rates.shape[1], cell % rates.shape[1]


def test_constant_shares_have_turnover_one_whatever_the_weeks_total_is():
    rates = np.outer(np.arange(1, 301) ** -0.8, RNG.uniform(0.5, 2, size=26))
    assert turnover(*events(rates)) == pytest.approx(1, abs=0.02)


def test_an_exponential_chain_of_log_rates_has_the_moment_that_theory_gives():
    """E[exp(f_0 + f_l)] / E[exp(f)]^2 = exp(s² r^l) for a stationary Gaussian chain; a finite log moves the level."""
    chain = draw_fashion(4_000, 260, 0.5, 0.9, RNG)
    measured = turnover(*events(np.exp(chain.astype(float)), n=3_000_000), lags=(1, 4, 8), least=60)
    assert np.diff(measured) == pytest.approx(np.diff(np.exp(0.25 * 0.9 ** np.array([1, 4, 8]))), abs=0.01)


def test_fashion_is_a_stationary_chain():
    chain = draw_fashion(20_000, 12, 1.4, 0.92, RNG)
    assert chain.std(axis=0) == pytest.approx(1.4, rel=0.03)
    assert np.corrcoef(chain[:, 3], chain[:, 4])[0, 1] == pytest.approx(0.92, abs=0.01)
    assert np.corrcoef(chain[:, 0], chain[:, 8])[0, 1] == pytest.approx(0.92**8, abs=0.02)


@pytest.mark.parametrize(
    "item, week, options",
    [
        ([1, 2], [0], {}),
        ([], [], {}),
        ([1] * 100, list(range(25)) * 4, {"lags": (25,)}),
        ([1] * 100, list(range(25)) * 4, {"lags": (0,)}),
        ([1] * 50, list(range(25)) * 2, {}),
    ],
)
def test_bad_input_is_one_line(item, week, options):
    with pytest.raises(ContractError):
        turnover(np.array(item, dtype=int), np.array(week, dtype=int), **options)
