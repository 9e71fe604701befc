"""A folder of versions: after a kill the old one or the new one, and nothing is read that isn't what was written."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from course_lib.core.errors import CourseError, DataError
from course_lib.core.versions import MANIFEST, VersionedFolder

KIND = VersionedFolder("thing.json", 2, "paper thing", short="thing", saver="save_thing")
NEEDED = ("a.txt", "deep/b.bin")
CHANGES = ("mkdir", "open", "fsync", "replace", "unlink", "rmdir")  #: calls of ``os`` that a save goes through


def writer(text: str):
    """Writes two files that both hold ``text``, one of them in a folder."""

    def write_files(version: Path) -> dict[str, str]:
        (version / "a.txt").write_text(text)
        (version / "deep").mkdir()
        (version / "deep" / "b.bin").write_bytes(text.encode())
        return {"text": text}

    return write_files


def read(folder: Path) -> str:
    """What the present version holds; fails where its files belong to different versions."""
    version, manifest = KIND.open(folder)
    KIND.check(version, manifest["files"], NEEDED)
    assert version.parent == folder
    (text,) = {manifest["text"], *((version / name).read_text() for name in NEEDED)}
    return text


def versions(folder: Path) -> list[Path]:
    return list(folder.glob("v-*"))


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path under the folder, with the bytes of files."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def change(path: Path, **entries) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def before_each_change(patch: pytest.MonkeyPatch, act) -> None:
    """Call ``act`` before each of ``CHANGES``, but not for those that it makes itself."""
    acting = False

    def watched(real):
        def call(*args, **named):
            nonlocal acting
            if not acting:
                acting = True
                try:
                    act()
                finally:
                    acting = False
            return real(*args, **named)

        return call

    for name in CHANGES:
        patch.setattr(os, name, watched(getattr(os, name)))


@pytest.fixture
def saved(tmp_path) -> Path:
    KIND.write(tmp_path / "saved", writer("old"))
    return tmp_path / "saved"


def test_the_layout_is_as_documented(saved):
    (version,) = versions(saved)
    pointer = json.loads((saved / "thing.json").read_text())
    assert pointer == {"what": "a paper thing of the course", "format": 2, "version": version.name}
    manifest = json.loads((version / MANIFEST).read_text())
    assert list(manifest.items())[:2] == [("format", 2), ("text", "old")]
    assert manifest["files"] == dict.fromkeys(NEEDED, hashlib.sha256(b"old").hexdigest())
    assert KIND.open(str(saved)) == (version, manifest)
    assert sorted(path.name for path in saved.iterdir()) == ["thing.json", version.name]


def test_a_kill_at_any_moment_leaves_the_old_version_or_the_new_one(saved, tmp_path, monkeypatch):
    left = []  # a copy of the folder at each moment: what a kill would leave
    with monkeypatch.context() as patch:
        before_each_change(patch, lambda: left.append(shutil.copytree(saved, tmp_path / f"left{len(left)}")))
        KIND.write(saved, writer("new"))
    found = [read(folder) for folder in left] + [read(saved)]
    new = found.index("new")
    assert found == ["old"] * new + ["new"] * (len(found) - new) and 5 < new < len(left)
    assert any(len(versions(folder)) == 2 for folder in left[:new]) and any(len(versions(folder)) == 2 for folder in left[new:])
    for folder in left:
        KIND.write(folder, writer("next"))
        assert read(folder) == "next" and len(versions(folder)) == 1  # what the kill left is cleared


def test_a_kill_of_the_first_save_leaves_nothing_or_all(tmp_path, monkeypatch):
    target, left = tmp_path / "deep" / "new", []

    def copy():
        if target.exists():
            left.append(shutil.copytree(target, tmp_path / f"left{len(left)}"))

    with monkeypatch.context() as patch:
        before_each_change(patch, copy)
        KIND.write(target, writer("new"))
    assert read(target) == "new" and len(left) > 5
    assert any(path.suffix == ".part" for folder in left for path in folder.iterdir())
    for folder in left:  # the pointer comes last
        with pytest.raises(DataError, match="no paper thing here. Give the folder that save_thing wrote"):
            KIND.open(folder)
        KIND.write(folder, writer("next"))
        assert read(folder) == "next" and {path.suffix for path in folder.iterdir()} == {"", ".json"}


def test_what_killed_first_saves_left_is_replaced(tmp_path):
    for name in ("v-killed_1", "v-killed_2"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "a.txt").write_text("half")
    KIND.write(tmp_path, writer("new"))
    assert read(tmp_path) == "new" and len(versions(tmp_path)) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["interrupt", "full"])
def test_an_error_at_any_moment_leaves_the_old_version_or_the_new_one(tmp_path, monkeypatch, error):
    seen = set()
    for stop in itertools.count():
        folder, steps = tmp_path / str(stop), itertools.count()
        KIND.write(folder, writer("old"))

        def fail(steps=steps, stop=stop):
            if next(steps) == stop:
                raise error

        raised = None
        with monkeypatch.context() as patch:
            before_each_change(patch, fail)
            try:
                KIND.write(folder, writer("new"))
            except (CourseError, KeyboardInterrupt) as caught:
                raised = caught
        seen.add((read(folder), raised is not None))
        if read(folder) == "old":
            assert raised and len(versions(folder)) == 1  # the half version is gone
        if isinstance(raised, CourseError):
            assert "can't write here (No space left on device)" in str(raised) and read(folder) == "old"
        if next(steps) <= stop:  # the save was over before it
            break
    assert {("old", True), ("new", False)} <= seen and stop > 10


def test_an_interrupt_right_after_the_pointer_was_replaced_loses_nothing(saved, monkeypatch):
    real = os.replace

    def replace(source, target):
        real(source, target)
        if Path(target).name == KIND.pointer:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            KIND.write(saved, writer("new"))
    assert read(saved) == "new"
    KIND.write(saved, writer("next"))
    assert read(saved) == "next" and len(versions(saved)) == 1


def test_a_folder_named_from_here(tmp_path, monkeypatch):
    """From Python 3.12 on ``mkdtemp`` returns an absolute path for a relative folder: not to be taken for an old version."""
    real = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **named: os.path.abspath(real(**named)))
    monkeypatch.chdir(tmp_path)
    for text in ("old", "new"):
        KIND.write("saved", writer(text))
        assert read(Path("saved")) == text and len(versions(Path("saved"))) == 1


def test_a_folder_like_a_version_stays(saved):
    (saved / "v-1.0").mkdir()
    KIND.write(saved, writer("new"))
    assert read(saved) == "new" and (saved / "v-1.0").is_dir() and len(versions(saved)) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, DataError, OSError])
@pytest.mark.parametrize("first", [True, False])
def test_what_the_writer_raises_comes_through_and_nothing_stays(saved, tmp_path, error, first):
    folder = tmp_path / "first" if first else saved

    def fail(version):
        writer("half")(version)
        raise error("no")

    with pytest.raises(CourseError if error is OSError else error) as caught:
        KIND.write(folder, fail)
    line = f"{folder}: can't write here (OSError). Choose another folder" if error is OSError else "no"
    assert str(caught.value) == line
    assert tree(folder) == {} if first else (read(folder) == "old" and len(versions(folder)) == 1)
    KIND.write(folder, writer("new"))
    assert read(folder) == "new" and len(versions(folder)) == 1


def test_files_are_on_the_disk_before_the_pointer_names_them(saved, monkeypatch):
    synced, real_sync, real_replace, pointers = set(), os.fsync, os.replace, []

    def sync(handle):
        synced.add(os.fstat(handle).st_ino)
        real_sync(handle)

    def replace(source, target):
        if Path(target).name == KIND.pointer:
            version = saved / json.loads(Path(source).read_text())["version"]
            files = [Path(source), *(path for path in version.rglob("*") if path.is_file())]
            assert len(files) == 4 and {path.stat().st_ino for path in files} <= synced
            pointers.append(version)
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    KIND.write(saved, writer("new"))
    assert pointers == versions(saved)


NO_VERSIONS = ["../v-outside0", "v-in/../../v-outside0", "v-/../v-outside0", "/v-outside0", "v-outside0/", "..", "", "out", None, 3, ["v-outside0"]]


@pytest.mark.parametrize("name", NO_VERSIONS)
def test_a_pointer_names_a_version_of_its_own_folder(saved, name):
    shutil.copytree(versions(saved)[0], saved.parent / "v-outside0")  # a good one, but outside
    change(saved / "thing.json", version=name)
    with pytest.raises(DataError, match=r"thing\.json: names no version\. Make it again with save_thing"):
        KIND.open(saved)


@pytest.mark.parametrize("name", ["../secret", "../../secret", "deep/../../../secret", "{outside}/secret"])
def test_a_manifest_can_not_reach_out_of_its_folder(saved, name):
    (version,) = versions(saved)
    for place in (saved, saved.parent):
        (place / "secret").write_text("secret")
    files = {name.format(outside=saved.parent): hashlib.sha256(b"secret").hexdigest()}
    with pytest.raises(DataError, match=r"manifest\.json: lists the file '.*secret' outside its folder"):
        KIND.check(version, files, ())


@pytest.mark.parametrize("name", NEEDED)
def test_each_damage_to_a_file_is_named(saved, name):
    (version,) = versions(saved)
    path, content = version / name, (version / name).read_bytes()
    flipped = [content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :] for i in range(len(content))]
    for damaged in [*flipped, *(content[:i] for i in range(len(content))), content + b"\n"]:
        path.write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            read(saved)
        assert str(caught.value) == f"{path}: is damaged: its checksum differs. Make it again with save_thing"
    for replace in (path.unlink, path.mkdir):
        replace()
        with pytest.raises(DataError) as caught:
            read(saved)
        assert str(caught.value) == f"{path}: is missing. Make it again with save_thing"


@pytest.mark.parametrize("name", ["thing.json", MANIFEST])
def test_no_beginning_of_a_pointer_or_manifest_is_taken_for_all_of_it(saved, name):
    path = saved / name if name == "thing.json" else versions(saved)[0] / name
    content = path.read_bytes().rstrip()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError) as caught:
            KIND.open(saved)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(DataError) as caught:
        KIND.open(saved)
    assert str(caught.value) == f"{path}: no paper thing here. Give the folder that save_thing wrote"


@pytest.mark.parametrize("name", ["thing.json", MANIFEST])
def test_other_records_and_formats(saved, name):
    path = saved / name if name == "thing.json" else versions(saved)[0] / name
    good = path.read_text()
    for text in ("[]", "3", "null", "{}", '{"format": "2"}', '{"format": 2.0}'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"is not the record of a paper thing\. Make it again with save_thing"):
            KIND.open(saved)
    path.write_text(good)
    change(path, format=3)
    with pytest.raises(DataError) as caught:
        KIND.open(saved)
    remedy = "Update the course, or make the thing again"
    assert str(caught.value) == f"{path}: has format 3, this version of the course reads up to 2. {remedy}"
    change(path, format=1)
    assert read(saved) == "old"  # an older one is read


def test_a_file_that_is_needed_must_be_listed(saved):
    version, manifest = KIND.open(saved)
    with pytest.raises(DataError) as caught:
        KIND.check(version, manifest["files"], {"a.txt", "z", "c"})
    assert str(caught.value) == f"{version / MANIFEST}: doesn't list c. Make it again with save_thing"


def test_damage_is_one_line_with_the_remedy(tmp_path):
    assert str(KIND.damaged(tmp_path, "two\nlines")) == f"{tmp_path}: is damaged (two lines). Make it again with save_thing"


@pytest.mark.parametrize("name", ["mine.txt", ".hidden", "v-file", "other/", "v-killed_1/ mine.txt", "v-killed_1/ other.json", "v-1.0/", "v-recordings/", ".thing.json.part/"])
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_was(tmp_path, name):
    for one in name.split():
        (tmp_path / one).mkdir() if one.endswith("/") else (tmp_path / one).write_text("{}")
    before = tree(tmp_path)
    with pytest.raises(CourseError) as caught:
        KIND.write(tmp_path, writer("new"))
    assert str(caught.value) == f"{tmp_path}: is not empty and holds no thing. Choose a new folder"
    assert tree(tmp_path) == before


def test_another_kind_s_folder_is_neither_read_nor_written(saved):
    before, other = tree(saved), VersionedFolder("other.json", 1, "other", short="other", saver="save_other")
    with pytest.raises(CourseError, match="holds no other"):
        other.write(saved, writer("new"))
    with pytest.raises(DataError, match="no other here"):
        other.open(saved)
    assert tree(saved) == before


def test_what_is_no_folder_and_what_can_not_become_one(tmp_path):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(CourseError, match="file: this is a file, not a folder. Choose another name"):
        KIND.write(tmp_path / "file", writer("new"))
    with pytest.raises(CourseError, match="can't write here .*Choose another folder"):
        KIND.write(tmp_path / "file" / "below", writer("new"))
    assert tree(tmp_path) == {"file": b"keep"}
    KIND.write(saved := tmp_path / "saved", writer("old"))
    (saved / "mine.txt").write_text("keep")  # beside a version, somebody's file stays
    KIND.write(saved, writer("new"))
    assert read(saved) == "new" and (saved / "mine.txt").read_text() == "keep"
