"""The benchmark of measurement runs, at a small size; whether its goal is met is for a quiet machine to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_benchmark_prints_both_sides_and_saves_them(tmp_path):
    size = ["--users", "300", "--items", "500", "--factors", "8", "--runs", "2"]
    command = [sys.executable, "benchmarks/measurement.py", *size, "--save", str(tmp_path / "result.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    told, saved = json.loads(done.stdout), json.loads((tmp_path / "result.json").read_text())
    assert saved["result"] == told and told["users"] == 300 and told["goal"] is (done.returncode == 0)
    fed, whole = told["product and top-k"], told["product, top-k and measurement"]
    assert len(fed) == len(whole) == 2 and all(run["processor"] > 0 for run in whole)
    assert str(tmp_path) not in saved["command"]
