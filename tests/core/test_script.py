"""A program ends in one line: after an error of ours, after Ctrl-C, after SIGTERM; other errors keep their traceback."""

import os
import signal

import pytest

from course_lib.core.errors import ContractError
from course_lib.core.script import run_script


@pytest.fixture(autouse=True)
def same_handler():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_status_of_main_is_that_of_the_program(capsys):
    assert run_script(lambda: 0) == 0 and run_script(lambda: 1) == 1
    assert capsys.readouterr().err == ""


def test_an_error_is_one_line(capsys):
    def main() -> int:
        raise ContractError("--items is 'abc'", remedy="Give whole numbers")

    assert run_script(main) == 2
    assert capsys.readouterr().err == "error: --items is 'abc'. Give whole numbers\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_line(number, capsys):
    assert run_script(lambda: os.kill(os.getpid(), number) or 0, "stopped; all is kept") == 130
    assert capsys.readouterr().err == "stopped; all is kept\n"


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: 1 // 0)
