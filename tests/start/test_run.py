"""``course run``: its JSON, what it takes up and what it repeats, how it ends when stopped, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import time
import types
import zipfile
from pathlib import Path

import pytest

from course_lib.core import provenance
from course_lib.core.errors import CourseError
from course_lib.core.fingerprint import code_fingerprint, imported_modules, module_path, source_closure
from course_lib.core.provenance import load_result
from course_lib.language.pretraining import Pretrained
from course_lib.start import first_hour, run
from course_lib.start.first_hour import Vectors

STAGES = ("pretraining", "finetuning", "features", "retrieval", "recommendation")
RATED = "Broad_Query_Set_rated.csv"


def reused(err: str) -> set[str]:
    """Stages that a run found finished, from its progress."""
    return set(re.findall(r"\] (\w+)\n(?:(?!\[).*\n)*? +as it stands", err))


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    """The tiny run's folder, to change."""
    return Path(shutil.copytree(tiny.folder, tmp_path / "copy"))


# -- the result -------------------------------------------------------------------------------------------------------
def test_json_has_the_keys_that_are_promised(tiny):
    result = tiny.result
    assert tuple(result["stages"]) == STAGES and set(result) >= {"stages", "seconds", "peak_rss_mb"}
    assert result["peak_rss_mb"] > 10 and set(result["seconds"]) == {"shop", "total", *STAGES}
    assert result["seconds"]["total"] >= max(result["seconds"][name] for name in STAGES)
    retrieval, recommendation = result["stages"]["retrieval"], result["stages"]["recommendation"]
    assert set(retrieval) == {"bm25", "minilm", "finetuned", "hybrid"}
    assert set(recommendation) == {"random", "popularity", "item_cosine", "ials", "ranked"}
    for stage, metrics in (
        (retrieval, {"ndcg@10", "recall@100", "condensed_ndcg@10", "judged@10"}),
        (recommendation, {"recall@20", "ndcg@20"}),
    ):
        assert all(set(system) == metrics and all(0 <= v <= 1 for v in system.values()) for system in stage.values())


def test_every_figure_has_its_interval_and_the_claims_their_paired_test(tiny):
    result = tiny.result
    for name in ("retrieval", "recommendation"):
        for system, metrics in result["stages"][name].items():
            for metric, mean in metrics.items():
                low, high = result["intervals"][name][system][metric]
                assert low - 1e-9 <= mean <= high + 1e-9
    tested = {(t["a"], t["b"]) for t in result["tests"]}
    assert tested >= {("hybrid", "bm25"), ("minilm", "bm25"), ("ials", "popularity"), ("popularity", "random")}
    for test in result["tests"]:
        stage, metric = result["stages"][test["stage"]], test["metric"]
        assert test["difference"] == pytest.approx(stage[test["a"]][metric] - stage[test["b"]][metric])
        assert 0 <= test["p_value"] <= 1 and test["n"] == result["counts"][test["stage"]]["measured"]


def test_the_folder_keeps_models_tables_curves_and_the_result(tiny):
    folder = tiny.folder
    assert json.loads((folder / "result.json").read_text(encoding="utf-8")) == tiny.result
    assert Pretrained.load(folder / "pretraining" / "model").history.loss
    assert Vectors.load(folder / "features" / "finetuned").items.shape[0] == 60
    for name in ("retrieval", "recommendation"):
        lines = (folder / name / "per_query.csv").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "system,metric,key,value"
        values = [float(v) for s, m, _, v in (line.split(",") for line in lines[1:]) if (s, m[:4]) == ("ials", "ndcg")]
        if name == "recommendation":
            assert sum(values) / len(values) == pytest.approx(tiny.result["stages"][name]["ials"]["ndcg@20"])
    curves = {f.relative_to(folder).parts[0] for f in folder.rglob("events.out.tfevents.*")}
    assert curves == {"pretraining", "finetuning", "features"}
    assert list(folder.rglob("projector_config.pbtxt"))
    assert not list(folder.rglob("*.part"))


def test_progress_is_bars_on_stderr(tiny):
    for number, name in enumerate(STAGES, start=1):
        assert f"[{number}/5] {name}" in tiny.done.err
    assert "100%|" in tiny.done.err and reused(tiny.done.err) == set()


