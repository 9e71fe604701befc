"""The real-data exhibits: the benchmark from end to end on small files, what it saved, and the data behind it."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from course_lib.core.provenance import load_result
from course_lib.shop.measurement import split_by_time
from course_lib.shop.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("COURSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
SAVED = ROOT / "benchmarks" / "results" / "exhibits.json"


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Both data sets in their publishers' layout: 60 customers and 150 products, whose fashion moves."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    n = 4_000
    time = np.sort(random.integers(0, 300, n))
    item = np.clip(time / 300 * 120 + random.normal(15, 6, n), 0, 149).astype(int)
    first = datetime.datetime(2011, 1, 1)
    lines = {
        "InvoiceNo": [f"{'C' if i % 50 == 0 else ''}{i // 4}" for i in range(n)],
        "StockCode": [f"P{i:03}" for i in item], "Description": [f"thing {i}" for i in item],
        "Quantity": pa.array([-1 if i % 50 == 0 else 1 for i in range(n)], pa.int64()),
        "InvoiceDate": pa.array([first + datetime.timedelta(days=int(t)) for t in time], pa.timestamp("us")),
        "UnitPrice": [2.5] * n, "CustomerID": random.integers(1, 61, n).astype(float), "Country": ["United Kingdom"] * n,
    }  # fmt: skip
    (folder / "online-retail").mkdir()
    pq.write_table(pa.table(lines), folder / "online-retail" / "online_retail.parquet")
    (folder / "gowalla").mkdir()
    chosen = [random.permutation(150)[:20] for _ in range(60)]
    for name, part in (("train.txt", slice(0, 15)), ("test.txt", slice(15, 20))):
        text = "".join(f"{u} {' '.join(map(str, row[part]))}\n" for u, row in enumerate(chosen))
        (folder / "gowalla" / name).write_text(text)
    return folder


def test_the_benchmark_measures_and_saves(small, tmp_path):
    command = [sys.executable, "benchmarks/exhibits.py", "--data", str(small), "--save", str(tmp_path / "result.json")]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    told, saved = json.loads(done.stdout), json.loads((tmp_path / "result.json").read_text())
    assert saved["result"] == told and str(small) not in saved["command"]
    retail, gowalla = told["online-retail"], told["gowalla"]
    assert retail["counts"]["order lines"] == 4_000 and retail["counts"]["lines kept"] == 3_920
    assert retail["counts"]["first of each pair"] < 3_920
    assert retail["counts"]["past"] + retail["counts"]["later"] <= retail["counts"]["first of each pair"]
    assert all(len(tuning["tries"]) == 8 for tuning in retail["tuning"].values())  # equal budgets
    by_window = {row["days"]: row["mean"] for row in retail["windows"]}
    assert by_window[7] > 1.5 * by_window[None]  # the fashion moves
    assert retail["future"]["test"]["difference"] > 0 and retail["future"]["test"]["p_value"] < 0.01
    drawn_at_random = retail["leakage"]["item cosine"]["at random, by seed"]
    assert len(drawn_at_random) == 5 and len(set(drawn_at_random)) == 5
    assert gowalla["sampled"][-1]["sampled"] == 149
    for method in ("popularity", "iALS"):
        hits = [row[method]["mean"] for row in gowalla["sampled"]]
        assert hits == sorted(hits, reverse=True) and hits[0] > hits[-1]  # sampling only flatters


@pytest.mark.skipif(not (DATA / "online-retail").is_dir(), reason=f"Online Retail is not at {DATA}")
def test_the_saved_result_is_of_this_data():
    saved = load_result(SAVED)[0]["online-retail"]
    shop = Shop.load("online-retail", DATA / "online-retail")
    log = shop.interactions()
    pairs, counts = set(zip(log.user_rows.tolist(), log.item_rows.tolist())), saved["counts"]
    assert counts["lines kept"] == len(log) and counts["first of each pair"] == len(pairs)
    # Popularity of the last week, counted here without the library's models.
    keep, seen = np.zeros(len(log), dtype=bool), set()
    for event, pair in enumerate(zip(log.user_rows.tolist(), log.item_rows.tolist())):
        keep[event] = pair not in seen
        seen.add(pair)
    past, later = split_by_time(log.select(keep), 0.8)
    recent = past.timestamps > past.timestamps[-1] - 7 * 86_400
    order = np.argsort(-np.bincount(past.item_rows[recent], minlength=len(past.items)), kind="stable")
    recall = []
    for user in np.unique(later.user_rows):
        had = set(past.item_rows[past.user_rows == user].tolist())
        shown = [item for item in order[: 20 + len(had)].tolist() if item not in had][:20]
        wanted = set(later.item_rows[later.user_rows == user].tolist())
        recall.append(len(wanted & set(shown)) / len(wanted))
    row = next(r for r in saved["baselines"] if r["method"] == "popularity" and r["metric"] == "recall@20")
    assert saved["tuning"]["popularity"]["best"] == {"window_days": 7}
    assert row["n"] == len(recall) and row["mean"] == pytest.approx(np.mean(recall), abs=1e-9)


def test_the_chapter_may_say_what_it_says_of_the_saved_result():
    """Its prose names who is ahead on real data; a new measurement must keep that, or the prose must change."""
    saved = load_result(SAVED)[0]
    retail, gowalla = saved["online-retail"], saved["gowalla"]
    p = {r["method"]: r for r in retail["baselines"] if r["metric"] == "ndcg@20"}
    assert p["iALS"]["difference"] > 0 and p["iALS"]["p_adjusted"] < 0.05
    assert p["item cosine"]["p_adjusted"] > 0.05 and p["iALS as installed"]["p_adjusted"] > 0.05
    by_time, at_random = (retail["popularity less item cosine"][s] for s in ("by time", "at random"))
    assert by_time["p_value"] > 0.05 and at_random["high"] < 0
    alone = {name: found["test"] for name, found in retail["leak alone"].items()}
    assert alone["item cosine"]["low"] > 0 and alone["iALS"]["low"] > 0 and alone["popularity"]["high"] < 0
    reversed_pairs = {(t["a"], t["b"]) for t in gowalla["sampled tests"] if t["sampled"] == 100 and t["high"] < 0}
    full = {(t["a"], t["b"]) for t in gowalla["sampled tests"] if t["sampled"] == 40_980 and t["low"] > 0}
    assert reversed_pairs == full == {("iALS", "item cosine"), ("item cosine, 10 neighbours", "popularity")}
    untuned = {(t["a"], t["b"]): t for t in gowalla["untuned"]}
    assert untuned["item cosine", "iALS as installed"]["low"] > 0 and untuned["iALS", "iALS as installed"]["low"] > 0
    by_id, shuffled = (gowalla["nothing learned"][s]["metrics"]["recall@20"] for s in ("by id", "shuffled"))
    assert by_id["low"] > shuffled["high"]
    popular = {r["metric"]: r["mean"] for r in gowalla["baselines"] if r["method"] == "popularity"}
    assert popular == {"ndcg@20": pytest.approx(0.0317, abs=0.0002), "recall@20": pytest.approx(0.0416, abs=0.0002)}
