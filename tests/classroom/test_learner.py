"""A learner in a notebook or a script: which source is checked, what he is told, and what is kept."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom import executed, learner, question
from course_lib.classroom.lookalike import lookalike
from course_lib.classroom.own_checks import without_checks
from course_lib.classroom.progress import Progress
from course_lib.classroom.verdict import Outcome
from course_lib.core.errors import ContractError, CourseError, UnknownIdError
from course_lib.core.fingerprint import ROOT

RIGHT = "def share(hits, n):\n    return sum(hits[:n]) / n if n else 0.0"
BY_LENGTH = "def share(hits, n):\n    return sum(hits[:n]) / len(hits)"
ASK = 'question("demo.sums/share").check()'


class Notebook:
    """Stands for IPython's shell: the cells typed so far and their names."""

    def __init__(self, *cells: str, **names):
        self.history_manager = SimpleNamespace(input_hist_raw=["", *cells])
        self.user_ns = {"In": ["", *cells], **names}


@pytest.fixture
def course(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("COURSE_LANG", raising=False)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return demo


@pytest.fixture
def asked(course):
    return question("demo.sums/share", root=course.root)


@pytest.fixture
def cells(monkeypatch):
    def run(*cells: str, **names) -> None:
        monkeypatch.setattr(executed, "notebook", lambda: Notebook(*cells, **names))

    return run


def test_the_cell_run_last_counts(asked, cells):
    cells(RIGHT, BY_LENGTH, "share([1], 1)", ASK)
    verdict = asked.check().verdict
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, "by_length")
    cells(BY_LENGTH, RIGHT, "sharesies = 1", ASK)
    checked = asked.check()
    assert checked.verdict.outcome is Outcome.PASS and str(checked).startswith("✓ PASS 2/2")


def test_a_broken_cell_is_not_passed_over_for_the_version_before(asked, cells):
    cells(RIGHT, "def share(hits, n):\n    return (")
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.ERROR and "SyntaxError" in verdict.message.en


def test_the_checked_cell_is_named(asked, cells):
    for answer in (BY_LENGTH, RIGHT):
        cells("x = 1", answer)
        assert "Checked: cell In [2], as you ran it last." in str(asked.check())


MISSPELT = "def shar(hits: list[int], n: int):\n    return 0"


@pytest.mark.parametrize("later", [MISSPELT, f"%%time\n{MISSPELT}", f"{MISSPELT}\n{ASK}", "async " + MISSPELT])
def test_a_later_cell_with_the_name_misspelt_is_named(asked, cells, later):
    cells(RIGHT, later, "share([1], 1)", ASK)
    checked = asked.check()
    assert checked.verdict.outcome is Outcome.PASS
    said = "Checked: cell In [1], as you ran it last.\n  Cell In [2], run later, defines shar, not share."
    assert said in str(checked)
    assert "Cell In [2], run later" in checked._repr_mimebundle_()["text/html"]
    cells(RIGHT, later, BY_LENGTH, ASK)  # put right since
    assert "misspelt" not in str(asked.check())
    cells(later)  # nothing else was ever run
    said = str(asked.check())
    assert "run your answer cell first" in said and "Cell In [1] defines shar, not share" in said


@pytest.mark.parametrize("later", [
    "def share2(hits, n):\n    return share(hits, n)",  # uses the answer
    "def shares(hits):\n    return 1", "shares = 3",  # another form
    "def share_helper(hits, n):\n    return 0",  # not alike
    "def shar(hits, n):\n    return (", "def check():\n    def shar(hits, n): pass", "shar == 3", "import shar",
    "def stage(hits, n):\n    return 0",
])  # fmt: skip
def test_a_helper_is_not_suspected(asked, cells, later):
    cells(RIGHT, later, ASK)
    assert "misspelt" not in str(asked.check())
    helped = f"{RIGHT.replace('sum(', 'shar(')}"
    for earlier in (MISSPELT, helped):  # a helper that was there before, and is run again
        cells(earlier, RIGHT, later, MISSPELT, ASK)
        assert "misspelt" not in str(asked.check())


