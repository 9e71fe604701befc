"""Quizzes: what is written as an admonition with dropdowns becomes one question; the script counts as it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from course_lib.publishing.quiz import WORDS, identity

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "course_lib/publishing/static/quiz.js"
NODE = shutil.which("node")
CHAPTERS = sorted((ROOT / "book").glob("*/*.md"))

QUIZ = """\
::::{admonition} Why *places*, not $s$?
:class: quiz

:::{dropdown} It takes < 1 s
**Wrong.** It takes the same.
:::

:::{dropdown} No common unit
**Right.** A place means the same in both.

A second paragraph.
:::
::::
"""


def page(*quizzes: str) -> str:
    return "# A page\n\n" + "\n".join(quizzes) + "\n:::{dropdown} Not a quiz\nHello.\n:::\n"


def test_a_quiz_is_a_fieldset_that_needs_no_script(small_book):
    small_book.write("index.md", page(QUIZ))
    _, warnings = small_book.build("quiz")
    html = small_book.html()
    assert warnings == ""
    field = re.search(r"<fieldset.*?</fieldset>", html, re.S)[0]
    assert "<legend>Why <em>places</em>, not " in field and "admonition" not in field
    choices = re.findall(r'<details class="quiz-choice" data-choice="(\w+)" data-verdict="(\w+)">', field)
    assert choices == [(identity("It takes < 1 s"), "wrong"), (identity("No common unit"), "right")]
    assert "<summary>It takes &lt; 1 s</summary>" in field and "A second paragraph." in field
    assert field.count("<details") == field.count("</details>") == 2 and field.count("<div") == field.count("</div>")
    assert field.count('<strong class="quiz-verdict">') == 2
    assert 'data-page="index"' in field and f'id="quiz-{identity("Why places, not s?")}"' in field
    words = json.loads(re.search(r'data-words="(.*?)"', field)[1].replace("&quot;", '"').replace("&#x27;", "'"))
    assert words == {name: text.en for name, text in WORDS.items()}
    assert "sd-dropdown" in html.partition("</fieldset>")[2]  # another dropdown stays one
    assert "quiz.js" in html and "quiz.css" in html


def test_pages_without_a_quiz_load_nothing(small_book):
    small_book.write("index.md", page())
    small_book.build("quiz")
    assert "quiz.js" not in small_book.html() and "quiz.css" not in small_book.html()


def test_other_formats_keep_what_was_written(small_book):
    small_book.write("index.md", page(QUIZ))
    out, warnings = small_book.build("quiz", builder="text")
    text = (out / "index.txt").read_text(encoding="utf-8")
    assert "No common unit" in text and "Right." in text and "quiz" not in warnings


def translated(small_book, wrong: str) -> tuple[str, str]:
    """The Chinese page and its warnings; ``wrong`` is the translated explanation of the wrong choice."""
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo

    said = {"Why *places*, not $s$?": "为什么是*名次*？", "No common unit": "没有共同的单位", "**Wrong.** It takes the same.": wrong}
    small_book.write("index.md", page(QUIZ))
    out, _ = small_book.build("quiz", builder="gettext")
    catalogue, messages = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.pot")), Catalog("zh_CN")
    for english, chinese in said.items():
        assert f'msgid "{english}"' in catalogue
        messages.add(english, chinese)
    file = small_book.root / "locale/zh_CN/LC_MESSAGES/index.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as out_file:
        write_mo(out_file, messages)
    _, warnings = small_book.build("quiz", language="zh_CN")
    return small_book.html(language="zh_CN"), warnings


def test_a_translation_keeps_ids_and_verdicts(small_book):
    html, warnings = translated(small_book, "**不对。** 一样快。")
    assert "bold" not in warnings
    assert "为什么是<em>名次</em>？" in html and "没有共同的单位" in html and WORDS["check"].zh in html
    assert '<strong class="quiz-verdict">不对。</strong>' in html
    small_book.build("quiz")
    ids = [re.findall(r'data-(?:quiz|choice|verdict)="(\w+)"', one) for one in (small_book.html(), html)]
    assert ids[0] == ids[1] and len(ids[0]) == 5


def test_a_translation_whose_verdict_is_no_markup_is_warned_of(small_book):
    _, warnings = translated(small_book, "**不对。**一样快。")  # a space is missing: CommonMark closes no emphasis here
    assert "does not open with its verdict in bold" in warnings and "不对" in warnings


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("**Wrong.** It takes", "It takes", "must open with"),
        ("**Wrong.** It takes", "Well: **Wrong.** It takes", "must open with"),
        ("**Wrong.** It takes the same.", "**Wrong.**", "no explanation"),
        ("**Wrong.**", "**Right.**", "exactly one choice must be right"),
        ("**Right.**", "**Wrong.**", "exactly one choice must be right"),
        ("{dropdown} No common unit", "{dropdown}", "has no text"),
        ("{dropdown} No common unit", "{dropdown} It takes < 1 s", "the same text"),
        ("{dropdown} No common unit", "{note}", "at least two choices"),
    ],
)
def test_a_faulty_quiz_is_an_error_that_names_it(small_book, old, new, says):
    assert old in QUIZ
    small_book.write("index.md", page(QUIZ.replace(old, new)))
    _, warnings = small_book.build("quiz")
    assert says in warnings and "ERROR" in warnings and "Why places" in warnings and "index.md" in warnings
    assert "<fieldset" not in small_book.html()  # it stays as it is written


def test_the_same_question_twice_is_an_error(small_book):
    small_book.write("index.md", page(QUIZ, QUIZ))
    assert "stands twice" in small_book.build("quiz")[1]


def script(code: str):
    """The value of a JavaScript expression in which ``q`` is the script's logic."""
    program = f"const q = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify({code}))"
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(NODE is None, reason="no node: install Node.js")


