"""The glossary: each term once, with its translation, a stable anchor, and the topics that teach it."""

import re
from pathlib import Path

import pytest
import yaml

from course_lib.core.bilingual import Text
from course_lib.core.errors import DataError
from course_lib.publishing.glossary import FILE, MEANINGS, Entry, load_entries, taught_in
from course_lib.publishing.mapfile import load_map

ROOT = Path(__file__).parents[2]
TERMS = [{"en": "query", "zh": "查询", "forms": ["queries"]}, {"en": "A/B test", "zh": "A/B 测试"}]


def write(root: Path, terms, meanings=None) -> Path:
    (root / "book").mkdir(exist_ok=True)
    (root / FILE).write_text(yaml.safe_dump({"terms": terms}, allow_unicode=True), encoding="utf-8")
    if meanings is not None:
        (root / MEANINGS).write_text(yaml.safe_dump(meanings, allow_unicode=True), encoding="utf-8")
    return root


def test_terms_come_in_the_order_of_the_alphabet_with_their_meanings(tmp_path):
    entries = load_entries(write(tmp_path, TERMS, {"query": {"en": "What is typed.", "zh": "输入的文字。"}}))
    assert [entry.term.en for entry in entries] == ["A/B test", "query"]
    assert [entry.anchor for entry in entries] == ["term-a-b-test", "term-query"]
    assert entries[1].meaning == Text("What is typed.", "输入的文字。") and entries[0].meaning.en == ""


@pytest.mark.parametrize(
    ("terms", "meanings", "says"),
    [
        ([{"en": "query"}], None, "term 1"),
        (["query"], None, "term 1"),
        ("query", None, "a list"),
        ([*TERMS, {"en": "A-B test", "zh": "x"}], None, "share 'term-a-b-test'"),
        (TERMS, {"click": {"en": "x", "zh": "y"}}, "'click' is no term"),
        (TERMS, {"query": {"en": "x"}}, "given as"),
        (TERMS, {"query": "x"}, "given as"),
    ],
)
def test_a_faulty_glossary_is_one_line_that_names_the_place(tmp_path, terms, meanings, says):
    with pytest.raises(DataError, match=says) as error:
        load_entries(write(tmp_path, terms, meanings))
    assert "\n" not in str(error.value) and "glossary" in str(error.value)


def test_a_missing_glossary_is_an_error(tmp_path):
    with pytest.raises(DataError, match="glossary.yml"):
        load_entries(tmp_path)


def test_the_books_own_glossary_is_whole():
    entries = load_entries(ROOT)
    assert len(entries) > 100
    assert all(re.fullmatch(r"term(-[a-z0-9]+)+", entry.anchor) for entry in entries)
    assert all(re.search(r"[\u4e00-\u9fff]", text) for entry in entries for text in (entry.term.zh, entry.meaning.zh or "无"))
    assert all(entry.meaning.en.endswith(".") and entry.meaning.zh.endswith("。") for entry in entries if entry.meaning.en)
    assert sum(bool(entry.meaning.en) for entry in entries) > 0.8 * len(entries)


def test_topics_are_found_by_whole_words_in_either_language():
    mindmap = load_map(ROOT / "book/mindmap.yml")

    def topics(en: str, zh: str = "", *forms: str) -> list[str]:
        return [topic.id for topic in taught_in(Entry(Text(en, zh), Text("", ""), forms), mindmap)]

    assert "start.how_to_learn" in topics("mind map") and "start.how_to_learn" in topics("no such word", "思维导图")
    assert topics("ind map") == [] and topics("") != topics("mind map")
    assert "start.how_to_learn" in topics("nothing", "", "exercises")


def test_the_page_links_ready_topics_in_both_languages(small_book):
    write(small_book.root, [*TERMS, {"en": "mind map", "zh": "思维导图"}], {"query": {"en": "What is typed.", "zh": "输入的文字。"}})
    (small_book.root / "book/mindmap.yml").write_text((ROOT / "book/mindmap.yml").read_text(encoding="utf-8"), encoding="utf-8")
    pages = [topic.page for topic in load_map(ROOT / "book/mindmap.yml").order() if topic.ready]
    for page in pages:
        small_book.write(f"{page}.md", "# A topic\n")
    small_book.write("index.md", "# Glossary\n\n```{admonition} The terms\n:class: glossary-terms\nIn the book.\n```\n\n```{toctree}\n:glob:\nbook/*/*\n```\n")
    for language, meaning, title in (("en", "What is typed.", "How to learn with this map"), ("zh_CN", "输入的文字。", "如何用这张导图学习")):
        _, warnings = small_book.build("mapdirective", "glossary", language=language)
        html = small_book.html(language=language)
        assert warnings == "" and meaning in html and "glossary.css" in html
        assert '<dt id="term-query"><span class="glossary-en" lang="en">query</span>' in html
        assert '<span class="glossary-zh" lang="zh">查询</span>' in html
        link = re.search(r'href="(book/start/how_to_learn.html)">(.*?)</a>', html.partition('id="term-mind-map"')[2])
        assert link and title in link[2]
    out, _ = small_book.build("mapdirective", "glossary", builder="gettext")
    catalogue = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.pot"))
    assert "Glossary" in catalogue and "What is typed." not in catalogue and 'msgid "query"' not in catalogue


def test_a_faulty_file_stops_the_build(small_book):
    from sphinx.errors import ExtensionError

    write(small_book.root, [{"en": "query"}])
    small_book.write("index.md", "# Glossary\n\n```{admonition} The terms\n:class: glossary-terms\nIn the book.\n```\n")
    with pytest.raises(ExtensionError, match="term 1"):
        small_book.build("mapdirective", "glossary")
