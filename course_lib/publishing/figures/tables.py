"""Tables that are read aloud as well as seen, and read as text in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from course_lib.core.errors import ContractError
from course_lib.publishing.figures.cells import estimate, p_text

if TYPE_CHECKING:
    from course_lib.shop.measurement import Report


@dataclass(frozen=True)
class Table:
    """A finished table: ``html`` for a page, ``text`` for a terminal."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def results_table(
    reports: Mapping[str, Report],
    metrics: Sequence[str] | None = None,
    *,
    caption: str,
    baseline: str | None = None,
    p_values: Mapping[str, float] | None = None,
    digits: int = 3,
) -> Table:
    """Mean and 95 % interval per report and metric, as an accessible table.

    Args:
        reports: by name of the method, in the order of the rows.
        metrics: columns; default those of the first report.
        caption: what the table shows; part of the table, read aloud first.
        baseline: name of the row that others are compared with; it is marked.
        p_values: of the paired test against the baseline, by name of the row (one metric: the first).
        digits: after the point.

    Raises:
        ContractError: no reports, a metric that a report lacks, or a baseline that is no row.
    """
    if metrics is None and reports:
        metrics = list(next(iter(reports.values())).mean)
    metrics = list(metrics or ())
    check_reports(reports, metrics)
    unknown = {*(p_values or ()), *([baseline] if baseline is not None else [])} - set(reports)
    if unknown:
        raise ContractError(f"no row is called {sorted(unknown)[0]!r}", remedy=f"Rows: {', '.join(reports)}")
    heads = ["method", *metrics, *(["p against " + (baseline or "baseline")] if p_values else [])]
    rows = []
    for name, report in reports.items():
        cells = [estimate(report, m, digits=digits) for m in metrics]
        if p_values:
            cells.append(p_text(p_values.get(name)))
        rows.append([name + (" (baseline)" if name == baseline else ""), *cells])
    return table(heads, rows, caption=caption, wrap=False)


def check_reports(reports: Mapping[str, Report], metrics: Sequence[str]) -> None:
    """Raises ContractError unless there are reports, and each has every metric."""
    if not reports or not metrics:
        raise ContractError("there is nothing to show", remedy="Give at least one report and one metric")
    for name, report in reports.items():
        missing = [m for m in metrics if m not in report.mean]
        if missing:
            raise ContractError(f"the report lacks {missing[0]}", where=name, remedy=f"It has {', '.join(report.mean)}")


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str, wrap: bool = True) -> Table:
    """Any accessible table: the first cell of a row is its heading.

    Args:
        heads: of the columns; the first may be empty.
        rows: each as long as ``heads``; cells are shown by ``str``.
        caption: what the table shows; part of the table, read aloud first.
        wrap: whether long cells may break into lines.

    Raises:
        ContractError: no caption, no rows, or a row of another length.
    """
    if not caption.strip():
        raise ContractError("a table needs a caption", where="caption")
    if not rows or not heads:
        raise ContractError("there is nothing to show", remedy="Give at least one row and one column")
    for number, row in enumerate(rows):
        if len(row) != len(heads):
            raise ContractError(f"{len(row)} cells under {len(heads)} heads", where=f"row {number}")
    texts = [[str(cell) for cell in row] for row in rows]
    return Table(_html_table(heads, texts, caption, wrap), _text_table(heads, texts, caption))


def _html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, wrap: bool) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' if h else "<td></td>" for h in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(c)}</td>" for c in row[1:])}</tr>'
        for row in rows
    )
    # tabindex: a wide table scrolls sideways on a phone, and must do so by keyboard, too
    return (
        f'<div class="course-table{"" if wrap else " course-numbers"}" tabindex="0">'
        f"<table><caption><span>{escape(caption)}</span></caption>"  # the span stays in sight where the table scrolls
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in [heads, *rows]]
    return "\n".join([caption, *lines])
