"""Printed pages: one column without navigation, everything open, nothing cut (``print.css``, ``print.js``)."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def _load(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """On every page of the book; those without text (the search page) have nothing to print."""
    if doctree is not None:
        app.add_css_file("print.css", media="print", priority=900)  # after the theme's own
        app.add_js_file("print.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Load the print style and the script that opens what is folded while a page is printed."""
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
