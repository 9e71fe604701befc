"""The results table: one plain row per method and metric; chapters draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.shop.measurement.family import compare_all
from course_lib.shop.measurement.report import Report


def results_table(
    reports: Mapping[str, Report],
    metrics: Sequence[str] | str | None = None,
    *,
    baseline: str | None = None,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Rows of ``method, metric, mean, low, high, n``, methods in the order given; low and high are the 95 % interval.

    With a ``baseline``, each row also has the paired ``difference`` from it with ``difference_low`` and
    ``difference_high``, ``p_value``, and ``p_adjusted``, Holm's for *all* tests of this table; the baseline's own
    rows hold None there.

    Args:
        metrics: default: all that every report has.

    Raises:
        ContractError: no report, none of the metrics in common, reports of different keys, or what ``compare`` refuses.
    """
    if not reports:
        raise ContractError("there is no report to tabulate")
    first = next(iter(reports.values()))
    if metrics is None:
        metrics = [m for m in first.per_query if all(m in report.per_query for report in reports.values())]
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    if not metrics:
        raise ContractError("the reports share no metric")
    other = next((name for name, report in reports.items() if set(report.keys) != set(first.keys)), None)
    if other is not None:
        what = f"{other!r} was measured on other keys than {next(iter(reports))!r}, so that their means don't compare"
        raise ContractError(what, remedy="Evaluate all rankings against the same relevance")
    against = {}
    if baseline is not None:
        family = compare_all(reports, metrics, baseline=baseline, n_permutations=n_permutations, seed=seed)
        against = {(member.a, member.comparison.metric): member for member in family}
    rows = []
    for method, report in reports.items():
        for metric in metrics:
            mean, (low, high) = report[metric], report.interval[metric]
            row = {"method": method, "metric": metric, "mean": mean, "low": low, "high": high, "n": len(report)}
            if baseline is not None:
                row |= _difference(against.get((method, metric)))
            rows.append(row)
    return rows


def _difference(member: Any) -> dict[str, Any]:
    names = ("difference", "difference_low", "difference_high", "p_value", "p_adjusted")
    if member is None:
        return dict.fromkeys(names)
    found = member.comparison
    return dict(zip(names, (found.difference, *found.interval, found.p_value, member.p_adjusted)))


@dataclass(frozen=True)
class OverSeeds:
    """Several runs of one method that differ in the seed of training alone.

    Attributes:
        report: each key's mean over the runs; its interval is about the *keys*, ``compare`` pairs it as any other.
        spread: metric -> standard deviation of the runs' means (n − 1): how much the *training* moves the result.
        means: metric -> the mean of each run, in order.
    """

    report: Report
    spread: dict[str, float]
    means: dict[str, tuple[float, ...]]


def over_seeds(reports: Sequence[Report]) -> OverSeeds:
    """Join the reports of runs with different seeds.

    Raises:
        ContractError: fewer than two runs, or runs that differ in keys (or their order), metrics, kind or gain.
    """
    if len(reports) < 2:
        raise ContractError(f"{len(reports)} run(s) have no spread", remedy="Train with at least two seeds")
    first = reports[0]
    for run, report in enumerate(reports):
        same = report.keys == first.keys and list(report.per_query) == list(first.per_query)
        if not same or (report.kind, report.gain) != (first.kind, first.gain):
            raise ContractError(f"run {run} was measured on other keys or metrics than run 0")
    values = {m: np.stack([report.per_query[m] for report in reports]) for m in first.per_query}
    unranked = frozenset.intersection(*(report.unranked for report in reports))
    joined = Report(
        first.keys, {m: v.mean(axis=0) for m, v in values.items()}, len(unranked),
        first.unjudged, first.no_relevant, first.kind, first.gain, first.seed, unranked,
    )  # fmt: skip
    means = {m: tuple(v.mean(axis=1).tolist()) for m, v in values.items()}
    return OverSeeds(joined, {m: float(np.std(v, ddof=1)) for m, v in means.items()}, means)
