"""Which form of a system each query gets: the one that was best on all *other* judged queries (leave one out).

A form that is chosen for its figure on some queries looks better on these than it is. Here no query's judgements have a
say in its own list, so that the mean over queries is that of the way of choosing, looks and all.

Source: Stone, "Cross-validatory choice and assessment of statistical predictions" (1974).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course_lib.core.ranking import Ranking
from course_lib.shop.measurement import Report


def left_out(values: Mapping[str, np.ndarray]) -> tuple[list[str], str]:
    """The form for each of n queries, and for a query without judgements.

    Args:
        values: form → float [n], how good its list is for each query; of equally good forms the first counts.

    Returns:
        n forms, each with the best mean over the other queries (of a single query: the first form); and the best of all.
    """
    forms, table = list(values), np.stack(list(values.values()))
    others = table.sum(axis=1, keepdims=True) - table
    # Rounded: of two equal sums neither may win by the order in which they were added up.
    return [forms[row] for row in np.round(others, 9).argmax(axis=0)], forms[int(np.round(table.sum(axis=1), 9).argmax())]


def choose(
    lists: Mapping[str, Ranking], measure: Callable[[Ranking], Report], metric: str
) -> tuple[list[str], dict[str, int]]:
    """The form for each row of the lists, by its metric on the other judged queries.

    Returns:
        A form for each row; and how many of the judged queries got each form, the most frequent first.
    """
    reports = {form: measure(ranking) for form, ranking in lists.items()}
    first = next(iter(reports.values()))
    chosen, overall = left_out({form: report.per_query[metric] for form, report in reports.items()})
    by_key = dict(zip(first.keys, chosen))
    keys = next(iter(lists.values())).keys
    return [by_key.get(key, overall) for key in keys], dict(Counter(chosen).most_common())


def pick(lists: Mapping[str, Ranking], forms: Sequence[str]) -> Ranking:
    """One ranking, each row from the form that it was given."""
    some = next(iter(lists.values()))
    ids = np.stack([lists[form].ids[row] for row, form in enumerate(forms)])
    scores = np.stack([lists[form].scores[row] for row, form in enumerate(forms)])
    return Ranking(ids, scores, some.keys, some.items)
