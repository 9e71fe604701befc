"""`course grade`: whole classes, interruptions, faults, and folders that are not ours."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_lib import cli
from course_lib.classroom import batch, sandbox
from course_lib.classroom.grading import grade
from course_lib.classroom.verdict import Verdict
from course_lib.core.errors import CourseError, DataError
from course_lib.core.locks import locked

SPEC = """
from course_lib.classroom.spec import Case, Choice, Code, Wrong
from course_lib.core.bilingual import Text

def text(words):
    return Text(words, "中" + words)

QUESTIONS = (
    Code(
        name="double",
        hints=(text("Twice."),),
        wrong=(Wrong("square", "def double(x): return x * x", text("You square it.")),),
        uses=(),
        seconds=4.0,
        cases=(
            Case("basic", text("small numbers"), 1.0, inputs=((3,), (4,)), expect=text("twice the number")),
            Case("secret", text("large numbers"), 1.0, inputs=((987654,),), hidden=True),
        ),
    ),
    Choice(name="which", hints=(text("Read."),), wrong=(Wrong("a", 'which = "a"', text("Not a.")),)),
)
"""
MASTER = """# %% [markdown]
# # Doubling <things>
# %% setup=true
import math
# %% [markdown]
# ## 1 Twice & more
# %% question="double" points=2
def double(x):
    ### BEGIN SOLUTION
    return x + x  # SOLUTIONTEXT
    ### END SOLUTION
