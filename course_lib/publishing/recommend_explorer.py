"""The recommendation explorer: choose somebody, and see the history, who proposes what, what the ranker and the page make of it.

In JupyterLab a widget that asks the pipeline at each change; in the built page, where no kernel runs, the first frame: the
same tables for one user.
"""

from __future__ import annotations

import os
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from course_lib.core.bilingual import Text
from course_lib.core.errors import ContractError, CourseError
from course_lib.publishing.demos.base import BOOK

if TYPE_CHECKING:
    from course_lib.recommend.engine import RecommendationPipeline, Stage, Trace

NAMES = {
    "cosine": Text("Item cosine", "物品余弦"), "ials": Text("iALS", "iALS"), "rules": Text("Rules", "序列规则"),
    "new": Text("New products", "新商品"), "rank": Text("Ranker", "排序"), "fuse": Text("Fused", "融合"),
    "display": Text("Page", "展示"),
}  # fmt: skip
_MILLISECONDS = Text("{n:.1f} ms", "{n:.1f} 毫秒")
_VISITOR = Text("somebody new", "新访客")
_LEFT_OUT = Text("Left out", "未展示")
_USER, _ITEMS, _PLACES = Text("User", "用户"), Text("Or products", "或商品"), Text("Places", "条数")
_DIVERSITY, _BRAND, _HINT = Text("Diversity", "多样性"), Text("Per brand", "每品牌"), Text("ids, by commas", "编号，逗号分隔")
_BY_VALUE = Text("by value", "按价值")
_NO_REASON = Text("no reason in the history", "历史中没有理由")
_CELL = 'style="padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top"'  # JupyterLab sets cells close and centred
_OFFERED = 500  #: users in the box's list; others can be typed


class RecommendationExplorer:
    """What a cell shows of a pipeline.

    Args:
        pipeline: that is asked. user: asked first; by default the first of its log. k: places shown of each stage, 1 to 20.

    Raises:
        ContractError: k out of range, or a pipeline that isn't fitted. UnknownIdError: an unknown user.
    """

    def __init__(self, pipeline: RecommendationPipeline, user: str | None = None, k: int = 5):
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 20:
            raise ContractError(f"k is {k!r}; it must be a whole number from 1 to 20")
        if pipeline.interactions is None:
            raise ContractError("the pipeline has learned nothing yet", remedy="Call fit(interactions) first")
        self.pipeline, self.k = pipeline, k
        self.user = pipeline.interactions.active_users()[0] if user is None else user
        pipeline.explain(self.user, k)  # the first request loads what the next ones share: its times would mislead
        self.trace = pipeline.explain(self.user, k)

    def html(self) -> str:
        """The tables of the first user: what the page shows."""
        return trace_html(self.trace)

    def widget(self) -> Any:
        """The same, with a box for another user, or for the products of somebody new, and the page's rules. The
        pipeline's own rules stay as they are.

        Raises:
            ContractError: ipywidgets is not installed.
        """
        try:
            import ipywidgets as w
        except ImportError as error:
            raise ContractError("ipywidgets is not installed", remedy="pip install ipywidgets, or start by make lab") from error
        own = self.pipeline.display
        user = w.Combobox(value=self.user, options=self.pipeline.interactions.active_users()[:_OFFERED], description=str(_USER),
                          continuous_update=False)  # fmt: skip
        items = w.Text("", description=str(_ITEMS), placeholder=str(_HINT), continuous_update=False)
        places = w.IntSlider(self.k, 1, 20, description=str(_PLACES))
        diversity = w.FloatSlider(1 - own.trade, min=0, max=1, step=0.05, description=str(_DIVERSITY))
        brand = w.IntSlider(own.per_brand or 0, 0, 10, description=str(_BRAND), tooltip="0: no cap")
        value = w.Checkbox(self.pipeline.by_value, description=str(_BY_VALUE), indent=False,
                           disabled=self.pipeline.ranker is None or not self.pipeline.buy_rate)  # fmt: skip
        table = w.HTML(self.html())

        def ask(_: Any = None) -> None:
            before = self.pipeline.display, self.pipeline.by_value
            self.pipeline.display = replace(before[0], trade=1 - diversity.value, per_brand=brand.value or None)
            self.pipeline.by_value = value.value
            try:
                given = [part.strip() for part in items.value.split(",") if part.strip()]
                trace = (self.pipeline.explain_for(given, places.value) if given
                         else self.pipeline.explain(user.value.strip(), places.value))  # fmt: skip
                table.value = trace_html(trace)
            except CourseError as error:
                table.value = f"<p>{escape(str(error))}</p>"
            finally:
                self.pipeline.display, self.pipeline.by_value = before

        for control in (user, items, places, diversity, brand, value):
            control.observe(ask, names="value")
        return w.VBox([w.HBox([user, items]), w.HBox([places, diversity, brand, value]), table])

    def __repr__(self) -> str:
        """The trace as text: what Python shows where there is no notebook."""
        return str(self.trace)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = {"text/html": self.html(), "text/plain": str(self.trace)}
        if os.environ.get(BOOK):
            return shown
        try:
            return {**self.widget()._repr_mimebundle_(), **shown}
        except ContractError:
            return shown


