"""The progress file: nothing is ever lost, whoever writes at once and whatever stands in the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom import progress as module
from course_lib.classroom.progress import Progress, kept, progress_path
from course_lib.classroom.progress_format import CorruptError, empty, merged_entry, new_entry, parse, passed
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError, DataError
from course_lib.core.fingerprint import ROOT
from course_lib.core.locks import locked

SHARE = "demo.sums/share"
MAP = """\
branches:
  - id: demo
    title: {en: Demo, zh: 演示}
    summary: {en: Demo, zh: 演示}
    topics:
      - id: demo.sums
        title: {en: Sums and shares, zh: 求和与比例}
        summary: {en: Sums, zh: 求和}
        concepts: [{en: Sum, zh: 和}]
        prerequisites: []
        role: both
        minutes: 5
        status: ready
        aliases: [demo.shares]
"""


def verdict(outcome: Outcome = Outcome.PASS, points: float = 2.0, question: str = SHARE) -> Verdict:
    return Verdict(question, outcome, points, 2.0, Text("so", "如此"))


@pytest.fixture
def course(demo):
    """The small course with a map, whose topic had another name once."""
    (demo.root / "book").mkdir()
    (demo.root / "book" / "mindmap.yml").write_text(MAP, encoding="utf-8")
    (demo.root / "exercises").mkdir()
    return demo


@pytest.fixture
def file(course, monkeypatch):
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    return Progress(root=course.root)


@pytest.fixture(autouse=True)
def nothing_said():
    module._said.clear()


def test_a_check_is_kept_and_a_pass_stays(file):
    file.record(verdict(Outcome.FAIL, 0.5))
    assert not passed(file.entry(SHARE))
    file.record(verdict())
    first = file.entry(SHARE)["first_passed"]
    file.record(verdict(Outcome.ERROR, 0.0))
    entry = file.entry(SHARE)
    assert passed(entry) and entry["first_passed"] == first
    assert (entry["outcome"], entry["points"], entry["best_points"]) == ("ERROR", 0.0, 2.0)
    assert entry["attempts"] == 2  # it took two; what is checked after the first pass is no attempt
    file.record(verdict(Outcome.NOT_ATTEMPTED, 0.0))  # an emptied stub is no attempt and undoes nothing
    assert {**file.entry(SHARE), "last_checked": 0} == {**entry, "last_checked": 0}
    assert set(json.loads(file.path.read_text())) == {"format", "version", "questions", "topics"}


def test_hints_are_counted_once_and_the_solution_is_kept(file):
    file.record_hint(SHARE, 2)
    file.record_hint(SHARE, 1)
    file.record_solution(SHARE)
    entry = file.entry(SHARE)
    assert (entry["hints"], entry["solution_shown"], entry["attempts"]) == (2, True, 0)
    assert entry["outcome"] == "NOT ATTEMPTED"


def test_reading_writes_nothing(file):
    assert file.read() == empty() and not file.path.exists()
    assert file.entry(SHARE) == new_entry() and list(file.path.parent.iterdir()) == []


def test_unknown_keys_and_ids_are_kept(file):
    data = empty() | {"later": [1], "topics": {"demo.x": "reading"}}
    data["questions"]["gone.topic/q"] = new_entry() | {"mood": "好"}
    file.path.write_text(json.dumps(data), encoding="utf-8")
    file.record(verdict())
    after = json.loads(file.path.read_text(encoding="utf-8"))
    assert after["later"] == [1] and after["topics"] == {"demo.x": "reading"}
    assert after["questions"]["gone.topic/q"] == data["questions"]["gone.topic/q"]


def test_a_retired_id_is_renamed_and_merged(file):
    old = new_entry() | {"outcome": "PASS", "points": 2.0, "best_points": 2.0, "max_points": 2.0, "attempts": 5,
                         "first_passed": "2026-01-01T00:00:00Z"}  # fmt: skip
    data = empty() | {"questions": {"demo.shares/share": old, "demo.shares/stage": old},
                      "topics": {"demo.shares": "done", "demo.sums": "reading"}}  # fmt: skip
    file.path.write_text(json.dumps(data), encoding="utf-8")
    assert set(file.read()["questions"]) == {SHARE, "demo.sums/stage"}  # already when it is only read
    file.record(verdict(Outcome.FAIL, 0.0, question="demo.shares/share"))
    after = json.loads(file.path.read_text())
    assert set(after["questions"]) == {SHARE, "demo.sums/stage"} and after["topics"] == {"demo.sums": "done"}
    assert after["questions"][SHARE]["attempts"] == 5 and passed(after["questions"][SHARE])
    both = empty() | {"questions": {"demo.shares/share": old, SHARE: new_entry() | {"hints": 2, "attempts": 1}}}
    file.path.write_text(json.dumps(both), encoding="utf-8")
    entry = file.entry(SHARE)
    assert (entry["attempts"], entry["hints"], entry["outcome"]) == (5, 2, "PASS")


CORRUPT = {
    "empty": b"",
    "cut": b'{"format": "course-progress", "ver',
    "not UTF-8": b'{"format": "\xff"}',
    "a list": b"[]",
    "other format": b'{"format": "x", "version": 1}',
    "text version": b'{"format": "course-progress", "version": "1"}',
    "true as version": b'{"format": "course-progress", "version": true}',
    "version 0": b'{"format": "course-progress", "version": 0}',
    "questions a list": b'{"format": "course-progress", "version": 1, "questions": []}',
    "deep": b"[" * 200_000,
    "deep inside": b'{"format": "course-progress", "version": 1, "x": ' + b"[" * 50 + b"]" * 50 + b"}",
    "NaN": b'{"format": "course-progress", "version": 1, "x": NaN}',
    "1e999": b'{"format": "course-progress", "version": 1, "x": 1e999}',
    "huge int": b'{"format": "course-progress", "version": 1, "x": ' + b"9" * 5000 + b"}",
    "half a surrogate": b'{"format": "course-progress", "version": 1, "x": "\\ud800"}',
    "too large": b" " * (module.MAX_BYTES + 1),
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT)
def test_a_corrupt_file_is_moved_aside_and_said(file, capsys, content):
    file.path.write_bytes(content)
    file.record(verdict())
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(file.path) in said and "progress.json.corrupt-1" in said
    assert file.path.with_name("progress.json.corrupt-1").read_bytes() == content
    assert passed(file.entry(SHARE)) and capsys.readouterr().err == ""
    file.path.write_bytes(content)
    assert file.read() == empty() and "progress.json.corrupt-2" in capsys.readouterr().err


def test_a_folder_and_a_pipe_in_its_place_are_moved_aside(file, capsys):
    file.path.mkdir()
    (file.path / "kept").write_text("mine")
    file.record(verdict())
    assert (file.path.with_name("progress.json.corrupt-1") / "kept").read_text() == "mine"
    file.path.unlink()
    os.mkfifo(file.path)
    file.record(verdict())  # must not wait for a writer
    said = capsys.readouterr().err
    assert said.count("\n") == 2 and passed(file.entry(SHARE))
    assert said.count("What stood there is kept as progress.json.corrupt-") == 2 and "he file is kept" not in said


BAD_ENTRIES = [
    ("demo.sums/share", []),
    ("nonsense", {}),
    ("demo.sums/" + "x" * 300, {}),
    ("demo.sums/a\n", {}),
    ("demo.sums/a", {"outcome": "pass"}),
    ("demo.sums/a", {"outcome": ["PASS"]}),
    ("demo.sums/a", {"attempts": -1}),
    ("demo.sums/a", {"attempts": True}),
    ("demo.sums/a", {"hints": 10**9}),
    ("demo.sums/a", {"points": "2"}),
    ("demo.sums/a", {"best_points": -1.0}),
    ("demo.sums/a", {"solution_shown": 1}),
    ("demo.sums/a", {"first_passed": "yesterday"}),
    ("demo.sums/a", {"last_checked": 12}),
]


@pytest.mark.parametrize(("question", "entry"), BAD_ENTRIES)
def test_one_bad_entry_does_not_cost_the_others(file, capsys, tmp_path, question, entry):
    data = empty() | {"questions": {"demo.sums/stage": new_entry() | {"attempts": 4}, question: entry},
                      "topics": {"start.setup": "done", "x": "done", "demo.sums": 3}}  # fmt: skip
    file.path.write_text(json.dumps(data), encoding="utf-8")
    assert file.entry("demo.sums/stage")["attempts"] == 4
    assert "corrupt-1" in capsys.readouterr().err
    after = json.loads(file.path.read_text())
    assert set(after["questions"]) == {"demo.sums/stage"} and after["topics"] == {"start.setup": "done"}
    foreign = tmp_path / "foreign.json"
    foreign.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(DataError, match="foreign.json: "):  # another's file is refused whole
        file.import_(foreign)
    assert json.loads(file.path.read_text()) == after


def test_a_newer_version_is_left_alone(file, tmp_path):
    content = json.dumps(empty() | {"version": 2})
    file.path.write_text(content)
    for work in (file.read, lambda: file.record(verdict()), lambda: file.export(tmp_path / "out.json")):
        with pytest.raises(CourseError, match="progress.json: a progress file of version 2.*Update the course"):
            work()
    assert file.path.read_text() == content and not (tmp_path / "out.json").exists()
    fresh = Progress(tmp_path / "fresh.json", file._root)
    with pytest.raises(CourseError, match="version 2"):
        fresh.import_(file.path)
    assert not fresh.path.exists()


def test_export_and_import_merge_without_loss(file, tmp_path):
    file.record(verdict(Outcome.FAIL, 0.5), verdict(question="demo.sums/stage"))
    copy = tmp_path / "copy.json"
    assert file.export(copy) == 2
    other = Progress(tmp_path / "other.json", file._root)
    other.record(verdict())
    other.record_hint(SHARE, 2)
    assert other.import_(copy) == 2
    entry = other.entry(SHARE)
    assert (entry["outcome"], entry["points"], entry["attempts"], entry["hints"]) == ("PASS", 2.0, 1, 2)
    assert passed(other.entry("demo.sums/stage"))
    before = other.read()
    other.import_(copy)
    assert other.read() == before  # once more changes nothing


def test_an_export_overwrites_only_a_copy_and_makes_no_folder(file, tmp_path):
    file.record(verdict())
    copy, mine = tmp_path / "copy.json", tmp_path / "thesis.md"
    assert file.export(copy) == file.export(copy) == 1
    newer = json.dumps(empty() | {"version": 2}).encode()
    for content in (b"two years of work", b"", b"{}", newer):
        mine.write_bytes(content)
        with pytest.raises(CourseError, match="thesis.md: another file has this name.*Choose another name"):
            file.export(mine)
        assert mine.read_bytes() == content
    with pytest.raises(CourseError, match="gone: there is no such folder. Make it first, or choose another name"):
        file.export(tmp_path / "gone" / "copy.json")
    assert not (tmp_path / "gone").exists()
    with pytest.raises(CourseError, match="this is a folder"):
        file.export(tmp_path)


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT)
def test_a_bad_import_is_refused_and_changes_nothing(file, tmp_path, content):
    file.record(verdict())
    before = file.path.read_bytes()
    foreign = tmp_path / "foreign.json"
    foreign.write_bytes(content)
    with pytest.raises(DataError, match=r"foreign\.json: "):
        file.import_(foreign)
    assert file.path.read_bytes() == before and foreign.read_bytes() == content
    for missing in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError):
            file.import_(missing)


entries = st.builds(
    lambda outcome, counts, points, seen, times: new_entry() | {
        "outcome": outcome.value, "attempts": counts[0], "hints": counts[1], "points": points, "max_points": 4.0,
        "best_points": max(points, 1.0), "solution_shown": seen, "first_passed": times[0], "last_checked": times[1],
    },
    st.sampled_from(list(Outcome)), st.tuples(*[st.integers(0, 9)] * 2), st.floats(0, 4), st.booleans(),
    st.tuples(*[st.none() | st.datetimes().map(lambda one: f"{one:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0"))] * 2),
)  # fmt: skip


@given(entries, entries)
def test_merging_never_loses(ours, theirs):
    one = merged_entry(ours, theirs)
    assert one == merged_entry(ours, one) == merged_entry(theirs, one)  # nothing is left to add
    assert passed(one) == (passed(ours) or passed(theirs))
    for key in ("attempts", "hints", "best_points", "solution_shown"):
        assert one[key] == max(ours[key], theirs[key])
    data = empty() | {"questions": {SHARE: one}}
    assert parse(json.dumps(data).encode()) == data


values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["format", "version", "questions", "x"]), inner),
)


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_reading_anything_is_total(content):
    try:
        parse(content)
    except (CorruptError, CourseError):
        pass


WRITER = """
import sys
from pathlib import Path
from course_lib.classroom.progress import Progress
from course_lib.classroom.verdict import Outcome, Verdict
from course_lib.core.bilingual import Text
kept = Progress(Path(sys.argv[1]), Path(sys.argv[2]))
for turn in range(25):
    kept.record(Verdict("demo.sums/share", Outcome.FAIL, 0.0, 2.0, Text("", "")),
                Verdict(f"demo.sums/of_{sys.argv[3]}_{turn}", Outcome.PASS, 1.0, 1.0, Text("", "")))
