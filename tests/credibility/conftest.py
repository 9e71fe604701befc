"""One shop of a size at which every property of the simulator can be measured, and its log."""

from __future__ import annotations

import pytest

from course_lib import Shop
from course_lib.shop.log import Log, read_log


@pytest.fixture(scope="session")
def large() -> Shop:
    """2,000 items, 10,000 users, a million events. Tests must not change it."""
    return Shop.simulate(n_users=10_000, seed=1)


@pytest.fixture(scope="session")
def log(large) -> Log:
    return read_log(large)