@needs_node
def test_the_first_answer_counts_and_the_last_one_is_shown():
    state = script("q.answer(q.answer(q.answer(q.read(null), 'p', 'a', 'x', false), 'p', 'a', 'y', true), 'p', 'b', 'z', true)")
    assert state == {"version": 1, "pages": {"p": {
        "a": {"first": "x", "last": "y", "right": False, "done": True},
        "b": {"first": "z", "last": "z", "right": True, "done": True},
    }}}  # fmt: skip
    code = f"q.score({json.dumps(state)}, 'p', ['a', 'b', 'c'])"
    assert script(code) == {"n": 3, "tried": 2, "right": 2, "first": 1}
    assert script(f"q.score({json.dumps(state)}, 'other', ['a'])") == {"n": 1, "tried": 0, "right": 0, "first": 0}
    # a wrong answer after the right one does not take it away
    later = script(f"q.answer({json.dumps(state)}, 'p', 'b', 'x', false)")["pages"]["p"]["b"]
    assert later == {"first": "z", "last": "x", "right": True, "done": True}
    assert script(f"q.forget({json.dumps(state)}, 'p')") == {"version": 1, "pages": {}}


@needs_node
@pytest.mark.parametrize("kept", ["", "no json", "null", "7", "[]", '{"version": 2, "pages": {}}', '{"version": 1}',
                                  '{"version": 1, "pages": null}'])  # fmt: skip
def test_what_is_not_ours_is_begun_afresh(kept):
    assert script(f"q.read({json.dumps(kept)})") == {"version": 1, "pages": {}}


@needs_node
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_score_is_filled_in(language):
    words = WORDS["score"].get(language)
    said = script(f"q.fill({json.dumps(words)}, {{n: 3, right: 2, first: 1}})")
    assert "{" not in said and all(number in said for number in "321")


def test_the_script_stays_small():
    assert SCRIPT.stat().st_size <= 10_000


class TestTheBooksQuizzes:
    def quizzes(self) -> list[tuple[Path, list[tuple[str, bool]]]]:
        found = []
        for chapter in CHAPTERS:
            text = re.sub(r"^```.*?^```$", "", chapter.read_text(encoding="utf-8"), flags=re.S | re.M)
            for body in re.findall(r"^::::\{admonition\} [^\n]+\n:class: quiz\n(.*?)^::::$", text, re.S | re.M):
                choices = re.findall(r"\{dropdown\} (.+?)\n\*\*(Right|Wrong)\.\*\*", body)
                found.append((chapter, [(label, verdict == "Right") for label, verdict in choices]))
        return found

    def test_every_chapter_that_was_converted_has_three_or_more(self):
        names = [chapter.stem for chapter, _ in self.quizzes()]
        for name in ("first_hour", "how_to_learn", "world", "simulator", "measurement"):
            assert names.count(name) >= 3, name

    def test_nobody_can_guess_the_right_choice_by_its_place_or_length(self):
        """A reader who always takes the first, the second, … or the longest choice is wrong in most questions."""
        quizzes = [choices for _, choices in self.quizzes()]
        right = [next(n for n, (_, is_right) in enumerate(choices) if is_right) for choices in quizzes]
        longest = [max(range(len(choices)), key=lambda n: len(choices[n][0])) for choices in quizzes]
        for guess in ([place] * len(quizzes) for place in range(4)):
            assert sum(a == b for a, b in zip(guess, right)) <= 0.5 * len(quizzes)
        assert sum(a == b for a, b in zip(longest, right)) <= 0.5 * len(quizzes)
        assert all(len(choices) >= 3 for choices in quizzes)


