"""Saved results carry what is needed to repeat and to date them, and say when they are stale."""

import json

import pytest

from course_lib.core import provenance
from course_lib.core.errors import DataError


def save(path):
    provenance.save_result(
        path, {"ndcg": 0.5}, command="course x", data={"sha256": "ab"}, seeds=[0, 1], modules=["course_lib.core.ids"]
    )


def test_round_trip_and_note(tmp_path):
    save(tmp_path / "r.json")
    result, note = provenance.load_result(tmp_path / "r.json")
    assert result == {"ndcg": 0.5}
    assert "“course x”" in note and "STALE" not in note and str(tmp_path) not in note
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["seeds"] == [0, 1] and set(provenance.FIELDS) <= set(record)


def test_changed_code_is_stale(tmp_path):
    save(tmp_path / "r.json")
    record = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**record, "code": "another"}))
    assert "STALE" in provenance.load_result(tmp_path / "r.json")[1]


@pytest.mark.parametrize("text", ["[]", "{}", '{"result": 1}'])
def test_something_else_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match="not a saved result"):
        provenance.load_result(tmp_path / "r.json")


def test_outside_git_the_commit_is_unknown(tmp_path):
    assert provenance.commit(tmp_path) == "unknown"


def test_machine_without_cpuinfo(monkeypatch):
    monkeypatch.setattr(provenance.Path, "read_text", lambda *a, **k: "")
    assert "CPU cores" in provenance.machine()


def test_stale_results_are_listed(tmp_path):
    for name in ("fresh", "old", "broken"):
        save(tmp_path / f"{name}.json")
    record = json.loads((tmp_path / "old.json").read_text())
    (tmp_path / "old.json").write_text(json.dumps({**record, "code": "another"}))
    (tmp_path / "broken.json").write_text("{")
    assert provenance.stale_results(tmp_path) == ["broken.json", "old.json"] and provenance.stale_results(tmp_path / "none") == []
