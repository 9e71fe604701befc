"""``compare``: is one ranking really better than another?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.report import Report
from course_lib.shop.measurement.resampling import CONFIDENCE, bootstrap, sign_flip

_EQUAL = 1e-12  # the same list may get sums that differ in the last bit, by where BLAS puts its row; relative above 1


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` found; ``difference`` is the mean of a − b.

    Attributes:
        metric: the metric compared.
        difference: mean over keys of a − b.
        interval: 95 % percentile bootstrap interval of the difference.
        p_value: of the two-sided paired randomisation test.
        n: number of queries or users.
        wins, ties, losses: keys where a is above, equal to, below b.
        kind: ``"query"`` or ``"user"``.
    """

    metric: str
    difference: float
    interval: tuple[float, float]
    p_value: float
    n: int
    wins: int
    ties: int
    losses: int
    kind: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-like: every attribute by its name, the interval as ``low`` and ``high``."""
        low, high = self.interval
        head = {"metric": self.metric, "difference": self.difference, "low": low, "high": high, "p_value": self.p_value}
        return {**head, "n": self.n, "wins": self.wins, "ties": self.ties, "losses": self.losses, "kind": self.kind}

    def __repr__(self) -> str:
        noun = "queries" if self.kind == "query" else "users"
        return (
            f"{self.metric}: a − b = {self.difference:+.4f} ({CONFIDENCE} % CI {self.interval[0]:+.4f} to "
            f"{self.interval[1]:+.4f}), p = {self.p_value:.4f} in a paired randomisation test over {self.n:,} {noun}; "
            f"a wins {self.wins:,}, ties {self.ties:,}, loses {self.losses:,}."
        )


def compare(
    report_a: Report, report_b: Report, metric: str | None = None, *, n_permutations: int = 10_000, seed: int = 0
) -> Comparison:
    """Is a better than b? Paired two-sided randomisation test on the mean difference (Smucker et al. 2007, CIKM).

    Under the null hypothesis the two values of a key could be swapped, which flips the sign of their difference. With
    m keys that differ, all 2^m flips are tried when 2^m ≤ ``n_permutations``, and p is the exact share of those at
    least as extreme as what was seen; otherwise p = (b + 1) / (``n_permutations`` + 1), where b random flips are.

    Args:
        report_a, report_b: of the same keys against the same relevance; joined by key.
        metric: default: the first of a's that b has too.
        n_permutations: number of random flips, at least 1.
        seed: of the flips and of the bootstrap.

    Raises:
        ContractError: the keys, kinds or gains differ, a key has not as many relevant items in both, a report lacks the
            metric, or they share none.
    """
    for report in (report_a, report_b):
        if not isinstance(report, Report):
            raise ContractError(f"got a {type(report).__name__} where a Report belongs", remedy="Call evaluate first")
    if metric is None:
        metric = next((m for m in report_a.per_query if m in report_b.per_query), None)
        if metric is None:
            names = f"{', '.join(report_a.per_query)} against {', '.join(report_b.per_query)}"
            raise ContractError(f"the two reports share no metric: {names}")
    if not isinstance(metric, str):
        remedy = "Name one; for several methods and one correction there is compare_all"
        raise ContractError(f"the metric is a {type(metric).__name__}: {metric!r}", remedy=remedy)
    report_a[metric], report_b[metric]  # raises where one lacks it
    if not isinstance(n_permutations, (int, np.integer)) or n_permutations < 1:
        raise ContractError(f"n_permutations is {n_permutations!r}; it must be a whole number of at least 1")
    if report_a.kind != report_b.kind or set(report_a.keys) != set(report_b.keys):
        raise ContractError(
            f"the reports are about different keys: {len(report_a)} {report_a.kind} ids against {len(report_b)} "
            f"{report_b.kind} ids, {len(set(report_a.keys) & set(report_b.keys))} in common",
            remedy="Evaluate both rankings against the same relevance",
        )
    if "ndcg" in metric and report_a.gain != report_b.gain:
        raise ContractError(f"one report has {report_a.gain} gains, the other {report_b.gain} gains")
    row_b = {key: row for row, key in enumerate(report_b.keys)}
    rows = [row_b[key] for key in report_a.keys]
    _judged_alike(report_a, report_b, rows)
    a, b = report_a.per_query[metric], report_b.per_query[metric][rows]
    difference = a - b
    difference[np.abs(difference) < _EQUAL * np.maximum(1.0, np.abs(a))] = 0.0
    low, high = bootstrap(difference[:, None], seed)
    return Comparison(
        metric=metric,
        difference=float(difference.mean()),
        interval=(float(low[0]), float(high[0])),
        p_value=sign_flip(difference[difference != 0], n_permutations, seed),
        n=len(difference),
        wins=int((difference > 0).sum()),
        ties=int((difference == 0).sum()),
        losses=int((difference < 0).sum()),
        kind=report_a.kind,
    )


def _judged_alike(a: Report, b: Report, rows: list[int]) -> None:
    """Raises ContractError where the row of b for a key of a was measured against other relevant items, by their number."""
    if a.relevant is None or b.relevant is None:
        return
    other = b.relevant[rows]
    unlike = np.flatnonzero(a.relevant != other)
    if len(unlike):
        row = unlike[0]
        raise ContractError(
            f"the reports were judged differently: {a.kind} {a.keys[row]!r} has {a.relevant[row]} relevant items in one "
            f"and {other[row]} in the other",
            remedy="Evaluate both rankings against the same relevance, with the same seen items",
        )
