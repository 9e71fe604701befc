"""The bar under a chapter's title, in which the page's tools stand side by side: reading track, JupyterLab, downloads.

Like the map's strip it is put into the finished page, so that neither search nor the message catalogues see it.
"""

from __future__ import annotations

from typing import Any

_OPEN = '<div class="page-bar">'


def add_tool(context: dict[str, Any], html: str) -> None:
    """Put a tool at the end of the bar; the bar is made where the page has none yet.

    Args:
        context: of Sphinx's event ``html-page-context``; its ``body`` is changed.
        html: the tool, one element.
    """
    body = context["body"]
    if _OPEN in body:
        head, opened, rest = body.partition(_OPEN)
        tools, end, rest = rest.partition("</div><!-- page-bar -->")
        context["body"] = f"{head}{opened}{tools}{html}\n{end}{rest}"
        return
    bar = f"\n{_OPEN}{html}\n</div><!-- page-bar -->\n"
    head, title, rest = body.partition("</h1>")
    context["body"] = f"{head}{title}{bar}{rest}" if title else bar + body