# %% question="which" points=1
which = ...  # one letter
### BEGIN SOLUTION
which = "b"
### END SOLUTION
"""
RIGHT = "def double(x): return 2 * x"


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.delenv("COURSE_LANG", raising=False)


@pytest.fixture
def private(tmp_path):
    folder = tmp_path / "private" / "lab"
    folder.mkdir(parents=True)
    (folder / "grade_double.py").write_text(SPEC, encoding="utf-8")
    (folder / "double.py").write_text(MASTER, encoding="utf-8")
    return folder.parent


def hand_in(tmp_path, learner, double="", which=""):
    cells = [{"cell_type": "code", "source": source, "metadata": {"nbgrader": {"grade_id": name}}}
             for name, source in (("double", double), ("which", which)) if source]  # fmt: skip
    path = tmp_path / "in" / learner / "lab" / "double.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}), encoding="utf-8")


def a_class(tmp_path):
    hand_in(tmp_path, "al", RIGHT, 'which = "b"')
    hand_in(tmp_path, "bea", "def double(x): return x * x", 'which = "a"')
    hand_in(tmp_path, "cy", "def double(x): raise ValueError('<script>=1+1</script>')", 'which = "b" + "c"')
    hand_in(tmp_path, "dot", "def double(x):\n    ...", "which = ...")
    (tmp_path / "in/eve/lab").mkdir(parents=True)
    (tmp_path / "in/eve/lab/double.ipynb").write_text("[" * 200_000)
    (tmp_path / "in/fay/notes").mkdir(parents=True)


def course(tmp_path, private, *more, out="out", trust=True):
    arguments = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / out), "--private-specs", str(private), *more]
    return cli.main([*arguments, *(["--trust-submissions"] if trust else [])])


def rows(tmp_path, out="out"):
    with (tmp_path / out / "grades.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    return {(row["learner"], row["question"].partition("/")[2]):
            (row["outcome"], float(row["points"]), float(row["max_points"])) for row in found}  # fmt: skip


EXPECTED = {
    ("al", "double"): ("PASS", 2, 2), ("al", "which"): ("PASS", 1, 1),
    ("bea", "double"): ("FAIL", 0, 2), ("bea", "which"): ("FAIL", 0, 1),
    ("cy", "double"): ("ERROR", 0, 2), ("cy", "which"): ("ERROR", 0, 1),
    ("dot", "double"): ("NOT ATTEMPTED", 0, 2), ("dot", "which"): ("NOT ATTEMPTED", 0, 1),
    ("eve", "double"): ("ERROR", 0, 2), ("eve", "which"): ("ERROR", 0, 1),
    ("fay", "double"): ("NOT ATTEMPTED", 0, 2), ("fay", "which"): ("NOT ATTEMPTED", 0, 1),
}  # fmt: skip


def test_a_class_is_graded_and_the_number_of_jobs_changes_nothing(tmp_path, private, capsys):
    a_class(tmp_path)
    assert course(tmp_path, private, "--jobs", "1") == 0
    shown = capsys.readouterr()
    assert "WITHOUT a sandbox" in shown.err and "6 learners, 2 questions, mean 0.50 of 3 points" in shown.out
    assert rows(tmp_path) == EXPECTED
    assert course(tmp_path, private, "--jobs", "3", out="other") == 0
    assert (tmp_path / "out/grades.csv").read_bytes() == (tmp_path / "other/grades.csv").read_bytes()


@pytest.mark.skipif(sandbox.why_not() is not None, reason="no sandbox here")
def test_in_the_sandbox_the_grades_are_the_same(tmp_path, private, capsys):
    a_class(tmp_path)
    assert course(tmp_path, private, "--json", trust=False) == 0
    assert rows(tmp_path) == EXPECTED
    summary = json.loads(capsys.readouterr().out)
    assert summary["sandbox"] == "bubblewrap" and summary["learners"] == 6 and summary["questions"][0]["PASS"] == 1


def test_only_what_changed_is_graded_again(tmp_path, private, monkeypatch):
    a_class(tmp_path)
    graded = []
    monkeypatch.setattr(batch, "grade", lambda *given: graded.append(given) or grade(*given))
    course(tmp_path, private)
    assert len(graded) == 4
    course(tmp_path, private)
    assert len(graded) == 4
    hand_in(tmp_path, "bea", RIGHT)
    course(tmp_path, private)
    assert len(graded) == 5 and rows(tmp_path)["bea", "double"] == ("PASS", 2, 2)
    assert rows(tmp_path)["bea", "which"] == ("NOT ATTEMPTED", 0, 1)
    course(tmp_path, private, "--seed", "1")
    assert len(graded) == 9  # other inputs
    (private / "lab/double.py").write_text(MASTER.replace("Twice &", "Two times &"), encoding="utf-8")
    course(tmp_path, private)
    assert len(graded) == 13  # another master
    for file in (tmp_path / "out/work").iterdir():
        file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")  # half a result is none
    course(tmp_path, private)
    assert len(graded) == 17 and rows(tmp_path)["bea", "double"] == ("PASS", 2, 2)


def test_equal_submissions_have_equal_results(tmp_path, private):
    for name in ("a", "b"):
        hand_in(tmp_path, name, RIGHT)
    course(tmp_path, private)
    assert len(list((tmp_path / "out/work").iterdir())) == 1
    assert rows(tmp_path)["b", "double"] == rows(tmp_path)["a", "double"] == ("PASS", 2, 2)


def test_a_fault_of_the_grader_stays_with_one_learner_and_is_not_kept(tmp_path, private, monkeypatch, capsys):
    a_class(tmp_path)

    def failing(prepared, cells, place):
        if "x * x" in cells.get("double", ""):
            raise RuntimeError("a bug of ours")
        return grade(prepared, cells, place)

    monkeypatch.setattr(batch, "grade", failing)
    assert course(tmp_path, private) == 1
    assert "the grader failed on bea, lab.double" in capsys.readouterr().err
    found = rows(tmp_path)
    assert found.pop(("bea", "double")) == ("ERROR", 0, 2) and found.pop(("bea", "which")) == ("ERROR", 0, 1)
    assert found == {key: value for key, value in EXPECTED.items() if key[0] != "bea"}
    assert "a bug of ours" in (tmp_path / "out/faults.txt").read_text(encoding="utf-8")
    page = (tmp_path / "out/learners/bea.html").read_text(encoding="utf-8")
    assert "no fault of the answer" in page and "a bug of ours" not in page
    monkeypatch.undo()
    assert course(tmp_path, private) == 0 and rows(tmp_path) == EXPECTED
    assert not (tmp_path / "out/faults.txt").exists()


def test_a_worker_that_does_not_start_is_the_machine_s_fault(tmp_path, private, monkeypatch):
    hand_in(tmp_path, "al", RIGHT)

    class Broken:
        limits = True

        def command(self, *_):
            return ["/no/such/program"], ()

    monkeypatch.setattr("course_lib.classroom.process.Plain", Broken)
    assert course(tmp_path, private) == 1
    assert rows(tmp_path)["al", "double"][0] == "ERROR" and not list((tmp_path / "out").glob("work/*"))


def test_a_faulty_spec_stops_everything(tmp_path, private, capsys):
    a_class(tmp_path)
    (private / "lab/double.py").write_text(MASTER.replace("x + x", "__import__('os')._exit(3)"), encoding="utf-8")
    assert course(tmp_path, private) == 2
    assert "the solution of double fails" in capsys.readouterr().err and not (tmp_path / "out/grades.csv").exists()


def test_two_graders_and_foreign_folders(tmp_path, private, capsys):
    a_class(tmp_path)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/precious.txt").write_text("keep")
    (tmp_path / "file").write_text("keep")
    refused = {"foreign": "something else", "in/report": "inside one", "file": "this is a file", ".": "inside one"}
    for out, words in refused.items():
        assert course(tmp_path, private, out=out) == 2
        assert words in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "foreign").iterdir()) == ["precious.txt"]
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out/.course-grade"):
        assert course(tmp_path, private) == 2
    assert "another program" in capsys.readouterr().err
    assert course(tmp_path, private) == 0


def test_without_a_sandbox_it_refuses(tmp_path, private, monkeypatch, capsys):
    a_class(tmp_path)
    monkeypatch.setattr(sandbox, "why_not", lambda: CourseError("the sandbox can't start here", remedy="Do this"))
    assert course(tmp_path, private, trust=False) == 2
    assert "the sandbox can't start here. Do this" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert course(tmp_path, private) == 0
    assert "WITHOUT a sandbox" in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "WITHOUT a sandbox" in (tmp_path / "out/learners/al.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["trusted_submissions"] is True


@pytest.mark.parametrize("more", [["--jobs", "0"], ["--seed", "-1"], ["--private-specs", "/no/such"], ["--jobs", "x"]])
def test_bad_options_are_one_line(tmp_path, private, capsys, more):
    a_class(tmp_path)
    assert course(tmp_path, private, *more) == 2
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_no_graded_topic_at_all(tmp_path, private, capsys):
    (tmp_path / "in/al/lab").mkdir(parents=True)
    (tmp_path / "in/al/lab/other.py").write_text("x = 1")
    assert course(tmp_path, private) == 2
    shown = capsys.readouterr().err
    assert "al/lab/other.py: no graded topic has this name" in shown and "none of these files" in shown


def test_what_is_kept_can_be_read_back(tmp_path, private):
    a_class(tmp_path)
    course(tmp_path, private)
    for file in (tmp_path / "out/work").iterdir():
        for one in json.loads(file.read_text(encoding="utf-8"))["verdicts"]:
            assert json.loads(json.dumps(Verdict.from_dict(one).to_dict())) == one


def test_the_error_of_a_lost_result(tmp_path, private):
    store = batch.Store(tmp_path / "work", 0, "none")
    from course_lib.classroom.loading import load_exercise

    exercise = load_exercise("lab.double", private=private)
    lost = batch.Batch(store, {"lab.double": exercise}, {("al", "lab.double"): ("0" * 32, "")})
    with pytest.raises(CourseError, match="has gone"):
        lost.results("al")


def test_progress_in_a_terminal_is_a_bar_and_many_problems_are_cut(tmp_path, private, monkeypatch, capsys):
    a_class(tmp_path)
    for number in range(30):
        (tmp_path / f"in/al/lab/other{number}.py").write_text("x = 1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert course(tmp_path, private) == 0
    shown = capsys.readouterr().err
    assert "5/5" in shown and "not attempted" in shown and "… and 10 more" in shown


def test_a_reused_result_is_said_to_be_what_it_is(tmp_path, private, capsys):
    for name in ("a", "b", "c"):
        hand_in(tmp_path, name, RIGHT)
    hand_in(tmp_path, "d", "def double(x): return x * x")

    def said(*more):
        assert course(tmp_path, private, "--jobs", "1", *more) == 0
        return capsys.readouterr().out

    first = said()
    assert "(2 of 4 files were known already: from an earlier run, or equal to another file)" in first
    again = said()
    assert "(4 of 4 files were known already" in again
    hand_in(tmp_path, "c", RIGHT + "  # other")
    hand_in(tmp_path, "d", RIGHT + "  # other")
    mixed = json.loads(said("--json"))
    assert (mixed["files"], mixed["resumed"], mixed["shared"]) == (4, 2, 1)


def test_what_is_not_attempted_is_counted_apart(tmp_path, private, capsys):
    hand_in(tmp_path, "a", RIGHT)
    hand_in(tmp_path, "b", "def double(x): return x * x")
    assert course(tmp_path, private) == 0
    assert "graded 2 of 2 files; answers: 1 right, 1 not right, 2 not attempted" in capsys.readouterr().err


def test_the_course_itself_is_no_class_and_bad_input_leaves_nothing(tmp_path, private, capsys):
    arguments = ["--out", str(tmp_path / "out"), "--private-specs", str(private), "--trust-submissions"]
    for folder in ("exercises", "exercises/recommend"):
        assert cli.main(["grade", str(Path(__file__).parents[2] / folder), *arguments]) == 2
        said = capsys.readouterr().err
        assert "make a folder for the class, and in it one per learner" in said and "name the folder that holds" not in said
    assert not (tmp_path / "out").exists()


def test_the_summary_speaks_chinese(tmp_path, private, capsys):
    a_class(tmp_path)
    assert course(tmp_path, private, "--lang", "zh") == 0
    shown = capsys.readouterr().out
    assert "通过" in shown and "未作答" in shown and "PASS" not in shown and "NOT ATTEMPTED" not in shown
    assert rows(tmp_path) == EXPECTED  # the table's words are for machines


def test_files_in_the_wrong_place_are_told_to_instructor_and_learner(tmp_path, private, capsys):
    a_class(tmp_path)
    (tmp_path / "in/zoe/hw1").mkdir(parents=True)
    (tmp_path / "in/al/lab").rename(tmp_path / "in/zoe/hw1/lab")
    (tmp_path / "in/bea/lab/double.py").write_text(RIGHT)
    assert course(tmp_path, private) == 0
    said = capsys.readouterr().err
    assert "zoe/hw1/lab/double.ipynb: this lies in the wrong place: it belongs at zoe/lab/double.ipynb" in said
    assert "bea/lab/double.py: there are several files for this topic; bea/lab/double.ipynb was graded" in said
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "zoe/hw1/lab/double.ipynb" in index and "bea/lab/double.py" in index
    page = (tmp_path / "out/learners/zoe.html").read_text(encoding="utf-8")
    assert "No file for this topic was found" in page and "hw1/lab/double.ipynb" in page
    assert "There are several files" in (tmp_path / "out/learners/bea.html").read_text(encoding="utf-8")
    assert rows(tmp_path)["zoe", "double"] == ("NOT ATTEMPTED", 0, 2)


def test_a_path_one_level_too_low_is_said_to_be_one(tmp_path, private, capsys):
    a_class(tmp_path)
    arguments = ["--out", str(tmp_path / "out"), "--private-specs", str(private), "--trust-submissions"]
    assert cli.main(["grade", str(tmp_path / "in/al"), *arguments]) == 2
    said = capsys.readouterr().err
    assert f"one learner's folder: name the folder that holds the learners' folders, {tmp_path / 'in'}" in said
    assert "belongs at" not in said


# -- private specs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "nothing lies at BRANCH/grade_TOPIC.py"),
        (["lab/double.py"], "nothing lies at BRANCH/grade_TOPIC.py"),
        (["tests/start/grade_first_hour.py"], "grade_first_hour.py lies at another depth"),
        (["star/grade_first_hour.py"], "no branch of the course is called star. Is start/grade_first_hour.py meant?"),
        (["star/grade_first_hour.py", "star/first_hour.py"], "no branch of the course is called star"),
        (["start/grade_first_hours.py"], "no topic of the course is called start.first_hours. Is start/grade_first"),
        (["lab/grade_double.py"], "no branch of the course is called lab. Put its master"),
    ],
)
def test_a_private_folder_that_replaces_nothing_is_refused(tmp_path, capsys, files, words):
    a_class(tmp_path)
    (tmp_path / "in/al/lab").rename(tmp_path / "in/al/start")
    (tmp_path / "in/al/start/double.ipynb").rename(tmp_path / "in/al/start/first_hour.ipynb")
    folder = tmp_path / "mistyped"
    folder.mkdir()
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SPEC if "grade" in name else MASTER, encoding="utf-8")
    assert course(tmp_path, folder) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert words in error and str(folder) in error and not (tmp_path / "out/grades.csv").exists()


def test_a_private_spec_of_a_renamed_topic_is_refused(tmp_path, private, monkeypatch):
    from course_lib.classroom import private_specs

    monkeypatch.setattr(private_specs, "live_topic", lambda topic, *_: {"lab.double": "start.first_hour"}[topic])
    with pytest.raises(DataError, match="is now called start.first_hour. Rename it to start/grade_first_hour.py"):
        private_specs.private_topics(private)
    assert private_specs.private_topics(None) == []


def test_it_is_said_which_topics_used_private_specs(tmp_path, private, capsys):
    a_class(tmp_path)
    (tmp_path / "in/al/start").mkdir()
    (tmp_path / "in/al/start/first_hour.py").write_text("x = 1")
    assert course(tmp_path, private) == 0
    line = "private specs: lab.double; public specs: start.first_hour"
    assert f"course: {line}" in capsys.readouterr().err
    assert line in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    data = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    assert data["private_specs"] == ["lab.double"]
    assert [data["topics"][topic]["private_spec"] for topic in ("lab.double", "start.first_hour")] == [True, False]


# -- interruptions ----------------------------------------------------------------------------------------------------


def slow_class(tmp_path, n=8):
    for number in range(n):
        answer = f"import time\ntime.sleep(0.4)\ndef double(x): return {number} + x"
        hand_in(tmp_path, f"l{number}", answer, 'which = "b"')


def start(tmp_path, private, out):
    command = [sys.executable, "-m", "course_lib.cli", "grade", str(tmp_path / "in"), "--out", str(tmp_path / out),
               "--private-specs", str(private), "--jobs", "1", "--trust-submissions"]  # fmt: skip
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                               env={**os.environ, "PYTHONPATH": str(root)})  # fmt: skip
    deadline = time.monotonic() + 30
    while len(list((tmp_path / out / "work").glob("[0-9a-f]*.json"))) < 2:
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_batch_goes_on_where_it_was(tmp_path, private, number):
    slow_class(tmp_path)
    process = start(tmp_path, private, "out")
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    if number == signal.SIGINT:
        assert process.returncode == 130 and "Traceback" not in said
        stopping, last = said.splitlines()[-2:]
        assert "stopping as soon as" in stopping and "finished stages" not in said
        there = len(list((tmp_path / "out/work").glob("[0-9a-f]*.json")))
        assert f"interrupted; {there} of 8 files are graded and kept" in last
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/work").glob("[0-9a-f]*.json")}
    assert 2 <= len(kept) < 8 and not (tmp_path / "out/grades.csv").exists()
    assert course(tmp_path, private) == 0
    assert all((tmp_path / "out/work" / name).stat().st_mtime_ns == when for name, when in kept.items())
    assert course(tmp_path, private, out="fresh") == 0
    assert (tmp_path / "out/grades.csv").read_bytes() == (tmp_path / "fresh/grades.csv").read_bytes()


def test_a_failure_in_a_thread_comes_out_once_and_ends_the_others():
    def work(task):
        if task == 3:
            raise DataError("three")
        return task

    seen = []
    with pytest.raises(DataError, match="three"):
        batch._in_threads(work, range(1000), 2, seen.append, lambda: None)
    assert len(seen) < 1000
