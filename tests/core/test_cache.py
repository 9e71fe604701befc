"""The cache folder is where the platform wants it, unless COURSE_HOME says otherwise."""

import sys
from pathlib import Path

import pytest

from course_lib.core.cache import course_home


@pytest.fixture
def bare(monkeypatch, tmp_path):
    for name in ("COURSE_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", None, ".cache/course"),
        ("linux", ("XDG_CACHE_HOME", "xdg"), "xdg/course"),
        ("darwin", None, "Library/Caches/course"),
        ("win32", None, "AppData/Local/course"),
        ("win32", ("LOCALAPPDATA", "local"), "local/course"),
        ("linux", ("COURSE_HOME", "mine"), "mine"),
        ("win32", ("COURSE_HOME", "mine"), "mine"),
    ],
)
def test_place(bare, monkeypatch, platform, variable, folder):
    monkeypatch.setattr(sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable[0], str(bare / variable[1]))
    assert course_home() == bare / folder
    assert not course_home().exists()  # asking doesn't create it


def test_empty_variables_don_t_count_and_the_tilde_is_home(bare, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("COURSE_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert course_home() == bare / ".cache" / "course"
    monkeypatch.setenv("COURSE_HOME", "~/course")
    assert course_home() == bare / "course"
