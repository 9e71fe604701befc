"""The browser's progress (``static/mapstore.js``) and the learner's file (classroom/progress.py) have one format."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from course_lib.classroom.progress import Progress
from course_lib.classroom.progress_format import CorruptError, empty, merged_entry, new_entry, parse, salvage
from course_lib.classroom.verdict import Outcome
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapdata import aliases
from course_lib.publishing.mindmap import load_map

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node: install Node.js")
KEY = "course:progress"
ALIASES = {"search.older": "search.retrieval", "search.oldest": "search.retrieval"}
HEAD = """
const progress = require(SCRIPT), given = GIVEN;
const memory = (kept = {}, full = false) => ({
  kept, getItem: (key) => (key in kept ? kept[key] : null),
  setItem: (key, value) => { if (full) throw new Error("quota"); kept[key] = value },
});
const out = (value) => console.log(JSON.stringify(value));
"""


def node(script: str, given: object = None):
    head = HEAD.replace("SCRIPT", json.dumps(str(ROOT / "course_lib/publishing/static/mapstore.js")))
    head = head.replace("GIVEN", json.dumps(given))
    done = subprocess.run([NODE, "-"], input=head + script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course whose map has retired two ids of search.retrieval."""
    raw = yaml.safe_load((ROOT / "book/mindmap.yml").read_text(encoding="utf-8"))
    for topic in (topic for branch in raw["branches"] for topic in branch["topics"]):
        if topic["id"] == "search.retrieval":
            topic["aliases"] = list(ALIASES)
    (tmp_path / "book").mkdir()
    path = tmp_path / "book/mindmap.yml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    assert aliases(load_map(path)) == ALIASES
    return tmp_path


def some_entry(luck: random.Random) -> dict:
    def time() -> str | None:
        return luck.choice([None, f"2026-0{luck.randint(1, 9)}-1{luck.randint(0, 9)}T08:00:0{luck.randint(0, 9)}Z"])

    return {
        "outcome": luck.choice(list(Outcome)).value, "points": luck.choice([0.0, 0.5, 1.0, 2.0]),
        "max_points": luck.choice([1.0, 2.0]), "best_points": luck.choice([0.0, 1.0, 2.0]),
        "attempts": luck.randint(0, 5), "hints": luck.randint(0, 3), "solution_shown": luck.random() < 0.5,
        "first_passed": time(), "last_checked": time(),
        **({"later": luck.randint(0, 9)} if luck.random() < 0.3 else {}),
    }  # fmt: skip


def some_file(luck: random.Random) -> dict:
    topics = ["start.setup", "search.retrieval", *ALIASES, "shop.measurement", "gone.topic"]
    ids = [f"{luck.choice(topics)}/{luck.choice('abc')}" for _ in range(luck.randint(0, 6))]
    return {
        **empty(),
        "questions": {question: some_entry(luck) for question in ids},
        "topics": {luck.choice(topics): luck.choice(["reading", "done"]) for _ in range(luck.randint(0, 4))},
        **({"note": "kept 中文"} if luck.random() < 0.3 else {}),
    }  # fmt: skip


def test_a_file_of_the_course_goes_through_the_browser_and_back(root, tmp_path):
    mine, exported, back = Progress(tmp_path / "mine.json", root), tmp_path / "out.json", tmp_path / "back.json"
    data = some_file(random.Random(1))
    data["questions"]["start.first_hour/supported"] = some_entry(random.Random(2))
    (tmp_path / "mine.json").write_text(json.dumps(data))
    mine.export(exported)
    text = node("""const store = progress.store(memory(), given.aliases)
        store.imported(given.text)
        out(store.exported())""", {"text": exported.read_text(), "aliases": ALIASES})  # fmt: skip
    back.write_text(text, encoding="utf-8")
    other = Progress(tmp_path / "other.json", root)
    other.import_(back)
    assert other.read() == mine.read() != empty()


def test_merging_in_the_browser_is_merging_in_the_course(root, tmp_path):
    luck = random.Random(3)
    pairs = [(some_file(luck), some_file(luck)) for _ in range(60)]
    got = node("""out(given.pairs.map(([ours, theirs]) => {
        const store = progress.store(memory({ "course:progress": JSON.stringify(ours) }), given.aliases)
        store.imported(JSON.stringify(theirs))
        return store.read()
    }))""", {"pairs": pairs, "aliases": ALIASES})  # fmt: skip
    for n, (ours, theirs) in enumerate(pairs):
        path, other = tmp_path / f"{n}.json", tmp_path / f"{n}-theirs.json"
        path.write_text(json.dumps(ours))
        other.write_text(json.dumps(theirs))
        mine = Progress(path, root)
        mine.import_(other)
        assert got[n] == mine.read(), (ours, theirs)


def test_merging_two_entries_agrees_in_both_orders():
    luck = random.Random(5)
    pairs = [(some_entry(luck), some_entry(luck)) for _ in range(200)]
    got = node("out(given.map(([a, b]) => [progress.merged(a, b), progress.merged(b, a)]))", pairs)
    assert got == [[merged_entry(a, b), merged_entry(b, a)] for a, b in pairs]


