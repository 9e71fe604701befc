"""What learners hand in, other than code: archives, links, pipes, broken and huge notebooks, names, outputs.

Each is graded through ``course grade`` beside an honest learner; its control does the same plainly.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import os
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

FULL = {"weighted": 5.0, "unseen": 5.0, "third": 1.0, "pick": 1.0}
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
NAMES = [
    "=1+1", "+1", "-2+3+cmd", "@SUM(A1)", "=HYPERLINK(\"x\")", "<img src=x onerror=alert(1)>", "\"><b onclick=x>",
    "two\nlines", "tab\there", "right\u202eto left", "zero\u200bwidth", "hidden..", "a" * 200, "it's 100% {{7*7}} {0} %s",
    "javascript:alert(1)", "index", "CON", "Case", "case", "中文 名字", "\udcff\udcfe",
]  # fmt: skip


def exact(instructor: Any, learner: str = "honest") -> bool:
    points = instructor.points()
    return {question: points[learner, question] for question in FULL} == FULL


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)


def deep(path: Path) -> None:
    path.write_text('{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}")


def long_cell(path: Path) -> None:
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "weighted"}},
                                           "source": "x = 1\n" * 600_000}]}))  # fmt: skip


def huge_cell(path: Path) -> None:
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "weighted"}},
                                           "source": "x = 1\n" * 1_700_000}]}))  # fmt: skip


def link(path: Path) -> None:
    path.symlink_to(path.parents[3] / "secret.txt")


def linked_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.symlink_to(path.parents[3] / "private" / "attack")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def odd(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 100)


def wrong_types(path: Path) -> None:
    path.write_text('{"cells": [1, null, {"cell_type": "code", "source": 5}, {"cell_type": "code", "source": [1], '
                    '"metadata": [{"nbgrader": 3}]}], "metadata": []}')  # fmt: skip


def nested_cell(path: Path) -> None:
    source = "def weighted(values):\n    return " + "+".join(["0"] * 1_500)
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "weighted"}},
                                           "source": source}]}))  # fmt: skip


# Each takes the place where the learner's notebook would be.
FILES = {
    one.__name__: one
    for one in (sparse, deep, long_cell, huge_cell, link, linked_folder, pipe, odd, wrong_types, nested_cell)
}


@pytest.fixture
def batch(instructor: Any, honest: dict[str, str], tmp_path: Path, secret: str) -> Any:
    (tmp_path / "secret.txt").write_text(secret)
    instructor.hand_in("honest", honest)
    return instructor


def test_hostile_files_beside_an_honest_one(batch: Any, secret: str) -> None:
    for name, make in FILES.items():
        make(batch.file(name))
    before = time.monotonic()
    done = batch.grade()
    assert done.returncode == 0, done.stderr[-2000:]
    assert time.monotonic() - before < 30
    assert exact(batch)
    points = batch.points()
    assert all(points.get((name, question), 0.0) == 0.0 for name in FILES if name != "nested_cell" for question in FULL)
    assert points["nested_cell", "weighted"] <= 1.0
    assert not batch.says(secret)
    assert not (batch.report / "faults.txt").exists()


#: what a plain reader does with each: a script that gets the file's path
PLAIN = "import json, sys; notebook = json.load(open(sys.argv[1])); print([c['source'] for c in notebook['cells']])"


@pytest.mark.parametrize("name", ["sparse", "deep", "link", "pipe", "odd", "wrong_types", "linked_folder"])
def test_a_plain_reader_falls(name: str, batch: Any, secret: str) -> None:
    path = batch.file(name)
    FILES[name](path)
    if name in ("link", "linked_folder"):
        found = path.read_text() if name == "link" else (path.parent / "grade_target.py").read_text()
        assert secret in found  # the grader's own file, as if the learner had written it
        return
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (150_000_000, 150_000_000)); "
    with pytest.raises((subprocess.CalledProcessError, subprocess.TimeoutExpired)):
        subprocess.run([sys.executable, "-I", "-c", limit + PLAIN, str(path)], check=True, timeout=1.0,
                       stderr=subprocess.DEVNULL)  # fmt: skip


def archive(path: Path, honest: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("honest/attack/target.ipynb", honest)
        made.writestr("../../escaped.txt", "out")
        made.writestr("/tmp/escaped-absolute.txt", "out")
        made.writestr("deep/attack/../../../../escaped.txt", "out")
        made.writestr("windows\\..\\..\\escaped.txt", "out")
        linked = zipfile.ZipInfo("linked/attack/target.ipynb")
        linked.create_system, linked.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        made.writestr(linked, "../../../secret.txt")
        made.writestr("large/attack/target.ipynb", " " * 20_000_000)
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("twice/attack/target.ipynb", honest)
            made.writestr("twice/attack/target.ipynb", honest)


def test_a_hostile_archive(batch: Any, tmp_path: Path, secret: str) -> None:
    path = tmp_path / "class.zip"
    archive(path, batch.file("honest").read_text())
    before = {one for one in tmp_path.rglob("*") if batch.report not in one.parents}
    done = batch.grade(path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert exact(batch)
    points = batch.points()
    assert all(value == 0 for (learner, _), value in points.items() if learner != "honest")
    assert {one for one in tmp_path.rglob("*") if batch.report not in one.parents} - before <= {batch.report}
    assert not Path("/tmp/escaped-absolute.txt").exists() and not batch.says(secret)


def test_unpacking_plainly_escapes(batch: Any, tmp_path: Path, secret: str) -> None:
    path, inner = tmp_path / "class.zip", tmp_path / "a" / "b"
    archive(path, "{}")
    inner.mkdir(parents=True)
    with zipfile.ZipFile(path) as opened:
        for member in opened.infolist():
            if member.filename.startswith("/"):
                continue
            target = inner / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(member.external_attr >> 16):
                target.unlink(missing_ok=True)
                target.symlink_to(opened.read(member).decode())
            else:
                target.write_bytes(opened.read(member))
    assert (tmp_path / "escaped.txt").read_text() == "out"
    (tmp_path / "a" / "secret.txt").write_text(secret)
    assert (inner / "linked/attack/target.ipynb").is_symlink()
    assert os.path.getsize(inner / "large/attack/target.ipynb") == 20_000_000  # from 20 kB


def test_a_bomb_is_refused_unopened(batch: Any, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    zeros = b"\0" * 4_000_000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        made.writestr("honest/attack/target.ipynb", batch.file("honest").read_text())
        for number in range(60):
            made.writestr(f"bomb/{number}/target.ipynb", zeros)
    before = time.monotonic()
    done = batch.grade(path)
    assert done.returncode == 2 and "bomb" in done.stderr
    assert time.monotonic() - before < 5
    with zipfile.ZipFile(path) as opened:  # the control: it would take hundreds of times its size
        assert sum(len(opened.read(one)) for one in opened.infolist()) > 200 * path.stat().st_size


class Page(html.parser.HTMLParser):
    """Elements and attributes of a page that could run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form", "img") or any(
            name.startswith("on") or name in ("src", "srcdoc") or (value or "").lower().startswith("javascript:")
            for name, value in attrs
        ):
            self.found.append(f"{tag} {attrs}")


