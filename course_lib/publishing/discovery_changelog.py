"""The book's page of changes: made from ``CHANGELOG.md`` by the build, linked at the foot of every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from course_lib.core.bilingual import Text, language_of

FILE = "CHANGELOG.md"
PAGE = "book/changelog"
TITLE = Text("What changed", "更新记录")
ENGLISH = Text("The changes are told in English.", "更新记录只有英文。")
SUMMARY = Text(
    "What changed in the course, its chapters and its package, newest first.",
    "本课程、各章节及配套程序包的更新记录，最新的在最前面（英文）。",
)


def body(markdown: str, language: str) -> str:
    """The changelog as HTML below the page's title; its text is English in every edition."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": False}).render(markdown)
    html = re.sub(r"^<h1>.*?</h1>\n", "", html, count=1, flags=re.DOTALL)
    mark = "" if language == "en" else ' lang="en"'
    note = "" if language == "en" else f"<p>{ENGLISH.get(language)}</p>\n"
    return f"<section><h1>{TITLE.get(language)}</h1>\n{note}<div{mark}>\n{html}</div></section>"


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    source = Path(app.srcdir) / FILE
    if source.is_file():
        language = language_of(app.config.language)
        text = source.read_text(encoding="utf-8")
        yield PAGE, {"title": TITLE.get(language), "body": body(text, language)}, "page.html"


def _page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    language = language_of(app.config.language)
    if (Path(app.srcdir) / FILE).is_file():
        context["course_changelog"] = PAGE
        context["course_changelog_title"] = TITLE.get(language)
    if page == PAGE:
        context["course_summary"] = SUMMARY.get(language)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-collect-pages", _pages)
    app.connect("html-page-context", _page, priority=400)  # before the descriptions are written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
