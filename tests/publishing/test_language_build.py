"""A small book in two languages: cells run once, every page has its twin, and translations reach the reader."""

import gettext
import re
from pathlib import Path

import pytest
import yaml

from course_lib.publishing import i18n, offline
from course_lib.publishing.build import build
from course_lib.publishing.i18n_catalog import po_path
from course_lib.publishing.language import load_editions

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---
# Set up

Read [the map](../index.md) about *retrieval* first {cite}`key`, and again {cite}`key`.

Another paragraph.

```{mermaid}
flowchart LR
accDescr: A query leads to a list.
a[Query] --> b[List]
```

```{code-cell}
import os
_ = open(os.environ["COURSE_TEST_RAN"], "a").write("ran ")
print("printed words")
```

:::{admonition} Run card
:class: run-card
In the book.
:::

```{bibliography}
```
"""
TOPIC = """
      - id: start.setup
        title: {en: Set up, zh: 搭建}
        summary: {en: s, zh: 摘要}
        concepts: [{en: Virtual environment, zh: 虚拟环境}]
        prerequisites: []
        role: both
        minutes: 1
        status: ready
"""
MAP = "branches:\n  - id: start\n    title: {en: Start, zh: 起步}\n    summary: {en: s, zh: 摘要}\n    topics:" + TOPIC
LANGUAGES = """
en: {name: English, locale: en, tag: en}
zh: {name: 中文, locale: zh_CN, tag: zh-CN, complete: [book/start], config: {html_title: 小书}}
"""
SAID = {
    "Read [the map](../index.md) about *retrieval* first {cite}`key`, and again {cite}`key`.": (
        "先读[导图](../index.md)中的*召回* {cite}`key`，再读 {cite}`key`。"
    ),
    "Another paragraph.": "另一段。",
    "A query leads to a list.": "查询得到列表。",
    "Query": "查询",
    "List": "列表",
}


INTERFACE = "\n\n".join(
    f'msgid "{english}"\nmsgstr "{chinese}"'
    for english, chinese in {"Toggle primary sidebar": "开关导航", "Color mode": "明暗", "Print to PDF": "打印"}.items()
)


class Book:
    def __init__(self, root: Path):
        self.root, self.ran = root, root / "ran.txt"
        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
        config["title"] = "Small book"
        self.write("_config.yml", yaml.safe_dump(config))
        self.write("_toc.yml", "format: jb-book\nroot: book/index\nparts:\n- caption: Start\n"
                               "  chapters:\n  - file: book/start/setup\n")  # fmt: skip
        self.write("requirements.txt", "")
        self.write("book/mindmap.yml", MAP)
        self.write("book/languages.yml", LANGUAGES)
        self.write("book/glossary.yml", "terms: [{en: retrieval, zh: 召回}]\n")
        self.write("book/locale/zh_CN/LC_MESSAGES/interface.po", INTERFACE + "\n")
        self.write("book/index.md", "# Map\n\nWords of the map.\n")
        self.write("book/start/setup.md", PAGE)
        self.write("book/references.bib", "@book{key, title={T}, author={A, B}, year={2000}, publisher={P}}")
        self.write("book/vendor/package.json", "{}")
        self.write("book/vendor/package-lock.json", "{}")
        self.write("book/_static/favicon.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def build(self) -> int:
        """Build both editions; how often the cell ran."""
        self.ran.write_text("", encoding="utf-8")
        gettext._translations.clear()  # Python keeps compiled messages by their path; a new process has none
        build(self.root, check_map=False)
        return self.ran.read_text(encoding="utf-8").count("ran")

    def html(self, page: str) -> str:
        return (self.root / "_build" / "html" / f"{page}.html").read_text(encoding="utf-8")

    def article(self, page: str) -> str:
        return re.search(r"<article.*?</article>", self.html(page), re.DOTALL)[0]

    def po(self, page: str) -> Path:
        return po_path(self.root, load_editions(self.root)[1], page)

    def translate(self, page: str, said: dict[str, str]) -> None:
        text = self.po(page).read_text(encoding="utf-8")
        for english, chinese in said.items():
            before = f'msgid "{english}"\nmsgstr ""'
            assert before in text
            text = text.replace(before, f'msgid "{english}"\nmsgstr "{chinese}"')
        self.po(page).write_text(text, encoding="utf-8")

    def i18n(self, command: str) -> int:
        return i18n.main([command, "--root", str(self.root)])


@pytest.fixture
def book(tmp_path, monkeypatch) -> Book:
    def bring(folder: Path, *_: object, **__: object) -> None:  # in place of npm, which needs a network
        for package, patterns, _ in (*offline.ASSETS, *offline.TOOLS):
            path = folder / "node_modules" / package / patterns[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    monkeypatch.setattr(offline, "_npm_ci", bring)
    monkeypatch.setenv("COURSE_TEST_RAN", str(tmp_path / "ran.txt"))
    return Book(tmp_path)


def test_two_editions_from_one_execution(book, capfd):
    assert book.i18n("check") == 1  # promised, and nothing is there
    assert "PROMISED COMPLETE" in capfd.readouterr().out
    assert book.i18n("update") == 0 and book.i18n("check") == 1
    assert not book.ran.exists()  # messages are collected without running a cell
    assert 'msgid "Set up"\nmsgstr "搭建"' in book.po("book/start/setup").read_text(encoding="utf-8")

    assert book.build() == 1
    half = book.article("zh/book/start/setup")
    assert "Another paragraph." in half and "本页尚未译完" in half and "搭建" in half

    book.translate("book/start/setup", SAID)
    assert book.i18n("check") == 0
    assert book.build() == 0  # the Chinese page is written anew, and no cell runs
    page, whole = book.html("zh/book/start/setup"), book.article("zh/book/start/setup")
    assert "另一段。" in whole and "本页尚未译完" not in whole and "保持英文" in whole
    assert "查询" in whole and "aria-label=\"查询得到列表。\"" in whole  # the diagram
    assert re.search(r'<a [^>]*href="../index.html"[^>]*>(<[^>]*>)*导图', whole)
    assert "用时" in whole and "printed words" in whole
    assert re.search(r'class="[^"]*cell_output[^"]*"[^>]*lang="en"', whole)
    assert '<html lang="zh-CN"' in page and "起步" in page and "小书" in page
    assert 'href="../../../book/start/setup.html" hreflang="en"' in page  # the switcher
    assert '<link rel="alternate"' not in page  # search engines want whole addresses, and this site has none yet
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert {link for link in re.findall(r'href="#([^"]+)"', whole)} <= set(ids)
    assert whole.count('role="doc-backlink"') == 1  # Sphinx takes two citations of a work in one message for one

    # The interface: words of the theme's template, of its catalogue, and one that another catalogue has otherwise.
    assert 'title="开关导航"' in page and 'aria-label="明暗"' in page and 'title="打印"' in page
    assert "Toggle primary" not in page and "列印" not in page

    english = book.html("book/start/setup")
    assert "Toggle primary sidebar" in english and "Color mode" in english
    assert '<html lang="en"' in english and 'href="../../zh/book/start/setup.html" hreflang="zh-CN"' in english
    assert "Another paragraph." in english and "Run card" in english
    assert not re.search("[\u4e00-\u9fff]", book.article("book/start/setup"))
    assert "虚拟" in (book.root / "_build/html/searchindex.js").read_text().encode().decode("unicode_escape")
    assert not (book.root / "_build/html/jupyter_execute").exists()  # nothing but pages lies in the site


def test_an_edit_of_the_english_text_shows_in_the_check_and_on_the_page(book, capfd):
    book.i18n("update")
    book.translate("book/start/setup", SAID)
    assert book.i18n("check") == 0
    book.write("book/start/setup.md", PAGE.replace("Another paragraph.", "Another, longer paragraph."))
    capfd.readouterr()
    assert book.i18n("check") == 1
    said = capfd.readouterr().out
    assert "untranslated: Another, longer" in said and "stale: Another paragraph." in said
    book.i18n("update")
    assert book.i18n("check") == 1 and "fuzzy: Another, longer" in capfd.readouterr().out
    book.build()
    page = book.article("zh/book/start/setup")
    assert "Another, longer paragraph." in page and "本页尚未译完" in page and "另一段" not in page


def test_a_page_without_a_translation_has_its_title_from_the_map(book):
    book.build()
    assert not book.po("book/start/setup").exists()
    page = book.html("zh/book/start/setup")
    assert "<title>搭建 " in page and "本页尚未译完" in page and "Another paragraph." in page


def test_a_change_of_the_interface_alone_is_written(book):
    book.build()
    path = book.root / "book/locale/zh_CN/LC_MESSAGES/interface.po"
    path.write_text(INTERFACE.replace("明暗", "颜色"), encoding="utf-8")
    assert book.build() == 0
    assert 'aria-label="颜色"' in book.html("zh/book/start/setup")


def test_a_faulty_file_is_one_line_and_exit_2(book, capfd):
    book.write("book/glossary.yml", "terms: [{en: a}]")
    assert book.i18n("check") == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and "glossary.yml" in error and error.count("\n") == 1
