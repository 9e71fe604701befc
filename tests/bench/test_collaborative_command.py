"""``course bench collaborative`` from the flags to the saved file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_lib import cli
from course_lib.bench.collaborative_options import CollaborativeOptions, command_line
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import load_result

SYSTEMS = ["popularity", "item_cosine", "ease", "bpr", "ials"]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Forty users of four tastes, in LightGCN's layout."""
    rng = np.random.default_rng(0)
    train, test = [], []
    for user in range(40):
        liked = user % 4 * 10 + rng.choice(10, size=8, replace=False)
        train.append(f"{user} {' '.join(map(str, liked[:6]))}")
        test.append(f"{user} {' '.join(map(str, liked[6:]))}")
    (tmp_path / "train.txt").write_text("\n".join(train) + "\n")
    (tmp_path / "test.txt").write_text("\n".join(test) + "\n")
    return tmp_path


def test_one_json_object_with_provenance(folder, capsys, tmp_path):
    file = tmp_path / "out" / "result.json"
    flags = ["--data", f"lightgcn:{folder}", "--models", ",".join(SYSTEMS), "--json", "--save", str(file)]
    assert cli.main(["bench", "collaborative", *flags]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["systems"]) == list(result["intervals"]) == list(result["parameters"]) == SYSTEMS
    for system, values in result["systems"].items():
        assert set(values) == {"recall@20", "ndcg@20"}
        for metric, (low, high) in result["intervals"][system].items():
            assert low <= values[metric] <= high
    assert result["systems"]["item_cosine"]["recall@20"] > result["systems"]["popularity"]["recall@20"]
    assert {"a": "item_cosine", "b": "popularity"}.items() <= result["tests"][0].items()
    assert all(0 < t["p_value"] <= t["p_holm"] <= 1 for t in result["tests"])
    assert result["published"] == [] and result["peak_rss_mb"] > 0 and set(SYSTEMS) <= set(result["seconds"])
    assert result["parameters"]["ease"] == 40 * 40 and result["reached"]["ials"]["iterations"] == 15
    assert str(tmp_path) not in file.read_text()
    saved, note = load_result(file)
    assert saved == result and "lightgcn:DIR" in note


def test_a_budget_bounds_each_training_and_says_what_it_reached(folder, capsys):
    flags = ["--data", f"lightgcn:{folder}", "--models", "ease,bpr,ials", "--budget-minutes", "0.00001"]
    assert cli.main(["bench", "collaborative", *flags]) == 0
    assert capsys.readouterr().out.count("the budget ended it at") >= 2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "--data"),
        (("--data", "bank:x"), "lightgcn:DIR"),
        (("--data", "lightgcn:none"), "course data fetch gowalla"),
        (("--data", "lightgcn:x", "--models", "magic"), "item_cosine"),
        (("--data", "lightgcn:x", "--budget-minutes", "0"), "--budget-minutes"),
        (("--data", "lightgcn:x", "--budget-minutes", "nan"), "--budget-minutes"),
        (("--data", "lightgcn:x", "--seed", "-1"), "--seed"),
        (("--data", "lightgcn:x", "--save", "."), "folder, not a file"),
    ],
)
def test_bad_flags_are_one_line(flags, says, capsys):
    assert cli.main(["bench", "collaborative", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err.splitlines()[-1] and "Traceback" not in err


def test_the_command_that_measures_the_same():
    options = CollaborativeOptions("lightgcn:/home/x", ("popularity", "ials"), 1, 2.5)
    assert command_line(options) == (
        "course bench collaborative --data lightgcn:DIR --seed 1 --models popularity,ials --budget-minutes 2.5"
    )


def test_flags_are_checked_before_anything_heavy_is_loaded():
    code = (
        "import sys\nfrom course_lib import cli\ncli.main(['bench', 'collaborative', '--data', 'bank:x'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'datasets', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0
