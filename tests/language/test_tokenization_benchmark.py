"""The benchmark on real texts: from end to end on few, and what it saved."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from course_lib.core.provenance import load_result
from course_lib.shop.shop import Shop
from course_lib.shop.texts import item_texts

ROOT = Path(__file__).resolve().parents[2]


def test_a_small_run_has_every_row(monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmark_tokenization", ROOT / "benchmarks" / "tokenization.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"SIZES": (300, 500), "N": 120, "LEARNED": 80}.items():
        monkeypatch.setattr(module, name, value)
    shop = Shop.simulate(n_items=150, n_users=20, n_queries=10, events_per_user=5, seed=1)
    result = module.of_texts(item_texts(shop.items))
    rows = result["table"]
    assert [row["method"] for row in rows] == ["MiniLM", *["WordPiece", "BPE"] * 2, *["Unigram"] * 2]
    assert result["written-out BPE"]["equal to the library"]
    for row in rows:
        assert row["tokens"]["low"] <= row["tokens"]["mean"] <= row["tokens"]["high"]
        assert 0 <= row["unknown"] <= 1 and 0 < row["coverage"] <= 1
    for row in rows[1:]:
        gap = row["tokens"]["mean"] - rows[0]["tokens"]["mean"]
        assert row["against MiniLM"]["difference"] == pytest.approx(gap)


def test_what_was_saved_says_what_the_page_shows():
    result, _ = load_result(ROOT / "benchmarks" / "results" / "tokenization.json")
    assert result["written-out BPE"]["equal to the library"]
    assert all(row["p"] < 0.05 for row in result["table"][1:])
