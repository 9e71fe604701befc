"""start.setup: each check can fail, and says what to do."""

from pathlib import Path

import pytest

from course_lib.start import setup


def row(checks: list[setup.Check], what: str) -> setup.Check:
    return next(c for c in checks if c.what == what)


def test_this_environment_passes(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    bad = [c for c in setup.check_environment() if not c.ok]
    assert not bad, bad


def test_missing_and_wrong_packages_are_named(tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("# comment\nnumpy==0.0.1\nno-such-package-xyz==1.0\npip==%s\n" % setup._installed("pip"))
    check = row(setup.check_environment(lock), "packages")
    assert not check.ok and "1 of 3" in check.found
    assert "missing: no-such-package-xyz" in check.found and "other version: numpy" in check.found
    assert "make book" in check.remedy


def test_without_a_lock_file_nothing_is_demanded(tmp_path):
    assert row(setup.check_environment(tmp_path / "none.txt"), "packages").ok


def test_unwritable_cache_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    check = row(setup.check_environment(), "cache folder")
    assert not check.ok and "COURSE_HOME" in check.remedy


@pytest.mark.parametrize(("what", "attribute", "value"), [("memory", "MEMORY_GB", 1e9), ("disk", "DISK_GB", 1e9)])
def test_too_small_a_machine(monkeypatch, what, attribute, value):
    monkeypatch.setattr(setup, attribute, value)
    check = row(setup.check_environment(), what)
    assert not check.ok and check.remedy


def test_old_python(monkeypatch):
    monkeypatch.setattr(setup, "OLDEST_PYTHON", (99, 0))
    assert not row(setup.check_environment(), "Python").ok


def test_systems_that_do_not_tell_their_memory(monkeypatch):
    monkeypatch.setattr(setup.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert row(setup.check_environment(), "memory").found == "unknown on this system"


def test_weights_missing(monkeypatch):
    monkeypatch.setattr(setup, "_installed", lambda name: None)
    assert not row(setup.check_environment(Path("none")), "pretrained encoder").ok
