"""``course search``: on a run's folder, on a saved engine, on the small shop, and what it refuses."""

from __future__ import annotations

import contextlib
import io
import json
import shutil

import pytest

from course_lib import cli
from course_lib.search.engine import load_engine
from course_lib.start import search


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """One cache folder for the module, and a small shop that is smaller still."""
    folder = tmp_path_factory.getbasetemp() / "course-home"
    monkeypatch.setenv("COURSE_HOME", str(folder))
    for name, value in (("n_items", 60), ("n_users", 30), ("n_queries", 20)):
        monkeypatch.setitem(search.SMALL, name, value)
    return folder


def ask(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of ``course search``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["search", *arguments])
    return code, out.getvalue(), err.getvalue()


def line(err: str) -> str:
    """The error's only line."""
    assert err.count("course: ") == 1 and "Traceback" not in err and err.endswith("\n"), err
    return err.strip().splitlines()[-1]


def test_the_small_shop_is_made_once_and_kept(home):
    code, out, err = ask("red shoes", "--json", "-k", "3")
    assert code == 0 and "kept for the next time" in err
    result = json.loads(out)
    assert set(result) == {"query", "results", "seconds"} and len(result["results"]) == 3
    assert set(result["results"][0]) == {"item_id", "title", "score", "brand", "category", "price", "matched"}
    again = ask("red shoes", "--json", "-k", "3")
    assert "kept for the next time" not in again[2] and json.loads(again[1])["results"] == result["results"]
    explained = json.loads(ask("red shoes", "--json", "--explain", "-k", "3")[1])
    assert [stage["name"] for stage in explained["stages"]] == ["understand", "lexical", "dense", "fuse", "rank", "display"]
    code, out, _ = ask("red shoes", "--explain")
    assert code == 0 and out.startswith("understand") and " ms  " in out
    (engine,) = [f for f in (home / "search").iterdir() if f.is_dir()]
    (next(engine.glob("v-*")) / "items.parquet").write_bytes(b"broken")
    code, out, err = ask("red shoes", "--json", "-k", "3")
    assert code == 0 and "making it again" in err and json.loads(out)["results"] == result["results"]


def test_from_a_run_and_from_a_saved_engine(tiny, home):
    before = {p for p in tiny.folder.rglob("*")}
    code, out, err = ask("red shoes", "--from", str(tiny.folder), "--json")
    assert code == 0, err
    assert {p for p in tiny.folder.rglob("*")} == before  # a run's folder is its own
    engines = [f for f in (home / "search").iterdir() if f.is_dir()]
    folder = next(f for f in engines if load_engine(f).encoder.dimension != 384)  # the run's own encoder
    assert len(load_engine(folder)) == 60
    code, own, _ = ask("red shoes", "--from", str(folder), "--json")
    assert code == 0 and json.loads(own)["results"] == json.loads(out)["results"]


def test_filters_and_plain_output():
    code, out, _ = ask("shoes", "--max-price", "0.001")
    assert code == 0 and out.endswith("no product found; a filter may rule all of them out\n")
    code, out, _ = ask("")
    assert code == 0 and out == "nothing to search for\nno product found\n"
    code, out, _ = ask("shoes", "-k", "2")
    assert code == 0 and out.count("\n") == 5 and "\x1b" not in out


def test_what_it_refuses(tmp_path, tiny):
    assert "holds no run and no search engine" in line(ask("shoes", "--from", str(tmp_path))[2])
    assert "holds no run" in line(ask("shoes", "--from", str(tmp_path / "nowhere"))[2])
    unfinished = tmp_path / "unfinished"
    shutil.copytree(tiny.folder, unfinished)
    (unfinished / "result.json").unlink()
    assert "not finished" in line(ask("shoes", "--from", str(unfinished))[2])
    broken = tmp_path / "broken"
    shutil.copytree(tiny.folder, broken)
    (broken / "result.json").write_text('{"options": []}')
    assert "not the result of a run" in line(ask("shoes", "--from", str(broken))[2])
    (broken / "features" / "finetuned" / "items.npy").unlink()
    assert "is missing from the run" in line(ask("shoes", "--from", str(broken))[2])
    assert "--path belongs" in line(ask("shoes", "--path", str(tmp_path))[2])
    assert "simulated its own" in line(ask("shoes", "--from", str(tiny.folder), "--path", str(tmp_path))[2])
    assert "--language belongs" in line(ask("shoes", "--from", str(tiny.folder), "--language", "zh")[2])
    assert "-k is 0" in line(ask("shoes", "-k", "0")[2])
    assert "lowest price" in line(ask("shoes", "--min-price", "3", "--max-price", "2")[2])
    assert all(ask("shoes", *flags)[0] == 2 for flags in (["-k", "x"], ["--language", "fr"], ["--nonsense"]))


def test_a_real_shop_needs_its_folder(tmp_path, tiny):
    """The run keeps no products: of a real shop only the publisher's files hold them."""
    real = tmp_path / "real"
    shutil.copytree(tiny.folder, real)
    result = json.loads((real / "result.json").read_text())
    (real / "result.json").write_text(json.dumps(result | {"options": {"shop": "chorus", "seed": 0}}))
    assert "Add --path DIR" in line(ask("shoes", "--from", str(real))[2])
