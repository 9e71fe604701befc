"""A verdict on a terminal and in a notebook: complete, in both languages, and harmless whatever it holds."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom.display import (
    Help,
    as_html,
    as_text,
    harmless,
    outcome_word,
    padded,
    points,
    wants_colour,
    width,
)
from course_lib.classroom.verdict import CaseResult, Outcome, Verdict
from course_lib.core.bilingual import Text

HELP = Help(0, 3, "ask()", "tell()", Text("cell In [7]", "单元格 In [7]"))
CASES = (
    CaseResult("basic", Text("a short list", "短列表"), False, 0.0, 1.0),
    CaseResult("none", Text("an empty list", "空列表"), True, 0.0, 0.25, gated=True),
    CaseResult("drawn", Text("random lists", "随机列表"), False, 0.0, 0.75, hidden=True),
)


def failed(**changes) -> Verdict:
    given = {
        "question": "demo.sums/share", "outcome": Outcome.FAIL, "points": 0.0, "max_points": 2.0,
        "message": Text("You divide by k.", "你除以了 k。"),
        "shown": ((Text("input", "输入"), Text("[1, 2], 3", "[1, 2], 3")), (Text("came", "得到"), Text("0.5", "0.5"))),
        "advice": Text("Count by hand.", "手算一遍。"), "cases": CASES, "printed": "debug 1\ndebug 2\n",
    }  # fmt: skip
    return Verdict(**{**given, **changes})


class Page(HTMLParser):
    """Tags, their attributes and the text of a piece of HTML; fails on tags that don't close."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(("language", "words"), [
    ("en", ("FAIL 0/2", "You divide by k.", "Next step: Count by hand.", "Cases", "a short list", "(hidden)",
            "it counts only once the first case passes", "Your code printed", "Hint 1 of 3: ask()", "cell In [7]")),
    ("zh", ("未通过 0/2", "你除以了 k。", "下一步: 手算一遍。", "测试用例", "短列表", "(隐藏)", "要等第一个用例通过后才计分", "你的代码输出了",
            "提示 1/3：ask()", "单元格 In [7]")),
])  # fmt: skip
def test_a_failure_tells_everything_in_both_languages(language, words):
    text = as_text(failed(), HELP, language)
    page = Page(as_html(failed(), HELP, language))
    for word in (*words, "demo.sums/share", "[1, 2], 3", "debug 2"):
        assert word in text
        assert word in page.text
    assert page.tags[0] == ("div", page.tags[0][1]) and page.tags[0][1]["role"] == "status"
    assert page.tags[0][1]["lang"].startswith(language)
    other = {"en": "未通过", "zh": "FAIL"}[language]
    assert other not in text + page.text


