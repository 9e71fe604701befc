"""What a chapter offers to take along: its notebook, the notebook of its graded questions, and how to open both.

The notebooks are clean, without outputs: who runs one sees his own machine's numbers. They are made anew from the page's
source at each build, byte for byte the same from the same text.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from course_lib.core.bilingual import Text
from course_lib.core.files import atomic_file
from course_lib.publishing.pagebar import add_tool

FOLDER = "_downloads/notebooks"  # in the site; below it the paths of the repository
SETUP = "book/start/setup"
_SITE_ONLY = re.compile(
    r"^```\{bibliography\}.*?^```\n|^:::\{admonition\}[^\n]*\n:class: run-card\n.*?^:::\n", re.DOTALL | re.MULTILINE
)

WORDS = {
    "summary": Text("Open in JupyterLab", "在 JupyterLab 中打开"),
    "lab": Text(
        "In the folder of your copy of the course ({setup}), run {command}. Your browser opens JupyterLab.",
        "在课程所在的文件夹（{setup}）中运行 {command}，浏览器会打开 JupyterLab。",
    ),
    "setup": Text("how to get one", "如何获取"),
    "chapter": Text(
        "In the list of files on the left, double-click {file}: the chapter opens as a notebook. {keys} runs a cell.",
        "在左侧文件列表中双击 {file}，本章会作为笔记本打开。按 {keys} 运行单元格。",
    ),
    "graded": Text("The graded questions are in {file}.", "评分题在 {file} 中。"),
    "take": Text("Or download", "也可以下载"),
    "notebook": Text("this chapter, .ipynb", "本章，.ipynb"),
    "exercises": Text("its exercises, .ipynb", "本章练习，.ipynb"),
    "where": Text(
        "Put the file into the course's folder: JupyterLab shows what lies there, and only its environment has {package}.",
        "请把文件放进课程文件夹：JupyterLab 只显示其中的内容，也只有它的环境里装有 {package}。",
    ),
}


def clean_notebook(source: str) -> str:
    """A page's MyST source as a notebook in JSON, without outputs and without what only the site can show.

    Ids of cells are their numbers, where jupytext would draw them at random.
    """
    import jupytext
    import nbformat

    notebook = jupytext.reads(_SITE_ONLY.sub("", source), fmt={"extension": ".md", "format_name": "myst"})
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    notebook.metadata.pop("jupytext", None)  # else a saved copy would look for a pair of its own
    for n, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{n}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def exercise_of(page: str) -> str:
    """Where the exercise notebook of a page lies, seen from the root: ``exercises/<branch>/<topic>.ipynb``."""
    return f"exercises/{page.removeprefix('book/')}.ipynb"


def box(language: str, page: str, setup: str, notebook: str, exercises: str | None) -> str:
    """The box as HTML: ``<details>`` with the steps and the links.

    Args:
        page: document name of the chapter.
        setup, notebook, exercises: addresses as seen from the page; ``exercises`` is None where there are none.
    """

    def say(name: str, **values: str) -> str:
        return escape(WORDS[name].get(language), quote=False).format(**values)

    def code(text: str) -> str:
        return f"<code>{escape(text)}</code>"

    steps = [
        say("lab", setup=f'<a href="{escape(setup)}">{say("setup")}</a>', command=code("make lab")),
        say("chapter", file=code(f"{page}.md"), keys="<kbd>Shift</kbd>+<kbd>Enter</kbd>"),
    ]
    links = [(notebook, "notebook", f"{page.rpartition('/')[2]}.ipynb")]
    if exercises:
        steps.append(say("graded", file=code(exercise_of(page))))
        links.append((exercises, "exercises", f"{page.rpartition('/')[2]}_exercises.ipynb"))
    offered = " · ".join(f'<a href="{escape(url)}" download="{name}">{say(key)}</a>' for url, key, name in links)
    return (
        f'<details class="page-lab"><summary>{say("summary")}</summary><ol>'
        f"{''.join(f'<li>{step}</li>' for step in steps)}</ol>"
        f'<p>{say("take")}: {offered}. {say("where", package=code("course_lib"))}</p></details>'
    )


def _put_in(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Write the notebooks of a page that has code cells, and offer them under its title."""
    cells = (n for n in doctree.findall(nodes.container) if n.get("nb_element") == "cell_code") if doctree else iter(())
    if next(cells, None) is None:
        return
    source = Path(app.env.doc2path(page))
    up = "../" * page.count("/")
    _write(Path(app.outdir) / FOLDER / f"{page}.ipynb", clean_notebook(source.read_text(encoding="utf-8")))
    graded = Path(app.srcdir) / exercise_of(page)
    if graded.is_file():
        _write(Path(app.outdir) / FOLDER / exercise_of(page), graded.read_text(encoding="utf-8"))
    add_tool(
        context,
        box(
            app.config.language,
            page,
            context["pathto"](SETUP) if SETUP in app.env.all_docs else "#",
            f"{up}{FOLDER}/{page}.ipynb",
            f"{up}{FOLDER}/{exercise_of(page)}" if graded.is_file() else None,
        ),
    )
    app.add_css_file("downloads.css")


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic_file(path) as file:
            file.write(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the notebooks on every page that has code cells."""
    app.connect("html-page-context", _put_in, priority=410)  # in the bar after the tracks, above which the strip comes
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
