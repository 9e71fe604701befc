"""start.stages: a stage is whole or absent, repeated only when its key differs, and nobody else's files are touched."""

from __future__ import annotations

import errno
import json

import pytest

from course_lib.core.errors import CourseError
from course_lib.start import stages
from course_lib.start.stages import MARKER, RECORD, StageStore


@pytest.fixture
def store(tmp_path):
    with StageStore(tmp_path / "run") as store:
        yield store


def maker(calls: list[str], value: float = 1.5):
    def make(folder):
        calls.append(folder.name)
        (folder / "model.txt").write_text(f"{value}")
        return {"value": value}

    return make


def test_a_finished_stage_is_taken_up_and_another_key_makes_it_anew(store):
    calls = []
    first = store.run("one", "key", maker(calls))
    again = store.run("one", "key", maker(calls, value=9))
    assert len(calls) == 1 and not first.reused and again.reused
    assert again.result == first.result == {"value": 1.5} and again.key == "key"
    assert again.seconds == pytest.approx(first.seconds, abs=0.01)
    other = store.run("one", "other", maker(calls, value=2))
    assert len(calls) == 2 and not other.reused and (other.folder / "model.txt").read_text() == "2"
    assert not store.run("one", "key", maker(calls)).reused  # the folder holds one version of a stage


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_stage_that_fails_leaves_the_one_before_and_nothing_else(store, error):
    store.run("one", "key", maker([]))

    def fail(folder):
        (folder / "half").write_text("x")
        raise error

    with pytest.raises(type(error)):
        store.run("one", "other", fail)
    with pytest.raises(type(error)):
        store.run("two", "key", fail)
    assert sorted(f.name for f in store.folder.iterdir()) == [MARKER, "one"]
    assert store.run("one", "key", fail).result == {"value": 1.5}


def test_a_result_that_is_no_number_is_refused_before_it_is_kept(store):
    with pytest.raises(ValueError, match="JSON compliant"):
        store.run("one", "key", lambda folder: {"value": float("nan")})
    assert [f.name for f in store.folder.iterdir()] == [MARKER]


def test_a_full_disk_is_one_line_and_a_fault_of_the_code_keeps_its_traceback(store):
    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    def missing(folder):
        raise FileNotFoundError(errno.ENOENT, "No such file")

    with pytest.raises(CourseError, match="No space left.*Choose another folder"):
        store.run("one", "key", full)
    with pytest.raises(FileNotFoundError):
        store.run("one", "key", missing)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"key": "key"}', '{"key": "key", "seconds": "x", "result": {}}', "\xff"]
)
def test_a_damaged_record_is_said_and_the_stage_repeated(store, capsys, text):
    store.run("one", "key", maker([]))
    (store.folder / "one" / RECORD).write_bytes(text.encode("latin-1"))
    calls = []
    assert not store.run("one", "key", maker(calls)).reused and len(calls) == 1
    assert "can't be read; the stage is repeated" in capsys.readouterr().err
    assert store.run("one", "key", maker(calls)).reused


def test_what_a_kill_left_behind_is_cleared_and_finished_stages_stay(tmp_path):
    with StageStore(tmp_path) as store:
        store.run("one", "key", maker([]))
    for name in (".two.abc.part", ".one.abc.old"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / ".result.json.abc.part").write_text("{")
    with StageStore(tmp_path) as store:
        assert sorted(f.name for f in tmp_path.iterdir()) == [MARKER, "one"]
        assert store.run("one", "key", maker([])).reused


def test_a_run_killed_while_it_wrote_its_marker_can_be_taken_up(tmp_path):
    (tmp_path / f".{MARKER}.abc.part").write_text("{")
    with StageStore(tmp_path):
        assert [f.name for f in tmp_path.iterdir()] == [MARKER]


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", ".download.part", "pretraining/model"])
def test_somebody_elses_folder_is_refused_and_untouched(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(CourseError, match="is not empty and holds no earlier run.*nothing was changed"):
        StageStore(tmp_path)
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text() == "mine"


def test_places_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(CourseError, match="is a file, not a folder"):
        StageStore(file)
    with pytest.raises(CourseError, match="can't write here"):
        StageStore(file / "below")
    with pytest.raises(CourseError, match="can't write here"):
        StageStore(tmp_path / ("long" * 100))
    assert file.read_text() == "mine"


def test_two_runs_do_not_share_a_folder(tmp_path):
    with StageStore(tmp_path):
        part = tmp_path / ".one.abc.part"
        part.mkdir()
        with pytest.raises(CourseError, match="another run is at work here.*another --out"):
            StageStore(tmp_path)
        assert part.is_dir()
    with StageStore(tmp_path):  # the lock went with the run
        assert not part.exists()


def test_without_locks_a_run_goes_on(tmp_path, monkeypatch):
    import fcntl

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with StageStore(tmp_path) as store:
        assert store.run("one", "key", maker([])).result == {"value": 1.5}
    monkeypatch.setitem(__import__("sys").modules, "fcntl", None)  # Windows
    assert stages._lock(tmp_path) is None


def test_a_marker_that_cannot_be_written_lifts_the_lock(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(stages, "write_json", full)
        with pytest.raises(CourseError, match="No space left"):
            StageStore(tmp_path)
    with StageStore(tmp_path):
        assert json.loads((tmp_path / MARKER).read_text())["format"] == 1