def test_tables_for_people(tiny, tools, copy):
    done = tools.course("run", *tools.tiny_sizes, "--out", str(copy))
    assert done.code == 0 and f"tensorboard --logdir {copy}" in done.out
    ials = tiny.result["stages"]["recommendation"]["ials"]["ndcg@20"]
    row = next(line for line in done.out.splitlines() if line.strip().startswith("ials "))
    assert f"{ials:.3f} [" in row
    assert "retrieval (10 measured)" in done.out and "ials − popularity, ndcg@20" in done.out
    # the folder's name may be of any length
    assert max(len(line) for line in done.out.splitlines() if str(copy) not in line) <= 120


def test_same_seed_same_json_in_a_new_process_and_nothing_else_on_stdout(tiny, tools):
    out, err = (process := tools.start("run", *tools.tiny_sizes, "--json")).communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.count("\n") == 1
    assert tools.measured(json.loads(out)) == tools.measured(tiny.result)


def test_another_seed_another_json(tiny, tools):
    """Without --out: nothing is left behind, in the temporary folder neither."""
    other = tools.course("run", *tools.tiny_sizes, "--seed", "1", "--json").json
    for name in STAGES:
        assert (other["stages"][name] == tiny.result["stages"][name]) == (name == "features")  # sizes of vectors only


def test_temporary_stages_are_removed(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    assert tools.course("run", "--items", "1", "--users", "1", "--queries", "1").code == 2
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path / "absent"))
    done = tools.course("run", *tools.tiny_sizes)
    assert done.code == 2 and "--out DIR, or set TMPDIR" in done.line


def test_save_keeps_the_result_with_its_provenance(tiny, tools, copy, tmp_path):
    file = tmp_path / "new" / "first.json"
    tools.course("run", *tools.tiny_sizes, "--out", str(copy), "--json", "--save", str(file))
    result, note = load_result(file)
    assert tools.measured(result) == tools.measured(tiny.result)
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["seeds"] == [0] and record["data"]["seed"] == 0 and "STALE" not in note
    assert record["command"] == "course run --shop simulate --items 60 --users 40 --queries 20 --language en --seed 0"


def test_a_place_to_save_that_cannot_be_written_is_found_before_the_work(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "run", lambda *_: pytest.fail("the work began"))
    file = tmp_path / "file"
    file.write_text("mine")
    for place, says in (
        (file / "below.json", "can't write here"),
        (tmp_path, "this is a folder, not a file"),
        (Path("/proc/nowhere/result.json"), "can't write here"),
    ):
        done = tools.course("run", *tools.tiny_sizes, "--save", str(place))
        assert done.code == 2 and says in done.line and "Choose another" in done.line
    assert file.read_text() == "mine" and list(tmp_path.iterdir()) == [file]


def test_memory_is_asked_of_psutil_where_python_has_no_resource(monkeypatch):
    process = types.SimpleNamespace(memory_info=lambda: types.SimpleNamespace(peak_wset=3e6))
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setitem(sys.modules, "psutil", types.SimpleNamespace(Process=lambda: process))
    assert provenance.peak_rss_mb() == 3


# -- what is repeated -------------------------------------------------------------------------------------------------
def test_a_finished_run_is_taken_up_whole(tiny, tools, copy):
    before = {name: text for name, text in tools.contents(copy).items() if name != "result.json"}
    start = time.perf_counter()
    done = tools.course("run", *tools.tiny_sizes, "--out", str(copy), "--json")
    assert time.perf_counter() - start < tiny.result["seconds"]["total"]
    assert reused(done.err) == set(STAGES)
    assert tools.measured(done.json) == tools.measured(tiny.result)
    assert {name: text for name, text in tools.contents(copy).items() if name != "result.json"} == before
    assert {n: done.json["seconds"][n] for n in STAGES} == {n: tiny.result["seconds"][n] for n in STAGES}


def test_the_code_of_the_stages_is_all_that_the_first_hour_imports():
    source = Path(first_hour.__file__).read_text(encoding="utf-8")
    followed = source_closure(module for modules in run.CODE.values() for module in modules)
    assert source_closure(imported_modules(source)) <= followed
    assert {module_path("course_lib.recommend.tuning"), module_path("course_lib.core.seeds")} <= followed


