"""Files are whole or absent: after an exception, and after a kill."""

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import atomic_file, atomic_folder, read_json, write_json


def names(folder) -> list[str]:
    return sorted(f.name for f in folder.iterdir())


def test_file_appears_whole_with_unix_ends_and_usual_rights(tmp_path):
    with atomic_file(tmp_path / "deep" / "a.txt") as file:
        file.write("价\n")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_bytes() == "价\n".encode()
    assert names(tmp_path / "deep") == ["a.txt"]
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE((tmp_path / "deep" / "a.txt").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    with atomic_file(tmp_path / "b", "wb") as file:
        file.write(b"\x00\r\n")
    assert (tmp_path / "b").read_bytes() == b"\x00\r\n"


def test_an_exception_leaves_the_old_file(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_file(target) as file:
        file.write("half")
        file.flush()
        raise KeyboardInterrupt
    assert target.read_text() == "old" and names(tmp_path) == ["a"]


def test_a_kill_leaves_the_old_file(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    code = (
        "import sys, time; from course_lib.core.files import atomic_file\n"
        "with atomic_file(sys.argv[1]) as file:\n    file.write('half'); file.flush(); print('written', flush=True)\n"
        "    time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "written\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert target.read_text() == "old"


def test_writers_side_by_side_never_show_a_mixture(tmp_path):
    target = tmp_path / "a"
    code = (
        "import sys; from course_lib.core.files import atomic_file\n"
        "for _ in range(40):\n    with atomic_file(sys.argv[1]) as file:\n        file.write(sys.argv[2] * 50_000)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(target), letter]) for letter in "xy"]
    seen = set()
    while any(child.poll() is None for child in children):
        if target.exists():
            text = target.read_text()
            assert len(text) == 50_000 and len(set(text)) == 1
            seen.add(text[0])
        time.sleep(0.002)
    assert [child.returncode for child in children] == [0, 0] and seen and names(tmp_path) == ["a"]


def test_folder_replaces_the_old_one_whole(tmp_path):
    target = tmp_path / "run"
    for content in ("old", "new"):
        with atomic_folder(target) as folder:
            (folder / content).write_text(content)
            assert folder.parent == tmp_path
            if content == "new":
                assert names(target) == ["old"]
        assert names(target) == [content] and names(tmp_path) == ["run"]
    made = tmp_path / "made"
    made.mkdir()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(made.stat().st_mode)


def test_an_exception_leaves_the_old_folder(tmp_path):
    target = tmp_path / "run"
    with atomic_folder(target) as folder:
        (folder / "a").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(target) as folder:
        (folder / "a").write_text("half")
        raise RuntimeError
    assert (target / "a").read_text() == "old" and names(tmp_path) == ["run"]


def test_the_old_folder_comes_back_when_the_new_one_can_t_move_in(tmp_path, monkeypatch):
    target = tmp_path / "run"
    with atomic_folder(target) as folder:
        (folder / "a").write_text("old")
    replace = os.replace

    def fail_for_new(source, destination):
        if str(source).endswith(".part"):
            raise OSError("no")
        replace(source, destination)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no"):
        patch.setattr(os, "replace", fail_for_new)
        with atomic_folder(target) as folder:
            (folder / "a").write_text("new")
    assert (target / "a").read_text() == "old" and names(tmp_path) == ["run"]


@pytest.mark.parametrize("opens", [atomic_file, atomic_folder])
def test_a_place_that_can_t_be_written(tmp_path, opens):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="can't write here .*Choose another folder"), opens(tmp_path / "file" / "x"):
        pass
    assert names(tmp_path) == ["file"]


def test_files_and_folders_don_t_take_each_other_s_place(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CourseError, match="file: this is a file, not a folder"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(CourseError, match="folder: this is a folder, not a file"), atomic_file(tmp_path / "folder"):
        pass
    assert (tmp_path / "file").read_text() == "kept" and names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("mode", ["a", "r", "r+", "x"])
def test_other_modes_are_refused(tmp_path, mode):
    with pytest.raises(ContractError, match="a file is written whole"), atomic_file(tmp_path / "a", mode):
        pass


def test_json_round_trip(tmp_path):
    value = {"b": [1, 2.5, None, True], "a": {"价": "x"}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a.json") == value and list(read_json(tmp_path / "a.json")) == ["b", "a"]
    assert text.endswith("}\n") and "价" in text


def test_json_that_can_t_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1)
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "a.json", {"good": 1, "bad": value})
        assert read_json(tmp_path / "a.json") == 1 and names(tmp_path) == ["a.json"]


def test_json_that_can_t_be_read(tmp_path):
    file = tmp_path / "a.json"
    with pytest.raises(DataError, match="a.json: no such file"):
        read_json(file)
    file.write_bytes(b'{\n "a": \n}')
    with pytest.raises(DataError, match="a.json, line 3: not valid JSON"):
        read_json(file)
    file.write_bytes(b'"caf\xe9"')
    with pytest.raises(DataError, match="byte 4 is not UTF-8. Save"):
        read_json(file)
    with pytest.raises(DataError, match="can't be read"):
        read_json(tmp_path)
