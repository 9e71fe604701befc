"""``course check`` and ``course progress`` in a terminal."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from course_lib.classroom import check_command, progress_command, terminal
from course_lib.classroom.invoked import program
from course_lib.classroom.loading import which_topic
from course_lib.classroom.progress import Progress
from course_lib.classroom.progress_format import passed
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.classroom.watch import watch
from course_lib.cli import Parser
from course_lib.core.bilingual import Text
from course_lib.core.errors import ContractError, CourseError, DataError, UnknownIdError
from course_lib.core.fingerprint import ROOT

RIGHT = "def share(hits, n):\n    return sum(hits[:n]) / n if n else 0.0\n"
BY_LENGTH = "def share(hits, n):\n    return sum(hits[:n]) / len(hits)\n"
SCRIPT = f'# %% question="share"\n{RIGHT}\n# %% question="stage"\nstage = "a"\n\n# %% question="stayed"\nstayed = ...\n'


@pytest.fixture(autouse=True)
def course(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("COURSE_LANG", "en")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    return demo


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "answers.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def parsed(*arguments: str) -> argparse.Namespace:
    parser = Parser(prog="course")
    commands = parser.add_subparsers(parser_class=Parser)
    check_command.add_parser(commands)
    progress_command.add_parser(commands)
    return parser.parse_args(arguments)


@pytest.fixture
def run(course, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        options = parsed(*arguments)
        code = options.command(options, course.root)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def notebook(**answers: str) -> str:
    cells = [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": name}}, "source": source, "outputs": [],
              "execution_count": None} for name, source in answers.items()]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_topic(run, script):
    code, out, err = run("check", "demo.sums", "--file", str(script))
    assert code == 1 and err == ""
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "✓ PASS 2/2  demo.sums/share", "✗ FAIL 0/1  demo.sums/stage", "– NOT ATTEMPTED: stayed",
        f"demo.sums: 1 of 3 right, 2/4.5 points ({script})",
    ]  # fmt: skip
    assert "a comes later" in out and "Hint 1 of 1: course check demo.sums stage --hint" in out
    kept = Progress().read()["questions"]
    assert kept["demo.sums/share"]["outcome"] == "PASS" and kept["demo.sums/stayed"]["attempts"] == 0


@pytest.mark.parametrize("named", [("demo.sums", "share"), ("demo.sums/share",)])
def test_one_question(run, script, named):
    code, out, _ = run("check", *named, "--file", str(script))
    assert code == 0 and out.startswith("✓ PASS 2/2  demo.sums/share\n") and "stage" not in out
    code, out, _ = run("check", "demo.sums", "stayed", "--file", str(script))
    assert code == 1 and out.startswith("– NOT ATTEMPTED 0/1.5  demo.sums/stayed\n")  # asked for alone: in full


def test_the_notebook_in_exercises_and_below_the_current_folder(run, course, tmp_path):
    course.stub.parent.mkdir(parents=True)
    course.stub.write_text(notebook(share=BY_LENGTH), encoding="utf-8")
    code, out, _ = run("check", "demo.sums", "share")
    assert code == 1 and "you divide by the length of the list" in out
    mine = tmp_path / "demo" / "sums.ipynb"
    mine.parent.mkdir()
    asks = "\nfrom course_lib.classroom import question\nquestion('x')"
    mine.write_text(notebook(share=RIGHT + asks), encoding="utf-8")
    code, out, _ = run("check", "demo.sums", "share")
    assert code == 0 and out.endswith("(demo/sums.ipynb)\n")


def test_json(run, script):
    code, out, err = run("check", "demo.sums", "--file", str(script), "--json")
    verdicts = [Verdict.from_dict(one) for one in json.loads(out)]
    assert [one.outcome for one in verdicts] == [Outcome.PASS, Outcome.FAIL, Outcome.NOT_ATTEMPTED]
    assert (code, err) == (1, "")
    assert run("check", "demo.sums/share", "--file", str(script), "--json")[0] == 0


def test_hints_and_solution(run, script, course):
    assert run("check", "demo.sums/share", "--hint")[1] == "Hint 1 of 2. cut the list first\n"
    assert run("check", "demo.sums/share", "--hint", "1")[1] == "Hint 1 of 2. cut the list first\n"
    out = run("check", "demo.sums", "share", "--hint")[1]
    assert out.startswith("Hint 2 of 2") and "course check demo.sums share --solution" in out
    code, out, _ = run("check", "demo.sums/share", "--solution")
    assert code == 1 and "np.sum" not in out and "course check demo.sums share --solution --anyway" in out
    code, out, _ = run("check", "demo.sums/share", "--solution", "--anyway")
    assert code == 0 and "np.sum" in out
    run("check", "demo.sums/share", "--file", str(script))
    code, out, _ = run("check", "demo.sums/share", "--solution")
    assert code == 0 and "np.sum" in out
    code, out, _ = run("check", "demo.sums/stage", "--solution", "--anyway")
    assert code == 0 and 'stage = "c"' in out


def test_chinese(run, script):
    code, out, _ = run("check", "demo.sums", "--file", str(script), "--lang", "zh")
    assert (
        code == 1
        and "✓ 通过 2/2" in out
        and "a 在后面" in out
        and "– 未作答: stayed" in out
        and "3 题中 1 题正确" in out
    )
    out = run("progress", "--lang", "zh")[1]
    assert "3 题对 1 题" in out and "尝试 1 次" in out and "下一题：demo.sums/stage" in out


@pytest.mark.parametrize(("arguments", "kind", "words"), [
    (("demo.sums", "--file", "none.py"), CourseError, "none.py: there is no such file.*--file"),
    (("demo.sums",), CourseError, "sums.ipynb: there is no such file.*course exercises build demo.sums`"),
    (("demo.sums", "--file", "."), DataError, "neither a notebook|a folder"),
    (("demo.none",), UnknownIdError, "'demo.none' has no graded exercise. Choose one of demo.sums"),
    (("demo.sum",), UnknownIdError, "'demo.sum' has no graded exercise. Did you mean demo.sums?"),
    (("sums",), UnknownIdError, "Did you mean demo.sums?"),
    (("demo.sums", "shares"), UnknownIdError, "Did you mean demo.sums/share"),
    (("demo.sums", "--hint"), ContractError, "several questions. Add one of share, stage, stayed"),
    (("demo.sums", "--solution"), ContractError, "several questions"),
    (("demo.sums/share", "--hint", "9"), ContractError, "there is no hint 9.*course check demo.sums share --hint"),
    (("demo.sums/share", "--hint", "0"), ContractError, "there is no hint 0. Ask for one of 1 to 2"),
    (("demo.sums/share", "--hint", "-1"), ContractError, "there is no hint -1"),
    (("demo/sums",), UnknownIdError, "'demo/sums' is a path, not a topic. Use `course check demo.sums`"),
    (("exercises/demo/sums.ipynb", "share"), UnknownIdError, "Use `course check demo.sums share`"),
    (("demo.sums/share", "--hint", "--watch"), ContractError, "only one of"),
    (("demo.sums/share", "--anyway"), ContractError, "--anyway goes with --solution"),
    (("demo.sums/share", "--hint", "x"), ContractError, "invalid int value"),
])  # fmt: skip
def test_bad_input_is_one_line(run, arguments, kind, words):
    with pytest.raises(kind, match=words):
        run("check", *arguments)


def test_a_notebook_saved_in_the_wrong_place(run, course):
    """It is found by its name, but not among Jupyter's copies, and not at the place of another topic's."""
    spec = course.root / "tests" / "other" / "grade_sums.py"
    for place in ("exercises/other/sums.ipynb", "exercises/.ipynb_checkpoints/sums.ipynb"):
        (course.root / place).parent.mkdir(parents=True)
        (course.root / place).write_text(notebook(share=RIGHT))
    spec.parent.mkdir()
    spec.write_text("")
    with pytest.raises(CourseError, match="exercises build demo.sums"):
        run("check", "demo.sums")
    lost = course.root / "exercises" / "sums.ipynb"
    lost.write_text(notebook(share=RIGHT))
    lies = r"lies elsewhere: check it by `course check demo\.sums --file course/exercises/sums\.ipynb`, or move it"
    with pytest.raises(CourseError, match=lies):
        run("check", "demo.sums")


def test_a_file_of_another_name_beside_the_usual_one(run, course):
    course.stub.parent.mkdir(parents=True)
    course.stub.write_text(notebook(share=RIGHT))
    with pytest.raises(CourseError, match=r"Name yours with --file; without --file it is course/exercises/demo/sums\.ipynb"):
        run("check", "demo.sums", "--file", "sum.ipynb")


def test_another_topic_s_notebook(run, course, tmp_path):
    for path in (course.master, course.spec):
        text = path.read_text().replace("share", "part").replace("stayed", "left").replace('"stage"', '"step"')
        (path.parent / path.name.replace("sums", "parts")).write_text(text.replace("stage =", "step ="))
    part = RIGHT.replace("share", "part")
    theirs = tmp_path / "their file.ipynb"
    theirs.write_text(notebook(part=part, left="left = 70"))
    said = r"their file\.ipynb: this file holds the questions of demo\.parts, and none of demo\.sums\. Use `course check demo\.parts --file '"
    with pytest.raises(DataError, match=said):
        run("check", "demo.sums", "--file", str(theirs))
    theirs.write_text(notebook(part=part, stage=""))  # one id of this topic: it is a file of this topic
    assert "NOT ATTEMPTED" in run("check", "demo.sums", "--file", str(theirs))[1]
    theirs.write_text(notebook(nothing="x = 1"))
    assert "NOT ATTEMPTED" in run("check", "demo.sums", "--file", str(theirs))[1]
    course.master.with_name("parts.py").write_text("")  # the other topic's master is faulty
    theirs.write_text(notebook(part=part))
    assert "NOT ATTEMPTED" in run("check", "demo.sums", "--file", str(theirs))[1]


@pytest.mark.parametrize(("wanted", "words"), [
    ("recomend.colaborative", "Did you mean a.collaborative?"), ("collaborative", "Did you mean a.collaborative?"),
    ("ranking", "Did you mean a.ranking or search.ranking?"), ("search.xyz", "Choose one of search.ranking"),
    ("search", "Choose one of search.ranking"), ("q", "Choose one of a.collaborative, a.ranking, search.ranking"),
])  # fmt: skip
def test_which_topic_was_meant(wanted, words):
    there = [one.replace("a.", "recommend.") for one in ("a.collaborative", "a.ranking")] + ["search.ranking"]
    assert which_topic(wanted, there) == words.replace("a.", "recommend.")


def test_the_path_of_a_file_that_is_there(run, tmp_path):
    (tmp_path / "my demo").mkdir()
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "sums.ipynb").write_text(notebook(share=RIGHT))
    with pytest.raises(UnknownIdError, match=r"Use `course check demo\.sums --file demo/sums\.ipynb`"):
        run("check", "demo/sums.ipynb")


@pytest.mark.parametrize(("name", "content"), [
    ("a.ipynb", b"[" * 200_000), ("a.ipynb", b"{,"), ("a.ipynb", b"[]"), ("a.ipynb", b"[" + b"0," * 500_000 + b"0]"),
    ("a.py", b""), ("a.py", b" " * 6_000_000), ("a.txt", b"x"), ("a.py", b"\xff"), ("folder.py", None),
])  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_that_cannot_be_read_is_said_to_one_who_hands_nothing_in(run, tmp_path, name, content, language):
    (tmp_path / name).mkdir() if content is None else (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"^{name}: ") as error:
        run("check", "demo.sums", "--file", name, "--lang", language)
    assert error.value.remedy
    assert not any(word in str(error.value) for word in ("hand it", "Hand", "提交"))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder with a program ``course`` that PATH doesn't know."""
    program = tmp_path / "my tools" / "bin" / "course"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.defpath)
    return program


