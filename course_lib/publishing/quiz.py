"""Quizzes: an admonition of class ``quiz`` that holds one dropdown per choice becomes a question that can be answered.

In the source, in JupyterLab and in other output formats it stays what it is written as, an admonition with dropdowns::

    ::::{admonition} Why does the hybrid add places, not scores?
    :class: quiz
    :::{dropdown} Because adding is faster
    **Wrong.** Both additions cost the same.
    :::
    :::{dropdown} Because the scores have no common unit
    **Right.** A place means the same in both lists.
    :::
    ::::

Each explanation opens with its verdict, which nobody sees before opening the choice. In the site it is a ``<fieldset>``
of ``<details>``, which needs no script; ``quiz.js`` makes a set of radio buttons of it and remembers the answers.
"""

from __future__ import annotations

import json
from hashlib import sha256
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx_design.shared import is_component

from course_lib.core.bilingual import Text

LOGGER = logging.getLogger(__name__)
VERDICTS = {"Right.": "right", "Wrong.": "wrong"}

#: what the page says; ``{n}``, ``{right}`` and ``{first}`` are filled in by the script
WORDS = {
    "right": Text("Right.", "对。"),
    "wrong": Text("Wrong.", "不对。"),
    "check": Text("Check", "检查"),
    "choose": Text("Choose an answer first.", "请先选择一个答案。"),
    "again": Text("Read why, then try again.", "读一读原因，再试一次。"),
    "why": Text("Each choice now says why.", "现在每个选项都附有解释。"),
    "score": Text(
        "{right} of {n} answered right, {first} of them at the first try.",
        "共 {n} 题，已答对 {right} 题，其中 {first} 题一次答对。",
    ),
    "reset": Text("Start again", "重新开始"),
    "unsaved": Text(
        "This browser does not keep your answers after you leave the page.", "离开本页后，此浏览器不会保留你的答案。"
    ),
}


class Quiz(nodes.General, nodes.Element):
    """A question of the page; its children are a ``Question``, anything, and the ``Choice``s."""


class Question(nodes.Part, nodes.TextElement):
    """The question's line."""


class Choice(nodes.Part, nodes.Element):
    """One choice: a ``Label``, then its explanation. ``choice`` is its id, ``verdict`` is ``right`` or ``wrong``."""


class Label(nodes.Part, nodes.TextElement):
    """The choice's line."""


def quizzes(document: nodes.document) -> list[nodes.admonition]:
    """The admonitions of class ``quiz``, in order."""
    return [node for node in document.findall(nodes.admonition) if "quiz" in node["classes"]]


def choices(quiz: nodes.Element) -> list[nodes.Element]:
    """The dropdowns of a quiz that has not been transformed."""
    return [node for node in quiz.children if is_component(node, "dropdown")]


def identity(text: str) -> str:
    """Eight hex digits that stand for a text in what a browser remembers."""
    return sha256(" ".join(text.split()).encode()).hexdigest()[:8]


class ReadQuizzes(SphinxTransform):
    """Checks the quizzes of a page and notes ids and verdicts, before a translation changes the words (priority 20)."""

    default_priority = 15

    def apply(self, **kwargs: Any) -> None:
        seen: set[str] = set()
        for quiz in quizzes(self.document):
            problem = read_quiz(quiz)
            if not problem and quiz["quiz"] in seen:
                problem = "the same question stands twice on this page"
            if problem:
                LOGGER.error("quiz %r: %s", quiz[0].astext()[:60], problem, location=quiz)
            seen.add(quiz.get("quiz", ""))


def read_quiz(quiz: nodes.admonition) -> str | None:
    """Give a quiz and its choices their ids and verdicts. Returns what is wrong with it, or None."""
    found = choices(quiz)
    if len(found) < 2:
        return "a quiz needs at least two choices, each a dropdown in it"
    labels = set()
    for choice in found:
        if not choice["has_title"] or not isinstance(choice[0], nodes.rubric):
            return "a choice has no text; write it behind {dropdown}"
        label = choice[0].astext()
        lead = _lead(choice)
        if lead is None or lead.astext() not in VERDICTS:
            return f"the explanation of {label!r} must open with **Right.** or **Wrong.**"
        if not choice.astext().partition(lead.astext())[2].strip():
            return f"{label!r} has a verdict and no explanation"
        choice["verdict"], choice["choice"] = VERDICTS[lead.astext()], identity(label)
        labels.add(choice["choice"])
    if len(labels) < len(found):
        return "two choices have the same text"
    if [choice["verdict"] for choice in found].count("right") != 1:
        return "exactly one choice must be right"
    quiz["quiz"] = identity(quiz[0].astext())
    return None


class MakeQuizzes(SphinxPostTransform):
    """Puts the HTML nodes in the place of admonition and dropdowns, before sphinx-design takes these (priority 199)."""

    default_priority = 150
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for quiz in quizzes(self.document):
            if "quiz" in quiz:  # a faulty one was reported and stays as it is written
                quiz.replace_self(_made(quiz, self.env.docname))


def _lead(choice: nodes.Element) -> nodes.strong | None:
    """The bold words with which an explanation opens."""
    said = [node for node in choice[1].children if node.astext()] if len(choice) > 1 else []
    return said[0] if said and isinstance(said[0], nodes.strong) else None


def _made(quiz: nodes.admonition, page: str) -> Quiz:
    made = Quiz(quiz=quiz["quiz"], page=page, ids=[f"quiz-{quiz['quiz']}"])
    for child in quiz.children:
        if child is quiz[0]:
            made += Question("", "", *child.children)
        elif not is_component(child, "dropdown"):
            made += child
        else:
            choice = Choice(choice=child["choice"], verdict=child["verdict"])
            choice += Label("", "", *child[0].children)
            choice += child[1:]
            lead = _lead(choice)
            if lead is not None:
                lead["classes"].append("quiz-verdict")
            else:  # a translation's; in **对。**因为 without a space before 因, the stars are no markup
                LOGGER.warning("quiz: %r does not open with its verdict in bold", choice[1:][0].astext()[:30], location=child)
            made += choice
    return made


def _visit_quiz(self: Any, node: Quiz) -> None:
    language = self.config.language
    words = escape(json.dumps({name: text.get(language) for name, text in WORDS.items()}, ensure_ascii=False))
    self.body.append(self.starttag(node, "fieldset", CLASS="quiz", **{
        "data-quiz": node["quiz"], "data-page": node["page"],
    }).rstrip("\n").removesuffix(">") + f' data-words="{words}">\n')  # fmt: skip


def _visit_choice(self: Any, node: Choice) -> None:
    self.body.append(
        f'<details class="quiz-choice" data-choice="{node["choice"]}" data-verdict="{node["verdict"]}">\n'
    )


def _depart_label(self: Any, node: Label) -> None:
    self.body.append('</summary>\n<div class="quiz-why">\n')


def _put(text: str) -> Any:
    return lambda self, node: self.body.append(text)


def _load(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Style and script on the pages that have a quiz, and on no other."""
    if doctree is not None and next(doctree.findall(Quiz), None) is not None:
        app.add_css_file("quiz.css")
        app.add_js_file("quiz.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the two transforms, the nodes, and the page's style and script."""
    app.add_transform(ReadQuizzes)
    app.add_post_transform(MakeQuizzes)
    app.add_node(Quiz, html=(_visit_quiz, _put("</fieldset>\n")))
    app.add_node(Question, html=(_put("<legend>"), _put("</legend>\n")))
    app.add_node(Choice, html=(_visit_choice, _put("</div>\n</details>\n")))
    app.add_node(Label, html=(_put("<summary>"), _depart_label))
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
