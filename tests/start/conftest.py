"""One tiny run for all tests of the first hour, and the means to start others, in this process and in new ones."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import cli
from course_lib.core.fingerprint import ROOT
from course_lib.start import first_hour

#: sizes and trainings that take seconds: nothing is learned, but everything is walked through
TINY = ("--items", "60", "--users", "40", "--queries", "20")
STEPS = {"pretraining": 6, "finetuning": 4, "classifier": 3}

#: ``course`` in a new process, with the trainings of this process or others
DRIVER = """
import json, sys
import torch
from course_lib import cli
from course_lib.start import first_hour
torch.set_num_threads(int(sys.argv[1]))
first_hour.STEPS.update(json.loads(sys.argv[2]))
sys.exit(cli.main(sys.argv[3:]))
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The error's only line; progress of stages that finished before may stand above it."""
        lines = [line for line in self.err.split("\n") if line.startswith("course: ")]
        assert len(lines) == 1 and self.err.endswith(lines[0] + "\n"), self.err
        assert "Traceback" not in self.err
        return lines[0]

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which is one strict JSON object on one line and nothing else."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1 and self.out.endswith("}\n"), self.out[:200]

        def no_constant(name: str) -> None:
            raise AssertionError(f"{name} in the JSON")

        return json.loads(self.out, parse_constant=no_constant)


def course(*arguments: str) -> Done:
    """``course`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    return Done(code, out.getvalue(), err.getvalue())


def start(*arguments: str, **steps: int) -> subprocess.Popen[str]:
    """``course`` in a new process."""
    command = [sys.executable, "-c", DRIVER, str(torch.get_num_threads()), json.dumps({**STEPS, **steps}), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
    )


def measured(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what two runs may differ in: seconds and memory."""
    return {key: value for key, value in result.items() if key not in ("seconds", "peak_rss_mb")}


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@dataclass(frozen=True)
class Tiny:
    """The tiny run: its folder, its JSON, and what it said on the way."""

    folder: Path
    done: Done

    @property
    def result(self) -> dict[str, Any]:
        return self.done.json


@pytest.fixture(scope="session", autouse=True)
def few_steps() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name, steps in STEPS.items():
            patch.setitem(first_hour.STEPS, name, steps)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny(few_steps, tmp_path_factory) -> Tiny:
    """An uninterrupted run with seed 0. Tests must not change its folder."""
    folder = tmp_path_factory.mktemp("tiny") / "run"
    return Tiny(folder, course("run", *TINY, "--out", str(folder), "--json"))


PRODUCTS = [
    {"id": str(n), "title": f"{brand} {colour} {thing}", "supplier": brand, "name": f"N{n}", "price": 1000 + n}
    for n, (brand, colour, thing) in enumerate(
        (b, c, t)
        for b in ("Acme", "Zenit")
        for c in ("black", "white")
        for t in ("laser printer", "desk lamp", "usb cable", "phone case")
    )
]
RATED = "Broad_Query_Set_rated.csv"
GRADES = [("laser printer", "0", 3), ("laser printer", "1", 0), ("white lamp", "5", 3), ("usb cable", "2", 2)]


@pytest.fixture
def chorus(tmp_path) -> Path:
    """A small shop in the publisher's layout."""
    folder = tmp_path / "chorus"
    folder.mkdir()
    with zipfile.ZipFile(folder / "1.json.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.json", json.dumps(PRODUCTS))
    rows = ["query,docid,rating", *(f"{query},{item},{grade}" for query, item, grade in GRADES)]
    (folder / RATED).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Tools:
    """What the tests start and compare runs with (conftest modules can't be imported in importlib mode)."""

    course: Callable[..., Done] = course
    start: Callable[..., Any] = start
    measured: Callable[..., Any] = measured
    contents: Callable[..., Any] = contents
    tiny_sizes: tuple[str, ...] = TINY
    steps: tuple[tuple[str, int], ...] = tuple(STEPS.items())


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()