"""


def test_two_programs_at_once_lose_nothing(file, course):
    commands = [[sys.executable, "-c", WRITER, str(file.path), str(course.root), name] for name in "ab"]
    running = [subprocess.Popen(command) for command in commands]
    assert [one.wait(60) for one in running] == [0, 0]
    data = file.read()
    assert data["questions"][SHARE]["attempts"] == 50 and len(data["questions"]) == 51
    assert {one.name for one in file.path.parent.iterdir()} == {"progress.json", ".progress.json.lock"}


def test_a_lock_waits_and_then_says_so(tmp_path):
    path = tmp_path / "lock"
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with locked(path):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    with pytest.raises(CourseError, match="another program is at work here"), locked(path, patience=0.05):
        pass
    leave.set()
    thread.join()
    with locked(path):
        pass


@pytest.mark.parametrize("missing", ["module", "file system"])
def test_where_there_are_no_locks_the_block_runs(tmp_path, monkeypatch, missing):
    if missing == "module":  # Windows
        monkeypatch.setitem(sys.modules, "fcntl", None)
    else:
        import fcntl

        def no_locks(*_):
            raise OSError("no locks")

        monkeypatch.setattr(fcntl, "flock", no_locks)
    ran = False
    with locked(tmp_path / "lock"):
        ran = True
    assert ran


def test_where_progress_is_kept(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    assert progress_path(course.root) == course.root / "exercises" / "progress.json"
    (course.root / "exercises").rmdir()
    for _ in range(2):
        assert progress_path(course.root) == tmp_path / "home" / "progress.json"
    assert capsys.readouterr().err.count("\n") == 1  # said once
    Progress(root=course.root).record(verdict())  # makes the folder
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "own" / "p.json"))
    assert progress_path(course.root) == tmp_path / "own" / "p.json"


def test_an_exercises_folder_that_cannot_be_written(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)  # the tests may run as root
    assert progress_path(course.root) == tmp_path / "home" / "progress.json"
    assert "can't be written" in capsys.readouterr().err


def test_a_link_stays_a_link(course, tmp_path):
    kept_elsewhere, link = tmp_path / "synchronised.json", course.root / "exercises" / "progress.json"
    link.symlink_to(kept_elsewhere)
    Progress(link, course.root).record(verdict())
    assert link.is_symlink() and passed(Progress(kept_elsewhere, course.root).entry(SHARE))


def test_a_check_survives_a_progress_that_cannot_be_kept(course, tmp_path, monkeypatch, capsys):
    (tmp_path / "plain").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "plain" / "p.json"))
    for _ in range(2):
        assert kept(lambda progress: progress.record(verdict()), course.root) is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("progress is not kept: ")


def test_an_instructors_run_is_not_the_learners_progress(course, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "p.json"))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert kept(lambda progress: progress.record(verdict()), course.root) is None
    assert not (tmp_path / "p.json").exists() and capsys.readouterr().err == ""


def test_the_package_stays_light():
    code = "import course_lib.classroom, sys; print([m for m in ('numpy', 'IPython', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="it offers question"):
        import course_lib.classroom

        course_lib.classroom.nothing  # noqa: B018
