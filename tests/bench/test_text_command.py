"""``course bench text`` from the flags to the saved file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import cli
from course_lib.bench.text_options import parse_data
from course_lib.core.fingerprint import ROOT
from course_lib.core.provenance import FIELDS, load_result

METRICS = {"banking77": {"accuracy", "macro_f1"}, "matching": {"f1", "precision", "recall", "accuracy"}}
METRICS["hint3"] = METRICS["banking77"] | {"accuracy_in_scope", "refused_out_of_scope"}


def measured(capsys, *arguments: str) -> dict:
    assert cli.main(["bench", "text", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("small_minilm")
def test_one_json_object_with_provenance(argument, capsys, tmp_path):
    kind = argument.partition(":")[0]
    file = tmp_path / "new" / "result.json"
    result = measured(capsys, "--data", argument, "--steps", "2", "--seeds", "2", "--save", str(file))
    usual = {"tfidf", "minilm", "finetuned"} | ({"similarity"} if kind == "matching" else set())
    assert set(result["systems"]) == set(result["intervals"]) == usual and usual <= set(result["seconds"])
    assert usual <= set(result["chosen"]) and result["seconds"]["total"] > 0 and result["peak_rss_mb"] > 0
    for system, values in result["systems"].items():
        assert set(values) == METRICS[kind]
        assert all(0 <= value <= 1 for value in values.values())
        for metric, (low, high) in result["intervals"][system].items():
            assert low <= values[metric] <= high
    assert {t["b"] for t in result["tests"]} == usual - {"finetuned"}
    assert all(t["a"] == "finetuned" and 0 < t["p_value"] <= t["p_holm"] <= 1 for t in result["tests"])
    assert [s["seed"] for s in result["seeds"]] == [0, 1]
    assert result["published"] == []  # these are not the publisher's files
    text = file.read_text()
    assert str(tmp_path) not in text and str(Path.home()) not in text and str(ROOT) not in text
    assert set(json.loads(text)) == set(FIELDS)
    saved, note = load_result(file)
    assert saved == result and "--steps 2" in note and "--seeds 2" in note


@pytest.mark.usefixtures("small_minilm")
def test_nothing_is_chosen_on_the_test_part(argument, capsys):
    first = measured(capsys, "--data", argument, "--steps", "1")
    kind, folder, part = parse_data(argument)
    if kind == "matching":
        test = folder / part / "test.txt"
        test.write_text(test.read_text().replace("\t0\n", "\tx\n").replace("\t1\n", "\t0\n").replace("\tx\n", "\t1\n"))
    else:
        test = folder / (f"{part}_test.csv" if part else "test.csv")
        test.write_text(test.read_text().replace(",PIN", ",x").replace(",CARD", ",PIN").replace(",x", ",CARD"))
    second = measured(capsys, "--data", argument, "--steps", "1")
    assert first["chosen"] == second["chosen"] and first["systems"] != second["systems"]


@pytest.mark.usefixtures("small_minilm")
def test_the_table_shows_systems_and_tests(makers, tmp_path, capsys):
    data = makers["hint3"](tmp_path)
    assert cli.main(["bench", "text", "--data", data, "--steps", "1"]) == 0
    out, err = capsys.readouterr()
    for part in ("hint3/bot", "accuracy in scope", "tfidf", "finetuned − minilm", "Holm", "threshold", "CPU seconds"):
        assert part in out
    assert "finetuned" in err  # progress


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "--data"),
        (("--data", "bank:x"), "banking77:DIR"),
        (("--data", "hint3:/"), "names no BOT"),
        (("--data", "banking77:none"), "no such folder"),
        (("--data", "banking77:x", "--seed", "-1"), "--seed is -1"),
        (("--data", "banking77:x", "--seeds", "0"), "--seeds is 0"),
        (("--data", "banking77:x", "--epochs", "nan"), "--epochs is nan"),
        (("--data", "banking77:x", "--steps", "0"), "--steps is 0"),
        (("--data", "banking77:x", "--save", "."), "folder, not a file"),
        (("--dat", "banking77:x"), "--data"),
    ],
)
def test_bad_flags_are_one_line(flags, says, capsys):
    assert cli.main(["bench", "text", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err


def test_bench_alone_and_help(capsys):
    assert cli.main(["bench"]) == 2
    assert "BENCHMARK" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", "text", "--help"])
    assert ended.value.code == 0 and "matching:DIR/NAME" in capsys.readouterr().out


def test_flags_are_checked_before_anything_heavy_is_loaded():
    code = (
        "import sys\nfrom course_lib import cli\ncli.main(['bench', 'text', '--data', 'bank:x'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'datasets', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0