def test_the_name_of_another_question_is_not_misspelt():
    stub, later = "def recall_at_k(a, k): ...", ["", "def recall_at_n(a, k): ..."]
    assert lookalike("recall_at_k", stub, [], later) == (1, "recall_at_n")
    assert lookalike("recall_at_k", stub, [], later, {"recall_at_k", "recall_at_n"}) is None


def test_the_misspelt_name_in_chinese(asked, cells, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    cells(RIGHT, MISSPELT)
    assert "  之后运行的单元格 In [2] 定义的是 shar，而不是 share。" in str(asked.check())
    cells(MISSPELT)
    assert "  单元格 In [1] 定义的是 shar" in str(asked.check())


def test_a_misspelt_choice_is_named_and_a_list_of_that_name_is_not(course, cells):
    stage = question("demo.sums/stage", root=course.root)
    for later, suspected in (('stagee = "a"', True), ("stages = ['a', 'b']", False), ("stages = 'a'", True),
                             ("def stages(): pass", False), (f"stages = 'a'{' ' * 60_000}", False)):  # fmt: skip
        cells('stage = "c"', later)
        assert ("not stage" in str(stage.check())) is suspected


@pytest.mark.parametrize("cell", [
    f"%%time\n{RIGHT}", f"{RIGHT}\n%timeit share([1], 1)", f"{RIGHT}\n{ASK}", f"{RIGHT}\nx = {ASK}; x",
    f"{RIGHT}\nq.check()", f"{RIGHT}\nx = (\n{ASK}\n); x; {ASK}",
    f"from course_lib.classroom import question\n{RIGHT}\nprint({ASK})", f"!pip list\n{RIGHT}\nshare?",
    f"import course_lib.classroom\n{RIGHT}\ncourse_lib.classroom.{ASK}",
    f"from course_lib.classroom import (\n    question,\n); import math\n{RIGHT}\nmath.pi",
])  # fmt: skip
def test_magics_and_the_check_itself_may_stand_in_the_cell(asked, cells, cell):
    cells(cell)
    assert asked.check().verdict.outcome is Outcome.PASS


def test_nothing_run_yet_and_the_bare_stub(asked, cells, course):
    cells("share([1], 1)", "# def share():", 'print("def share")')
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.NOT_ATTEMPTED and "run your answer cell first" in verdict.message.en
    cells(course.exercise().master.questions["share"].stub)
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.NOT_ATTEMPTED and "run your answer cell" not in verdict.message.en


def test_choice_and_number_are_read_from_their_cells(course, cells):
    cells('stage = "c"', "stayed = 30")
    assert question("demo.sums/stage", root=course.root).check().verdict.outcome is Outcome.PASS
    verdict = question("demo.sums/stayed", root=course.root).check().verdict
    assert (verdict.outcome, verdict.mistake) == (Outcome.FAIL, "returned")


def test_a_name_of_another_cell_is_explained(asked, cells):
    uses = "def share(hits, n):\n    return helper(hits, n)"
    cells("def helper(hits, n): return 1", uses, helper=len)
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.ERROR and "helper lives in another cell" in verdict.advice.en
    assert "另一个单元格" in verdict.advice.zh
    cells(uses)  # nobody has defined it: another mistake, another advice
    assert "another cell" not in asked.check().verdict.advice.en


def test_an_endless_loop_and_a_memory_hog_end_with_words(asked, cells):
    start = time.monotonic()
    cells("def share(hits, n):\n    while True: pass")
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.ERROR and "stopped after 2 s" in verdict.message.en
    cells("def share(hits, n):\n    return bytearray(4 * 2**30)")
    verdict = asked.check().verdict
    assert verdict.outcome is Outcome.ERROR and "1,024 MB" in verdict.message.en
    assert time.monotonic() - start < 10


def test_what_was_prepared_is_used_again_until_the_files_change(asked, cells, course, monkeypatch):
    made = []
    prepare = learner.prepare
    monkeypatch.setattr(learner, "prepare", lambda *a, **k: made.append(1) or prepare(*a, **k))
    cells(RIGHT)
    for _ in range(3):
        assert asked.check().verdict.outcome is Outcome.PASS
    assert len(made) == 1
    course.change(course.spec, "you divide by the length of the list", "another message, longer")
    cells(BY_LENGTH)
    assert asked.check().verdict.message.en == "another message, longer" and len(made) == 2


def test_hints_come_one_by_one_and_are_counted(asked, course):
    assert str(asked.hint()) == "Hint 1 of 2. cut the list first"
    again = question("demo.sums/share", root=course.root)  # as after a restart
    assert str(again.hint()).startswith("Hint 2 of 2. then divide by n\nThat was the last hint.")
    assert str(asked.hint()).startswith("Hint 2 of 2") and str(asked.hint(1)).startswith("Hint 1 of 2")
    assert Progress(root=course.root).entry("demo.sums/share")["hints"] == 2
    for wrong in (0, 3, "1", True, 1.0):
        with pytest.raises(ContractError, match="demo.sums/share: there is no hint .*one of 1 to 2"):
            asked.hint(wrong)


def test_a_question_without_hints(course):
    course.change(course.spec, 'hints=(Text("think of the list", "想想列表"),)', "hints=()")
    assert "no hints" in str(question("demo.sums/stage", root=course.root).hint())


def test_the_solution_waits_for_an_attempt(asked, cells, course):
    stub = course.exercise().master.questions["share"].stub
    cells(stub)
    asked.check()  # a stub is no attempt
    note = str(asked.solution())
    assert note.startswith("Try it first") and "np.sum" not in note
    assert Progress(root=course.root).entry("demo.sums/share")["solution_shown"] is False
    assert "np.sum" in str(asked.solution(anyway=True)) and "### BEGIN" not in str(asked.solution(anyway=True))
    assert Progress(root=course.root).entry("demo.sums/share")["solution_shown"] is True
    cells(BY_LENGTH)
    asked.check()
    assert "np.sum" in str(asked.solution())


def test_results_are_kept(asked, cells, course):
    cells(BY_LENGTH)
    asked.check()
    cells(RIGHT)
    asked.check()
    entry = Progress(root=course.root).entry("demo.sums/share")
    assert (entry["outcome"], entry["attempts"], entry["best_points"]) == ("PASS", 2, 2.0)


def test_the_notebook_gets_html_and_nbgrader_a_number(asked, cells, monkeypatch):
    cells(RIGHT)
    shown = asked.check()._repr_mimebundle_()
    assert shown["text/plain"].startswith("✓ PASS") and 'role="status"' in shown["text/html"]
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert float(asked.check()._repr_mimebundle_()["text/plain"]) == 2.0
    cells("x = 1")
    assert float(asked.check()._repr_mimebundle_()["text/plain"]) == 0.0
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert "&lt;b&gt;" in learner.Note("<b>", "1 < 2")._repr_mimebundle_()["text/html"]


def test_chinese(asked, cells, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    cells(BY_LENGTH)
    said = str(asked.check())
    assert "未通过" in said and "你除以了列表的长度" in said and "单元格 In [1]" in said
    assert str(asked.hint()) == "提示 1/2：先截断列表"


@pytest.mark.parametrize(("wrong", "near"), [
    ("demo.sums/shar", "demo.sums/share"), ("share", "demo.sums/share"), ("demo.sum/stayd", "demo.sums/stayed"),
    ("Demo.Sums/Stage", "demo.sums/stage"), ("demo/share", "demo.sums/share"),
])  # fmt: skip
def test_an_unknown_id_names_the_nearest(course, wrong, near):
    with pytest.raises(UnknownIdError, match=rf"no question '{wrong}'. Did you mean {near}\b"):
        question(wrong, root=course.root)


@pytest.mark.parametrize("wrong", ["demo.sums", "demo.sums/", "demo.sum", "demo/sums", "exercises/demo/sums.ipynb",
                                   "demo\\sums.py"])  # fmt: skip
def test_a_topic_or_a_path_lists_the_topics_questions(course, wrong):
    with pytest.raises(UnknownIdError) as error:
        question(wrong, root=course.root)
    every = "demo.sums/share, demo.sums/stage, demo.sums/stayed"
    assert str(error.value).endswith(f". The questions of the topic demo.sums are {every}")


def test_ids_that_are_none(course, tmp_path):
    with pytest.raises(UnknownIdError, match="lists all questions, of demo.sums"):
        question("x\n" * 10_000, root=course.root)
    for wrong in (None, 3, ["demo.sums/share"]):
        with pytest.raises(ContractError, match="an id|id is a text"):
            question(wrong, root=course.root)
    with pytest.raises(CourseError, match="no graded exercises here"):
        question("demo.sums/share", root=tmp_path / "nowhere")
    assert repr(question(" demo.sums/share ", root=course.root)) == (
        'question("demo.sums/share"), 2 points: .check(), .hint(), .solution()'
    )


def test_a_retired_id_leads_to_the_live_question(course):
    (course.root / "book").mkdir()
    (course.root / "book" / "mindmap.yml").write_text(
        "branches:\n- id: demo\n  title: {en: D}\n  summary: {en: D}\n  topics:\n"
        "  - id: demo.sums\n    title: {en: S}\n"
        "    summary: {en: S}\n    concepts: []\n    prerequisites: []\n    role: both\n    minutes: 5\n"
        "    status: ready\n    aliases: [demo.totals]\n",
        encoding="utf-8",
    )
    assert question("demo.totals/share", root=course.root).id == "demo.sums/share"


def test_a_script_checks_itself(course, tmp_path):
    script = tmp_path / "answers.py"
    ask = f'question("demo.sums/{{}}", root={str(course.root)!r}).check()'
    script.write_text(
        f"from course_lib.classroom import question\n\n{RIGHT}\n\nstage = 'a'\n\nfor name in ('share', 'stage'):\n"
        f"    print(question('demo.sums/' + name, root={str(course.root)!r}).check())\nprint({ask.format('stayed')})\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stderr == ""
    heads = [line for line in done.stdout.splitlines() if "demo.sums/" in line and "question(" not in line]
    assert heads == [
        "✓ PASS 2/2  demo.sums/share", "✗ FAIL 0/1  demo.sums/stage", "– NOT ATTEMPTED 0/1.5  demo.sums/stayed",
    ]  # fmt: skip


def test_the_source_in_this_process(course, tmp_path, monkeypatch):
    """What the notebook and the script tests see from outside, seen from inside."""
    import __main__

    script = tmp_path / "plain.py"
    script.write_text(RIGHT, encoding="utf-8")
    monkeypatch.setattr(executed, "notebook", lambda: None)
    monkeypatch.setattr(__main__, "__file__", str(script), raising=False)
    assert question("demo.sums/share", root=course.root).check().verdict.outcome is Outcome.PASS
    assert question("demo.sums/stage", root=course.root).check().verdict.outcome is Outcome.NOT_ATTEMPTED
    monkeypatch.setattr(__main__, "__file__", "<stdin>")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    with pytest.raises(CourseError, match="no notebook and no script"):
        question("demo.sums/share", root=course.root).check()


def test_neither_notebook_nor_script(course):
    asks = f"question('demo.sums/share', root={str(course.root)!r}).check()"
    command = [sys.executable, "-c", f"from course_lib.classroom import question\n{asks}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert "there is no notebook and no script" in done.stderr and "course check demo.sums share --file FILE" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.returncode == 1
    unknown = [*command[:-1], command[-1].replace("/share", "/shar")]
    done = subprocess.run(unknown, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stderr.startswith("no question 'demo.sums/shar'. Did you mean demo.sums/share") and done.stderr.count("\n") == 1
    command[-1] = f"import sys; sys.excepthook = lambda *_: print('mine')\n{command[-1]}"
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT).stdout == "mine\n"
    command[-1] = f"{asks!r}; import sys\nfrom course_lib.classroom import question\ntry:\n    {asks}\nexcept ValueError: pass\nexcept Exception: 1 / 0"
    assert "ZeroDivisionError" in subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT).stderr


PARTS = [
    "x = 1", "é = 'ü'; y = 2", "def f():\n    return question('a/b')", "", "# note", "s = '''a\nb'''",
    'question("a/b").check()', 'r = question(\n    "a/b"\n).check(); z = 3', "w = 4; question('a').hint()",
    "from course_lib.classroom import (\n  question)", "q.check()", "a = question('a/b'); question('a'); z = 3",
    "if x:\n    question('a/b').check()",
]  # fmt: skip
SOURCES = st.lists(st.sampled_from(PARTS), max_size=8)


@given(SOURCES)
def test_taking_the_checks_out_leaves_the_rest(parts):
    source = "\n".join(["x = 1", *parts])
    cleaned = without_checks(source)
    names: dict = {}
    exec(compile(cleaned, "cleaned", "exec"), names)  # no name `question` is needed any more
    assert cleaned.count("\n") == source.count("\n")
    assert ("z" in names) == any("z = 3" in part for part in parts)
    assert ("w" in names) == any("w = 4" in part for part in parts)
    assert ("f" in names) == any("def f" in part for part in parts)
    assert without_checks(cleaned) == cleaned


@given(st.text())
def test_taking_the_checks_out_is_total(source):
    without_checks(source + "\nquestion('a/b').check()")


@pytest.mark.parametrize("source", ["-" * 10_000 + "1", "(" * 300 + ")" * 300, "a" + ".b" * 3_000, "x = 1\n" * 20_000,
                                    "\0", "\ud800"])  # fmt: skip
def test_odd_sources_come_back(source):
    asks = source + "\nquestion('a/b').check()"
    assert without_checks(asks).startswith(source)


@pytest.mark.slow
def test_a_real_notebook(course, tmp_path):
    """In a real kernel: every failure ends with words, and the kernel lives."""
    nbclient = pytest.importorskip("nbclient")
    from nbformat.v4 import new_code_cell, new_notebook

    ask = f'question("demo.sums/share", root={str(course.root)!r})'
    timed = f"checked = {ask}.check(); checked"
    answers = [
        (BY_LENGTH, "FAIL"), ("def share(hits, n):\n    while True: pass", "stopped after 2 s"),
        ("def share(hits, n):\n    return bytearray(4 * 2**30)", "MB of memory"),
        ("def share(hits, n):\n    return helper(hits, n)", "helper lives in another cell"),
        ("import os\ndef share(hits, n):\n    os._exit(1)", "ERROR"), (f"%%time\n{RIGHT}", "PASS 2/2"),
    ]  # fmt: skip
    mistakes = [(f'question("demo.sums/shar", root={str(course.root)!r})', "Did you mean demo.sums/share"),
                ("question(3)", "a question's id is a text"), (f"{ask}.hint(7)", "there is no hint 7")]  # fmt: skip
    sources = ["from course_lib.classroom import question\nimport os"]
    sources += ["alive = os.getpid()\ndef helper(*_): return 0.5"]
    sources += [part for source, _ in answers for part in (source, timed)]
    sources += ["print(alive == os.getpid())", *(source for source, _ in mistakes)]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = nbclient.NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3",
                                     resources={"metadata": {"path": str(tmp_path)}})  # fmt: skip
    client.execute()

    def output(source: str, number: int = 0) -> dict:
        return [cell for cell in notebook.cells if cell.source == source][number].outputs[-1]

    for number, (_, words) in enumerate(answers):
        data = output(timed, number)["data"]
        assert words in data["text/plain"] and 'role="status"' in data["text/html"]
    assert output("print(alive == os.getpid())")["text"] == "True\n"
    for source, words in mistakes:
        error = output(source)
        assert error["output_type"] == "error" and len(error["traceback"]) == 1 and words in error["traceback"][0]
