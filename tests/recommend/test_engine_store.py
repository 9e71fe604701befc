"""A pipeline in a folder: what is loaded lists as what was saved, and what is damaged or foreign is refused in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from course_lib.core import versions
from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.recommend.collaborative import BPR, EASE, IALS, ItemCosine, Popularity, UserCosine
from course_lib.recommend.engine import Display, RecommendationPipeline, load_pipeline, save_pipeline, store
from course_lib.recommend.sequential import RecentCosine, SASRec


@pytest.fixture(scope="session")
def saved_once(pipeline, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline") / "p"
    save_pipeline(pipeline, folder)
    return folder


@pytest.fixture
def saved(saved_once, tmp_path) -> Path:
    return Path(shutil.copytree(saved_once, tmp_path / "p"))


def version(folder: Path) -> Path:
    return folder / json.loads((folder / "pipeline.json").read_text())["version"]


def change(folder: Path, **changed) -> None:
    """Other entries in the manifest; checksums of changed files are put right."""
    path = version(folder) / "manifest.json"
    manifest = json.loads(path.read_text()) | changed
    manifest["files"] = {name: hashlib.sha256((version(folder) / name).read_bytes()).hexdigest() for name in manifest["files"]}
    path.write_text(json.dumps(manifest))


def test_what_is_loaded_lists_and_explains_as_what_was_saved(pipeline, saved):
    again = load_pipeline(saved)
    users = pipeline.interactions.active_users()
    a, b = pipeline.recommend(users, 10), again.recommend(users, 10)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_array_equal(a.scores, b.scores)
    assert a.items == b.items and again.feature_names() == pipeline.feature_names()
    items = [row["item_id"] for row in pipeline.explain(users[0])["history"].rows]
    np.testing.assert_array_equal(pipeline.recommend_for(items, 10).ids, again.recommend_for(items, 10).ids)
    np.testing.assert_array_equal(pipeline.recommend_for([], 10).ids, again.recommend_for([], 10).ids)
    assert pipeline.show(users[3], 5) == again.show(users[3], 5)
    assert (again.buy_rate, again.candidate_recall, again.depth) == (pipeline.buy_rate, pipeline.candidate_recall, 20)
    assert not store.is_stale(saved)
    save_pipeline(again, saved)  # over itself
    assert len(list(saved.glob("v-*"))) == 1
    assert not [path for path in version(saved).iterdir() if b"pickle" in path.read_bytes()[:200]]


def test_every_kind_of_generator_with_new_products_and_rules(engine_shop, tmp_path):
    log = engine_shop.interactions()
    generators = {
        "popular": Popularity(None), "cosine": ItemCosine(5, user_damping=0.5), "ease": EASE(20.0, most_items=100),
        "ials": IALS(4, iterations=2, user_damping=0.3), "bpr": BPR(4, epochs=1), "recent": RecentCosine(neighbours=5),
        "sasrec": SASRec(width=8, layers=1, heads=1, length=10, epochs=1),
    }  # fmt: skip
    display = Display(0.7, 2, frozenset({engine_shop.item_ids.ids[3]}), {1: engine_shop.item_ids.ids[5]}, 40)
    vectors = np.random.default_rng(0).standard_normal((150, 3)).astype(np.float32)
    ours = RecommendationPipeline(engine_shop.items, generators, None, display=display, vectors=vectors).fit(log)
    ours.add_items([{"item_id": "new", "category": engine_shop.items["category"][0]}], vectors=np.ones((1, 3)))
    save_pipeline(ours, tmp_path / "p")
    again = load_pipeline(tmp_path / "p")
    a, b = (one.recommend(log.active_users()[:40], 12) for one in (ours, again))
    np.testing.assert_array_equal(a.ids, b.ids)
    assert again.display == display and again.item_ids == ours.item_ids
    np.testing.assert_allclose(again.catalogue.vectors, ours.catalogue.vectors, atol=1e-6)
    history = log.items.ids[:4]
    np.testing.assert_array_equal(ours.recommend_for(history, 9).ids, again.recommend_for(history, 9).ids)


def test_what_can_not_be_saved_says_so(engine_shop, tmp_path):
    ours = RecommendationPipeline(engine_shop.items, {"people": UserCosine()}, None)
    with pytest.raises(ContractError, match="learned nothing"):
        save_pipeline(ours, tmp_path / "p")
    with pytest.raises(ContractError, match="UserCosine can't be saved"):
        save_pipeline(ours.fit(engine_shop.interactions()), tmp_path / "p")
    assert not list((tmp_path / "p").glob("v-*"))


@pytest.mark.parametrize("name", ["items.parquet", "interactions.parquet", "users.parquet", "arrays.safetensors", "trees.txt",
                                  "manifest.json"])  # fmt: skip
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_a_damaged_file_is_named_in_one_line(saved, name, how):
    path = version(saved) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.unlink() if how == "gone" else path.write_bytes(content if how == "flip" else content[: len(content) // 2])
    with pytest.raises(DataError) as caught:
        load_pipeline(saved)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["items.parquet", "interactions.parquet", "users.parquet", "arrays.safetensors", "trees.txt"])
def test_a_forged_checksum_does_not_get_a_broken_file_in(saved, name):
    path = version(saved) / name
    path.write_bytes(path.read_bytes()[:50])
    change(saved)
    with pytest.raises(DataError):
        load_pipeline(saved)


@pytest.mark.parametrize("which", ["pipeline.json", "manifest.json"])
def test_a_newer_format_says_so(saved, which):
    path = saved / which if which == "pipeline.json" else version(saved) / which
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match="format 99.*reads up to 1"):
        load_pipeline(saved)


@pytest.mark.parametrize("pointer", ['{"format": 1}', '{"format": 1, "version": "../v-x"}', "[]", "{", '{"format": "1"}',
                                     '{"format": 1, "version": "v-/etc"}'])  # fmt: skip
def test_a_pointer_that_points_nowhere(saved, pointer):
    (saved / "pipeline.json").write_text(pointer)
    with pytest.raises(DataError):
        load_pipeline(saved)


def test_a_manifest_that_lies(saved):
    manifest = json.loads((version(saved) / "manifest.json").read_text())
    path = version(saved) / "manifest.json"
    for files in ({"../../secret": "0"}, {}):
        path.write_text(json.dumps(manifest | {"files": files}))
        with pytest.raises(DataError, match="outside|doesn't list"):
            load_pipeline(saved)
    models, ranker, settings = manifest["models"], manifest["ranker"], manifest["settings"]
    lies = [
        {"models": [{**models[0], "kind": "os.system"}, *models[1:]]},
        {"models": [{**models[0], "settings": {"neighbours": -1}}, *models[1:]]},
        {"models": models[:-1]}, {"models": [{**one, "items": 10} for one in models]}, {"models": 3},
        {"models": [models[1], models[0], *models[2:]]},
        {"ranker": {**ranker, "names": ranker["names"][1:]}}, {"ranker": {**ranker, "names": ranker["names"][::-1]}},
        {"ranker": {**ranker, "a": "x"}}, {"ranker": None}, {"ranker": {**ranker, "parameters": {"seed": 1}}},
        {"settings": {**settings, "depth": 0}}, {"settings": {**settings, "display": {}}}, {"settings": None},
    ]  # fmt: skip
    for lie in lies:
        path.write_text(json.dumps(manifest))
        change(saved, **lie)
        with pytest.raises(DataError):
            load_pipeline(saved)
            pytest.fail(str(lie)[:200])


def test_other_code_is_told(saved):
    assert not store.is_stale(saved)
    change(saved, code="another")
    assert store.is_stale(saved) and load_pipeline(saved).products


def test_folders_of_others_are_left_alone(pipeline, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no recommendation pipeline here"):
        load_pipeline(tmp_path)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CourseError, match="holds no pipeline"):
        save_pipeline(pipeline, tmp_path)
    with pytest.raises(CourseError, match="a file, not a folder"):
        save_pipeline(pipeline, tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "new" / "v-killed_1").mkdir(parents=True)  # a first save that was killed
    save_pipeline(pipeline, tmp_path / "new")
    monkeypatch.setattr(versions, "_digest", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CourseError, match="No space left"):
        save_pipeline(pipeline, tmp_path / "new")
    monkeypatch.undo()
    assert len(list((tmp_path / "new").glob("v-*"))) == 1 and load_pipeline(tmp_path / "new").products