def active(text: str) -> list[str]:
    page = Page()
    page.feed(text)
    return page.found


OUTPUTS = {
    "message": f"def weighted(values):\n    raise ValueError({MARKUP!r})\n",
    "value": f"def weighted(values):\n    return {MARKUP!r}\n",
    "type": f"def weighted(values):\n    raise type({MARKUP!r}, (Exception,), {{}})('=1+1')\n",
    "unusable": f"def weighted(values):\n    return type({MARKUP!r}, (), {{}})()\n",
    "source": f"def weighted(values):\n    raise ValueError  # {MARKUP}\n",
    "template": "def weighted(values):\n    raise ValueError('{{ 7 * 7 }} {% for x in y %} {message} %(x)s `<b>`')\n",
    "key": f"def weighted(values):\n    return {{{MARKUP!r}: 1}}\n",
}


def test_names_and_outputs_stay_text(batch: Any, honest: dict[str, str]) -> None:
    names = [*NAMES]
    for number, name in enumerate(names):
        output = list(OUTPUTS.values())[number % len(OUTPUTS)]
        try:
            batch.hand_in(name, {**honest, "weighted": output, "pick": f"pick = {MARKUP!r}"})
        except OSError:
            pytest.skip(f"this file system has no name {name!r}")
    done = batch.grade()
    assert done.returncode == 0, done.stderr[-2000:]
    assert exact(batch)
    pages = list(batch.report.rglob("*.html"))
    assert len(pages) == len(names) + 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert active(text) == [], page.name
        assert "default-src 'none'" in text
        assert "\u202e" not in text and "\u200b" not in text
        assert ">49<" not in text and " 49 " not in text
        assert page.parent.parent == batch.report or page.parent == batch.report
    for table in batch.report.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
        assert len({len(row) for row in rows}) == 1  # no name has made a row or a column
        for row in rows:
            for entry in row:
                assert not entry.startswith(("=", "+", "@", "\t", "\r", "|", "%")), (table.name, entry)
                assert not entry.startswith("-") or entry.lstrip("-").replace(".", "").isdigit(), (table.name, entry)
    json.loads((batch.report / "results.json").read_text(encoding="utf-8"))


def test_a_plain_report_would_run_them() -> None:
    assert active(f"<td>{MARKUP}</td>") != []
    out = io.StringIO()
    csv.writer(out).writerow(NAMES[:5])
    assert next(csv.reader(io.StringIO(out.getvalue())))[0].startswith("=")
    assert "\u202e" in f"<td>{NAMES[9]}</td>"
    assert "49" in _jinja("{{ 7 * 7 }}")


def _jinja(text: str) -> str:
    jinja2 = pytest.importorskip("jinja2")
    return jinja2.Template(f"<td>{text}</td>").render()
