"""The benchmark of the three effects: from end to end on a small shop, finished seeds kept, and what it saved."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from course_lib.core.provenance import load_result

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location("language_effects", ROOT / "benchmarks" / "language_effects.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SIZES", {"n_items": 40, "n_users": 20, "n_queries": 20, "events_per_user": 40})
    monkeypatch.setattr(module, "DEPTH", 20)
    return module


def test_a_small_run_has_every_effect_and_keeps_its_seeds(benchmark, monkeypatch, tmp_path):
    result = benchmark.effects(2, 1, tmp_path)
    assert set(result["systems"]) == {"bm25", "minilm", "dapt", "finetuned", "dapt_finetuned", "hard"}
    assert len(result["systems"]["minilm"]["seeds"]) == 2 and result["systems"]["minilm"]["spread over seeds"] == 0
    assert set(result["effects"]) == set(benchmark.EFFECTS)
    for effect in result["effects"].values():
        gap = result["systems"][effect["with"]]["mean"] - result["systems"][effect["without"]]["mean"]
        assert effect["difference"] == pytest.approx(gap) and effect["p"] <= effect["p_holm"] <= 1
        assert effect["wins"] + effect["ties"] + effect["losses"] == result["test queries"] == 10

    def refused(*_):
        raise AssertionError("a finished seed was trained again")

    monkeypatch.setattr(benchmark, "trained", refused)
    assert benchmark.effects(2, 1, tmp_path) == result


def test_what_was_saved_says_what_the_page_shows():
    result, _ = load_result(ROOT / "benchmarks" / "results" / "language_effects.json")
    assert set(result["effects"]) == {
        "domain-adaptive pretraining, alone", "domain-adaptive pretraining, before fine-tuning", "fine-tuning",
        "hard negatives",
    }  # fmt: skip
    assert all(len(effect["seeds"]) == 5 for effect in result["effects"].values())
