"""An engine in a folder: what is loaded answers as what was saved, whatever happens while it is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from course_lib.core.errors import CourseError, DataError
from course_lib.core.ids import IdMap
from course_lib.search.engine import QueryLog, SearchEngine, load_engine, save_engine

SAVER = """
import sys
from course_lib.search.engine import load_engine, save_engine
engine = load_engine(sys.argv[1])
print("ready", flush=True)
while True:
    save_engine(engine, sys.argv[1])
"""


@pytest.fixture
def saved(words_engine, tmp_path) -> Path:
    save_engine(words_engine, tmp_path / "engine")
    return tmp_path / "engine"


def lists(engine: SearchEngine, shop) -> tuple[np.ndarray, np.ndarray]:
    found = engine.search(shop.queries["text"][:30], 10, keys=IdMap("query", range(30)))
    return found.ids, found.scores


def version(folder: Path) -> Path:
    return folder / json.loads((folder / "engine.json").read_text())["version"]


def test_words_alone(words_engine, small_shop, saved):
    again = load_engine(saved)
    assert again.products == words_engine.products and again.reader.log == words_engine.reader.log
    for a, b in zip(lists(words_engine, small_shop), lists(again, small_shop)):
        np.testing.assert_array_equal(a, b)
    save_engine(again, saved)  # over itself
    assert len(list(saved.glob("v-*"))) == 1


def test_with_an_encoder(small_shop, tmp_path):
    from course_lib.language.features import load_minilm

    engine = SearchEngine(load_minilm(device="cpu"), log=QueryLog.of_shop(small_shop), weights={"meaning": 1.0}, depth=30)
    engine.fit(small_shop.items.select(range(40)))
    engine.remove([engine.products[3]["item_id"]])
    save_engine(engine, tmp_path / "e")
    again = load_engine(tmp_path / "e")
    assert (again.weights, again.depth, again.item_ids) == ({"meaning": 1.0}, 30, engine.item_ids)
    for a, b in zip(lists(engine, small_shop), lists(again, small_shop)):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_kill_while_saving_leaves_an_engine_that_can_be_loaded(saved, small_shop, words_engine):
    expected = lists(words_engine, small_shop)[0]
    for wait in (0.0, 0.07, 0.19):
        process = subprocess.Popen([sys.executable, "-c", SAVER, str(saved)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        np.testing.assert_array_equal(lists(load_engine(saved), small_shop)[0], expected)
    save_engine(words_engine, saved)
    assert len(list(saved.glob("v-*"))) == 1  # what the kills left is cleared


def test_a_save_that_fails_leaves_the_old_engine(saved, words_engine, small_shop, monkeypatch):
    from course_lib.search.engine import store

    monkeypatch.setattr(store, "_write_items", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CourseError, match="No space left"):
        save_engine(words_engine, saved)
    assert len(list(saved.glob("v-*"))) == 1 and len(load_engine(saved)) == len(words_engine)


@pytest.mark.parametrize("name", ["items.parquet", "log.json", "manifest.json"])
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_a_damaged_file_is_named_in_one_line(saved, name, how):
    path = version(saved) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.unlink() if how == "gone" else path.write_bytes(content if how == "flip" else content[: len(content) // 2])
    with pytest.raises(DataError) as caught:
        load_engine(saved)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["engine.json", "manifest.json"])
def test_a_newer_format_says_so(saved, which):
    path = saved / which if which == "engine.json" else version(saved) / which
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match="format 99.*reads up to 1"):
        load_engine(saved)


@pytest.mark.parametrize("pointer", ['{"format": 1}', '{"format": 1, "version": "../v-x"}', "[]", "{", '{"format": "1"}',
                                     '{"format": 1, "version": "v-/etc"}'])  # fmt: skip
def test_a_pointer_that_points_nowhere(saved, pointer):
    (saved / "engine.json").write_text(pointer)
    with pytest.raises(DataError):
        load_engine(saved)


def test_a_manifest_can_not_reach_out_of_its_folder(saved):
    path = version(saved) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["../../secret"] = "0"
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="outside"):
        load_engine(saved)


def test_settings_and_logs_that_make_no_sense(saved):
    import hashlib

    path = version(saved) / "manifest.json"
    manifest = json.loads(path.read_text())
    for settings in ({"language": "fr", "weights": {}, "depth": 5, "dense": False}, {"dense": False}, {}, {"magic": 1, "dense": False}):
        path.write_text(json.dumps(manifest | {"settings": manifest["settings"] | settings if len(settings) > 1 else settings}))
        if settings == {"dense": False}:  # the rest has defaults
            assert len(load_engine(saved))
            continue
        with pytest.raises(DataError, match="damaged"):
            load_engine(saved)
    log = version(saved) / "log.json"
    log.write_text('{"queries": ["a"], "categories": [], "corrections": []}')
    manifest["files"]["log.json"] = hashlib.sha256(log.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="damaged"):
        load_engine(saved)


def test_folders_of_others_are_left_alone(words_engine, tmp_path):
    with pytest.raises(DataError, match="no search engine here"):
        load_engine(tmp_path)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CourseError, match="holds no engine"):
        save_engine(words_engine, tmp_path)
    with pytest.raises(CourseError, match="a file, not a folder"):
        save_engine(words_engine, tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "new" / "v-killed_1").mkdir(parents=True)  # a first save that was killed
    save_engine(words_engine, tmp_path / "new")
    assert len(load_engine(tmp_path / "new"))
