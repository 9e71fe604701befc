"""``course bench sequential`` from the flags to the saved file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from course_lib import cli
from course_lib.bench.sequential_options import MODELS, SequentialOptions, command_line, parse_data
from course_lib.bench.sequential_report import RESTS_ON
from course_lib.bench.sequential_run import measure, read
from course_lib.bench.sequential_systems import CLASSES, SETTINGS, make
from course_lib.core.errors import ContractError, DataError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import FIELDS, load_result
from course_lib.recommend.sequential import leave_last_out

METRICS = {"hr@10", "ndcg@10"}


@pytest.fixture
def s3rec_data(tmp_path: Path) -> str:
    """Forty users who go round thirty items, each from a place of their own."""
    rng = np.random.default_rng(0)
    lines = [" ".join(map(str, [u + 1, *((s + np.arange(n)) % 30 + 1)])) for u, (s, n) in
             enumerate(zip(rng.integers(30, size=40), rng.integers(4, 9, size=40)))]  # fmt: skip
    (tmp_path / "Toy.txt").write_text("\n".join(lines) + "\n")
    return f"s3rec:{tmp_path}/Toy.txt"


def measured(capsys, *arguments: str) -> dict:
    assert cli.main(["bench", "sequential", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_one_json_object_with_provenance(s3rec_data, capsys, tmp_path):
    file = tmp_path / "new" / "result.json"
    result = measured(
        capsys, "--data", s3rec_data, "--seeds", "2", "--budget-minutes", "0.005", "--save", str(file)
    )
    assert list(result["systems"]) == list(result["intervals"]) == list(result["chosen"]) == list(MODELS)
    assert list(result["parameters"]) == list(MODELS) and all(n > 0 for n in result["parameters"].values())
    assert set(MODELS) <= set(result["seconds"]) and result["seconds"]["total"] > 0 and result["peak_rss_mb"] > 0
    for system, values in result["systems"].items():
        assert set(values) == METRICS == set(result["validation"][system])
        for metric, (low, high) in result["intervals"][system].items():
            assert 0 <= low <= values[metric] <= high <= 1
    assert {"a": "item_cosine", "b": "popularity"}.items() <= result["tests"][0].items()
    assert all(0 < t["p_value"] <= t["p_holm"] <= 1 and t["n"] == 40 for t in result["tests"])
    assert [s["seed"] for s in result["seeds"]] == [0, 1] and result["seeds"][0]["sasrec"] == result["systems"]["sasrec"]
    assert set(result["reached"]) == {"sasrec_bce", "sasrec"} and result["published"] == []
    assert all(0 < r["epochs"] <= r["of"] for r in result["reached"].values())
    assert result["counts"] == {"users": 40, "items": 30, "events": result["counts"]["events"]}
    assert result["systems"]["rules"]["hr@10"] > 0.9 > result["systems"]["popularity"]["hr@10"]  # what follows, follows

    text = file.read_text()
    assert str(tmp_path) not in text and str(Path.home()) not in text and str(ROOT) not in text
    assert set(json.loads(text)) == set(FIELDS)
    saved, note = load_result(file)
    assert saved == result and "s3rec:DIR/Toy.txt" in note and "--budget-minutes 0.005" in note and "--seeds 2" in note


def test_settings_are_those_that_the_saved_search_chose():
    searched, _ = load_result(ROOT / "benchmarks" / "results" / "sequential_settings.json")
    best = {name: one["settings"] for name, one in searched["best"].items()}
    for system in ("item_cosine", "rules", "sasrec_bce"):
        chosen = {name: value for name, value in best[system].items() if value is not None}
        assert SETTINGS[system] == chosen, system
    assert {len(searched["tried"][system]) for system in ("item_cosine", "rules")} == {40} and "forty" in RESTS_ON["rules"]
    assert len(searched["tried"]["sasrec_bce"]) == 4 and "four" in RESTS_ON["sasrec_bce"]
    default, *others = sorted(searched["tried"]["sasrec"], key=lambda one: bool(one["settings"]))
    assert default["settings"] == {} and len(others) == 2 and "two other" in RESTS_ON["sasrec"]
    assert all(one["ndcg@10"] < default["ndcg@10"] + 0.001 for one in others) and "0.001" in RESTS_ON["sasrec"]


def test_chosen_models_as_tables(s3rec_data, capsys):
    assert cli.main(["bench", "sequential", "--data", s3rec_data, "--models", "rules,popularity"]) == 0
    out = capsys.readouterr().out
    assert "rules" in out and "popularity" in out and "sasrec" not in out and "CPU seconds" in out


def test_nothing_is_learned_from_the_last_two(s3rec_data):
    """Whatever the last two items are, the votes are the same; the last but one is read before the last is named."""
    split = leave_last_out(read(s3rec_data).interactions())
    model = make("rules").fit(split.train)
    votes = model.votes.copy()
    chosen_by, report = measure(model, split, 0)
    assert (model.votes != votes).nnz == 0 and len(chosen_by) == len(report) == 40
    assert len(model.interactions) == len(split.train) + 40


def test_settings_are_of_the_classes():
    for system, kind in CLASSES.items():
        kind(**SETTINGS[system])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--data", "s3rec:"], "s3rec:DIR/NAME.txt"), (["--data", "gowalla:x/y"], "s3rec:DIR/NAME.txt"),
        (["--data", "s3rec:a/b", "--models", "rules,bert"], "'bert'"), (["--data", "s3rec:a/b", "--seeds", "0"], "--seeds"),
        (["--data", "s3rec:a/b", "--seed", "-1"], "--seed"), (["--data", "s3rec:a/b", "--budget-minutes", "0"], "--budget-minutes"),
        (["--data", "s3rec:a/b", "--budget-minutes", "nan"], "--budget-minutes"), (["--data", "s3rec:/none/b"], "no such file"),
    ],
)  # fmt: skip
def test_wrong_flags_are_told_in_one_line(flags, says, capsys):
    assert cli.main(["bench", "sequential", *flags]) == 2
    error = capsys.readouterr().err.strip()
    assert says in error and "\n" not in error


def test_a_short_or_damaged_file(tmp_path, capsys):
    file = tmp_path / "Bad.txt"
    for content in ("1 2 3\n2 3\n", "1 2 x\n"):
        file.write_text(content)
        assert cli.main(["bench", "sequential", "--data", f"s3rec:{file}", "--models", "rules"]) == 2
        assert "\n" not in capsys.readouterr().err.strip().splitlines()[-1]


def test_the_command_line_repeats_the_measurement():
    options = SequentialOptions("s3rec:/a/b/Beauty.txt", models=("rules",), seed=3, seeds=2, budget_minutes=1.5)
    assert command_line(options) == (
        "course bench sequential --data s3rec:DIR/Beauty.txt --seed 3 --seeds 2 --models rules --budget-minutes 1.5"
    )
    assert parse_data("s3rec:/a/b/Beauty") == parse_data("s3rec:/a/b/Beauty.txt") == ("s3rec", Path("/a/b"), "Beauty")
    with pytest.raises(ContractError):
        parse_data("s3rec:..")


def test_a_folder_is_told_from_a_missing_file_and_hides_no_file_of_its_name(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "Toys.txt").write_text("1 1 2 3\n")
    with pytest.raises(DataError, match="this is a folder.*Toys"):
        read(f"s3rec:{tmp_path / 'set'}")
    (tmp_path / "set.txt").write_text("1 1 2 3\n2 2 3 1\n")
    (tmp_path / "set_item2attributes.json").write_text('{"1": [1], "2": [1], "3": [2]}')
    assert len(read(f"s3rec:{tmp_path / 'set'}").interactions().users) == 2