@pytest.mark.browser
class TestInTheBrowser:
    def open(self, small_book, reader):
        small_book.write("index.md", page(QUIZ, QUIZ.replace("Why *places*", "Why *sums*")))
        out, _ = small_book.build("quiz")
        reader.goto((out / "index.html").as_uri())
        return reader.locator("fieldset.quiz").first

    def test_a_wrong_answer_says_why_and_the_right_one_says_all(self, small_book, reader):
        field = self.open(small_book, reader)
        said, why = field.locator("[aria-live]"), field.locator(".quiz-why")
        assert field.locator("details").count() == 0 and [why.nth(n).is_visible() for n in range(2)] == [False, False]
        field.get_by_role("button").click()
        assert said.inner_text() == WORDS["choose"].en
        field.get_by_label("It takes < 1 s").check()
        field.get_by_role("button").click()
        assert said.inner_text() == f"{WORDS['wrong'].en} {WORDS['again'].en}"
        assert [why.nth(n).is_visible() for n in range(2)] == [True, False]
        field.get_by_label("No common unit").check()
        field.get_by_role("button").click()
        assert said.inner_text() == f"{WORDS['right'].en} {WORDS['why'].en}"
        assert [why.nth(n).is_visible() for n in range(2)] == [True, True]
        assert reader.locator(".quiz-score").inner_text().startswith("1 of 2 answered right, 0 of them at the first")

    def test_the_keyboard_is_enough_and_answers_are_remembered(self, small_book, reader):
        field = self.open(small_book, reader)
        field.get_by_label("It takes < 1 s").focus()
        reader.keyboard.press("ArrowDown")  # moves and answers nothing
        assert field.get_by_label("No common unit").is_checked() and not reader.locator(".quiz-score").is_visible()
        reader.keyboard.press("Enter")
        assert reader.locator(".quiz-score").inner_text().startswith("1 of 2 answered right, 1 of them at the first")
        reader.reload()
        assert field.get_by_label("No common unit").is_checked() and field.locator(".quiz-why").last.is_visible()
        assert json.loads(reader.evaluate("localStorage['course:quiz']"))["pages"]["index"]
        reader.get_by_role("button", name=WORDS["reset"].en).click()
        assert not field.get_by_label("No common unit").is_checked() and not field.locator(".quiz-why").last.is_visible()
        reader.reload()
        assert not reader.locator(".quiz-score").is_visible()

    @pytest.mark.parametrize("kept", ["no json", '{"version": 1, "pages": {"index": {"x": {"last": "gone"}}}}'])
    def test_a_broken_or_old_memory_does_no_harm(self, small_book, reader, kept):
        reader.add_init_script(f"localStorage['course:quiz'] = {json.dumps(kept)}")
        field = self.open(small_book, reader)
        field.get_by_label("No common unit").check()
        field.get_by_role("button").click()
        assert field.locator(".quiz-why").last.is_visible()

    def test_without_a_memory_it_works_and_says_so(self, small_book, reader):
        reader.add_init_script("Storage.prototype.setItem = () => { throw new Error('full') }")
        field = self.open(small_book, reader)
        field.get_by_label("No common unit").check()
        field.get_by_role("button").click()
        assert WORDS["unsaved"].en in reader.locator(".quiz-score").inner_text()

    def test_without_scripts_each_choice_opens_to_its_reason(self, small_book, chromium):
        small_book.write("index.md", page(QUIZ))
        out, _ = small_book.build("quiz")
        context = chromium.new_context(java_script_enabled=False, offline=True)
        plain = context.new_page()
        plain.goto((out / "index.html").as_uri())
        assert not plain.get_by_text("It takes the same.").is_visible()
        plain.get_by_text("It takes < 1 s").click()
        assert plain.get_by_text("It takes the same.").is_visible()
        context.close()
