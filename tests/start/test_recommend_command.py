"""``course recommend``: on the small shop, on a run's folder, on a saved pipeline, and what it refuses."""

from __future__ import annotations

import contextlib
import io
import json
import shutil

import pytest

from course_lib import cli
from course_lib.start import search


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """One cache folder for the module, and a small shop that is smaller still."""
    folder = tmp_path_factory.getbasetemp() / "course-home-recommend"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(folder))
        for name, value in (("n_items", 150), ("n_users", 150), ("n_queries", 20)):
            patch.setitem(search.SMALL, name, value)
        yield folder


def ask(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of ``course recommend``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["recommend", *arguments])
    return code, out.getvalue(), err.getvalue()


def line(err: str) -> str:
    """The error's only line."""
    assert err.count("course: ") == 1 and "Traceback" not in err and err.endswith("\n"), err
    return err.strip().splitlines()[-1]


def test_the_small_shop_is_made_once_and_kept(home, tmp_path):
    code, out, err = ask("--json", "-k", "3")
    assert code == 0 and "for the next time" in err and "nobody was named" in err, err
    result = json.loads(out)
    assert set(result) == {"user", "results", "seconds"} and len(result["results"]) == 3
    user = result["user"]
    code, again, err = ask(user, "--json", "--k", "3", "--save", str(tmp_path / "p"))
    assert code == 0 and err == f"saved the pipeline in {tmp_path / 'p'}\n"
    assert json.loads(again)["results"] == result["results"]
    assert "replaced the pipeline" in ask(user, "-k", "1", "--save", str(tmp_path / "p"))[2]
    explained = json.loads(ask(user, "--json", "--explain", "-k", "3")[1])
    stages = [stage["name"] for stage in explained["stages"]]
    assert stages == ["history", "cosine", "ials", "rules", "new", "rank", "display"]
    code, out, _ = ask(user, "--explain", "-k", "3")
    assert code == 0 and out.startswith("history") and " ms  " in out and "because you" in out
    code, out, _ = ask(user, "--from", str(tmp_path / "p"), "--json", "-k", "3")
    assert code == 0 and json.loads(out)["results"] == result["results"]
    (kept,) = [folder for folder in (home / "recommend").iterdir() if folder.is_dir()]
    (next(kept.glob("v-*")) / "items.parquet").write_bytes(b"broken")
    code, out, err = ask(user, "--json", "-k", "3")
    assert code == 0 and "making it again" in err and json.loads(out)["results"] == result["results"]
    manifest = next((tmp_path / "p").glob("v-*")) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"code": "other"}))
    assert "made by other code" in ask(user, "--from", str(tmp_path / "p"))[2]


def test_somebody_new_and_the_rules_of_the_page():
    first = json.loads(ask("--json")[1])
    items = [row["item_id"] for row in first["results"][:2]]
    code, out, err = ask("--items", ",".join(items), "--json")
    assert code == 0 and err == "" and json.loads(out)["user"] == "visitor"
    assert not set(items) & {row["item_id"] for row in json.loads(out)["results"]}
    code, out, _ = ask("--items", "", "-k", "2")
    assert code == 0 and out.startswith("visitor: no history; without a history") and "\x1b" not in out
    code, out, _ = ask(first["user"], "--per-brand", "1", "--diversity", "0.4", "--out-of-stock", items[0], "--json")
    rows = json.loads(out)["results"]
    assert code == 0 and len({row["brand"] for row in rows}) == len(rows) and items[0] not in {row["item_id"] for row in rows}


def test_from_a_run(tiny):
    before = {path for path in tiny.folder.rglob("*")}
    code, out, err = ask("--from", str(tiny.folder), "--json", "-k", "2")
    assert code == 0 and len(json.loads(out)["results"]) == 2, err
    assert ("no ranker: " in err) == (json.loads(out)["results"][0]["chance"] is None)  # of so short a log, it is said
    assert {path for path in tiny.folder.rglob("*")} == before  # a run's folder is its own


def test_what_it_refuses(tmp_path, tiny):
    user = json.loads(ask("--json", "-k", "1")[1])["user"]
    assert f"nobody called '{user}x'" in line(ask(user + "x")[2]) and user in ask(user + "x")[2]
    assert "no product 'I9'" in line(ask("--items", "I9")[2])
    assert "no product 'I9'" in line(ask("--items", "I9", "--explain")[2])
    assert "--out-of-stock names 'I9'" in line(ask(user, "--out-of-stock", "I9")[2])
    assert "by --items A,B" in line(ask(user + "x")[2]) and "recommend_for" not in ask(user + "x")[2]
    assert "holds no run" in line(ask(user, "--from", str(tmp_path))[2])
    assert "no such folder" in line(ask(user, "--from", str(tmp_path / "none"))[2])
    missing = line(ask("--shop", "chorus")[2])
    assert "--path DIR" in missing and "Shop.load(" not in missing.partition("The checksums")[0]
    unfinished = tmp_path / "unfinished"
    shutil.copytree(tiny.folder, unfinished)
    (unfinished / "result.json").unlink()
    assert "not finished" in line(ask(user, "--from", str(unfinished))[2])
    (tmp_path / "pipeline.json").write_text("{}")
    assert "is not the record" in line(ask(user, "--from", str(tmp_path))[2])
    assert "--path belongs" in line(ask(user, "--path", str(tmp_path))[2])
    assert "name another shop" in line(ask(user, "--from", str(tmp_path), "--language", "zh")[2])
    assert "--language belongs" in line(ask(user, "--shop", "chorus", "--language", "zh")[2])
    assert "nothing" in line(ask(user, "--shop", "nothing")[2])
    assert "-k is 0" in line(ask(user, "-k", "0")[2])
    assert "--diversity is 2" in line(ask(user, "--diversity", "2")[2])
    assert "--per-brand is 0" in line(ask(user, "--per-brand", "0")[2])
    assert "a user and --items" in line(ask(user, "--items", "a")[2])
    assert "holds no pipeline" in line(ask(user, "--save", str(unfinished))[2])
    assert all(ask(*flags)[0] == 2 for flags in (["-k", "x"], ["--language", "fr"], ["--nonsense"]))