def trace_html(trace: Trace) -> str:
    """A trace as a line on the history and a table: a column for each stage, a row for each place."""
    history = trace["history"]
    who = str(_VISITOR) if trace.user == "visitor" else trace.user
    titles = ", ".join(escape(row["title"]) for row in history.rows)
    head = f"<p><strong>{escape(who)}</strong>: {escape(history.said)}{': ' + titles if titles else ''}</p>"
    stages = [stage for stage in trace.stages if stage.name != "history"]
    columns = "".join(f'<th scope="col" {_CELL}>{escape(str(NAMES.get(stage.name, stage.name)))}<br>'
                      f"<small>{escape(stage.said)}<br>{_milliseconds(stage)}</small></th>" for stage in stages)  # fmt: skip
    rows = []
    for place in range(max((len(stage.rows) for stage in stages), default=0)):
        cells = "".join(f"<td {_CELL}>{_cell(stage, place)}</td>" for stage in stages)
        rows.append(f'<tr><th scope="row" {_CELL}>{place + 1}</th>{cells}</tr>')
    table = f'<table><thead><tr><th scope="col" {_CELL}>#</th>{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    out = "".join(f"<li>{escape(row['title'])} ({row['place']}): {escape(row['why'])}</li>" for row in trace["display"].dropped)
    below = f"<p>{_LEFT_OUT}:</p><ul>{out}</ul>" if out else ""
    return f'<div class="course-explorer">{head}<div style="overflow-x:auto" tabindex="0">{table}</div>{below}</div>'


def _cell(stage: Stage, place: int) -> str:
    if place >= len(stage.rows):
        return ""
    row = stage.rows[place]
    parts = []
    if stage.name == "display":
        parts += [f"{row['price']:.2f}"] if row["price"] is not None else []
        parts += [f"{row['chance']:.1%}"] if row["chance"] is not None else []
        parts += [escape(row["moved"])] if row["moved"] else []
        parts.append(escape(row["because"]) or str(_NO_REASON))
    elif stage.name in ("rank", "fuse"):
        parts.append(f"{row['chance']:.1%}" if row["chance"] is not None else f"{row['score']:.3f}")
        parts.append(escape(", ".join(f"{NAMES.get(name, name)} {at}" for name, at in row["places"].items())))
        parts += [escape(f"{name} {value:+.2f}") for name, value in list(row.get("added", {}).items())[:2]]
    else:
        parts.append(f"{row['score']:.3f}")
    small = "<br>".join(part for part in parts if part)
    return f"{escape(row['title'])}<br><small>{small}</small>"


def _milliseconds(stage: Stage) -> str:
    return str(_MILLISECONDS).format(n=1000 * stage.seconds)