@pytest.mark.parametrize(
    ("module", "stay"),
    [
        ("course_lib.language.pretraining", set()),
        ("course_lib.language.features", {"pretraining", "finetuning"}),
        ("course_lib.search.retrieval", set(STAGES) - {"retrieval"}),
        ("course_lib.recommend.tuning", set(STAGES) - {"recommendation"}),
        ("course_lib.shop.simulator.behaviour", set()),
        ("course_lib.shop.measurement.report", {"pretraining", "finetuning", "features"}),
    ],
)
def test_changed_code_repeats_the_stages_that_run_it(tiny, tools, copy, monkeypatch, module, stay):
    """The stages themselves are replaced by their results: only what is repeated matters here."""
    def changed(modules):
        return code_fingerprint(modules) + ("changed" if module_path(module) in source_closure(modules) else "")

    made = []

    def quick(store, name, key, make):
        found = store._finished(store.folder / name, key)
        if found is None:
            made.append(name)
            record = json.loads((store.folder / name / "stage.json").read_text())
            return run.Stage(name, store.folder / name, key, record["result"], 0.0, reused=False)
        return found

    monkeypatch.setattr(run.StageStore, "run", quick)
    monkeypatch.setattr(run, "code_fingerprint", changed)
    assert tools.course("run", *tools.tiny_sizes, "--out", str(copy), "--json").code == 0
    assert set(STAGES) - set(made) == stay


