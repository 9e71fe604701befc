"""The command line: help, version, exit codes, interrupts, closed pipes, and how fast it starts."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from course_lib import __version__, cli
from course_lib.core.errors import DataError
from course_lib.core.fingerprint import ROOT


def fresh(code: str, *arguments: str, **settings) -> subprocess.CompletedProcess[str]:
    """``course`` in a new process, after it one line of Python."""
    run = "import sys\nfrom course_lib import cli\ntry:\n    code = cli.main(sys.argv[1:])"
    program = f"{run}\nfinally:\n    {code}\nsys.exit(code)"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, **settings)


def command(monkeypatch, work):
    """Let ``course map`` do ``work`` instead."""
    monkeypatch.setattr(cli, "_map", lambda options: work())


def test_help_starts_in_a_moment_and_loads_nothing_heavy():
    heavy = "torch datasets numpy transformers pandas matplotlib yaml"
    done = fresh(f"print([m for m in {heavy!r}.split() if m in sys.modules], file=sys.stderr)", "--help")
    assert done.returncode == 0 and done.stderr == "[]\n"
    seconds = []
    for _ in range(5):  # of the processor, and the best of five: the machine may be busy with other things
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        fresh("pass", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("arguments", [("run", "--items", "0"), ("run", "--bad"), ()])
def test_bad_flags_are_refused_without_loading_anything_heavy(arguments):
    heavy = "torch datasets numpy transformers"
    done = fresh(f"print([m for m in {heavy!r}.split() if m in sys.modules], file=sys.stderr)", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    line, loaded = done.stderr.splitlines()
    assert line.startswith("course: ") and loaded == "[]"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--help",), ("usage: course", "run", "map", "--version")),
        (("run", "--help"), ("--path DIR", "--items N", "--out DIR", "--json", "--save FILE", "default: 2000")),
        (("map", "--help"), ("--check", "--write", "--lang")),
        (("--version",), (f"course {__version__}\n",)),
    ],
)
def test_help_is_readable(capsys, monkeypatch, arguments, says):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 0 and err == ""
    for part in says:
        assert part in out
    assert max(map(len, out.splitlines())) <= 100


def test_course_alone_says_in_one_line_what_to_type(capsys):
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err == "course: the following arguments are required: COMMAND. See `course --help`\n"


def test_an_unknown_command_is_named(capsys):
    assert cli.main(["rum"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("course: ") and "'rum'" in err and "run" in err and err.count("\n") == 1


def test_map_is_printed_and_checked(capsys, tmp_path, monkeypatch):
    assert cli.main(["map", "--lang", "zh"]) == 0
    assert "start.first_hour" in capsys.readouterr().out
    from course_lib.publishing import mindmap

    monkeypatch.setattr(mindmap, "_check", lambda *_: [])
    assert cli.main(["map", "--check"]) == 0
    assert capsys.readouterr().out.startswith("OK: ")
    monkeypatch.setattr(mindmap, "_check", lambda *_: ["start.setup: no chapter"])
    assert cli.main(["map", "--check"]) == 1
    assert "start.setup: no chapter\n1 problem(s)" in capsys.readouterr().err


def test_an_error_of_the_course_is_one_line_and_a_fault_of_ours_keeps_its_traceback(monkeypatch, capsys):
    def bad():
        raise DataError("the price\nis 'x'", where="a.csv, line 3", remedy="Correct it")

    command(monkeypatch, bad)
    assert cli.main(["map"]) == 2
    assert capsys.readouterr().err == "course: a.csv, line 3: the price is 'x'. Correct it\n"
    command(monkeypatch, lambda: {}["absent"])
    with pytest.raises(KeyError):
        cli.main(["map"])


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def huge():
        raise MemoryError("Unable to allocate 7 TiB")

    command(monkeypatch, huge)
    assert cli.main(["map"]) == 2
    assert capsys.readouterr().err == "course: there is not enough memory for this. Choose smaller sizes\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("disguise", [None, ImportError])
def test_interrupts_end_in_one_line_whatever_a_library_makes_of_them(monkeypatch, capsys, number, disguise):
    def work():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except KeyboardInterrupt:
            if disguise is None:
                raise
            raise disguise("initialisation failed") from None
        pytest.fail("the signal had no effect")

    before = signal.getsignal(number)
    command(monkeypatch, work)
    assert cli.main(["map"]) == 128 + number
    assert capsys.readouterr().err == "course: interrupted\n"
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("arguments", "kept"), [(["run"], False), (["run", "--out", "somewhere"], True)])
def test_only_a_run_with_a_folder_says_that_its_stages_are_kept(monkeypatch, capsys, arguments, kept):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.start.run.main", interrupted)
    assert cli.main(arguments) == 128 + signal.SIGINT
    assert ("finished stages are kept" in capsys.readouterr().err) is kept


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_python_would_ignore_is_not_lost(monkeypatch, capsys, number):
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), number)
            time.sleep(0)  # the handler runs here, where nothing can be raised

    def work():
        dying = Dying()
        del dying
        start = time.perf_counter()
        try:
            time.sleep(5)
        finally:
            assert time.perf_counter() - start < 4
        pytest.fail("the signal was lost")

    hook = sys.unraisablehook
    command(monkeypatch, work)
    assert cli.main(["map"]) == 128 + number
    assert capsys.readouterr().err == "course: interrupted\n"
    assert sys.unraisablehook is hook


def test_other_errors_that_python_ignores_are_still_told(monkeypatch):
    class Dying:
        def __del__(self):
            raise RuntimeError("told")

    def work():
        dying = Dying()
        del dying
        return 0

    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(str(what.exc_value)))
    command(monkeypatch, work)
    assert cli.main(["map"]) == 0 and told == ["told"]


def test_a_background_job_keeps_ignoring_ctrl_c(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        command(monkeypatch, lambda: 0 if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else 1)
        assert cli.main(["map"]) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread(monkeypatch):
    command(monkeypatch, lambda: 0)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["map"])))
    thread.start()
    thread.join()
    assert codes == [0]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("map",), ("--help",)])
def test_a_closed_pipe_is_no_fault(arguments, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    program = "import sys\nfrom course_lib import cli\nsys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60, env=environment
    )
    os.close(writer)
    # argparse itself overlooks a failed write, which an unbuffered help is
    expected = 0 if unbuffered and "--help" in arguments else cli.CLOSED_PIPE
    assert done.stderr == "" and done.returncode == expected


def test_without_any_stdout(monkeypatch):
    command(monkeypatch, lambda: 0)
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["map"]) == 0
