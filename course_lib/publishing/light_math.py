"""Formulas typeset when the book is built: MathJax runs in Node, pages carry SVG and MathML and no script.

A formula is then right in the first frame, without JavaScript and in print; screen readers get the MathML.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from course_lib.core.errors import CourseError
from course_lib.publishing.offline import find_node

RENDERER = "course"
SCRIPT = Path(__file__).parent / "tools" / "typeset.cjs"
_GLYPH = re.compile(r'<path data-c="([0-9A-F]+)" d="([^"]*)"([^>]*)></path>')


class Typesetter:
    """TeX to HTML through one Node process, which starts with the first formula.

    Args:
        mathjax: folder of MathJax 3 (``node-main.js``, ``input/``, ``output/``, ``a11y/``, ``adaptors/``).
        macros: TeX macros, as MathJax's ``tex.macros``.
    """

    def __init__(self, mathjax: Path, macros: Mapping[str, Any] | None = None):
        self.mathjax = mathjax
        self.macros = dict(macros or {})
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[tuple[str, bool], str] = {}

    def __call__(self, tex: str, display: bool = False) -> str:
        """HTML of a formula. Raises CourseError where MathJax finds an error in ``tex``."""
        key = (tex, display)
        if key not in self._known:
            answer = self._ask({"tex": tex, "display": display})
            if "error" in answer:
                raise CourseError(f"formula: {answer['error']}", where=" ".join(tex.split())[:80])
            self._known[key] = answer["html"]
        return self._known[key]

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            # stderr is left alone: MathJax warns there of nothing that matters, but a crash must be seen
            self._process = subprocess.Popen(
                [find_node(), str(SCRIPT), str(self.mathjax.resolve()), json.dumps(self.macros)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.close()
            raise CourseError("MathJax stopped in Node", where=str(self.mathjax), remedy="See the message above")
        return json.loads(line)

    def close(self) -> None:
        """End the process; a later formula starts another."""
        if self._process:
            assert self._process.stdin and self._process.stdout
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
            self._process.wait(timeout=30)
            self._process = None


def share_glyphs(html: str) -> str:
    """The same page with each glyph's outline written once, at its head, and used wherever it stands."""
    outlines: dict[str, str] = {}

    def use(match: re.Match[str]) -> str:
        code, outline, rest = match.groups()
        name = f"g{code}-{hashlib.sha256(outline.encode()).hexdigest()[:6]}"  # a letter has one outline per font
        outlines[name] = outline
        return f'<use data-c="{code}" href="#{name}"{rest}></use>'

    html = _GLYPH.sub(use, html)
    if not outlines:
        return html
    paths = "".join(f'<path id="{name}" d="{outline}"></path>' for name, outline in outlines.items())
    return f'<svg class="math-glyphs" aria-hidden="true" width="0" height="0"><defs>{paths}</defs></svg>\n{html}'


def display_tex(tex: str) -> str:
    """A block as one display formula: blank lines part aligned equations, as in Sphinx's own renderer."""
    parts = [part for part in tex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    return parts[0] if len(parts) == 1 else r"\begin{aligned}" + r" \\ ".join(parts) + r"\end{aligned}"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(_typeset(self, node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    tex = node.astext()
    is_whole = node["nowrap"] or "amsmath" in node["classes"]  # brings its own environment
    self.body.append(_typeset(self, node, tex if is_whole else display_tex(tex), display=True) + "</div>\n")
    raise nodes.SkipNode


def _typeset(self: HTML5Translator, node: nodes.Node, tex: str, display: bool) -> str:
    try:
        return self.builder.app.course_typesetter(tex, display)  # type: ignore[attr-defined]
    except CourseError as error:
        raise CourseError(error.what, where=f"{self.builder.current_docname}: {error.where}") from None
