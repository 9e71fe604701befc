"""Faults of the themes that keep readers out, mended in every page as it is written.

Each entry of ``MENDS`` names the fault; the browser tests (axe on every page) fail where a mend no longer fits the
theme.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.jinja2glue import BuiltinTemplateLoader

BRIDGE = f"{__name__}.MendingTemplates"

#: (what was wrong, pattern, replacement)
MENDS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "an icon's code point is read aloud, and its title counts as text of the button",
        re.compile(r'<(i|span) (class="[^"]*\bfa[srb]?[ -][^"]*")(?![^>]*aria-hidden)((?: data-mode="\w+")?)[^>]*>'),
        r'<\1 \2\3 aria-hidden="true">',
    ),
    (
        "the search button's name leaves out the keys that it shows",
        re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"'),
        r"\1",
    ),
    (
        "the name of a folded cell differs from the words that it shows",
        re.compile(r'<summary aria-label="[^"]*"'),
        "<summary",
    ),
    (
        "an entry of a bibliography has a role that no list may hold",
        re.compile(r' role="doc-biblioentry"'),
        ' role="listitem"',
    ),
    (
        "the book's title lies outside of all landmarks",
        re.compile(r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand)'),
        '<div class="sidebar-primary-item" role="banner">',
    ),
    (
        "the empty top bar is a second banner",
        re.compile(r'<header id="pst-header"(?! role)'),
        '<header id="pst-header" role="presentation"',
    ),
    (
        "a second main landmark is announced where the element says it",
        re.compile(r'(<main id="main-content" class="bd-main") role="main"'),
        r'\1 tabindex="-1"',  # so that the skip link moves the focus, too
    ),
)


def mend(html: str) -> str:
    """The page with all ``MENDS`` applied; a second time changes nothing."""
    for _, pattern, replacement in MENDS:
        html = pattern.sub(replacement, html)
    return html


class MendingTemplates(BuiltinTemplateLoader):
    """Sphinx's templates, whose pages are mended when they are rendered."""

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        page = super().render(template, context)
        return mend(page) if template.endswith(".html") else page


def _configure(app: Sphinx, config: Config) -> None:
    config.template_bridge = config.template_bridge or BRIDGE


def _start(app: Sphinx) -> None:
    if app.builder.format == "html":
        app.add_js_file("scroll-focus.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _start)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
