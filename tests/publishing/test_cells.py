"""Numbers in cells: the same text of a report, of what was saved of it, and of a row."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.publishing.figures import estimate, p_text
from course_lib.shop.measurement import Report, compare, results_table


def report(values: list[float]) -> Report:
    keys = tuple(f"u{i}" for i in range(len(values)))
    return Report(keys, {"ndcg@20": np.array(values)}, 0, 0, 0, "user", "exponential", 0)


A, B = report([0.1, 0.5, 0.9, 0.3]), report([0.0, 0.5, 0.7, 0.4])


def test_a_report_and_what_was_saved_of_it_read_alike():
    low, high = A.interval["ndcg@20"]
    text = f"0.450 [{low:.3f},\u00a0{high:.3f}]"
    row = results_table({"a": A, "b": B}, baseline="b")[0]  # has a mean and a difference: the mean is shown
    assert estimate(A, "ndcg@20", digits=1) == f"{A['ndcg@20']:.1f} [{low:.1f},\u00a0{high:.1f}]"
    assert estimate(A, "ndcg@20") == estimate(A.to_dict(), "ndcg@20") == estimate(row) == text


def test_a_difference_has_its_sign():
    tested = compare(A, B).to_dict()
    assert estimate(tested) == f"+0.050 [{tested['low']:+.3f},\u00a0{tested['high']:+.3f}]"
    assert estimate(compare(B, A).to_dict()).startswith("-0.050 [")


@pytest.mark.parametrize(
    ("found", "metric", "says"),
    [
        (A, None, "no None"),
        (A, "map@3", "no 'map@3'"),
        (A.to_dict(), "map@3", "no 'map@3'"),
        ({"mean": 0.5}, None, "a row of mean has no"),
        ({"low": 0.1, "high": 0.2}, None, "a row of low, high has no"),
        ({}, None, "a row of nothing"),
    ],
)
def test_refuses(found, metric, says):
    with pytest.raises(ContractError, match=says):
        estimate(found, metric)


def test_p_values_are_no_more_exact_than_the_test():
    assert [p_text(p) for p in (None, 0.0001, 0.00099, 0.001, 0.0424, 1.0)] == [
        "", "<\u00a00.001", "<\u00a00.001", "0.001", "0.042", "1.000",
    ]  # fmt: skip
