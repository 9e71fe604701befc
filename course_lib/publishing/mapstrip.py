"""The strip under a chapter's title: where on the map the reader is, what it builds on, what it leads to.

It is put into the finished page, not into the document: neither the search index nor the catalogues of messages shall
repeat the titles of other chapters on every page.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import fingerprint
from course_lib.publishing.mapfile import load_map
from course_lib.publishing.mapmodel import MindMap, Topic, language_of
from course_lib.publishing.mapoutput import INDEX
from course_lib.publishing.mapwords import LIST, STRIP, in_language

SCRIPTS = ("mapstore.js", "mapstrip.js")


def strip(mindmap: MindMap, topic: Topic, language: str, link: Callable[[str], str]) -> str:
    """The strip as HTML.

    Args:
        mindmap: the map.
        topic: whose chapter it is.
        language: a locale of the map's languages.
        link: the address of a document (a ``Topic.page`` or the map's page), as seen from the chapter.

    Raises:
        CourseError: the map has no such language, or the topic needs one that is not on the map.
    """
    language = language_of(language)
    words = {name: escape(text) for name, text in in_language(STRIP, language).items()}
    branch = next(one for one in mindmap.branches if one.id == topic.branch)
    star = f' <abbr class="course-strip-star" title="{words["legend"]}">★</abbr>' if topic.beyond else ""
    trail = (
        f'<a href="{link(INDEX)}">{words["map"]}</a> <span aria-hidden="true">›</span> '
        f'<a href="{link(INDEX)}#branch-{branch.id}">{escape(branch.title.get(language))}</a> '
        f'<span aria-hidden="true">›</span> <a href="{link(INDEX)}#{topic.id}" aria-current="location">'
        f"{escape(topic.title.get(language))}</a>{star}"
    )
    who = escape(LIST[topic.role].get(language))
    facts = f"{words['minutes'].format(n=topic.minutes)} · {words['for'].format(who=who)}"

    def row(name: str, topics: list[Topic], otherwise: str) -> str:
        items = [_item(one, language, words["planned"], link) for one in topics]
        listed = f"<ul>{''.join(items)}</ul>" if items else f"<span>{words[otherwise]}</span>"
        return f'<div class="course-strip-row"><span class="course-strip-name">{words[name]}</span>{listed}</div>'

    before = [mindmap.topic(needed) for needed in topic.prerequisites]
    order = mindmap.order()
    after = [one for one in order if topic.id in one.prerequisites]
    then = list(order[order.index(topic) + 1 :][:1])  # where nothing builds on it, the map goes on with this
    spoken = "".join(f' data-{name}="{words[name]}"' for name in ("mark", "done", "unmark", "failed"))
    return (
        f'<nav class="course-strip" aria-label="{words["here"]}" data-topic="{topic.id}" '
        f'data-aliases="{" ".join(topic.aliases)}"{spoken}>'
        f'<div class="course-strip-head"><p class="course-strip-trail">{trail}</p>'
        f'<p class="course-strip-facts">{facts}</p>'
        f'<button type="button" class="course-strip-state" hidden>{words["mark"]}</button></div>'
        f"{row('before', before, 'nothing')}{row('next', after, 'end') if after else row('then', then, 'end')}</nav>"
    )


def _item(topic: Topic, language: str, planned: str, link: Callable[[str], str]) -> str:
    title = escape(topic.title.get(language))
    if topic.ready:
        return f'<li><a href="{link(topic.page)}">{title}</a></li>'
    return f"<li>{title} <small>({planned})</small></li>"


def with_strip(body: str, drawn: str) -> str:
    """A page's HTML with the strip after its title; before everything where the page has none."""
    head, title, rest = body.partition("</h1>")
    return f"{head}{title}{drawn}{rest}" if title else drawn + body


def _put_in(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    mindmap: MindMap | None = getattr(app.env, "course_map", None)
    if doctree is None or mindmap is None or app.builder.format != "html":
        return
    topic = next((one for one in mindmap.order() if one.page == page), None)
    if topic is not None:
        drawn = strip(mindmap, topic, app.config.language, context["pathto"])
        context["body"] = with_strip(context["body"], drawn)
        app.add_css_file("mapstrip.css")
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def _rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All chapters of the map, where the map, or the code that draws it, is not what they were written with."""
    path = Path(env.srcdir) / app.config.mindmap_file
    env.course_map = None  # type: ignore[attr-defined]
    if not path.is_file():  # a book without a map has no strips
        return []
    try:
        env.course_map = load_map(path)  # type: ignore[attr-defined]
    except CourseError as error:
        raise ExtensionError(str(error)) from error
    digest = fingerprint(path, *sorted(Path(__file__).parent.glob("map*.py")))
    if getattr(env, "course_map_digest", None) == digest:
        return []
    env.course_map_digest = digest  # type: ignore[attr-defined]
    return [topic.page for topic in env.course_map.order() if topic.page in env.all_docs]  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Put the strip on every chapter of ``mindmap_file``."""
    app.connect("env-updated", _rewrite)
    app.connect("html-page-context", _put_in)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
