"""Many comparisons at once: with twenty tests at 5 %, one "finding" among methods that are all the same is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.comparison import Comparison, compare
from course_lib.shop.measurement.report import Report


@dataclass(frozen=True)
class Member:
    """One comparison of a family: a − b, with the p-value as tested alone and as adjusted for the whole family."""

    a: str
    b: str
    comparison: Comparison
    p_adjusted: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-like: the two names, everything of the comparison, and ``p_adjusted``."""
        return {"a": self.a, "b": self.b, **self.comparison.to_dict(), "p_adjusted": self.p_adjusted}


@dataclass(frozen=True)
class Family:
    """What ``compare_all`` tested together, in the order of the reports; iterate, or read ``rows()``."""

    members: tuple[Member, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One JSON-like row per comparison."""
        return [member.to_dict() for member in self.members]

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        lines = [
            f"{m.a} − {m.b}: {m.comparison.metric} {m.comparison.difference:+.4f}, "
            f"p = {m.comparison.p_value:.4f}, adjusted {m.p_adjusted:.4f}"
            for m in self.members
        ]
        return "\n".join([f"Family of {len(self)} comparisons (Holm)", *lines])


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjusted p-values of m tests that keep the chance of *any* false finding at the level, however they depend.

    The i-th smallest is multiplied by m − i + 1, and none may fall below a smaller one's (Holm 1979, Scandinavian
    Journal of Statistics 6). Never above 1; the order of the input stands.

    Raises:
        ContractError: a value outside 0–1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ContractError("p-values must be a list of numbers from 0 to 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def compare_all(
    reports: Mapping[str, Report],
    metrics: Sequence[str] | str | None = None,
    *,
    baseline: str | None = None,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> Family:
    """Compare several methods and adjust the p-values for the number of comparisons (``holm``).

    Args:
        reports: method -> its report; all of the same keys.
        metrics: what to test; default: the first metric that all have. Every metric more is a test more per pair.
        baseline: test each other method against this one; default: every pair, the later minus the earlier.
        n_permutations: of each test. The smallest p-value is 1 / (n_permutations + 1); it must stay small after it is
            multiplied by the size of the family.
        seed: of the tests and of the bootstrap.

    Raises:
        ContractError: fewer than two reports, an unknown baseline, or what ``compare`` refuses.
    """
    names = list(reports)
    if len(names) < 2:
        raise ContractError(f"{len(names)} report(s) make no comparison", remedy="Pass at least two, by name")
    if baseline is not None and baseline not in reports:
        raise ContractError(f"the baseline {baseline!r} is not among the reports: {', '.join(names)}")
    wrong = next((name for name in names if not isinstance(reports[name], Report)), None)
    if wrong is not None:
        what = f"{wrong!r} is a {type(reports[wrong]).__name__}, not a Report"
        raise ContractError(what, remedy="Call evaluate first")
    if metrics is None:
        metrics = [m for m in reports[names[0]].per_query if all(m in reports[name].per_query for name in names)][:1]
        if not metrics:
            raise ContractError("the reports share no metric")
    metrics = list(dict.fromkeys([metrics] if isinstance(metrics, str) else metrics))
    pairs = combinations(names, 2) if baseline is None else ((baseline, name) for name in names if name != baseline)
    tested = [
        (a, b, compare(reports[a], reports[b], metric, n_permutations=n_permutations, seed=seed))
        for b, a in pairs
        for metric in metrics
    ]
    adjusted = holm([found.p_value for _, _, found in tested])
    return Family(tuple(Member(a, b, found, float(p)) for (a, b, found), p in zip(tested, adjusted)))