FAULTS = [
    ("questions", {"Bad Id/x": {}}), ("questions", {"a.b": {}}), ("questions", {"a.b/c": []}), ("questions", []),
    ("questions", {"a.b/c": {"outcome": "MAYBE"}}), ("questions", {"a.b/c": {"attempts": 1.5}}),
    ("questions", {"a.b/c": {"attempts": -1}}), ("questions", {"a.b/c": {"hints": True}}),
    ("questions", {"a.b/c": {"points": "2"}}), ("questions", {"a.b/c": {"points": 1e7}}),
    ("questions", {"a.b/c": {"solution_shown": 1}}), ("questions", {"a.b/c": {"first_passed": "yesterday"}}),
    ("questions", {"a.b/c": {"last_checked": "2026-02-30T08:00:00Z"}}), ("questions", {"a." + "b" * 300 + "/c": {}}),
    ("topics", {"start": "done"}), ("topics", {"a.b": 1}), ("topics", {"a.b": "x" * 41}), ("topics", "none"),
    ("format", "other"), ("version", 0), ("version", "1"), ("version", True),
    ("note", "\ud800"), ("note", [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]),
]  # fmt: skip


def test_both_sides_refuse_the_same_files():
    bare = {"format": "course-progress", "version": 1}
    good = [{**empty(), "questions": {"a.b/c": {}}, "topics": {"a.b": "done"}}, bare]
    files = [json.dumps(one) for one in good] + [json.dumps({**empty(), key: value}) for key, value in FAULTS]
    files += ["", "{", "[]", "null", '"x"', '{"format": "course-progress", "version": 1, "n": 1e999}', "NaN"]
    got = node("""out(given.map((text) => {
        try { return progress.parse(text) } catch (error) { return error.kind }
    }))""", files)  # fmt: skip
    assert got[0]["questions"] == {"a.b/c": new_entry()} and got[1] == empty()
    for text, result in zip(files[2:], got[2:]):
        with pytest.raises(CorruptError):
            parse(text.encode("utf-8", "surrogatepass"))
        assert result == "bad", text


def test_damaged_progress_is_set_aside_and_its_good_part_goes_on():
    data = {**empty(), "questions": {"a.b/c": some_entry(random.Random(1)), "a.b/d": {"attempts": -1}},
            "topics": {"a.b": "done", "bad": "done"}}  # fmt: skip
    with pytest.raises(CorruptError) as error:
        parse(json.dumps(data).encode())
    got = node("""const disk = memory({ "course:progress": given }), store = progress.store(disk, {})
        const first = store.read()
        store.setState("start.setup", "reading")
        out([first, disk.kept])""", json.dumps(data))  # fmt: skip
    assert got[0] == salvage(error.value)
    assert got[1]["course:progress-damaged"] == json.dumps(data)
    assert json.loads(got[1][KEY])["topics"] == {"a.b": "done", "start.setup": "reading"}
    nothing = node('out(progress.store(memory({ "course:progress": "{{" }), {}).read())')
    assert nothing == empty()


def test_progress_of_a_newer_version_is_left_alone():
    newer = json.dumps({**empty(), "version": 2, "topics": {"a.b": "done"}})
    read, trouble, kept, refused = node("""
        const disk = memory({ "course:progress": given }), store = progress.store(disk, {})
        const read = store.read()
        store.setState("start.setup", "done")
        let refused = ""
        try { progress.store(memory(), {}).imported(given) } catch (error) { refused = error.kind }
        out([read, store.trouble, disk.kept, refused])""", newer)  # fmt: skip
    assert (read, trouble, kept, refused) == (empty(), "newer", {KEY: newer}, "newer")


def test_a_refused_file_changes_nothing():
    kept = json.dumps({**empty(), "topics": {"a.b": "done"}})
    got = node("""const disk = memory({ "course:progress": given }), store = progress.store(disk, {})
        try { store.imported("{}") } catch (error) { out([error.kind, disk.kept]) }""", kept)  # fmt: skip
    assert got == ["bad", {KEY: kept}]


def test_states_are_kept_under_live_ids_and_can_be_taken_back():
    older = json.dumps({**empty(), "topics": {"search.older": "reading"}})
    steps = node("""const disk = memory({ "course:progress": given.text }), seen = []
        const store = progress.store(disk, given.aliases)
        seen.push(store.state("search.retrieval"))
        store.setState("search.retrieval", "done")
        seen.push(JSON.parse(disk.kept["course:progress"]).topics)
        store.setState("search.retrieval", "")
        seen.push(JSON.parse(disk.kept["course:progress"]).topics)
        out(seen)""", {"text": older, "aliases": ALIASES})  # fmt: skip
    assert steps == ["reading", {"search.retrieval": "done"}, {}]


@pytest.mark.parametrize("disk", [
    "memory({}, true)",
    '{ getItem() { throw new Error("denied") }, setItem() { throw new Error("denied") } }',
])  # fmt: skip
def test_a_browser_that_keeps_nothing_still_works_until_it_is_closed(disk):
    got = node(f"""const store = progress.store({disk}, {{}})
        store.setState("start.setup", "done")
        out([store.state("start.setup"), store.trouble, JSON.parse(store.exported()).topics])""")
    assert got == ["done", "lost", {"start.setup": "done"}]
