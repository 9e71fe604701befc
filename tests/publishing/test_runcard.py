"""The run card says what was recorded, in both languages, and nothing that was not."""

import json
import re

import pytest

from course_lib.publishing.execution import Book, device
from course_lib.publishing.runcard import WORDS, card, rows, text

RUN = {
    "execution_seconds": 12.4, "threads": 2, "peak_mb": 1234, "date": "2026-01-02T03:04:05+00:00", "commit": "abc",
    "cpu": "A <processor>", "gpu": "", "simulated": True, "results": [],
}  # fmt: skip


def test_the_card_says_what_was_recorded():
    assert rows(RUN) == [
        ("Time", "12 s"), ("Memory", "1.2 GB at the peak"), ("Device", "A <processor>, 2 CPU threads"),
        ("Run on", "2026-01-02"), ("Commit", "abc"), ("Data", "simulated while the page ran"),
    ]  # fmt: skip
    html = card(RUN)
    assert re.findall(r'<th scope="row">(.*?)</th>', html) == [name for name, _ in rows(RUN)]
    assert "A &lt;processor&gt;" in html and "<caption>Run card</caption>" in html
    assert text(RUN).startswith("Time: 12 s; Memory: 1.2 GB")


def test_what_was_not_recorded_has_no_line():
    old = {name: RUN[name] for name in ("execution_seconds", "threads", "date", "commit")} | {"peak_mb": 0}
    assert dict(rows(old)) == {"Time": "12 s", "Device": "2 CPU threads", "Run on": "2026-01-02", "Commit": "abc"}


def test_one_thread_a_gpu_and_changes():
    said = dict(rows({**RUN, "threads": 1, "gpu": "Some GPU", "commit": "abc+"}))
    assert said["Device"] == "Some GPU, A <processor>, 1 CPU thread"
    assert said["Commit"] == "abc, with changes that are not committed"


def test_a_page_without_code_says_so():
    assert "This page runs no code." in card(None) and text(None) == "This page runs no code."
    assert "本页不运行代码" in card(None, "zh_CN")


def test_in_chinese():
    assert rows(RUN, "zh_CN")[0] == ("用时", "12 秒") and "运行卡" in card(RUN, "zh_CN")
    assert text(RUN, "zh_CN").startswith("用时：12 秒；")
    assert all(words.en and words.zh for words in WORDS.values())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"citation": "Chen: Online Retail.", "url": "https://doi.org/x"}, "Chen: Online Retail"),
        ({"a": {"url": "https://doi.org/x"}, "b": {"source": "simulated"}}, "https://doi.org/x; simulated"),
        ({"source": "drawn\n by the benchmark"}, "drawn by the benchmark"),
    ],
)
def test_saved_results_say_where_their_data_come_from(tmp_path, data, said):
    file = tmp_path / "benchmarks/results/one.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"data": data, "date": "2025-05-05"}), encoding="utf-8")
    run = {**RUN, "results": ["benchmarks/results/one.json"]}
    expected = f"benchmarks/results/one.json, measured on 2025-05-05 ({said})"
    assert dict(rows(run, "en", tmp_path))["Data"] == f"simulated while the page ran; {expected}"


@pytest.mark.parametrize("content", [None, "no json", "[]", "{}", '{"data": {}}'])
def test_a_result_that_tells_nothing_is_named(tmp_path, content):
    file = tmp_path / "benchmarks/results/one.json"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_text(content, encoding="utf-8")
    run = {**RUN, "simulated": False, "results": ["benchmarks/results/one.json"]}
    assert dict(rows(run, "en", tmp_path))["Data"] == "benchmarks/results/one.json"


def test_origins_of_the_data_are_read_from_the_code(tmp_path):
    folder = tmp_path / "book" / "shop"
    for name in ("benchmarks/results/one.json", "data/two.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    folder.mkdir(parents=True)
    book = Book(tmp_path, tmp_path / "logs")
    cells = ['load(ROOT / "benchmarks/results/one.json")', 'open("../../data/two.csv")', "# Shop.simulate()"]
    assert book.origins(cells, folder) == {"simulated": False, "results": ["benchmarks/results/one.json"]}
    assert book.origins(["shop = Shop.simulate(\n  seed=0)"], folder) == {"simulated": True, "results": []}
    assert book.origins(["Shop(**simulate(1))"], folder)["simulated"]


def test_the_device_is_that_of_this_machine(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Some GPU'\necho 'Another'\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert device()["gpu"] == "Some GPU" and device()["cpu"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device()["gpu"] == ""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    tool.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    assert device()["gpu"] == ""


def test_the_directive_in_a_page_and_in_text(small_book):
    small_book.write("index.md", "# A page\n\n:::{admonition} Run card\n:class: run-card\nIn the book.\n:::\n")
    small_book.build("runcard")
    assert '<p class="run-card">This page runs no code.</p>' in small_book.html()
    out, _ = small_book.build("runcard", builder="text")
    assert "This page runs no code." in (out / "index.txt").read_text(encoding="utf-8")
