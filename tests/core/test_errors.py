"""Errors are one line: where, what, remedy."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, CourseError, DataError, UnknownIdError


def test_line_is_where_what_remedy():
    assert str(CourseError("it is empty")) == "it is empty"
    assert str(DataError("it is empty", where="a.csv, line 2")) == "a.csv, line 2: it is empty"
    assert str(CourseError("it is empty", remedy="Fill it")) == "it is empty. Fill it"
    error = DataError("it is empty", where="a.csv", remedy="Fill it")
    assert str(error) == "a.csv: it is empty. Fill it"
    assert (error.where, error.what, error.remedy) == ("a.csv", "it is empty", "Fill it")


@given(st.text(), st.text(), st.text())
def test_always_one_printable_line(what, where, remedy):
    line = str(DataError(what, where=where, remedy=remedy))
    assert len(line.splitlines()) <= 1 and line.isprintable()


def test_terminal_escapes_are_disarmed_and_chinese_stays():
    assert str(DataError("bad cell '\x1b[31m\r\n价格'")) == "bad cell '?[31m 价格'"


def test_family():
    for kind in (DataError, ContractError, UnknownIdError):
        assert issubclass(kind, CourseError)
    with pytest.raises(ValueError):  # callers who know only Python catch a wrong argument as they would elsewhere
        raise UnknownIdError("x")
    assert not issubclass(DataError, ValueError)


def test_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(DataError("empty", where="a.csv", remedy="Fill it")))  # as multiprocessing does
    assert (str(error), error.where, error.remedy) == ("a.csv: empty. Fill it", "a.csv", "Fill it")


def test_a_notebook_shows_the_line_and_no_traceback(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.user_ns["DataError"] = DataError
    shell.run_cell("raise DataError('it is empty', where='a.csv', remedy='Fill it')")
    ours = capsys.readouterr()
    assert (ours.out + ours.err).strip() == "a.csv: it is empty. Fill it"
    shell.run_cell("1 / 0")  # any other error keeps its traceback
    theirs = capsys.readouterr()
    assert "Traceback" in theirs.out + theirs.err
