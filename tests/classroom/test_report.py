"""The report: nothing that a stranger wrote may act in a page or a spreadsheet, and nothing secret may stand there."""

import csv
import io
import json
import re
import shutil
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom.batch import Batch, Graded, Store
from course_lib.classroom.intake import Intake
from course_lib.classroom.loading import load_exercise
from course_lib.classroom.report import charts, tables
from course_lib.classroom.report.names import cell, file_names, shown_names
from course_lib.classroom.report.summary import QuestionSummary, Run
from course_lib.classroom.report.words import SYMBOLS, WORDS
from course_lib.classroom.report.write import write_report
from course_lib.classroom.verdict import CaseResult, Outcome, Verdict
from course_lib.core.bilingual import Text

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`</style>{{7*7}}\u202etxt.exe\x1b[31m&amp;"
NAMES = ["al", "Al", "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2", "\t=1", " =1", "'=1", "＝1", EVIL, "陈晓明",
         "a/../b", "con", "index", "new\nline", "x" * 300, "caf\u00e9", "cafe\u0301", "dana@example.org"]  # fmt: skip


def same(words):
    return Text(words, f"中{words}")


@pytest.fixture
def exercise(tmp_path):
    for path, text in (("tests/lab/grade_double.py", SPEC), ("solutions/lab/double.py", MASTER)):
        file = tmp_path / "root" / path
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    return load_exercise("lab.double", root=tmp_path / "root")


SPEC = """
from course_lib.classroom.spec import Case, Choice, Code, Wrong
from course_lib.core.bilingual import Text
t = Text("a", "b")
QUESTIONS = (
    Code(name="double", hints=(t,), wrong=(Wrong("w", "1", t),), uses=(),
         cases=(Case("basic", t, 2.0, inputs=((3,),), expect=t),
                Case("secret", t, 1.0, inputs=((987654,),), hidden=True))),
    Choice(name="which", hints=(t,), wrong=(Wrong("a", "1", t),)),
)
"""
MASTER = """# %% [markdown]
# # Doubling <things>
# %% [markdown]
# ## 1 Twice & more
# %% question="double" points=3
def double(x):
    ### BEGIN SOLUTION
    return x + x  # SOLUTIONTEXT
    ### END SOLUTION
# %% question="which" points=1
which = ...
### BEGIN SOLUTION
which = "b"
### END SOLUTION
"""


def verdicts(words=EVIL):
    cases = (CaseResult("basic", same("small"), False, 0.0, 2.0),
             CaseResult("secret", same("large"), True, 0.0, 1.0, True, True))  # fmt: skip
    shown = ((same("input"), Text(words, words)), (same("came"), Text(words, words)))
    said = Text(words, words)
    return [Verdict("lab.double/double", Outcome.FAIL, 0.0, 3.0, said, shown, same("Do `this`."), "", cases),
            Verdict("lab.double/which", Outcome.PASS, 1.0, 1.0, same("Right."))]  # fmt: skip


def report(tmp_path, exercise, names, language="en", **about):
    problems = [(EVIL, same("skipped")), *[(f"p{n}", same("x")) for n in range(300)]]
    taken = Intake(learners=list(names), problems=problems)
    batch = Batch(Store(tmp_path / "work", 0, "none"), {"lab.double": exercise})
    for place, name in enumerate(names):
        if place % 4 != 3:  # each fourth handed in nothing
            batch.loose[name, "lab.double"] = Graded("lab.double", verdicts(), (same(EVIL),), "0" * 64)
    known = {"mode": "bubblewrap", "seed": 0, "seconds": 1.0, "date": "2026-01-02T03:04:05+00:00", **about}
    return write_report(tmp_path / "out", taken, batch, Run(language=language, **known))


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


ALLOWED = set("html head meta link title style body main nav h1 h2 h3 h4 p a bdi strong span div section article "
              "header dl dt dd small svg desc line rect text details summary table thead tbody tr th td ul li code "
              "br".split())  # fmt: skip


def test_pages_hold_no_script_whatever_learners_wrote(tmp_path, exercise):
    report(tmp_path, exercise, NAMES)
    files = [*(tmp_path / "out/learners").iterdir(), tmp_path / "out/index.html"]
    assert len(files) == len(NAMES) + 1
    for file in files:
        raw = file.read_text(encoding="utf-8")
        page = Page(raw)
        assert set(page.tags) <= ALLOWED, file
        assert ("meta", "content", CSP) in page.attributes
        assert not [one for one in page.attributes if one[1].startswith("on") or one[1] in ("src", "srcdoc", "action")]
        for tag, name, value in page.attributes:
            if name == "href":
                assert re.fullmatch(r"data:,|\.\./index\.html|learners/[\w%.@+-]+\.html", value), value
                if value.startswith("learners/"):
                    assert (tmp_path / "out" / value.replace("%40", "@").replace("%2B", "+")).is_file()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f]", raw)
        assert "{{" not in raw.replace("{{7*7}}", "") and ("49txt" not in raw)  # nobody's text is a template
    listed = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["learners"]
    everybody = {one["learner"]: one["page"] for one in listed}
    shown = "".join(Page((tmp_path / "out" / everybody["al"]).read_text(encoding="utf-8")).text)
    assert "<script>alert(1)</script>" in shown and "‹U+202E›txt.exe‹U+001B›" in shown


def test_no_cell_of_a_table_is_a_formula_and_rows_stay_whole(tmp_path, exercise):
    report(tmp_path, exercise, NAMES)
    for name in ("grades.csv", "moodle.csv", "canvas.csv"):
        raw = (tmp_path / "out" / name).read_bytes()
        assert not raw.startswith(b"\xef\xbb\xbf")
        found = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))
        assert len({len(row) for row in found}) == 1
        for row in found:
            assert not [one for one in row if one.lstrip().startswith(tuple("=+-@\t\r\n＝＋－＠"))], row
            assert all(one.isprintable() for one in row)
    grades = list(csv.DictReader(io.StringIO((tmp_path / "out/grades.csv").read_bytes().decode(), newline="")))
    assert list(grades[0]) == ["learner", "question", "outcome", "points", "max_points"]
    assert len(grades) == 2 * len(NAMES) and len({row["learner"] for row in grades}) == len(NAMES)
    canvas = (tmp_path / "out/canvas.csv").read_text(encoding="utf-8").splitlines()
    assert canvas[:2] == ["Student,ID,SIS User ID,SIS Login ID,Section,lab.double", "Points Possible,,,,,4"]
    moodle = list(csv.DictReader(io.StringIO((tmp_path / "out/moodle.csv").read_bytes().decode(), newline="")))
    assert list(moodle[-1].values()) == ["dana@example.org", "dana@example.org", "0", "0 of 2 right"]
    assert list(moodle[0].values()) == ["al", "", "1", "1 of 2 right"]


def test_gradescope_files_fit_its_schema(tmp_path, exercise):
    report(tmp_path, exercise, NAMES)
    folders = list((tmp_path / "out/gradescope").iterdir())
    assert len(folders) == len(NAMES)
    for folder in folders:
        data = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert data["score"] == sum(test["score"] for test in data["tests"]) and data["output_format"] == "text"
        assert data["visibility"] == "visible" and data["stdout_visibility"] == "hidden"
        for test in data["tests"]:
            assert 0 <= test["score"] <= test["max_score"] and test["status"] in ("passed", "failed")
            assert test["output_format"] == "text" and test["visibility"] == "visible"
            assert isinstance(test["output"], str)
        assert [test["name"] for test in data["tests"]] == ["lab.double/double", "lab.double/which"]


def test_results_json_says_all_and_how_it_was_made(tmp_path, exercise):
    summary = report(tmp_path, exercise, NAMES)
    data = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    assert data["format"] == "course-grade" and data["seed"] == 0 and data["sandbox"] == "bubblewrap"
    assert data["topics"]["lab.double"]["questions"] == {"lab.double/double": 3.0, "lab.double/which": 1.0}
    assert len(data["learners"]) == len(NAMES) and data["learners"][0]["topics"][0]["submission_sha256"] == "0" * 64
    back = [Verdict.from_dict(one) for one in data["learners"][0]["topics"][0]["verdicts"]]
    assert back == verdicts()
    assert summary.mean == pytest.approx(sum(one["points"] for one in data["learners"]) / len(NAMES))


def test_nothing_secret_stands_in_a_report(tmp_path, exercise):
    report(tmp_path, exercise, NAMES)
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"SOLUTIONTEXT" not in content and b"987654" not in content and b"x + x" not in content, file


def test_both_languages(tmp_path, exercise):
    report(tmp_path, exercise, ["al"], language="zh", mode="none")
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    page = (tmp_path / "out/learners/al.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in index and "班级报告" in index and "没有沙箱" in index and "另有 101 个" in index
    assert "中small" in page and "下一步" in page and "没有沙箱" in page and "<code>this</code>" in page
    assert all(text.en and text.zh and text.en != text.zh or text.en == "" for text in WORDS.values())
    assert set(SYMBOLS) == {outcome.value for outcome in Outcome} <= set(WORDS)


def test_a_second_report_takes_the_place_of_the_first(tmp_path, exercise):
    report(tmp_path, exercise, ["al", "bea"])
    report(tmp_path, exercise, ["bea"])
    assert [path.name for path in (tmp_path / "out/learners").iterdir()] == ["bea.html"]
    assert [path.name for path in (tmp_path / "out/gradescope").iterdir()] == ["bea"]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.endswith((".part", ".old"))]


def test_a_report_that_breaks_leaves_the_old_one(tmp_path, exercise, monkeypatch):
    report(tmp_path, exercise, ["al", "bea"])
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    monkeypatch.setattr(tables, "gradescope", lambda results, language: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report(tmp_path, exercise, ["al"])
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_titles_come_from_the_master(tmp_path, exercise):
    report(tmp_path, exercise, ["al"])
    page = "".join(Page((tmp_path / "out/learners/al.html").read_text(encoding="utf-8")).text)
    assert "Doubling <things>" in page and "Twice & more" in page and "1 Twice" not in page


def test_the_histogram_counts_everybody_once():
    assert charts.histogram([0, 9.99, 10, 55, 99.9, 100, 100.0000001, -1]) == [3, 1, 0, 0, 0, 1, 0, 0, 0, 3]
    assert "<title" in charts.distribution([], "<t>", "d") and "&lt;t&gt;" in charts.distribution([50], "<t>", "d")


def test_messages_that_learners_make_up_don_t_fill_the_memory():
    question = QuestionSummary("a/b", "t", 1.0)
    for number in range(1000):
        question.add(SimpleNamespace(points=0.0, outcome=Outcome.ERROR, message=Text(f"m{number}", "")))
    question.add(SimpleNamespace(points=0.0, outcome=Outcome.ERROR, message=Text("m7", "")))
    assert len(question.messages) == 200 and question.commonest[0] == (Text("m7", ""), 2)
    assert question.outcomes["ERROR"] == 1001


a_name = st.text(max_size=30) | st.sampled_from(NAMES) | st.sampled_from(NAMES).map(str.upper)
names = st.lists(a_name, unique=True, max_size=12)


@given(names)
def test_file_names_are_safe_and_differ_on_every_system(learners):
    found = file_names(learners)
    assert len({name.casefold() for name in found.values()}) == len(learners)
    for name in found.values():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}", name) and not name.endswith(".")
        assert name.split(".")[0].casefold() not in ("con", "nul", "aux", "prn", "index")
    assert file_names(reversed(learners)) == found


@given(names)
def test_names_as_shown_differ_and_hide_nothing(learners):
    found = shown_names(learners)
    assert len(set(found.values())) == len(learners)
    assert len({cell(name) for name in found.values()}) == len(learners)
    assert all(name.isprintable() and 0 < len(name) < 130 for name in found.values())


def test_a_name_can_t_be_made_to_look_like_another():
    found = shown_names(["bob\u202e", "bob‹U+202E›", "al", " al"])
    assert found["al"] == "al" and found[" al"] == "‹U+0020›al" and found["bob\u202e"] != found["bob‹U+202E›"]
    forged = found["bob\u202e"]
    assert len(set(shown_names(["bob\u202e", "bob‹U+202E›", forged]).values())) == 3


@given(st.text())
def test_no_text_becomes_a_formula(text):
    made = cell(text)
    assert not made.lstrip().startswith(tuple("=+-@\t\r\n|%")) and made.isprintable()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install the Debian package chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_say_nothing_on_the_console(tmp_path, exercise, scheme):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    report(tmp_path, exercise, NAMES, mode="none")
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        for width in (360, 1280):
            page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
            said = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: said.append(dialog.message))
            for file in (tmp_path / "out/index.html", *sorted((tmp_path / "out/learners").iterdir())[:5]):
                page.goto(file.as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, file
            assert said == []
        browser.close()


def test_the_seed_is_the_instructor_s_alone(tmp_path, exercise):
    seed = 918273645
    report(tmp_path, exercise, ["al", "bea", "cy", "dot"], seed=seed)
    texts = {path.relative_to(tmp_path / "out").as_posix(): path.read_text(encoding="utf-8")
             for path in (tmp_path / "out").rglob("*") if path.is_file()}  # fmt: skip
    assert "learners/dot.html" in texts and "gradescope/al/results.json" in texts
    assert {name for name, text in texts.items() if str(seed) in text or "seed" in text} == {
        "index.html",
        "results.json",
    }


def test_gradescope_files_hold_no_times(tmp_path, exercise, monkeypatch):
    from dataclasses import replace

    timed = [replace(one, seconds=7.654321) for one in verdicts()]
    monkeypatch.setitem(globals(), "verdicts", lambda: timed)
    report(tmp_path, exercise, ["al"], seconds=3.210987)
    raw = (tmp_path / "out/gradescope/al/results.json").read_text(encoding="utf-8")
    assert not re.search("7\\.654|3\\.210|2026|seconds|time", raw)
    assert "7.654321" in (tmp_path / "out/results.json").read_text(encoding="utf-8")  # the instructor's


@pytest.mark.parametrize(
    ("private", "said"),
    [
        (None, None),
        (("lab.double",), "private specs: lab.double; public specs: none"),
        ((), "private specs: for no topic that was handed in; public specs: lab.double"),
    ],
)
def test_the_report_says_where_private_specs_decided(tmp_path, exercise, private, said):
    summary = report(tmp_path, exercise, ["al"], private=private)
    data = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    assert data["private_specs"] == summary.to_dict()["private_specs"] == (None if private is None else list(private))
    assert data["topics"]["lab.double"]["private_spec"] is bool(private)
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert said in index if said else "specs" not in index


def test_who_handed_in_no_file_reads_so_and_which_files_were_not_used(tmp_path, exercise):
    names = ["a", "b", "c", "dot"]  # the fourth handed in nothing
    report(tmp_path, exercise, names)
    for name in names:
        page = (tmp_path / f"out/learners/{name}.html").read_text(encoding="utf-8")
        assert ("No file for this topic was found" in page) == (name == "dot")
    batch = Batch(Store(tmp_path / "work", 0, "none"), {"lab.double": exercise},
                  unused={"dot": [f"hw{n}/{EVIL}" for n in range(11)]})  # fmt: skip
    taken = Intake(learners=["dot"])
    write_report(tmp_path / "out", taken, batch, Run("none", 0, "en", 1.0))
    page = Page((tmp_path / "out/learners/dot.html").read_text(encoding="utf-8"))
    shown = "".join(page.text)
    assert set(page.tags) <= ALLOWED and "hw0/<script>alert(1)</script>" in shown and "and 3 more" in shown
    assert "lab/double.ipynb" in shown and "hw7/" in shown and "hw8/" not in shown
    (row,) = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["learners"]
    assert row["topics"][0]["submission_found"] is False
    assert "NOT ATTEMPTED" in (tmp_path / "out/grades.csv").read_text(encoding="utf-8")


def test_what_is_not_graded_stands_first(tmp_path, exercise):
    report(tmp_path, exercise, ["al"])
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert index.index("Not graded") < index.index("How the points are spread") < index.index("<h2>Learners")
    assert "below" not in WORDS["problems_text"].en
