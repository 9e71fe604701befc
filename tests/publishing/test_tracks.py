"""Reading tracks: what folds, what stays, and that nothing is lost without the script."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from course_lib.publishing.pagebar import add_tool
from course_lib.publishing.tracks import WORDS, switch

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "course_lib/publishing/static/tracks.js"
NODE = shutil.which("node")

PAGE = """\
# A chapter

:::{admonition} The decision
Whether $x$ pays.
:::

## The maths

**One.** It is this:

$$
a = b
$$ (eq-one)

**Two.** It is that, with $c$ small:

$$
c = d
$$ (eq-two)

| symbol | meaning |
|---|---|
| $a$ | the first |
| $c$ | the second |
| at best | words for a symbol |

**How it is measured.** In plain words.

| measure | meaning |
|---|---|
| grade | from $0$ on |

Then:

$$
e = f
$$

## Run it

The mean is $m$; see {eq}`eq-one`.
"""


def folds(html: str) -> list[tuple[str, str, str]]:
    found = re.findall(r'<details class="track-fold" open data-fold="(\w+)"><summary>(.*?)</summary>(.*?)</details>', html, re.S)
    assert len(found) == html.count('class="track-fold"') and html.count("<details") == html.count("</details>")
    return found


def test_runs_of_formulas_fold_and_words_stay(small_book):
    small_book.write("index.md", PAGE)
    _, warnings = small_book.build("tracks")
    html = small_book.html()
    assert warnings == ""
    first, last = folds(html)
    assert first[:2] == ("maths", "Maths, 2 formulas") and last[:2] == ("maths", "Maths, 1 formula")
    assert all(part in first[2] for part in ("One.", "Two.", "the first", "the second", 'id="equation-eq-one"'))
    assert "Then:" in last[2]
    rest = re.sub(r'<details class="track-fold".*?</details>', "", html, flags=re.S)
    assert all(part in rest for part in ("Whether", "How it is measured.", "from ", "The mean is", "The maths"))
    assert rest.count("<table") == 1
    assert 'href="#equation-eq-one"' in rest  # the link of Run it, to a formula that is folded


def test_the_chinese_edition_says_it_in_chinese(small_book):
    small_book.write("index.md", PAGE)
    small_book.build("tracks", language="zh_CN")
    html = small_book.html(language="zh_CN")
    assert [summary for _, summary, _ in folds(html)] == ["数学，2 个公式", "数学，1 个公式"]
    assert WORDS["business"].zh in html and "Business" not in html


def test_other_formats_and_pages_without_formulas_are_left_alone(small_book):
    small_book.write("index.md", PAGE)
    out, _ = small_book.build("tracks", builder="text")
    assert "a = b" in (out / "index.txt").read_text(encoding="utf-8")
    small_book.write("index.md", "# Words\n\nThe mean is $m$.\n")
    small_book.build("tracks")
    assert "track" not in small_book.html()


def cell(code: str, *tags: str) -> str:
    head = f":tags: [{', '.join(tags)}]\n\n" if tags else ""
    return f"```{{code-cell}}\n{head}{code}\n```\n\n"


def test_the_source_of_a_cell_folds_and_its_output_stays(small_book):
    head = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n# Cells\n\n"
    small_book.write("index.md", head + cell("one = 1\nprint(one)") + cell("two = 2", "hide-input") + cell("three = 3"))
    small_book.build("tracks", extensions=["sphinx_design", "myst_nb", "course_lib.publishing.tracks"],
                     source_suffix={".md": "myst-nb"}, nb_execution_mode="off")  # fmt: skip
    html = small_book.html()
    found = re.findall(r'<details class="track-fold" open data-fold="code"><summary>(.*?)</summary>\s*<div class="cell_input', html)
    assert found == ["Code, 2 lines", "Code, 1 line"]  # the hidden one has a fold of its own, by myst-nb
    assert html.count("<details") == html.count("</details>") == 3


def test_the_switch_is_hidden_until_the_script_serves_it():
    html = switch("en")
    assert html.startswith('<fieldset class="track-switch" hidden') and "<legend>Read as</legend>" in html
    assert re.findall(r'value="(\w+)"', html) == ["developer", "business"]


def test_tools_stand_in_one_bar_in_the_order_they_come():
    context = {"body": "<h1>Title</h1><p>text</p>"}
    add_tool(context, "<i>one</i>")
    add_tool(context, "<i>two</i>")
    body = context["body"]
    assert body.count('class="page-bar"') == 1
    assert body.index("</h1>") < body.index("one") < body.index("two") < body.index("<p>text")
    bare = {"body": "<p>no title</p>"}
    add_tool(bare, "<i>one</i>")
    assert bare["body"].index("one") < bare["body"].index("no title")


@pytest.mark.skipif(NODE is None, reason="no node: install Node.js")
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("t.chosen('', null)", "developer"),
        ("t.chosen('', 'business')", "business"),
        ("t.chosen('?track=business', 'developer')", "business"),
        ("t.chosen('?track=developer', 'business')", "developer"),
        ("t.chosen('?track=boss', 'business')", "business"),
        ("t.chosen('?track=boss', 'chief')", "developer"),
        ("t.address('', 'business')", ""),
        ("t.address('?q=1', 'business')", "?q=1"),
        ("t.address('?q=1&track=business', 'developer')", "?q=1&track=developer"),
    ],
)
def test_the_address_is_asked_before_the_memory(code, value):
    program = f"const t = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify({code}))"
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and json.loads(done.stdout) == value, done.stderr


@pytest.mark.browser
class TestInTheBrowser:
    def open(self, small_book, reader, address: str = ""):
        small_book.write("index.md", PAGE)
        small_book.write("other.md", PAGE.replace("A chapter", "Another").replace("eq-", "eq-other-"))
        out, _ = small_book.build("tracks", "printing", html_theme_options={"nosidebar": "true"})
        reader.goto((out / "index.html").as_uri() + address)
        return out

    def seen(self, reader) -> tuple[bool, bool, bool]:
        """Whether the formula, its line, and the plain words can be seen."""
        return tuple(reader.get_by_text(text).first.is_visible() for text in ("the first", "Maths, 2 formulas", "In plain words"))

    def test_everything_is_open_until_a_reader_chooses(self, small_book, reader):
        out = self.open(small_book, reader)
        assert self.seen(reader) == (True, False, True)
        reader.get_by_label("Business").check()
        assert self.seen(reader) == (False, True, True)
        assert reader.get_by_role("status").inner_text() == WORDS["folded"].en
        reader.get_by_text("Maths, 2 formulas").click()
        assert self.seen(reader)[0]
        reader.goto((out / "other.html").as_uri())  # remembered on the next page
        assert self.seen(reader) == (False, True, True) and reader.get_by_label("Business").is_checked()
        reader.get_by_label("Business").focus()
        reader.keyboard.press("ArrowLeft")
        assert self.seen(reader) == (True, False, True)
        assert reader.evaluate("localStorage['course:track']") == "developer"

    def test_the_address_says_the_track_and_a_link_to_a_formula_opens_its_fold(self, small_book, reader):
        self.open(small_book, reader, "?track=business")
        assert self.seen(reader) == (False, True, True)
        reader.locator('a[href="#equation-eq-one"]').last.click()
        reader.wait_for_function("document.querySelector('details.track-fold').open")
        assert self.seen(reader)[0]

    def test_without_a_memory_the_page_still_switches(self, small_book, reader):
        refuse = "const real = Storage.prototype[f]; Storage.prototype[f] = function (key, ...rest) {" \
            "if (key.startsWith('course:')) throw new Error('no'); return real.call(this, key, ...rest) }"  # fmt: skip
        reader.add_init_script(f"for (const f of ['getItem', 'setItem']) {{ {refuse} }}")
        self.open(small_book, reader)
        reader.get_by_label("Business").check()
        assert self.seen(reader) == (False, True, True)

    def test_print_shows_all(self, small_book, reader):
        self.open(small_book, reader, "?track=business")
        reader.emulate_media(media="print")
        assert self.seen(reader) == (True, False, True)
        assert not reader.locator(".page-bar").is_visible()
        reader.emulate_media(media="screen")
        reader.evaluate("dispatchEvent(new Event('beforeprint'))")  # browsers that can't style what <details> hide
        assert self.seen(reader)[0]
        reader.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not self.seen(reader)[0]

    def test_without_scripts_everything_is_open(self, small_book, chromium):
        context = chromium.new_context(java_script_enabled=False, offline=True)
        plain = context.new_page()
        self.open(small_book, plain)
        assert self.seen(plain) == (True, False, True) and not plain.locator(".track-switch").is_visible()
        context.close()
