"""Taking in folders and archives that were made by an enemy."""

import io
import os
import socket
import stat
import struct
import time
import tracemalloc
import zipfile

import pytest

from course_lib.classroom import intake as module
from course_lib.classroom.intake import intake
from course_lib.classroom.submission import SubmissionError
from course_lib.core.errors import DataError

TOPICS = ["shop.measurement", "start.first_hour"]


def put(root, path, content=b"{}"):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def archive(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def outcome(entry):
    try:
        return entry.read()
    except SubmissionError as error:
        return error.text.en


def table(taken):
    return {(entry.learner, entry.topic): outcome(entry) for entry in taken.entries}


@pytest.mark.parametrize("kind", ["folder", "wrapped folder", "zip", "wrapped zip"])
def test_folders_and_archives_are_read_alike(tmp_path, kind):
    root = tmp_path / "in"
    files = {"bea/shop/measurement.py": b"x = 1", "Al/start/first_hour.ipynb": b"{1}",
             "Al/shop/measurement.ipynb": b"{2}", "__MACOSX/Al/shop/._measurement.ipynb": b"",
             "Al/shop/.ipynb_checkpoints/measurement.ipynb": b"",
             "Al/.git/shop/measurement.py": b"", "Al/shop/measurement.txt": b"", "Al/shop/unknown.ipynb": b"",
             "dora/notes/deep/down/below.txt": b""}  # fmt: skip
    prefix = "class of 2026/" if "wrapped" in kind else ""
    if "zip" in kind:
        source = archive(tmp_path / "in.zip", [(prefix + name, content) for name, content in files.items()])
    else:
        source = root
        for name, content in files.items():
            put(root, prefix + name, content)
    with intake(source, TOPICS) as taken:
        assert taken.learners == ["Al", "bea", "dora"]  # who handed in nothing of use is still in the class
        assert table(taken) == {("Al", "shop.measurement"): b"{2}", ("Al", "start.first_hour"): b"{1}",
                                ("bea", "shop.measurement"): b"x = 1"}  # fmt: skip
        assert [path for path, _ in taken.problems] == ["Al/shop/unknown.ipynb"]
        assert [entry.suffix for entry in taken.entries] == [".ipynb", ".ipynb", ".py"]


def test_a_notebook_beats_a_script_and_a_renamed_topic_is_known(tmp_path):
    put(tmp_path, "al/shop/measurement.py", b"script")
    put(tmp_path, "al/shop/measurement.ipynb", b"notebook")
    put(tmp_path, "al/begin/hour.py", b"old name")
    with intake(tmp_path, TOPICS, {"begin.hour": "start.first_hour"}.get) as taken:
        assert table(taken) == {("al", "shop.measurement"): b"notebook", ("al", "start.first_hour"): b"old name"}
        assert "al/shop/measurement.ipynb was graded" in taken.entries[0].notes[0].en


def test_links_pipes_and_sockets_are_refused_and_never_block(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(b"secret")
    root = tmp_path / "in"
    put(root, "al/shop/measurement.ipynb", b"fine")
    (root / "link/shop").mkdir(parents=True)
    (root / "link/shop/measurement.ipynb").symlink_to(secret)
    (root / "pipe/shop").mkdir(parents=True)
    os.mkfifo(root / "pipe/shop/measurement.ipynb")
    (root / "sock/shop").mkdir(parents=True)
    here = os.getcwd()
    os.chdir(root / "sock/shop")  # a socket's path may have 107 characters only
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("measurement.ipynb")
    finally:
        os.chdir(here)
    (root / "inner").mkdir()
    (root / "inner/shop").symlink_to(root / "al/shop")
    (root / "whole").symlink_to(root / "al")
    put(root, "folder/shop/measurement.ipynb/x", b"")
    started = time.monotonic()
    with intake(root, TOPICS) as taken:
        found = table(taken)
        assert found.pop(("al", "shop.measurement")) == b"fine"
        assert "symbolic link" in found.pop(("link", "shop.measurement"))
        assert all("not a file" in found.pop((name, "shop.measurement")) for name in ("pipe", "sock"))
        assert not found
        assert {path for path, _ in taken.problems} == {"inner/shop", "whole"} and "inner" in taken.learners
    assert time.monotonic() - started < 2


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path):
    (tmp_path / "secret").mkdir()
    put(tmp_path / "secret", "measurement.ipynb", b"secret")
    root = tmp_path / "in"
    put(root, "al/shop/measurement.ipynb", b"fine")
    put(root, "bea/shop/measurement.ipynb", b"fine")
    with intake(root, TOPICS) as taken:
        (root / "al/shop/measurement.ipynb").unlink()
        (root / "al/shop/measurement.ipynb").symlink_to(tmp_path / "secret/measurement.ipynb")
        (root / "bea/shop").rename(root / "bea/gone")
        (root / "bea/shop").symlink_to(tmp_path / "secret")
        assert all("can't be read" in said for said in table(taken).values())


def test_odd_names_stay_apart_and_are_found(tmp_path):
    names = ["new\nline", "\u202egnp", "Al", "al", " al", "e" * 200, "..x", "-rf", "a'\"<&>", "\x1b[31m",
             os.fsdecode(b"\xff\xfe")]  # fmt: skip
    for name in names:
        put(tmp_path, f"{name}/shop/measurement.py", name.encode("utf-8", "surrogateescape"))
    with intake(tmp_path, TOPICS) as taken:
        assert set(taken.learners) == set(names) - {"..x"}
        assert all(entry.read() == entry.learner.encode("utf-8", "surrogateescape") for entry in taken.entries)


def test_a_huge_file_is_refused_by_its_size(tmp_path):
    put(tmp_path, "al/shop/measurement.ipynb")
    with (tmp_path / "al/shop/measurement.ipynb").open("wb") as file:
        file.truncate(200_000_000)
    with intake(tmp_path, TOPICS) as taken:
        assert "200.0 MB" in table(taken)["al", "shop.measurement"]


def test_paths_out_of_an_archive_lead_nowhere(tmp_path):
    source = archive(tmp_path / "in.zip", [("../../al/shop/measurement.py", b"1"), ("/etc/shop/measurement.py", b"2"),
                                           ("C:\\al\\shop\\measurement.py", b"3"),
                                           ("al/../bea/shop/measurement.py", b"4"),
                                           ("al\\shop\\measurement.py", b"5")])  # fmt: skip
    before = set(tmp_path.rglob("*"))
    with intake(source, TOPICS) as taken:
        assert table(taken) == {("al", "shop.measurement"): b"5"} and len(taken.problems) == 4
    assert set(tmp_path.rglob("*")) == before


def test_odd_members_concern_their_learner_only(tmp_path):
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w") as file:
        for learner, kind in (("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("fine", stat.S_IFREG)):
            info = zipfile.ZipInfo(f"{learner}/shop/measurement.py")
            info.external_attr = (kind | 0o777) << 16
            file.writestr(info, "/etc/passwd")
        file.writestr("twice/shop/measurement.py", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("twice/shop/measurement.py", "2")
        file.writestr("lzma/shop/measurement.py", "1", zipfile.ZIP_LZMA)
        file.writestr("large/shop/measurement.py", b"0" * 6_000_000, zipfile.ZIP_DEFLATED)
        file.writestr("locked/shop/measurement.py", "1")
        file.writestr("broken/shop/measurement.py", "precious")
        file.writestr("liar/shop/measurement.py", b"0" * 5_500_000, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[content.index(b"precious")] ^= 1
    central = content.index(b"PK\1\2")
    locked = content.index(b"locked/", central) - 46
    content[locked + 8] |= 1  # the flag says encrypted
    liar = content.index(b"liar/", central) - 46
    content[liar + 24 : liar + 28] = struct.pack("<I", 10)  # the size that is stated
    path.write_bytes(content)
    with intake(path, TOPICS) as taken:
        said = {learner: what for (learner, _), what in table(taken).items()}
    assert said.pop("fine") == b"/etc/passwd"
    expected = {"link": "symbolic link", "pipe": "not a file", "twice": "twice", "lzma": "other than deflate",
                "large": "6.0 MB", "locked": "encrypted", "broken": "broken here", "liar": "broken here"}  # fmt: skip
    for learner, words in expected.items():
        assert words in said.pop(learner), learner
    assert not said


def test_a_zip_bomb_is_refused_without_unpacking(tmp_path):
    chunk = b"0" * 4_900_000
    path = archive(tmp_path / "bomb.zip", [(f"l{n}/shop/measurement.py", chunk) for n in range(25)], compresslevel=9)
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(DataError, match="zip bomb"):
        intake(path, TOPICS)
    assert time.monotonic() - started < 1 and tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    small = archive(tmp_path / "small.zip", [("al/shop/measurement.py", chunk)])
    with intake(small, TOPICS) as taken:  # one such file alone is within its cap, whatever its ratio
        assert len(table(taken)["al", "shop.measurement"]) == 4_900_000


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    for n in range(6):
        put(tmp_path / "in", f"l{n}/shop/measurement.py")
    path = archive(tmp_path / "in.zip", [(f"l{n}/shop/measurement.py", b"") for n in range(60)])
    with intake(tmp_path / "in", TOPICS), intake(path, TOPICS):
        pass
    monkeypatch.setattr(module, "MAX_FILES", 10)
    for source in (tmp_path / "in", path):
        with pytest.raises(DataError, match="more than 10 files"):
            intake(source, TOPICS)
    monkeypatch.undo()
    monkeypatch.setattr(module, "_MAX_DIRECTORY_BYTES", 2_000)
    with pytest.raises(DataError, match="too long to read"):
        intake(path, TOPICS)


def test_what_is_no_class_is_an_error(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"PK\5\6 nonsense")
    (tmp_path / "empty").mkdir()
    whole = io.BytesIO()
    archive(whole, [("al/shop/measurement.py", b"1" * 1000)])
    (tmp_path / "cut.zip").write_bytes(whole.getvalue()[:-30])
    for name, words in {"no.zip": "not a zip", "cut.zip": "not a zip", "absent": "no such", "empty": "no sub"}.items():
        with pytest.raises(DataError, match=words):
            intake(tmp_path / name, TOPICS)


# -- files in the wrong place -----------------------------------------------------------------------------------------


def problems(taken):
    return {path: text.en for path, text in taken.problems}


def test_a_file_at_the_wrong_depth_or_of_another_name_is_named_with_its_place(tmp_path):
    put(tmp_path, "al/start/first_hour.ipynb", b"fine")
    put(tmp_path, "al/start/data/helper.py")  # no answer by its look, of one who handed in an answer: not told
    put(tmp_path, "al/start/table.csv")
    put(tmp_path, "zoe/hw1/start/first_hour.ipynb")
    put(tmp_path, "yan/first_hour.py")
    put(tmp_path, "xi/start/First Hour (1).ipynb")
    put(tmp_path, "wu/a/b/c/start/first_hour.ipynb")
    put(tmp_path, "vera/start/first_hour.html")
    put(tmp_path, "una/homework/final/answer.ipynb")
    put(tmp_path, "ted/other/notes.ipynb")
    put(tmp_path, "first_hour.ipynb")
    put(tmp_path, "shop/measurement.py")
    with intake(tmp_path, TOPICS) as taken:
        assert table(taken) == {("al", "start.first_hour"): b"fine"} and not taken.advice and not taken.wrapper
        said = problems(taken)
        assert "it belongs at zoe/start/first_hour.ipynb" in said.pop("zoe/hw1/start/first_hour.ipynb")
        assert "it belongs at yan/start/first_hour.py" in said.pop("yan/first_hour.py")
        assert "is start.first_hour meant? then xi/start/first_hour.ipynb" in said.pop("xi/start/First Hour (1).ipynb")
        assert "it belongs at wu/start/first_hour.ipynb" in said.pop("wu/a/b/c/start/first_hour.ipynb")
        assert "neither a notebook" in said.pop("vera/start/first_hour.html")
        assert said.pop("una/homework/final/answer.ipynb").startswith("not at LEARNER/BRANCH/TOPIC")
        assert said.pop("ted/other/notes.ipynb").startswith("no graded topic")
        assert "LEARNER/start/first_hour.ipynb" in said.pop("first_hour.ipynb")
        assert "it belongs at LEARNER/shop/measurement.py" in said.pop("shop/measurement.py")
        assert not said
        assert taken.unused["zoe"] == ["hw1/start/first_hour.ipynb"] and taken.unused["yan"] == ["first_hour.py"]
        assert taken.unused["al"] == ["start/data/helper.py", "start/table.csv"]


def test_the_file_that_another_one_beat_is_named(tmp_path):
    for name in ("shop/measurement.py", "shop/measurement.ipynb", "old/measuring.ipynb"):
        put(tmp_path, f"al/{name}", name.encode())
    with intake(tmp_path, TOPICS, {"old.measuring": "shop.measurement"}.get) as taken:
        (entry,) = taken.entries
        assert entry.origin == "al/old/measuring.ipynb" and entry.read() == b"old/measuring.ipynb"
        assert "al/old/measuring.ipynb was graded" in entry.notes[0].en
        said = problems(taken)
        assert (
            set(said)
            == {"al/shop/measurement.ipynb", "al/shop/measurement.py"}
            == {f"al/{path}" for path in taken.unused["al"]}
        )
        assert all("al/old/measuring.ipynb was graded, this one was not" in text for text in said.values())


def test_a_link_and_a_file_in_the_wrong_place_are_told_apart(tmp_path):
    put(tmp_path / "in", "al/shop/measurement.py")
    put(tmp_path / "in", "al/readme.txt")
    (tmp_path / "in/whole").symlink_to(tmp_path / "in/al")
    link = zipfile.ZipInfo("whole")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    source = archive(tmp_path / "in.zip", [("al/shop/measurement.py", b""), ("al/readme.txt", b""), (link, "al")])
    for path in (tmp_path / "in", source):
        with intake(path, TOPICS) as taken:
            said = problems(taken)
            assert "symbolic link" in said.pop("whole") and said.pop("al/readme.txt").startswith("not at LEARNER")
            assert not said


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_misplaced_file_does_not_hide_the_folder_around_the_class(tmp_path, kind):
    files = ["class/al/start/first_hour.ipynb", "class/bea/shop/measurement.py", "class/zoe/first_hour.ipynb",
             "class/yan/start/first_hour.py", "class/list.py", "remark.txt"]  # fmt: skip
    if kind == "zip":
        source = archive(tmp_path / "in.zip", [(name, b"") for name in files])
    else:
        source = tmp_path / "in"
        for name in files:
            put(source, name)
    with intake(source, TOPICS) as taken:
        assert taken.wrapper == "class" and taken.learners == ["al", "bea", "yan", "zoe"]
        assert set(table(taken)) == {("al", "start.first_hour"), ("bea", "shop.measurement"),
                                     ("yan", "start.first_hour")}  # fmt: skip
        assert set(problems(taken)) == {"zoe/first_hour.ipynb", "list.py", "remark.txt"}


def test_an_only_learner_who_has_copies_deeper_down_is_no_folder_around_the_class(tmp_path):
    put(tmp_path, "al/start/first_hour.ipynb", b"1")
    for n in range(3):
        put(tmp_path, f"al/old{n}/start/first_hour.ipynb", b"2")
    with intake(tmp_path, TOPICS) as taken:
        assert table(taken) == {("al", "start.first_hour"): b"1"} and len(taken.problems) == 3 and not taken.wrapper


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["start/first_hour.ipynb", "shop/measurement.py"], "one learner's file|learner's folder.*/subs$"),
        (["first_hour.ipynb"], "one learner's file|a folder inside one learner's folder"),
        (["class/2026/al/start/first_hour.py", "class/2026/bea/start/first_hour.py"],
         "around the learners' folders, class/2026: (name .*class/2026|pack what lies)"),
        (["a/al/start/first_hour.py", "b/bea/start/first_hour.py"], "around .*, for example a: grade each"),
        (["al/other/thing.py"], "^$"),
    ],
)  # fmt: skip
def test_a_path_of_the_wrong_level_gets_advice(tmp_path, kind, files, words):
    source = tmp_path / "subs/anna"
    for name in files:
        put(source, name)
    if kind == "zip":
        source = archive(tmp_path / "in.zip", [(name, b"") for name in files])
    import re

    try:
        with intake(source, TOPICS) as taken:
            assert not taken.entries
            advice = taken.advice
    except DataError as error:  # files alone: there are no learners at all
        advice = error.remedy
    assert re.search(words, advice), advice
