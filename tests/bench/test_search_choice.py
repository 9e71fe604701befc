"""Leaving a query out: its own value has no say in its form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.bench.search_choice import choose, left_out, pick
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.measurement import Report


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**20))
def test_each_query_gets_the_best_form_of_the_others(n, forms, seed):
    table = np.random.default_rng(seed).integers(0, 4, (forms, n)) / 4
    chosen, overall = left_out({str(form): row for form, row in enumerate(table)})
    for query in range(n):
        others = np.delete(table, query, axis=1).sum(axis=1)
        assert int(chosen[query]) == int(others.argmax())
        changed = table.copy()
        changed[:, query] = np.random.default_rng(seed + 1).random(forms)
        assert left_out({str(form): row for form, row in enumerate(changed)})[0][query] == chosen[query]
    assert int(overall) == int(table.sum(axis=1).argmax())


def test_choosing_by_luck_gains_nothing():
    """Forms that differ by chance alone: the best of them looks good, the chosen one is not."""
    table = np.random.default_rng(0).random((20, 200))
    values = {str(form): row for form, row in enumerate(table)}
    chosen, overall = left_out(values)
    found = np.mean([values[form][query] for query, form in enumerate(chosen)])
    assert values[overall].mean() > 0.53 and found == pytest.approx(0.5, abs=0.04)


def test_rows_come_from_the_form_that_they_were_given():
    keys, items = IdMap("query", ["a", "b", "c"]), IdMap("item", ["x", "y"])
    scores = np.array([[2.0, 1.0]] * 3)
    lists = {name: Ranking(np.array([row] * 3), scores, keys, items) for name, row in (("one", [0, 1]), ("two", [1, 0]))}

    def measure(ranking: Ranking) -> Report:
        """Queries a and c are judged, and y is right."""
        first = ranking.ids[[0, 2], 0] == 1
        counts = {"missing": 0, "unjudged": 0, "no_relevant": 0}
        return Report(("a", "c"), {"hit": first.astype(float)}, **counts, kind="query", gain="exponential", seed=0)

    forms, count = choose(lists, measure, "hit")
    assert forms == ["two"] * 3 and count == {"two": 2}
    np.testing.assert_array_equal(pick(lists, ["one", "two", "one"]).ids, [[0, 1], [1, 0], [0, 1]])
