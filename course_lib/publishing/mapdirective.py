"""The map on its page: a picture to work with, and a nested list that needs no script.

It stands in the built book where the page has an image of class ``mindmap``.

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

from course_lib.core.errors import CourseError
from course_lib.publishing.mapcheck import room_paths
from course_lib.publishing.mapdata import map_data, script_json
from course_lib.publishing.mapfile import load_map
from course_lib.publishing.mapmodel import Branch, Concept, MindMap, Topic, language_of
from course_lib.publishing.mappicture import picture
from course_lib.publishing.maptools import keeping, tools
from course_lib.publishing.mapwords import LIST, in_language
from course_lib.publishing.standin import StandIn

STATIC = Path(__file__).parent / "static"
CODE = tuple(sorted(Path(__file__).parent.glob("map*.py")))
_CLASS = "mindmap"
#: classic scripts, in the order in which they need one another
SCRIPTS = ("mapstore.js", "maplogic.js", "mapzoom.js", "map.js")


class PlaceMindMap(StandIn):
    """Draws ``mindmap_file`` in place of the image. A faulty map stops the build with the map's own error."""

    name = "mindmap"

    def draw(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / self.config.mindmap_file
        for file in (path, *CODE):  # a page drawn by older code is drawn again, too
            self.env.note_dependency(str(file))
        root = Path(self.env.srcdir)
        try:
            mindmap = load_map(path)
            for topic in mindmap.order():  # the number of a topic's questions stands on the map
                self.env.note_dependency(str(root / room_paths(topic, "exercises")[0]))
            return [MapPage(mindmap, self.config.language, self.env.docname, root).draw()]
        except CourseError as error:
            raise ExtensionError(str(error)) from error


class MapPage:
    """The map as docutils nodes, in one language.

    Args:
        mindmap: the map.
        language: a locale of the map's languages (``"en"``, ``"zh_CN"``).
        docname: the document that the map stands in; links to pages are resolved from it.
        root: the repository, whose exercises are counted.

    Raises:
        CourseError: the map has no such language, a topic needs one that is not on the map, or an exercise notebook
            can't be read.
    """

    def __init__(self, mindmap: MindMap, language: str, docname: str, root: Path):
        self.map, self.language, self.docname, self.root = mindmap, language_of(language), docname, root
        self.words = in_language(LIST, self.language)

    def draw(self) -> nodes.container:
        """``div.mindmap``: totals and legend, controls, picture, card, then a list of branches with their topics."""
        topics = self.map.order()
        ready = sum(topic.ready for topic in topics)
        totals = self.words["totals"].format(
            topics=len(topics), ready=ready, planned=len(topics) - ready,
            hours=round(sum(topic.minutes for topic in topics) / 60),
        )  # fmt: skip
        head = _line("totals", totals)
        if any(topic.beyond for topic in topics):
            head += [nodes.Text(" "), self._star(), nodes.Text(" " + self.words["legend"])]
        data = script_json(map_data(self.map, self.language, self.root))
        drawn = (
            f'{tools(self.language)}<div class="mm-frame">{picture(self.map, self.language, self.words["picture"])}'
            f'</div>{keeping(self.language)}<script type="application/json" class="mm-data">{data}</script>'
        )
        branches = _list("branches", [self._branch(branch) for branch in self.map.branches])
        return nodes.container("", head, nodes.raw("", drawn, format="html"), branches, classes=[_CLASS])

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
        concepts = _line("concepts", "")
        for n, concept in enumerate(topic.concepts):
            concepts += [*([nodes.Text(" · ")] if n else []), *self._concept(concept)]
        classes = [f"{_CLASS}-topic", f"{_CLASS}-topic-{topic.status}"]
        # A retired id keeps its anchor, so that old links into the map still arrive.
        return nodes.list_item("", title, summary, concepts, facts, classes=classes, ids=[topic.id, *topic.aliases])

    def _concept(self, concept: Concept) -> list[nodes.Node]:
        star = [nodes.Text(" "), self._star()] if concept.beyond else []
        return [nodes.Text(concept.name.get(self.language)), *star]

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
    """Load style and scripts on the pages that show the map, and on no other."""
    if doctree is not None and any(_CLASS in node["classes"] for node in doctree.findall(nodes.container)):
        app.add_css_file("map.css")
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def _add_static(app: Sphinx, config: Any) -> None:
    known = {(Path(app.confdir) / path).resolve() for path in config.html_static_path}
    if STATIC.resolve() not in known:
        config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform, its files, ``mindmap_file`` (the map, relative to the source folder) and the strip."""
    app.add_config_value("mindmap_file", "book/mindmap.yml", "env", types=[str])
    app.add_transform(PlaceMindMap)
    app.connect("config-inited", _add_static)
    app.setup_extension("course_lib.publishing.mapstrip")
    app.connect("html-page-context", _add_style)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
