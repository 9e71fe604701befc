"""Several methods beside a baseline: means, intervals, and the adjusted p of every paired test in its cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.cells import estimate, p_text
from course_lib.publishing.figures.tables import Table, check_reports, table

if TYPE_CHECKING:
    from course_lib.shop.measurement import Report


def compared_table(
    reports: Mapping[str, Report],
    metrics: Sequence[str] | None = None,
    *,
    baseline: str,
    caption: str,
    head: str = "method",
    digits: int = 3,
) -> Table:
    """A row per report and a column per metric: mean, 95 % interval, and p against the baseline.

    The p of all cells are adjusted together (Holm), so that a table of many tests doesn't find something by luck.

    Args:
        reports: by name, in the order of the rows; all of the same keys.
        metrics: columns; default those of the first report.
        baseline: name of the row that all others are tested against; it is marked.
        caption: what the table shows; part of the table, read aloud first. "p: paired test …" is added to it.
        head: of the first column.
        digits: after the point.

    Raises:
        ContractError: no reports, a metric that a report lacks, a baseline that is no row, no caption, or what
            ``measurement.compare`` refuses.
    """
    from course_lib.shop.measurement import results_table

    if metrics is None and reports:
        metrics = list(next(iter(reports.values())).mean)
    metrics = list(metrics or ())
    check_reports(reports, metrics)
    if baseline not in reports:
        raise ContractError(f"no row is called {baseline!r}", remedy=f"Rows: {', '.join(reports)}")
    if not caption.strip():
        raise ContractError("a table needs a caption", where="caption")
    cells: dict[str, list[str]] = {name: [] for name in reports}
    for row in results_table(reports, metrics, baseline=baseline if len(reports) > 1 else None):
        p = p_text(row.get("p_adjusted"))
        cells[row["method"]].append(estimate(row, digits=digits) + (f", p\u00a0{p}" if p else ""))
    rows = [[name + (" (baseline)" if name == baseline else ""), *texts] for name, texts in cells.items()]
    note = "" if len(reports) == 1 else f"; p: paired test against {baseline}, adjusted for all tests of the table"
    return table([head, *metrics], rows, caption=caption + note)
