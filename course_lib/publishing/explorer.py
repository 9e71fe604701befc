"""The search explorer: type a query, move the weights, and see what every stage of the engine makes of it.

In JupyterLab a widget that asks the engine at each change; in the built page, where no kernel runs, the first frame: the
same table for one query.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Any

from course_lib.core.bilingual import Text
from course_lib.core.errors import ContractError, CourseError
from course_lib.publishing.demos.base import BOOK

if TYPE_CHECKING:
    from course_lib.search.engine import SearchEngine, Stage, Trace

NAMES = {
    "understand": Text("Understand", "理解"), "lexical": Text("Words", "词法召回"), "dense": Text("Meaning", "稠密召回"),
    "fuse": Text("Fuse", "融合"), "rank": Text("Rank", "排序"), "display": Text("Display", "展示"),
}  # fmt: skip
_MILLISECONDS = Text("{n:.1f} ms", "{n:.1f} 毫秒")
_CELL = 'style="padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top"'  # JupyterLab sets cells close and centred
_QUERY, _PRICE, _PLACES = Text("Query", "查询"), Text("At most", "最高价"), Text("Places", "条数")


class SearchExplorer:
    """What a cell shows of an engine.

    Args:
        engine: that is asked. query: asked first. k: places shown of each stage, 1 to 20.

    Raises:
        ContractError: k out of range, or a query that is no text.
    """

    def __init__(self, engine: SearchEngine, query: str, k: int = 5):
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 20:
            raise ContractError(f"k is {k!r}; it must be a whole number from 1 to 20")
        self.engine, self.query, self.k = engine, query, k
        self.trace = engine.explain(query, k)

    def html(self) -> str:
        """The table of the first query: what the page shows."""
        return trace_html(self.trace)

    def widget(self) -> Any:
        """The same, with a box to type in and a slider for each weight. The engine's own weights stay as they are.

        Raises:
            ContractError: ipywidgets is not installed.
        """
        try:
            import ipywidgets as w
        except ImportError as error:
            raise ContractError("ipywidgets is not installed", remedy="pip install ipywidgets, or start by make lab") from error
        query = w.Text(self.query, description=str(_QUERY), continuous_update=False, layout=w.Layout(width="32rem"))
        places = w.IntSlider(self.k, 1, 20, description=str(_PLACES))
        price = w.FloatText(0.0, description=str(_PRICE), tooltip="0: any price")
        weights = {name: w.FloatSlider(value, min=0, max=2, step=0.05, description=name)
                   for name, value in self.engine.weights.items()}  # fmt: skip
        table = w.HTML(self.html())

        def ask(_: Any = None) -> None:
            from course_lib.search.engine import Filters

            own = self.engine.weights
            self.engine.weights = {name: slider.value for name, slider in weights.items()}
            try:
                filters = Filters(max_price=price.value if price.value > 0 else None)
                table.value = trace_html(self.engine.explain(query.value, places.value, filters=filters))
            except CourseError as error:
                table.value = f"<p>{escape(str(error))}</p>"
            finally:
                self.engine.weights = own

        for control in (query, places, price, *weights.values()):
            control.observe(ask, names="value")
        return w.VBox([query, w.HBox([places, price]), w.HBox(list(weights.values())), table])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = {"text/html": self.html(), "text/plain": str(self.trace)}
        if os.environ.get(BOOK):
            return shown
        try:
            return {**self.widget()._repr_mimebundle_(), **shown}
        except ContractError:
            return shown


def trace_html(trace: Trace) -> str:
    """A trace as one table: a column for each stage that has a list, a row for each place."""
    listed = [stage for stage in trace.stages if stage.rows]
    understood = trace["understand"]
    head = f"<p><strong>{NAMES['understand']}</strong> ({_milliseconds(understood)}): {escape(understood.said)}</p>"
    if not listed:
        return f'<div class="course-explorer">{head}</div>'
    names = ((NAMES[stage.name], _milliseconds(stage)) for stage in listed)
    columns = "".join(f'<th scope="col" {_CELL}>{name}<br><small>{took}</small></th>' for name, took in names)
    rows = []
    for place in range(max(len(stage.rows) for stage in listed)):
        cells = "".join(f"<td {_CELL}>{_cell(stage, place)}</td>" for stage in listed)
        rows.append(f'<tr><th scope="row" {_CELL}>{place + 1}</th>{cells}</tr>')
    table = f'<table><thead><tr><th scope="col" {_CELL}>#</th>{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="course-explorer">{head}<div style="overflow-x:auto" tabindex="0">{table}</div></div>'


def _cell(stage: Stage, place: int) -> str:
    if place >= len(stage.rows):
        return ""
    row = stage.rows[place]
    title = " ".join(f"<strong>{escape(word)}</strong>" if word in row.get("matched", ()) else escape(word)
                     for word in row["title"].split())  # fmt: skip
    parts = [f"{escape(name)} {value:.2f}" for name, value in row.items()
             if stage.name == "rank" and name not in ("item_id", "title", "score")]  # fmt: skip
    made_of = f" = {' + '.join(parts)}" if parts else ""
    price = f", {row['price']:.2f}" if row.get("price") is not None else ""
    return f"{title}<br><small>{row['score']:.3f}{made_of}{price}</small>"


def _milliseconds(stage: Stage) -> str:
    return str(_MILLISECONDS).format(n=1000 * stage.seconds)
