"""The ``{mindmap}`` directive: the whole map as a nested list that needs no script, with an overview above it.

The list is written as docutils nodes, so that links are resolved (and warned about) by Sphinx in every builder. Texts
come from the map in the language of the build, not from the message catalogues.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from course_lib.core.errors import CourseError
from course_lib.publishing.mapfile import load_map
from course_lib.publishing.mapmodel import Branch, MindMap, Topic, language_of
from course_lib.publishing.mappicture import picture

STATIC = Path(__file__).parent / "static"
_CLASS = "mindmap"

#: the directive's own words; everything else comes from the map
WORDS = {
    "en": {
        "totals": "{topics} topics, {ready} ready and {planned} planned; about {hours} hours of reading and running.",
        "count": "{ready} of {topics} ready",
        "picture": "Overview of the map: branches in reading order with their topics; filled dots are ready",
        "legend": "goes beyond the source article",
        "planned": "planned",
        "minutes": "{n} min",
        "after": "after ",
        "comma": ", ",
        "developer": "developers",
        "business": "business",
        "both": "everyone",
    },
    "zh": {
        "totals": "共 {topics} 个主题：{ready} 个已完成，{planned} 个计划中；阅读与运行约需 {hours} 小时。",
        "count": "{topics} 个中已完成 {ready} 个",
        "picture": "导图总览：按阅读顺序排列的分支及其主题，实心圆点表示已完成",
        "legend": "原文之外的内容",
        "planned": "计划中",
        "minutes": "{n} 分钟",
        "after": "先学：",
        "comma": "、",
        "developer": "开发者",
        "business": "业务人员",
        "both": "所有人",
    },
}


class MindMapDirective(SphinxDirective):
    """Draws ``mindmap_file``; takes no argument. A faulty map stops the build with the map's own error."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / self.config.mindmap_file
        self.env.note_dependency(str(path))
        try:
            return [MapList(load_map(path), self.config.language, self.env.docname).draw()]
        except CourseError as error:
            raise ExtensionError(str(error)) from error


class MapList:
    """The list as docutils nodes, in one language.

    Args:
        mindmap: the map.
        language: a locale of the map's languages (``"en"``, ``"zh_CN"``).
        docname: the document that the list stands in; links to pages are resolved from it.

    Raises:
        CourseError: the map has no such language, or a topic needs one that is not on the map.
    """

    def __init__(self, mindmap: MindMap, language: str, docname: str):
        self.map, self.language, self.docname = mindmap, language_of(language), docname
        self.words = WORDS[self.language]

    def draw(self) -> nodes.container:
        """``div.mindmap``: totals and legend, the picture, then a list of branches with a list of topics each."""
        topics = self.map.order()
        ready = sum(topic.ready for topic in topics)
        totals = self.words["totals"].format(
            topics=len(topics), ready=ready, planned=len(topics) - ready,
            hours=round(sum(topic.minutes for topic in topics) / 60),
        )  # fmt: skip
        head = _line("totals", totals)
        if any(topic.beyond for topic in topics):
            head += [nodes.Text(" "), self._star(), nodes.Text(" " + self.words["legend"])]
        branches = _list("branches", [self._branch(branch) for branch in self.map.branches])
        overview = nodes.raw("", picture(self.map, self.language, self.words["picture"]), format="html")
        return nodes.container("", head, overview, branches, classes=[_CLASS])

    def _branch(self, branch: Branch) -> nodes.list_item:
        ready = sum(topic.ready for topic in branch.topics)
        title = _line("branch-title")
        title += nodes.strong("", branch.title.get(self.language))
        title += [nodes.Text(" "), _span("count", self.words["count"].format(ready=ready, topics=len(branch.topics)))]
        topics = _list("topics", [self._topic(topic) for topic in branch.topics])
        summary = _line("branch-summary", branch.summary.get(self.language))
        return nodes.list_item("", title, summary, topics, classes=[f"{_CLASS}-branch"], ids=[f"branch-{branch.id}"])

    def _topic(self, topic: Topic) -> nodes.list_item:
        title = _line("title", "")
        title += self._page_link(topic) if topic.ready else _span("name", topic.title.get(self.language))
        if topic.beyond:
            title += [nodes.Text(" "), self._star()]
        if not topic.ready:
            title += [nodes.Text(" "), _span("planned", self.words["planned"])]
        facts = _line("facts", f"{self.words['minutes'].format(n=topic.minutes)} · {self.words[topic.role]}")
        for n, needed in enumerate(topic.prerequisites):
            facts += nodes.Text(self.words["comma"] if n else " · " + self.words["after"])
            facts += self._anchor_link(self.map.topic(needed))
        summary = _line("summary", topic.summary.get(self.language))
        classes = [f"{_CLASS}-topic", f"{_CLASS}-topic-{topic.status}"]
        # A retired id keeps its anchor, so that old links into the map still arrive.
        return nodes.list_item("", title, summary, facts, classes=classes, ids=[topic.id, *topic.aliases])

    def _page_link(self, topic: Topic) -> addnodes.pending_xref:
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="doc", reftarget=f"/{topic.page}", refdoc=self.docname,
            refexplicit=True, refwarn=True,
        )  # fmt: skip
        return link.__iadd__(nodes.inline("", topic.title.get(self.language)))

    def _anchor_link(self, topic: Topic) -> nodes.reference:
        return nodes.reference("", topic.title.get(self.language), internal=True, refid=topic.id)

    def _star(self) -> nodes.abbreviation:
        return nodes.abbreviation("", "★", explanation=self.words["legend"], classes=[f"{_CLASS}-star"])


def _line(name: str, text: str = "") -> nodes.paragraph:
    # Not for the catalogues: the map has its own translations.
    return nodes.paragraph("", text, classes=[f"{_CLASS}-{name}"], translatable=False)


def _span(name: str, text: str) -> nodes.inline:
    return nodes.inline("", text, classes=[f"{_CLASS}-{name}"])


def _list(name: str, items: list[nodes.list_item]) -> nodes.bullet_list:
    return nodes.bullet_list("", *items, classes=[f"{_CLASS}-{name}"], bullet="-")


def _add_style(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Load the style on the pages that show the map, and on no other."""
    if doctree is not None and any(_CLASS in node["classes"] for node in doctree.findall(nodes.container)):
        app.add_css_file("map.css")


def _add_static(app: Sphinx, config: Any) -> None:
    known = {(Path(app.confdir) / path).resolve() for path in config.html_static_path}
    if STATIC.resolve() not in known:
        config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, its style and ``mindmap_file`` (the map, relative to the source folder)."""
    app.add_config_value("mindmap_file", "book/mindmap.yml", "env", types=[str])
    app.add_directive("mindmap", MindMapDirective)
    app.connect("config-inited", _add_static)
    app.connect("html-page-context", _add_style)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
