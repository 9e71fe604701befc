"""Notebooks to take along: whole, clean, the same each time; the box leads to files that are there. Print."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from course_lib.publishing.downloads import FOLDER, WORDS, box, clean_notebook, exercise_of

ROOT = Path(__file__).parents[2]
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n"
PAGE = HEAD + "# A chapter\n\n```{code-cell} ipython3\n1 + 1\n```\n\nWords.\n\n:::{admonition} Run card\n:class: run-card\nIn the book.\n:::\n\n## Sources\n\n" \
    "```{bibliography}\n:filter: docname in docnames\n```\n"  # fmt: skip


def test_a_notebook_has_the_cells_and_not_what_only_the_site_can_show():
    text = clean_notebook(PAGE)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown"]
    assert notebook.cells[1].source == "1 + 1" and notebook.cells[1].outputs == []
    assert "run-card" not in text and "{bibliography}" not in text and "## Sources" in text and "Words." in text
    assert notebook.metadata.kernelspec.name == "python3"
    assert clean_notebook(PAGE) == text  # the ids are not drawn at random


@pytest.mark.parametrize("chapter", sorted((ROOT / "book").glob("*/*.md")), ids=lambda path: path.stem)
def test_the_books_chapters_keep_all_of_their_code(chapter):
    source = chapter.read_text(encoding="utf-8")
    notebook = json.loads(clean_notebook(source))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) == len(re.findall(r"^```\{code-cell\}", source, re.M)) > 0
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert "{admonition} The decision" in "".join("".join(cell["source"]) for cell in notebook["cells"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_box_names_files_and_leads_to_them(language):
    html = box(language, "book/shop/world", "../start/setup.html", "up/world.ipynb", "up/exercises.ipynb")
    assert re.findall(r'href="(.*?)"', html) == ["../start/setup.html", "up/world.ipynb", "up/exercises.ipynb"]
    assert "<code>book/shop/world.md</code>" in html and "<code>exercises/shop/world.ipynb</code>" in html
    assert "<code>make lab</code>" in html and "{" not in html
    assert html.startswith('<details class="page-lab"><summary>' + WORDS["summary"].get(language))
    without = box(language, "book/shop/world", "#", "up/world.ipynb", None)
    assert "exercises" not in without and without.count("<li>") == 2


def test_pages_with_cells_offer_their_notebook_and_others_do_not(small_book):
    small_book.write("index.md", "# Start\n\n```{toctree}\nbook/shop/world\nbook/start/setup\n```\n")
    small_book.write("book/shop/world.md", PAGE.partition("## Sources")[0])
    small_book.write("book/start/setup.md", "# Set up\n")
    small_book.write("exercises/shop/world.ipynb", '{"exercise": 1}')
    extensions = ["sphinx_design", "myst_nb", *(f"course_lib.publishing.{x}" for x in ("runcard", "tracks", "downloads", "printing"))]
    out, warnings = small_book.build(extensions=extensions, source_suffix={".md": "myst-nb"}, nb_execution_mode="off",
                                     suppress_warnings=["myst-nb.lexer"], exclude_patterns=["_build", "exercises"])  # fmt: skip
    assert warnings == ""
    html = small_book.html("book/shop/world")
    links = re.findall(r'<a href="([^"]+)" download="([^"]+)">', html)
    assert [name for _, name in links] == ["world.ipynb", "world_exercises.ipynb"]
    files = [(out / "book/shop" / link).resolve() for link, _ in links]
    assert files[0] == out.resolve() / FOLDER / "book/shop/world.ipynb" and "1 + 1" in files[0].read_text(encoding="utf-8")
    assert files[1].read_text(encoding="utf-8") == '{"exercise": 1}'
    assert 'href="../start/setup.html"' in html.partition("page-lab")[2]
    assert html.index("track-switch") < html.index("page-lab") and html.count('class="page-bar"') == 1
    assert "page-lab" not in small_book.html("book/start/setup")
    assert all('media="print"' in small_book.html(page) for page in ("book/shop/world", "book/start/setup"))


def test_exercises_lie_where_the_map_says():
    assert exercise_of("book/shop/world") == "exercises/shop/world.ipynb"
    assert (ROOT / exercise_of("book/shop/world")).is_file()


def _formulas(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^\$\$.*?^\$\$.*?$", text, re.S | re.M)


@pytest.mark.parametrize(
    "chapter", [p for p in sorted((ROOT / "book").glob("*/*.md")) if _formulas(p)], ids=lambda path: path.stem
)
def test_a_chapter_with_formulas_numbers_them_and_says_what_their_symbols_mean(chapter):
    text = chapter.read_text(encoding="utf-8")
    assert all(re.search(r"\$\$ \(eq-[a-z-]+\)$", block) for block in _formulas(chapter))
    tables = re.findall(r"^\| symbol \| meaning \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text, re.M)
    rows = [row for table in tables for row in table.splitlines()]
    assert rows and sum(row.startswith("| $") for row in rows) > len(rows) / 2
