"""The benchmark of the simulator measures what it says, and its exponent is the exponent."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from course_lib.core.fingerprint import ROOT

spec = importlib.util.spec_from_file_location("simulator_benchmark", ROOT / "benchmarks" / "simulator.py")
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


@pytest.mark.parametrize("power", [0.7, 1.0, 1.5])
def test_the_exponent_of_what_grows_is_recovered_beside_what_does_not(power):
    runs = [{"items": n, "cpu_seconds": 4.0 + 1e-4 * n**power} for n in (1_000, 10_000, 100_000, 1_000_000)]
    assert benchmark.exponent(runs) == pytest.approx(power, abs=0.02)


def test_goals_fail_where_they_are_missed():
    slow = {"items": 100_000, "seconds": 91.0, "peak_rss_mb": 5_000.0}
    assert benchmark.goals({"runs": [slow]}) == {"seconds": False, "memory": False}
    assert benchmark.goals({"runs": [], "exponent": 1.4, "n_log_n_exponent": 1.1}) == {"growth": False}


def test_each_size_is_a_process_of_its_own(tmp_path):
    saved = tmp_path / "simulator.json"
    command = ["--items", "50,100", "--users", "20", "--queries", "20", "--events-per-user", "10", "--save", str(saved)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.simulator", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(saved.read_text())["result"]["runs"]
    assert [run["items"] for run in runs] == [50, 100] and all(run["events"] == 200 for run in runs)
    assert all(np.isfinite(run["seconds"]) and 50 < run["peak_rss_mb"] < 2_000 for run in runs)
    assert all(150 < run["characters_per_item"] < 300 for run in runs)