def test_what_is_printed_runs_as_it_stands(run, installed, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(installed), "progress"])
    assert "Next: demo.sums/share   ('my tools/bin/course' check demo.sums share)" in run("progress")[1]
    run("check", "demo.sums/share", "--hint", "1")
    assert "'my tools/bin/course' check demo.sums share --solution" in run("check", "demo.sums/share", "--hint", "2")[1]
    monkeypatch.setenv("PATH", str(installed.parent), prepend=os.pathsep)
    assert program() == "course"
    other = tmp_path / "other" / "course"  # PATH finds another one first
    other.parent.mkdir()
    other.write_bytes(installed.read_bytes())
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    assert program() == "'my tools/bin/course'"
    other.unlink()
    other.symlink_to(installed)  # … which is the same
    assert program() == "course"


def test_the_program_from_a_notebook_or_a_script_and_from_its_own_folder(installed, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/x/ipykernel_launcher.py"])
    monkeypatch.setattr(sys, "executable", str(installed.with_name("python")))
    assert program() == "'my tools/bin/course'"
    monkeypatch.chdir(installed.parent)
    assert program() == "./course"
    (deep := installed.parent / "/".join("abcdefghijklmnopqrstuvwxyz" * 4)).mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert program() == f"'{installed}'"  # shorter than the way up

    def other_drive(_: str) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("course_lib.classroom.invoked.os.path.relpath", other_drive)
    assert program() == f"'{installed}'"
    monkeypatch.setattr(sys, "executable", "")  # an embedded Python
    assert program() == "course"


def test_a_notebook_that_is_none(run, tmp_path):
    (tmp_path / "a.ipynb").write_text("[" * 10_000)
    with pytest.raises(DataError, match=r"a\.ipynb: "):
        run("check", "demo.sums", "--file", "a.ipynb")


def test_only_what_is_attempted_is_prepared(course, script, monkeypatch, capsys):
    asked = []
    prepare = terminal.prepare
    monkeypatch.setattr(terminal, "prepare", lambda one, only: asked.append(list(only)) or prepare(one, only=only))
    questions = terminal.TerminalQuestion.find("demo.sums", None, root=course.root)
    session = terminal.Session(questions, str(script), course.root)
    session.print_all()
    assert asked == [["share", "stage"]]
    script.write_text(SCRIPT.replace('"a"', '"c"').replace("...", "70"), encoding="utf-8")
    capsys.readouterr()
    session.print_changed()  # only the two that changed are run, and nothing is prepared twice
    out = capsys.readouterr().out
    assert "demo.sums/share" not in out and "3 of 3 right, 4.5/4.5 points" in out
    assert [one for one in asked[1] if one == "share"] == []
    script.write_text("# %%\nx = 1\n\n" + script.read_text(), encoding="utf-8")  # a change in no answer
    session.print_changed()
    assert capsys.readouterr().out == ""
    script.write_text(BY_LENGTH + "stage = 'c'\nstayed = 70\n", encoding="utf-8")
    session.print_changed()
    assert "you divide by the length" in capsys.readouterr().out
    script.write_bytes(b"\xff")
    session.print_changed()
    assert "is not UTF-8" in capsys.readouterr().err


class Watched:
    """A watched file, and how often a change was seen."""

    def __init__(self, path):
        self.path, self.seen, self.ended = path, [], False
        self.thread = threading.Thread(
            target=watch, args=(path, lambda: self.seen.append(path.read_bytes())),
            kwargs={"pause": 0.01, "stop": lambda: self.ended},
        )  # fmt: skip
        self.thread.start()
        self.wait(1)  # the call at the start

    def wait(self, number: int) -> None:
        end = time.monotonic() + 5
        while len(self.seen) < number and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(self.seen) == number


def test_watching_sees_changes_of_content_only(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("1")
    watched = Watched(path)
    try:
        path.write_text("22")
        watched.wait(2)
        path.write_text("22")  # saved again
        os.utime(path)
        watched.wait(2)
        other = tmp_path / "b.py"  # as editors save: another file takes its place
        other.write_text("333")
        os.replace(other, path)
        watched.wait(3)
        path.unlink()  # gone for a moment
        time.sleep(0.1)
        path.write_text("4444")
        watched.wait(4)
        with path.open("w") as file:  # written piece by piece: one change
            for _ in range(30):
                file.write("5")
                file.flush()
                time.sleep(0.002)
        watched.wait(len(watched.seen) if watched.seen[-1] == b"5" * 30 else len(watched.seen) + 1)
        assert watched.seen[:4] == [b"1", b"22", b"333", b"4444"] and watched.seen[-1] == b"5" * 30
    finally:
        watched.ended = True
        watched.thread.join()


PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run in the background, where it is ignored
from pathlib import Path
from course_lib import cli
from course_lib.classroom import check_command
def parser():
    parser = cli.Parser(prog="course")
    commands = parser.add_subparsers(parser_class=cli.Parser)
    check_command.add_parser(commands)
    parser.parse_args = lambda _, parse=parser.parse_args: parse(sys.argv[2:])
    return parser
cli.build_parser = parser
run = check_command.run
parser_run = lambda options: run(options, Path(sys.argv[1]))
check_command.run = parser_run
sys.exit(cli.main())
"""


def test_watching_from_a_shell_ends_kindly(course, script):
    command = [sys.executable, "-u", "-c", PROGRAM, str(course.root)]
    command += ["check", "demo.sums", "--file", str(script), "--watch"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    guard = threading.Timer(60, running.kill)  # a test that waits for a line must not wait for ever
    guard.start()
    try:
        lines = iter(running.stdout.readline, "")
        assert next(line for line in lines if "of 3 right" in line).startswith("demo.sums: 1 of 3 right")
        assert next(lines).startswith(f"Watching {script}")
        script.write_text(SCRIPT.replace('"a"', '"c"'), encoding="utf-8")
        assert next(line for line in lines if "of 3 right" in line).startswith("demo.sums: 2 of 3 right")
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    finally:
        guard.cancel()
        running.kill()
        running.wait()
    assert running.returncode == 0 and err == "" and out.endswith("Watching has ended.\n")


def test_ctrl_c_ends_the_watching_with_0(run, script, monkeypatch):
    def interrupt(path, changed):
        changed()
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.classroom.watch.watch", interrupt)
    code, out, _ = run("check", "demo.sums", "--file", str(script), "--watch")
    assert code == 0 and out.endswith("Watching has ended.\n") and out.count("of 3 right") == 1


def test_a_check_loads_nothing_heavy(course, script):
    heavy = "IPython jupytext nbformat yaml torch scipy pandas nbgrader datasets"
    shown = f"cli.main(); print([m for m in {heavy!r}.split() if m in sys.modules])"
    command = [sys.executable, "-c", PROGRAM.replace("sys.exit(cli.main())", shown), str(course.root)]
    command += ["check", "demo.sums", "--file", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_terminal_without_the_signs(course, script):
    command = [sys.executable, "-c", PROGRAM, str(course.root), "check", "demo.sums/share", "--file", str(script)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, env=environment)
    assert done.returncode == 0 and done.stdout.startswith(b"? PASS 2/2") and done.stderr == b""


def test_help_says_the_exit_codes(capsys):
    for command, words in (("check", ("Exit code: 0", "--watch", "Ctrl-C")), ("progress", ("--import",))):
        with pytest.raises(SystemExit):
            parsed(command, "--help")
        out = capsys.readouterr().out
        assert all(word in out for word in words)


def test_progress_of_a_beginner_and_of_one_who_has_finished(run, script):
    code, out, err = run("progress")
    assert code == 0 and err == "" and "Nothing is checked yet." in out
    assert "Next: demo.sums/share   (course check demo.sums share)" in out and "░░░░░░░░░░  0 of 3 right  0/4.5" in out
    script.write_text(SCRIPT.replace('"a"', '"c"').replace("...", "70"), encoding="utf-8")
    assert run("check", "demo.sums", "--file", str(script))[0] == 0
    out = run("progress")[1]
    assert "██████████  3 of 3 right  4.5/4.5" in out and "All questions are right." in out and "Next" not in out


def test_progress_table(run, script):
    run("check", "demo.sums", "--file", str(script))
    run("check", "demo.sums/stage", "--hint")
    lines = run("progress")[1].splitlines()
    assert lines[1:4] == [
        "  ✓ share       2/2  attempts: 1", "  ✗ stage       0/1  attempts: 1  hints: 1", "  – stayed    –/1.5",
    ]  # fmt: skip
    assert lines[-1] == "Next: demo.sums/stage   (course check demo.sums stage)"
    assert len(lines[-2].split("  ")) >= 3 and "1 of 3 right  2/4.5" in lines[-2]


def test_progress_of_questions_that_are_gone_and_of_points_that_have_changed(run):
    worth_more = Verdict("demo.sums/share", Outcome.PASS, 9.0, 9.0, Text("", ""))
    Progress().record(worth_more, Verdict("demo.sums/old", Outcome.FAIL, 0.0, 1.0, Text("", "")))
    out = run("progress")[1]
    assert "share       2/2" in out and "1 results of questions that this version" in out


def test_progress_json_export_import(run, script, tmp_path):
    run("check", "demo.sums", "--file", str(script))
    data = json.loads(run("progress", "--json")[1])
    assert (data["points"], data["max_points"], data["next"]) == (2.0, 4.5, "demo.sums/stage")
    [topic] = data["topics"]
    assert [one["passed"] for one in topic["questions"]] == [True, False, False]
    code, out, _ = run("progress", "--export", "copy.json")
    assert (code, out) == (0, "Results of 3 questions written to copy.json\n")
    (tmp_path / "progress.json").unlink()
    assert run("progress", "--import", "copy.json")[1] == "Results of 3 questions merged from copy.json\n"
    assert passed(Progress().entry("demo.sums/share"))
    with pytest.raises(DataError, match=r"answers.py: .*course progress --export"):
        run("progress", "--import", str(script))
    with pytest.raises(ContractError, match="not allowed with"):
        run("progress", "--import", "a", "--export", "b")


def test_progress_where_there_are_no_exercises(tmp_path):
    with pytest.raises(CourseError, match="no graded exercises here"):
        progress_command.run(parsed("progress"), tmp_path / "nowhere")
