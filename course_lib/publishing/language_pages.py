"""What an edition's pages show of the two languages: the switcher, ``hreflang``, the interface, what is not translated.

A link to a page's twin is relative, so that it works from a folder, and says its language (``hreflang``). The links of
the page's head are for search engines, which want whole addresses: they are there where the book knows its own
(``html_baseurl``).
"""

from __future__ import annotations

import re
from gettext import GNUTranslations
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import locale
from sphinx.application import Sphinx
from sphinx.config import Config

from course_lib.core.bilingual import Text, language_of
from course_lib.publishing.i18n_catalog import live, po_path, read_catalog, unfinished
from course_lib.publishing.language import SOURCE, Edition, load_editions

TEMPLATES = Path(__file__).parent / "templates"
SWITCH = "language-switch.html"
LABEL = Text("Language", "语言")
CODE_STAYS = Text("", "本页的代码及其输出（包括图表文字和表格标题）保持英文。")
NOT_YET = Text("", "本页尚未译完，未译的部分暂以英文显示。")


def twins(editions: tuple[Edition, ...], page: str, current: Edition, suffix: str = ".html") -> list[dict[str, str]]:
    """The same page in every other edition: its name, language tag, and its address as seen from the page.

    Args:
        page: document name (``book/start/setup``).
        current: the edition that the page is written in.
    """
    up = "../" * (page.count("/") + (1 if current.folder else 0))
    return [
        {"name": e.name, "tag": e.tag, "href": f"{up}{e.folder}/{page}{suffix}" if e.folder else f"{up}{page}{suffix}"}
        for e in editions
        if e != current
    ]


def alternates(editions: tuple[Edition, ...], page: str, base: str) -> str:
    """``<link rel="alternate">`` for every edition of a page, itself included, and for readers of other languages.

    Args:
        base: address of the whole site.
    """
    found = {e.tag: f"{base.rstrip('/')}/{e.folder + '/' if e.folder else ''}{page}.html" for e in editions}
    links = [(e.tag, found[e.tag]) for e in editions] + [("x-default", found[editions[0].tag])]
    return "\n".join(f'<link rel="alternate" hreflang="{tag}" href="{href}" />' for tag, href in links)


def _current(app: Sphinx) -> tuple[tuple[Edition, ...], Edition]:
    editions = app.course_editions  # type: ignore[attr-defined]
    language = language_of(app.config.language)
    return editions, next(e for e in editions if e.language == language)


def _prepare(app: Sphinx, config: Config) -> None:
    """Put the switcher into the article's header, before what the theme or the book has there."""
    app.course_editions = load_editions(Path(app.srcdir))  # type: ignore[attr-defined]
    config.templates_path.append(str(TEMPLATES))
    if len(app.course_editions) > 1:  # type: ignore[attr-defined]
        there = config.html_theme_options.get("article_header_end", ["article-header-buttons.html"])
        there = there.replace(" ", "").split(",") if isinstance(there, str) else list(there)
        if SWITCH not in there:
            config.html_theme_options["article_header_end"] = [SWITCH, *there]


def _page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    editions, current = _current(app)
    if len(editions) < 2:
        return
    context["course_twins"] = twins(editions, page, current)
    context["course_switch_label"] = LABEL.get(current.language)
    base = app.config.html_baseurl or ""
    if current.folder:
        base = base.removesuffix(f"{current.folder}/")
    if base:
        context["metatags"] = f"{context.get('metatags') or ''}\n{alternates(editions, page, base)}\n"


def _translate_interface(app: Sphinx, config: Config) -> None:
    """Put the book's own words for the interface before those that Sphinx and the theme bring."""
    _, current = _current(app)
    path = po_path(Path(app.srcdir), current, "interface")
    if not path.is_file():
        return
    from babel.messages.mofile import write_mo

    for catalog in ("sphinx", "booktheme"):
        compiled = BytesIO()
        write_mo(compiled, read_catalog(path, current))
        compiled.seek(0)
        ours, theirs = GNUTranslations(compiled), locale.translators.get(("general", catalog))
        if theirs is not None:
            ours.add_fallback(theirs)
        locale.translators["general", catalog] = ours
    app.translator = locale.translators["general", "sphinx"]  # templates take it from here


def _translate_attributes(app: Sphinx, exception: Exception | None) -> None:
    """Labels and tooltips that the theme's templates have in English, whatever the language."""
    _, current = _current(app)
    path = po_path(Path(app.srcdir), current, "interface")
    if exception or app.builder.format != "html" or not path.is_file():
        return
    said = {entry.id: entry.string for entry in live(read_catalog(path, current)) if "%" not in entry.id}
    pattern = re.compile(rf'(?<=(?:label|title)=")({"|".join(map(re.escape, said))})(?=")')
    for file in sorted(Path(app.outdir).rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        new = pattern.sub(lambda match: escape(said[match[1]]), text)
        if new != text:
            file.write_text(new, encoding="utf-8")


def _mark(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Say once what stays English on a translated page, and tell screen readers where it is."""
    if language_of(app.config.language) == SOURCE:
        return
    code = False
    for node in doctree.findall(nodes.container):
        if "cell_output" in node["classes"]:
            node["classes"].append("language-en")  # docutils writes this class as lang="en"
        code = code or node.get("nb_element") == "cell_code"
    notes = []
    if unfinished(po_path(Path(app.srcdir), _current(app)[1], page), _current(app)[1]):
        notes.append(NOT_YET.get(app.config.language))
    if code:
        notes.append(CODE_STAYS.get(app.config.language))
    title = next(iter(doctree.findall(nodes.title)), None)
    if notes and title is not None:
        note = nodes.container("", nodes.paragraph("", " ".join(notes)), classes=["edition-note"])
        title.parent.insert(title.parent.index(title) + 1, note)


def _mend_ids(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """A translated paragraph's citations are made anew: no id twice, and one link back to each that is there."""
    if language_of(app.config.language) == SOURCE:
        return
    there: set[str] = set()
    for node in doctree.findall(nodes.Element):
        if node.get("ids"):
            node["ids"] = [one for one in node["ids"] if one not in there]
            there.update(node["ids"])
    for node in doctree.findall(nodes.citation):
        node["backrefs"] = [one for one in dict.fromkeys(node["backrefs"]) if one in there]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_css_file("language.css")
    app.connect("config-inited", _prepare)
    app.connect("config-inited", _translate_interface, priority=900)  # the themes brought theirs while being set up
    app.connect("html-page-context", _page)
    app.connect("build-finished", _translate_attributes)
    app.connect("doctree-resolved", _mark)
    app.connect("doctree-resolved", _mend_ids, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
