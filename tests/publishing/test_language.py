"""Editions: their settings, the links between them, and the translators' files with what the check says of them."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.errors import DataError
from course_lib.publishing.i18n import check_page, show
from course_lib.publishing.i18n_catalog import po_path, publish, read_catalog, unfinished, updated, write_catalog
from course_lib.publishing.i18n_glossary import Term, load_glossary, violations
from course_lib.publishing.i18n_messages import has_words, kept, prose
from course_lib.publishing.language import Edition, edition_config, load_editions
from course_lib.publishing.language_pages import alternates, twins

EN = Edition("en", "English", "en", "en")
ZH = Edition("zh", "中文", "zh_CN", "zh-CN", complete=("book/start",))
BOTH = (EN, ZH)
SIMPLE = "en: {name: English, locale: en, tag: en}\nzh: {name: 中文, locale: zh_CN, tag: zh-CN%s}\n"
PAGES = st.lists(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), min_size=1, max_size=4).map("/".join)


def _file(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class TestEditions:
    def test_a_book_without_the_file_is_english_alone(self, tmp_path):
        assert [e.language for e in load_editions(tmp_path)] == ["en"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("zh: {name: 中文, locale: zh_CN, tag: zh-CN}", "first language must be 'en'"),
            ("[]", "first language must be 'en'"),
            ("en: {name: English, locale: en}", "'tag' is missing"),
            ("en: {name: English, locale: en, tag: en}\nfr: {name: f, locale: fr, tag: fr}", "does not know"),
            (SIMPLE % ", colour: red", "unknown key 'colour'"),
            (SIMPLE % ", complete: book", "'complete' must be of type list"),
            ("en: English", "expected a mapping"),
            ("en: {name: E, name: F}", "stands twice"),
        ],
    )
    def test_a_faulty_file_is_one_line_that_names_it(self, tmp_path, text, said):
        _file(tmp_path / "book" / "languages.yml", text)
        with pytest.raises(DataError, match="languages.yml") as error:
            load_editions(tmp_path)
        assert said in str(error.value) and "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("page", "promised"),
        [("book/start/setup", True), ("book/start", True), ("book/starting/x", False), ("book/index", False)],
    )
    def test_a_folder_promises_its_pages(self, page, promised):
        assert ZH.promises(page) is promised

    def test_settings_are_derived_and_the_source_is_untouched(self, tmp_path):
        config = {"language": "en", "html_theme_options": {"a": {"x": 1, "y": 2}}, "html_baseurl": "https://e.org/c/"}
        over = Edition("zh", "中文", "zh_CN", "zh-CN", config={"html_theme_options": {"a": {"y": 3}}, "author": "作者"})
        made = edition_config(config, over, tmp_path / "_build")
        assert made["html_theme_options"] == {"a": {"x": 1, "y": 3}} and made["author"] == "作者"
        assert made["language"] == "zh_CN" and made["html_baseurl"] == "https://e.org/c/zh/"
        assert config["html_theme_options"] == {"a": {"x": 1, "y": 2}} and "author" not in config
        english = edition_config(config, EN, tmp_path / "_build")
        assert english["nb_execution_cache_path"] == made["nb_execution_cache_path"]  # one execution
        assert english["html_baseurl"] == "https://e.org/c/" and "locale_dirs" not in english

    @given(PAGES)
    def test_twins_point_at_each_other(self, page):
        for here, there in ((EN, ZH), (ZH, EN)):
            [twin] = twins(BOTH, page, here)
            start = posixpath.dirname(posixpath.join("/site", here.folder, page))
            assert posixpath.normpath(posixpath.join(start, twin["href"])) == (
                posixpath.normpath(posixpath.join("/site", there.folder, f"{page}.html"))
            )
            assert twin["tag"] == there.tag

    @given(PAGES)
    def test_a_page_names_its_whole_address_in_every_edition(self, page):
        base = "https://e.org/c/"
        for given_base in (base, base.rstrip("/")):
            links = dict(re.findall(r'hreflang="(.*?)" href="(.*?)"', alternates(BOTH, page, given_base)))
            assert links == {tag: f"{base}{folder}{page}.html" for tag, folder in (("en", ""), ("zh-CN", "zh/"), ("x-default", ""))}


class TestMessages:
    @pytest.mark.parametrize(
        ("message", "parts"),
        [
            ("Run `make lab` {cite}`key`, see [the map](../index.md)", ["(../index.md)", "`make lab`", "{cite}`key`"]),
            ("$\\theta$ and $x$", ["$\\theta$", "$x$"]),
            ("`a` and `a`", ["`a`", "`a`"]),
            ("(not a link) *emphasis*", []),
        ],
    )
    def test_what_stays_as_it_is(self, message, parts):
        assert kept(message) == parts
        assert not any(part in prose(message) for part in parts)

    @pytest.mark.parametrize(
        ("message", "words"),
        [
            *((one, False) for one in ("$x$, $\\tilde{x}$", "`code only`", "–", "3", "p")),
            ("[low]", True),
        ],
    )
    def test_only_words_are_translated(self, message, words):
        assert has_words(message) is words


def _catalog(tmp_path, translations):
    """A written file with these translations; returns its path."""
    catalog = updated(read_catalog(tmp_path / "none.po", ZH), list(translations), {})
    for message, translation in translations.items():
        catalog.get(message).string = translation
    path = po_path(tmp_path, ZH, "book/start/page")
    write_catalog(path, catalog, ZH, "book/start/page")
    return path


class TestCatalogue:
    def test_a_file_holds_no_date_and_is_written_only_when_it_changes(self, tmp_path):
        path = _catalog(tmp_path, {"Two words": "两个词", 'A "quote"\\': "引号"})
        before = path.read_text(encoding="utf-8")
        assert "Date" not in before and "2 " not in before
        assert read_catalog(path, ZH).get('A "quote"\\').string == "引号"
        assert not write_catalog(path, read_catalog(path, ZH), ZH, "book/start/page")
        assert path.read_text(encoding="utf-8") == before

    def test_an_edited_message_becomes_fuzzy_and_a_dropped_one_is_kept_aside(self, tmp_path):
        path = _catalog(tmp_path, {"The search finds every product": "搜索", "Something else altogether": "别的"})
        new = updated(read_catalog(path, ZH), ["The search finds each product", "Title"], {"Title": "标题"})
        assert new.get("The search finds each product").fuzzy and new.get("Title").string == "标题"
        assert not new.get("Title").fuzzy and "Something else altogether" in new.obsolete
        write_catalog(path, new, ZH, "book/start/page")
        assert unfinished(path, ZH)
        again = updated(read_catalog(path, ZH), ["Something else altogether"], {})
        assert again.get("Something else altogether").string == "别的"  # a paragraph that comes back

    def test_unfinished(self, tmp_path):
        assert unfinished(tmp_path / "none.po", ZH)
        assert unfinished(_catalog(tmp_path, {"One word": "", "Two": "二"}), ZH)
        assert not unfinished(_catalog(tmp_path, {"One word": "一", "Two": "二"}), ZH)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('msgid "a"\nmsgstr "b\n', "x.po, line 2: not a line of a .po file"),
            ('msgid "a"\nmsgstr “b”\n', "line 2"),
            ('<<<<<<< HEAD\nmsgid "a"\nmsgstr "b"\n', "line 1"),
            ('msgid "a"\nmsgstr "say "b""\n', "line 2"),
            ('msgid "a"\nmsgid "b"\nmsgstr "c"\n', "x.po: not a valid .po file: missing msgstr"),
        ],
    )
    def test_an_invalid_file_is_one_clear_line(self, tmp_path, text, said):
        with pytest.raises(DataError, match=re.escape(said)):
            read_catalog(_file(tmp_path / "x.po", text), ZH)

    def test_a_file_that_is_no_utf8_is_one_clear_line(self, tmp_path):
        (tmp_path / "x.po").write_bytes('msgid "a"\nmsgstr "中"\n'.encode("gb18030"))
        with pytest.raises(DataError, match="can't be read as UTF-8"):
            read_catalog(tmp_path / "x.po", ZH)

    def test_publishing_copies_what_changed_and_drops_what_went(self, tmp_path):
        path = _catalog(tmp_path, {"One word": "一"})
        folder = tmp_path / "built"
        publish(tmp_path, ZH, folder)
        [copy] = folder.rglob("*.po")
        _file(copy.with_suffix(".mo"), "compiled")
        stamp = copy.stat().st_mtime_ns
        publish(tmp_path, ZH, folder)
        assert copy.stat().st_mtime_ns == stamp and copy.read_bytes() == path.read_bytes()
        path.unlink()
        publish(tmp_path, ZH, folder)
        assert list(folder.rglob("*.*o")) == []


TERMS = (
    Term("retrieval", "召回", forms=("retrieve",), accept=("检索",)),
    Term("hybrid retrieval", "混合检索"),
    Term("log", "日志", unless=("log in",)),
)


class TestGlossary:
    @pytest.mark.parametrize(
        ("english", "chinese", "faults"),
        [
            ("We retrieve products", "我们召回商品", 0),
            ("We Retrieve products", "我们查找商品", 1),
            ("hybrid retrieval", "混合检索", 0),
            ("hybrid retrieval", "混合召回", 1),
            ("hybrid retrieval and retrieval", "混合检索", 0),  # 检索 is accepted for the second
            ("the logs", "记录", 1),
            ("log in to the shop", "登录商店", 0),
            ("`log` and $log$ and catalogue", "任何", 0),
            ("multi-retrieval", "任何", 0),  # another word
        ],
    )
    def test_violations(self, english, chinese, faults):
        assert len(violations(TERMS, english, chinese)) == faults

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("terms: [{en: a}]", "term 1: expected a mapping with 'en' and 'zh'"),
            ("terms: [{en: a, zh: 一, sense: b}]", "unknown key 'sense'"),
            ("terms: [{en: a, zh: 一, forms: b}]", "'forms' must be texts in a list"),
            ("terms: [{en: a, zh: 一}, {en: b, zh: 二, forms: [A]}]", "'a' stands twice"),
            ("[]", "expected one key"),
        ],
    )
    def test_a_faulty_file_is_one_line(self, tmp_path, text, said):
        _file(tmp_path / "book" / "glossary.yml", text)
        with pytest.raises(DataError, match=re.escape(said)):
            load_glossary(tmp_path)

    def test_none_is_no_fault(self, tmp_path):
        assert load_glossary(tmp_path) == ()


def test_the_check_tells_the_kinds_of_faults_apart(tmp_path):
    path = _catalog(
        tmp_path,
        {
            "A good message": "好消息",
            "Not yet done": "",
            "Run `make`": "运行 `mach`",
            "The log": "记录",
            "Gone from the page": "已经没有",
            "Title": "错标题",
        },
    )
    messages = ["A good message", "Not yet done", "Run `make`", "The log", "Title", "New on the page"]
    report = check_page("book/start/page", messages, path, ZH, TERMS, {"Title": "标题"})
    found = {kind: len(faults) for kind, faults in report.faults.items()}
    assert found == {"untranslated": 2, "fuzzy": 0, "stale": 1, "glossary": 2, "markup": 1}
    assert report.promised and not report.whole
    said = show([report])
    assert "PROMISED COMPLETE" in said and "stale: Gone from the page" in said and "markup: Run `make`" in said
    path_of_good = _catalog(tmp_path, {"A good message": "好消息"})
    fine = check_page("book/start/page", ["A good message"], path_of_good, ZH, TERMS, {})
    assert fine.whole and "PROMISED" not in show([fine]) and "complete" in show([fine])
    elsewhere = check_page("book/shop/page", messages, path, ZH, TERMS, {})
    assert "untranslated:" not in show([elsewhere]) and "untranslated: Not yet" in show([elsewhere], every=True)
