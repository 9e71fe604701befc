"""The Sphinx extension for demos: a page gets the scripts and styles of its own demos, and their data as files beside it.

In a cell's output a demo carries everything with it: first frames in both languages, state, payload. Here the frame in
the page's language stays, and the payload becomes a script file that is loaded when a reader asks for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from course_lib.core.bilingual import language_of
from course_lib.core.files import atomic_file
from course_lib.core.fingerprint import fingerprint
from course_lib.publishing.demos import assemble

FOLDER = "_static/demos"
_DEMO = re.compile(r'<div class="course-demo" data-demo="(?P<name>[a-z_]+)"')
_FRAME = re.compile(
    r'<div class="course-demo-frame" lang="(?P<language>\w+)"(?: hidden)?>(?P<html>.*?)</div>'
    r'(?=<div class="course-demo-frame"|<script type="application/json" class="course-demo-state")', re.DOTALL,
)  # fmt: skip
_PAYLOAD = re.compile(r'<script type="text/plain" class="course-demo-payload">([A-Za-z0-9+/=]*)</script>')
_OPEN = '<div class="course-demo" '


def adapt(body: str, language: str, site: Path, up: str) -> tuple[str, list[str]]:
    """A page's HTML with its demos made ready, and their names.

    Args:
        language: of the page; frames in others are left out.
        site: folder of the edition, into which payloads are written.
        up: from the page to that folder, such as ``"../../"``.
    """
    names = list(dict.fromkeys(match["name"] for match in _DEMO.finditer(body)))
    if not names:
        return body, names
    head, *demos = body.split(_OPEN)
    met: set[str] = set()
    for at, demo in enumerate(demos):
        name = demo.partition('data-demo="')[2].partition('"')[0]
        if name not in met:
            met.add(name)
            demo = f'id="demo-{name}" {demo}'  # where a link to its state leads
        demo = _FRAME.sub(lambda frame: _kept(frame, language), demo)
        payload = _PAYLOAD.search(demo)
        if payload:
            file = f"{FOLDER}/{fingerprint([payload[1]])[:16]}.js"
            register = f'(window.coursePayloads = window.coursePayloads || {{}})["{file}"] = "{payload[1]}";\n'
            _write(site / file, register)
            demo = f'data-payload="{up}{file}" data-size="{len(register)}" ' + _PAYLOAD.sub("", demo, count=1)
        demos[at] = demo
    return _OPEN.join([head, *demos]), names


def _kept(frame: re.Match[str], language: str) -> str:
    return f'<div class="course-demo-frame">{frame["html"]}</div>' if frame["language"] == language else ""


def _page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if not context.get("body") or _OPEN not in context["body"]:
        return
    site = Path(app.outdir)
    context["body"], names = adapt(context["body"], language_of(app.config.language), site, "../" * page.count("/"))
    for name in names:
        _write(site / FOLDER / f"{name}.js", assemble.as_script(name))
        _write(site / FOLDER / f"{name}.css", assemble.style(name))
        app.add_css_file(f"demos/{name}.css")
        app.add_js_file(f"demos/{name}.js", loading_method="defer")
    app.add_js_file("demo-host.js", loading_method="defer")  # last: it starts what has registered


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the demos of each page ready."""
    app.connect("html-page-context", _page, priority=450)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