def test_the_language_is_the_readers(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh_CN")
    assert "未通过" in as_text(failed()) and "未通过" in as_html(failed()) and outcome_word(Outcome.PASS) == "通过"


def test_a_pass_is_short_offers_no_hint_and_says_what_was_checked():
    verdict = failed(outcome=Outcome.PASS, points=2.0, shown=(), advice=Text("", ""), printed="")
    lines = ["✓ PASS 2/2  demo.sums/share", "  You divide by k."]
    for help in (None, Help(0, 3, "ask()", "tell()"), Help(3, 3, "ask()", "tell()")):
        assert as_text(verdict, help, "en").splitlines() == lines
    assert as_text(verdict, HELP, "en").splitlines() == [*lines, "  cell In [7]"]
    assert "cell In [7]" in (page := as_html(verdict, HELP, "en")) and "ask()" not in page
    assert as_text(verdict, replace(HELP, doubt=Text("In [9]?", "")), "en").endswith("  cell In [7]\n  In [9]?")


def test_what_was_printed_stands_last_and_is_cut():
    printed = "\n".join(f"case {number}" for number in range(89))
    lines = as_text(failed(printed=printed), HELP, "en").splitlines()
    start = lines.index("  Your code printed, first lines:")
    assert lines[start + 1 :] == [*(f"    | case {number}" for number in range(12)), "    … more lines: 77"]
    assert next(place for place, line in enumerate(lines) if "ask()" in line) < start
    page = Page(as_html(failed(printed=printed), HELP, "en")).text
    assert "case 11" in page and "case 12" not in page and page.endswith("… more lines: 77")
    assert page.index("ask()") < page.index("first lines")
    assert "其余行数：77" in as_text(failed(printed=printed), HELP, "zh")


@pytest.mark.parametrize(("printed", "label", "end"), [
    ("a\n" * 12, "Your code printed:", "    | a"),
    ("a\n\n\n" * 5, "Your code printed, first lines:", "    … more lines: 1"),
    ("x" * 1_001, "Your code printed, first lines:", "    | " + "x" * 1_000 + "…"),
    (("x" * 99 + "\n") * 12, "Your code printed, first lines:", "    … more lines: 1"),
    ("ab\n" * 1_400, "Your code printed, first lines:", "    … more lines: 1388+"),  # cut before it came here
])  # fmt: skip
def test_how_much_of_what_was_printed_is_shown(printed, label, end):
    lines = as_text(failed(printed=printed), HELP, "en").splitlines()
    assert f"  {label}" in lines and lines[-1] == end


def test_hints_that_are_used_up_and_questions_without_any():
    assert "tell()" in as_text(failed(), Help(3, 3, "ask()", "tell()"), "en")
    for none in (None, Help(0, 0, "ask()", "tell()")):
        assert "ask()" not in as_text(failed(), none, "en") and "tell()" not in as_text(failed(), none, "en")


def test_cases_are_left_out_where_none_could_run():
    unrun = tuple(CaseResult(case.name, case.title, False, 0.0, case.max_points, case.hidden) for case in CASES)
    verdict = failed(outcome=Outcome.ERROR, shown=(), cases=unrun)
    assert "Cases" not in as_text(verdict, None, "en") and "Cases" not in as_html(verdict, None, "en")


def test_the_outcome_is_a_word_and_a_sign_for_every_outcome():
    signs = set()
    for outcome in Outcome:
        head = as_text(failed(outcome=outcome), None, "en").splitlines()[0]
        assert outcome.value in head
        signs.add(head[0])
        assert outcome.value in Page(as_html(failed(outcome=outcome), None, "en")).text
    assert len(signs) == len(Outcome)


@given(st.text())
def test_nothing_in_a_verdict_reaches_the_terminal_or_the_page_raw(odd):
    text = Text(odd, odd)
    case = CaseResult("a", text, False, 0.0, 1.0)
    verdict = failed(question=odd, message=text, shown=((text, text),), advice=text, cases=(case,), printed=odd)
    for colour in (False, True):
        shown = as_text(verdict, HELP, "en", colour=colour)
        shown = re.sub(r"^\x1b\[1;31m(.*?)\x1b\[0m", r"\1", shown) if colour else shown
        assert all(c.isprintable() or c == "\n" for c in shown)
        shown.encode()
    page = as_html(verdict, HELP, "en")
    Page(page)
    page.encode()


def test_markup_is_escaped():
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="x\x1b[31m\u202e'
    text = Text(evil, evil)
    case = CaseResult("a", text, False, 0.0, 1.0, hidden=True)
    page = Page(as_html(failed(question=evil, message=text, shown=((text, text),), advice=text, cases=(case,),
                               printed=evil), Help(0, 1, evil, evil, text), "en"))  # fmt: skip
    assert {tag for tag, _ in page.tags} <= set("div strong span table tr th td code ul li pre".split())
    ours = {"style", "role", "lang", "aria-hidden", "aria-label", "scope"}
    assert {name for _, given in page.tags for name in given} <= ours
    assert page.text.count("<script>alert(1)</script>") == 9 and "\x1b" not in page.text and "\u202e" not in page.text


def test_no_colour_of_text_or_background_is_fixed():
    """What is legible in a light notebook is so in a dark one: only the bar at the left has a colour of its own."""
    for outcome in Outcome:
        page = Page(as_html(failed(outcome=outcome), HELP, "en"))
        styles = " ".join(given.get("style", "") for _, given in page.tags)
        for colour in re.findall(r"(?<![\w-])(?:color|background(?:-color)?):([^;]*)", styles):
            assert colour in ("inherit", "transparent")
        assert len(re.findall(r"#[0-9A-F]{6}", styles)) == 1


@pytest.mark.parametrize(("environment", "terminal", "wanted"), [
    ({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True),
    ({"TERM": "dumb"}, True, False),
])  # fmt: skip
def test_colour_only_where_a_terminal_wants_it(monkeypatch, environment, terminal, wanted):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    assert wants_colour(stream) is wanted
    monkeypatch.setattr("sys.stdout", None)
    assert wants_colour() is False


def test_points_and_columns():
    assert [points(*pair) for pair in ((2.0, 2.0), (0.1 + 0.2, 1.5), (0.0, 3.0))] == ["2/2", "0.3/1.5", "0/3"]
    assert width("召回率 e\u0301") == 8 and padded("召回", 6) == "召回  "
    assert harmless("a\tb\r\n\x07") == "a    b?\n?"
