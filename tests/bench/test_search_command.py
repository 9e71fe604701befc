"""``course bench search`` from the flags to the saved files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from course_lib import cli
from course_lib.bench.search_options import SearchOptions, command_line, parse_data
from course_lib.bench.search_run import _measure, decide, read
from course_lib.bench.search_systems import HYBRIDS, ORDERS, Systems
from course_lib.core.errors import ContractError
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import FIELDS, load_result

SYSTEMS = ["bm25", "minilm", "finetuned", "hybrid", "reranked"]
METRICS = {"ndcg@10", "condensed_ndcg@10", "recall@100", "judged@10"}


def measured(capsys, *arguments: str) -> dict:
    assert cli.main(["bench", "search", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("small_minilm")
def test_one_json_object_with_provenance_and_every_query(chorus_data, capsys, tmp_path):
    file, table = tmp_path / "new" / "result.json", tmp_path / "other" / "queries.csv"
    flags = ("--steps", "2", "--seeds", "2", "--save", str(file), "--per-query", str(table))
    result = measured(capsys, "--data", chorus_data, *flags)
    assert list(result["systems"]) == list(result["intervals"]) == list(result["chosen"]) == SYSTEMS
    assert set(SYSTEMS) <= set(result["seconds"]) and result["seconds"]["total"] > 0 and result["peak_rss_mb"] > 0
    for system, values in result["systems"].items():
        assert set(values) == METRICS and all(0 <= value <= 1 for value in values.values())
        for metric, (low, high) in result["intervals"][system].items():
            assert low <= values[metric] <= high
    assert {"a": "hybrid", "b": "bm25"}.items() <= result["tests"][0].items()
    assert all(0 < t["p_value"] <= t["p_holm"] <= 1 and t["n"] == 3 for t in result["tests"])
    assert all(t["noise"] == (abs(t["difference"]) < 0.03) for t in result["tests"])
    assert [s["seed"] for s in result["seeds"]] == [0, 1]
    assert result["seeds"][0]["hybrid"] == result["systems"]["hybrid"]
    assert result["counts"]["measured queries"] == 3 and result["counts"]["queries without a relevant product"] == 1
    assert result["published"] == []
    count = result["forms"]["reranked"]["queries of each order"]
    assert set(count) <= set(ORDERS) and sum(count.values()) == 3
    assert list(result["forms"]["hybrid"])[:-1] == HYBRIDS
    assert result["forms"]["hybrid"][HYBRIDS[-1]] == result["systems"]["hybrid"]

    text = file.read_text()
    assert str(tmp_path) not in text and str(Path.home()) not in text and str(ROOT) not in text
    assert set(json.loads(text)) == set(FIELDS)
    saved, note = load_result(file)
    assert saved == result and "chorus:DIR" in note and "--steps 2" in note and "--seeds 2" in note

    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["query", "system", "metric", "value"]
    for system in SYSTEMS:
        for metric in METRICS:
            values = {r["query"]: float(r["value"]) for r in rows if (r["system"], r["metric"]) == (system, metric)}
            assert set(values) == {"printer", "white lamp", "cable for usb"}
            assert np.mean(list(values.values())) == pytest.approx(result["systems"][system][metric])


@pytest.mark.usefixtures("small_minilm")
def test_no_list_depends_on_the_judgements_of_its_own_query(chorus_data):
    def lists() -> tuple[list[str], dict[str, np.ndarray]]:
        shop = read(chorus_data)
        systems = Systems(shop, lambda _, work: work(), steps=1, progress=False)
        found, _ = decide(systems.rank(), partial(_measure, shop=shop, seed=0), lambda _, work: work())
        return shop.queries["text"][:], {name: ranking.ids for name, ranking in found.items()}

    queries, first = lists()
    file = parse_data(chorus_data)[1] / "Broad_Query_Set_rated.csv"
    turned = {"3": "0", "0": "3"}
    lines = [line.rsplit(",", 1) for line in file.read_text().splitlines()]
    spoilt = [f"{a},{turned.get(grade, grade) if a.startswith('printer,') else grade}" for a, grade in lines]
    assert spoilt != [",".join(line) for line in lines]
    file.write_text("\n".join(spoilt) + "\n")
    _, second = lists()
    assert list(first) == list(second) == SYSTEMS
    for name in SYSTEMS:
        row = queries.index("printer")
        np.testing.assert_array_equal(first[name][row], second[name][row])
        if name != "reranked":
            np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.usefixtures("small_minilm")
def test_the_tables_show_systems_tests_and_what_is_noise(chorus_data, capsys):
    assert cli.main(["bench", "search", "--data", chorus_data, "--steps", "1", "--seeds", "2"]) == 0
    out, err = capsys.readouterr()
    for part in ("24 products", "condensed ndcg@10", "reranked", "hybrid − bm25", "Holm", "CPU seconds", "seeds of"):
        assert part in out
    assert "No judgement was trained on" in out and "forms of hybrid" in out and "orders of reranked" in out and "finetuned" in err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "--data"),
        (("--data", "bank:x"), "chorus:DIR"),
        (("--data", "chorus:"), "chorus:DIR"),
        (("--data", "chorus:none"), "course data fetch chorus"),
        (("--data", "chorus:x", "--seed", "-1"), "--seed is -1"),
        (("--data", "chorus:x", "--seeds", "0"), "--seeds is 0"),
        (("--data", "chorus:x", "--steps", "0"), "--steps is 0"),
        (("--data", "chorus:x", "--save", "."), "folder, not a file"),
        (("--data", "chorus:x", "--per-query", "."), "folder, not a file"),
        (("--data", "chorus:x", "--epochs", "1"), "--epochs"),
    ],
)
def test_bad_flags_are_one_line(flags, says, capsys):
    assert cli.main(["bench", "search", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "1.json.zip").unlink(), "github.com/querqy/chorus"),
        (lambda folder: (folder / "1.json.zip").write_bytes(b"PK"), "1.json.zip"),
        (lambda folder: (folder / "Broad_Query_Set_rated.csv").write_text("query,docid,rating\nprinter,0,0\n"), "grade"),
        (lambda folder: (folder / "Broad_Query_Set_rated.csv").write_text("query,docid,rating\nprinter,0,9\n"), "line 2"),
    ],
)
def test_damage_is_one_line(spoil, says, chorus_data, capsys):
    spoil(parse_data(chorus_data)[1])
    assert cli.main(["bench", "search", "--data", chorus_data]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err.splitlines()[-1] and "Traceback" not in err


def test_the_command_that_measures_the_same():
    assert command_line(SearchOptions("chorus:/home/x")) == "course bench search --data chorus:DIR --seed 0"
    assert command_line(SearchOptions("chorus:x", 1, 3, 5)).endswith("--seed 1 --seeds 3 --steps 5")
    with pytest.raises(ContractError, match="--data is"):
        parse_data("chorus")


def test_help_names_the_systems(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", "search", "--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0 and all(system in out for system in SYSTEMS) and "--per-query" in out


def test_flags_are_checked_before_anything_heavy_is_loaded():
    code = (
        "import sys\nfrom course_lib import cli\ncli.main(['bench', 'search', '--data', 'bank:x'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'datasets', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_the_saved_result_meets_its_goals_and_says_what_it_misses():
    result, note = load_result(ROOT / "benchmarks" / "results" / "bench_search.json")
    assert "chorus:DIR" in note and result["counts"]["measured queries"] == 55
    assert all(file["verified"] for file in result["data"]["files"])
    assert result["systems"]["hybrid"]["recall@100"] >= 0.86
    assert result["systems"]["reranked"]["condensed_ndcg@10"] >= 0.90
    gain = next(t for t in result["tests"] if (t["a"], t["b"], t["metric"]) == ("hybrid", "bm25", "ndcg@10"))
    assert gain["noise"] == (abs(gain["difference"]) < 0.03) and gain["interval"][0] <= gain["difference"] <= gain["interval"][1]
