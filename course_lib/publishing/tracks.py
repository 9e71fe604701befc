"""Two reading tracks: for business readers, code and formulas fold to one line each; developers see everything.

The folds are made at build time, as open ``<details>`` whose summary is hidden. ``tracks.js`` closes them where a reader
has chosen the business track; without it, and in print, everything is open.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from course_lib.core.bilingual import Text
from course_lib.publishing.pagebar import add_tool

WORDS = {
    "track": Text("Read as", "阅读方式"),
    "developer": Text("Developer", "开发者"),
    "business": Text("Business", "业务人员"),
    "all": Text("Everything is open.", "显示全部内容。"),
    "folded": Text(
        "Code and formulas are folded; figures, tables and decisions stay.", "代码和公式已折叠，图、表和决策仍然显示。"
    ),
    "code": Text("Code, {n} lines", "代码，{n} 行"),
    "code_1": Text("Code, 1 line", "代码，1 行"),
    "maths": Text("Maths, {n} formulas", "数学，{n} 个公式"),
    "maths_1": Text("Maths, 1 formula", "数学，1 个公式"),
    "symbols": Text("Maths, the symbols", "数学，符号表"),
}

_UNSEEN = (nodes.target, nodes.system_message)  # nothing on the page, so that they end no run of formulas


class Fold(nodes.General, nodes.Element):
    """What the business track folds; ``kind`` is ``code`` or ``maths``, ``summary`` the line that stays."""


class FoldDetails(SphinxPostTransform):
    """Wraps the source of code cells and the formulas of a page, before myst-nb hides cells of its own (priority 199)."""

    default_priority = 190
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        language = self.config.language
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code" and not cell.get("hide_mode") and cell.children:
                source = cell[0]
                if source.get("nb_element") == "cell_code_source":
                    fold = Fold(kind="code", summary=_counted("code", _lines(source), language))
                    cell.replace(source, fold)
                    fold += source
        for section in list(self.document.findall(nodes.section)):
            _fold_maths(section, language)


def _fold_maths(section: nodes.section, language: str) -> None:
    """Fold each run of the section's children that says formulas, their introductions, or their symbols."""
    if not any(isinstance(child, nodes.math_block) for child in section):
        return
    seen = [child for child in section.children if not isinstance(child, _UNSEEN)]
    runs: list[list[nodes.Node]] = [[]]
    for child, following in zip(seen, [*seen[1:], None]):
        if _is_maths(child, following):
            runs[-1].append(child)
        else:
            runs.append([])
    for run in filter(None, runs):
        n = sum(isinstance(node, nodes.math_block) for node in run)
        summary = _counted("maths", n, language) if n else WORDS["symbols"].get(language)
        fold = Fold(kind="maths", summary=summary)
        first, last = section.index(run[0]), section.index(run[-1])
        whole = section.children[first : last + 1]  # with the targets between, which links to the formulas need
        section[first : last + 1] = [fold]
        fold += whole


def _is_maths(node: nodes.Node, following: nodes.Node | None) -> bool:
    if isinstance(node, nodes.math_block):
        return True
    if isinstance(node, nodes.table):
        return is_symbol_table(node)
    if not isinstance(node, nodes.paragraph | nodes.bullet_list | nodes.enumerated_list):
        return False
    return isinstance(following, nodes.math_block) or next(node.findall(nodes.math), None) is not None


def is_symbol_table(table: nodes.table) -> bool:
    """Whether most rows of the table begin with a formula: it says what the symbols of the formulas above mean."""
    rows = [row for body in table.findall(nodes.tbody) for row in body.children]
    return 2 * sum(next(row[0].findall(nodes.math), None) is not None for row in rows) > len(rows)


def _lines(source: nodes.Element) -> int:
    return len(source.astext().strip().splitlines())


def _counted(name: str, n: int, language: str) -> str:
    return WORDS[f"{name}_1" if n == 1 else name].get(language).format(n=n)


def switch(language: str) -> str:
    """The control; hidden until the script is there to serve it."""
    words = {name: escape(text.get(language)) for name, text in WORDS.items()}
    radios = "".join(
        f'<label><input type="radio" name="course-track" value="{name}"><span>{words[name]}</span></label>'
        for name in ("developer", "business")
    )
    return (
        f'<fieldset class="track-switch" hidden data-all="{words["all"]}" data-folded="{words["folded"]}">'
        f'<legend>{words["track"]}</legend>{radios}<span class="track-said visually-hidden" role="status"></span></fieldset>'
    )


def _visit(self: Any, node: Fold) -> None:
    self.body.append(f'<details class="track-fold" open data-fold="{node["kind"]}"><summary>{escape(node["summary"])}'
                     "</summary>\n")  # fmt: skip


def _depart(self: Any, node: Fold) -> None:
    self.body.append("</details>\n")


def _put_in(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """The control on the pages that have something to fold; the script on all, to keep an address's ``?track=``."""
    if doctree is None or next(doctree.findall(Fold), None) is None:
        return
    add_tool(context, switch(app.config.language))
    app.add_css_file("tracks.css")
    app.add_js_file("tracks.js")  # not deferred: it says what to hide before the page is drawn


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform, its node, and the control."""
    app.add_post_transform(FoldDetails)
    app.add_node(Fold, html=(_visit, _depart))
    # before the map's strip, which is put right under the title and so comes to stand above the bar
    app.connect("html-page-context", _put_in, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