def test_changed_lock_repeats_everything_and_changed_steps_their_stage(tiny, tools, copy, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(first_hour.STEPS, "classifier", 5)
        done = tools.course("run", *tools.tiny_sizes, "--out", str(copy), "--json")
        assert reused(done.err) == {"pretraining"} and done.json["stages"]["pretraining"]
    monkeypatch.setattr(run, "lock_fingerprint", lambda: "another lock")
    done = tools.course("run", *tools.tiny_sizes, "--out", str(copy), "--json")
    assert reused(done.err) == set() and tools.measured(done.json) == tools.measured(tiny.result)


def test_other_options_repeat_everything_and_the_folder_holds_the_last_run(tiny, tools, copy):
    sizes = ("--items", "8", "--users", "8", "--queries", "8")
    done = tools.course("run", *sizes, "--out", str(copy), "--json")
    assert reused(done.err) == set() and done.json["options"]["items"] == 8
    assert json.loads((copy / "result.json").read_text(encoding="utf-8")) == done.json
    assert reused(tools.course("run", *sizes, "--out", str(copy), "--json").err) == set(STAGES)


def test_a_real_shop_skips_what_it_cannot_feed_and_follows_its_files(tools, chorus, tmp_path):
    out = tmp_path / "out"
    command = ("run", "--shop", "chorus", "--path", str(chorus), "--out", str(out))
    first = tools.course(*command, "--json").json
    assert first["stages"]["recommendation"] == {"skipped": "the chorus data have no users and no log"}
    assert first["stages"]["finetuning"]["classifier"] == {"skipped": "the shop's products carry no categories"}
    assert "recommendation" not in first["intervals"] and first["options"] == {"shop": "chorus", "seed": 0}
    assert {f["name"] for f in first["data"]["files"]} == {"1.json.zip", RATED}
    moved = chorus.rename(chorus.parent / "moved")
    command = tuple(str(moved) if part == str(chorus) else part for part in command)
    done = tools.course(*command)  # the same files in another place
    assert reused(done.err) == set(STAGES) and "skipped: the chorus data have no users" in done.out
    rated = moved / RATED
    rated.write_text(rated.read_text(encoding="utf-8").replace("printer,1,0", "printer,1,1"), encoding="utf-8")
    edited = tools.course(*command, "--json", "--save", str(tmp_path / "saved.json"))
    assert reused(edited.err) == set() and edited.json["data"] != first["data"]
    record = json.loads((tmp_path / "saved.json").read_text(encoding="utf-8"))
    assert record["command"] == "course run --shop chorus --seed 0 --path DIR" and str(moved) not in json.dumps(record)


# -- how it ends when it is stopped ------------------------------------------------------------------------------------
def test_stopped_runs_leave_finished_stages_whole_and_can_be_taken_up(tiny, tools, tmp_path):
    """Ctrl-C, SIGTERM and SIGKILL, each on a process of its own in the middle of its second stage."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    folders = {number: tmp_path / number.name for number in signals}
    processes = {
        number: tools.start("run", *tools.tiny_sizes, "--out", str(folder), "--json", finetuning=1_000_000)
        for number, folder in folders.items()
    }
    try:
        for number, process in processes.items():
            deadline = time.monotonic() + 90
            while not list(folders[number].glob(".finetuning.*.part/**/events.out.*")):
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
        ends = {number: process.communicate(timeout=60) for number, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
    for number, (out, err) in ends.items():
        folder, code = folders[number], processes[number].returncode
        assert out == "" and "Traceback" not in err
        whole, found = (tools.contents(place / "pretraining") for place in (tiny.folder, folder))
        assert {name for name in found if "tfevents" not in name} == {name for name in whole if "tfevents" not in name}
        for name in ("model/model.safetensors", "model/tokenizer.json"):
            assert found[name] == whole[name], name
        left = [f.name for f in folder.rglob("*.part")]
        if number == signal.SIGKILL:
            assert code == -number and len(left) == 1  # nobody could clear it
        else:
            assert code == 128 + number and left == []
            lines = [line for line in err.split("\n") if line.startswith("course: ")]
            assert len(lines) == 1 and "run the same command to go on" in lines[0] and err.endswith(lines[0] + "\n")
            assert sorted(f.name for f in folder.iterdir()) == ["course-run.json", "pretraining"]
        if number == signal.SIGTERM:
            continue  # taking up is the same as after Ctrl-C
        again = tools.course("run", *tools.tiny_sizes, "--out", str(folder), "--json")
        assert reused(again.err) == {"pretraining"}
        assert tools.measured(again.json) == tools.measured(tiny.result)
        assert not list(folder.rglob("*.part"))


def test_nobody_reads_the_output(tools, copy):
    """`course run --json | head -c 0`."""
    process = tools.start("run", *tools.tiny_sizes, "--out", str(copy), "--json")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(60) == 141
    assert "Traceback" not in err and "Exception ignored" not in err and "course:" not in err


# -- what it refuses ---------------------------------------------------------------------------------------------------
def edit(name: str, old: str, new: str):
    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert old.encode() in content
        (folder / name).write_bytes(content.replace(old.encode(), new.encode("latin-1"), 1))

    return spoil


def products(*rows: dict):
    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / "1.json.zip", "w") as archive:
            archive.writestr("1.json", json.dumps(rows))

    return spoil


BAD_DATA = {
    "no such folder": (shutil.rmtree, ("chorus: no such folder", "Name the folder")),
    "a missing file": (lambda folder: (folder / RATED).unlink(), (f"the folder lacks {RATED}", "Put the files of")),
    "missing products": (lambda folder: (folder / "1.json.zip").unlink(), ("the folder lacks 1.json.zip", "Put the")),
    "a truncated zip": (
        lambda folder: (folder / "1.json.zip").write_bytes((folder / "1.json.zip").read_bytes()[:-30]),
        ("1.json.zip: not a whole zip archive", "Fetch the file again"),
    ),
    "a malformed row": (edit(RATED, "lamp,5,3", "lamp,5"), (f"{RATED}, line 4: 2 field(s)", "Put quotes")),
    "an open quote": (edit(RATED, "usb", '"usb'), (f"{RATED}, line 5: malformed CSV", "Close every quote")),
    "not UTF-8": (edit(RATED, "lamp", "l\xe4mp"), (f"{RATED}, line 4: byte 0xe4", "Save the file as UTF-8")),
    "a duplicate product": (
        products({"id": "1", "title": "a"}, {"id": "1", "title": "b"}),
        ("1.json.zip/1.json, product 2: the product id '1' stands already in 1.json.zip, product 1", "Keep one"),
    ),
    "a grade outside 0–3": (edit(RATED, "5,3", "5,4"), (f"{RATED}, line 4: the grade '4'", "Correct the grade")),
    "unknown products": (
        edit(RATED, "lamp,5,3", "lamp,99,3"),
        (f"{RATED}, line 4: 1 judgement(s) are about products that no product file holds, first '99'", "whether the columns"),
    ),
    "zero items": (products(), ("the product files hold no products", "Fetch the file again")),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_get_one_line_and_nothing_is_overwritten(tools, chorus, tmp_path, case):
    spoil, says = BAD_DATA[case]
    spoil(chorus)
    before = tools.contents(tmp_path)
    done = tools.course("run", "--shop", "chorus", "--path", str(chorus), "--json")
    assert done.code == 2 and done.out == "" and tools.contents(tmp_path) == before
    for part in (str(chorus), *says):
        assert part in done.line


def test_bad_data_leave_an_earlier_run_as_it_was(tools, copy, tmp_path):
    before = tools.contents(copy)
    done = tools.course("run", "--shop", "chorus", "--path", str(tmp_path / "absent"), "--out", str(copy))
    assert done.code == 2 and "absent: no such folder" in done.line and tools.contents(copy) == before


def test_an_out_that_cannot_be_used_is_refused_at_once_and_left_alone(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_open", lambda options: pytest.fail("the work began"))
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "result.json").write_text("mine")
    before = tools.contents(tmp_path)
    for out, says in (
        (tmp_path / "file", "is a file, not a folder. Choose another --out"),
        (tmp_path / "file" / "below", "can't write here"),
        (tmp_path / "full", "is not empty and holds no earlier run"),
        (Path("/proc/nowhere"), "can't write here"),
        (tmp_path / ("long" * 100), "can't write here"),
    ):
        done = tools.course("run", *tools.tiny_sizes, "--out", str(out))
        assert done.code == 2 and done.out == "" and says in done.line and str(out) in done.line
    assert tools.contents(tmp_path) == before and sorted(f.name for f in tmp_path.iterdir()) == ["file", "full"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--items", "0"), "--items is 0"),
        (("--users", "-3"), "--users is -3"),
        (("--queries", "0"), "--queries is 0"),
        (("--items", str(10**30)), "from 1 to 10000000"),
        (("--items", "many"), "argument --items: invalid int value: 'many'"),
        (("--items", "1.5"), "argument --items"),
        (("--items",), "argument --items: expected one argument"),
        (("--item", "5"), "unrecognized arguments: --item 5"),
        (("--path", "x"), "Add --shop chorus, or leave --path out"),
        (("--shop", "chorus"), "--shop chorus needs --path DIR"),
        (("--shop", "chorus", "--path", "x", "--items", "5"), "--items: only a simulated shop has a size and a language to choose. Leave it out"),
        (("--shop", "chorus", "--path", "x", "--users", "5", "--language", "zh"), "--users, --language: only a simulated shop"),
        (("--shop", "corner"), "invalid choice: 'corner'"),
        (("--language", "fr"), "invalid choice: 'fr'"),
        (("--seed", "-1"), "--seed is -1. Give a whole number from 0 to"),
        (("--seed", str(2**32)), "--seed is 4294967296"),
        (("--seed", "zero"), "argument --seed: invalid int value"),
        (("--shop", "chorus", "--path", "x", "--seed", "-1"), "--seed is -1"),
        (("--frobnicate",), "unrecognized arguments: --frobnicate. See `course"),
        (("more",), "unrecognized arguments: more"),
    ],
)
def test_wrong_flags_get_one_line_before_any_work(tools, monkeypatch, flags, says):
    monkeypatch.setattr(run, "run", lambda *_: pytest.fail("the work began"))
    done = tools.course("run", *flags)
    assert done.code == 2 and done.out == "" and says in done.line
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("language", "sizes"),
    [
        *(("en", sizes) for sizes in ((1, 1, 1), (5, 2, 1), (5, 2, 2), (1, 40, 20), (60, 1, 20), (60, 40, 1))),
        *(("en", sizes) for sizes in ((3, 3, 3), (30, 1, 4), (8, 8, 8))),
        *(("zh", sizes) for sizes in ((1, 1, 1), (5, 2, 2), (8, 8, 8))),
    ],
)
def test_shops_too_small_end_in_a_result_or_in_one_line_that_says_what_to_ask_for(tools, language, sizes):
    flags = [part for name, n in zip(("--items", "--users", "--queries"), sizes) for part in (name, str(n))]
    done = tools.course("run", *flags, "--language", language, "--json")
    if done.code == 0:
        assert done.json["options"]["items"] == sizes[0]
    else:
        assert done.code == 2 and done.out == ""
        assert "--users" in done.line and "--queries" in done.line


def test_a_real_shop_too_small(tools, chorus):
    products({"id": "1", "title": "printer"})(chorus)
    (chorus / RATED).write_text("query,docid,rating\nprinter,1,3\n", encoding="utf-8")
    done = tools.course("run", "--shop", "chorus", "--path", str(chorus))
    assert done.code == 2 and "stage pretraining" in done.line and "Add products or judgements" in done.line


def test_a_replaced_stage_retires_the_earlier_result(tools, copy, monkeypatch):
    from course_lib.start import first_hour

    def fail(*_: object, **__: object) -> None:
        raise CourseError("stopped here")

    monkeypatch.setattr(first_hour, "finetuning", fail)
    assert (copy / "result.json").is_file()
    sizes = [*tools.tiny_sizes]
    done = tools.course("run", *sizes, *(() if "--seed" in sizes else ("--seed", "9")), "--out", str(copy))
    assert done.code == 2 and "stopped here" in done.err
    assert not (copy / "result.json").exists()
