"""The range on which attacks are tried: canaries, listeners, a small exercise, our grader and a naive one.

An attack is a file in ``cells/``: the source of an answer cell, with two comment lines that say what it tries and what
its control must show, when the same source runs without the sandbox (``test_cells.py`` lists the kinds). It finds in
``HOST`` what an attacker could know of the machine: paths, ports, no secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from course_lib.classroom import process, sandbox
from course_lib.core.fingerprint import ROOT

HERE = Path(__file__).parent
MASTER = '''\
# %% setup=true
import numpy as np

# %% question="weighted" points=5
def weighted(values):
    """Sum of place times value, places from 1."""
    ### BEGIN SOLUTION
    return float(sum((place + 1) * value for place, value in enumerate(values)))
    ### END SOLUTION

# %% question="unseen" points=5
def unseen(number):
    """Twice the number, plus one."""
    ### BEGIN SOLUTION
    return 2 * number + 1
    ### END SOLUTION

# %% question="third" points=1
def third(text):
    """The length of the text."""
    ### BEGIN SOLUTION
    return len(text)
    ### END SOLUTION

# %% question="pick" points=1
pick = ...  # one letter
### BEGIN SOLUTION
pick = "c"
### END SOLUTION
'''
SPEC = """\
from course_lib.classroom.spec import Case, Choice, Code, Text, Wrong


def draw(generator):
    return (generator.integers(1, 9, size=int(generator.integers(3, 12))).tolist(),)


def draw_number(generator):
    return (int(generator.integers(10**6, 10**9)),)


QUESTIONS = (
    Code(
        name="weighted", seconds=1.0,
        cases=(
            Case("basic", Text("a short list", "短列表"), 2.0, inputs=(([1, 2, 3],), ([4, 0, 1],)),
                 expect=Text("place times value", "位置乘以值")),
            Case("empty", Text("no values", "空列表"), 0.5, inputs=(([],),), expect=Text("zero", "零")),
            Case("drawn", Text("longer lists", "更长的列表"), 2.5, draw=draw, n=8, hidden=True),
        ),
        hints=(Text("enumerate", "用 enumerate"),),
        wrong=(Wrong("plain_sum", "def weighted(values):\\n    return float(sum(values))",
                     Text("you forget the places", "漏了位置")),),
    ),
    Code(
        name="unseen", seconds=1.0,
        cases=(Case("drawn", Text("some numbers", "若干个数"), 5.0, draw=draw_number, n=8, hidden=True),),
        hints=(Text("twice", "两倍"),),
        wrong=(Wrong("twice", "def unseen(number):\\n    return 2 * number", Text("one is missing", "少了一")),),
    ),
    Code(
        name="third", seconds=1.0,
        cases=(Case("basic", Text("a word", "一个词"), 1.0, inputs=(("abc",), ("",), ("word",)),
                    expect=Text("its length", "长度")),),
        hints=(Text("len", "len"),),
        wrong=(Wrong("zero", "def third(text):\\n    return 0", Text("not always 0", "并不总是 0")),),
    ),
    Choice(name="pick", options="abcde", hints=(Text("look", "看"),),
           wrong=tuple(Wrong(one, f'pick = "{one}"', Text(f"{one} is not it", f"不是 {one}")) for one in "abde")),
)
"""
#: an honest learner's answers, worth every point
HONEST = {
    "weighted": "def weighted(values):\n    return float(sum(n * v for n, v in enumerate(values, 1)))",
    "unseen": "def unseen(number):\n    return number + number + 1",
    "third": "def third(text):\n    return len(text)",
    "pick": 'pick = "c"',
}


@dataclass(frozen=True)
class Attack:
    """One file of ``cells/``."""

    name: str
    text: str

    @property
    def control(self) -> str:
        return re.search(r"^# control: (.+)$", self.text, re.MULTILINE)[1]


def all_attacks() -> list[Attack]:
    return [Attack(path.stem, path.read_text()) for path in sorted((HERE / "cells").glob("*.py"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        attacks = all_attacks()
        metafunc.parametrize("attack", attacks, ids=[one.name for one in attacks])


@pytest.fixture(scope="session", autouse=True)
def sandbox_here() -> None:
    """These tests need the sandbox; a machine without it says so."""
    problem = sandbox.why_not()
    if problem is not None:
        assert not os.environ.get("COURSE_REQUIRE_SANDBOX"), problem
        pytest.skip(f"no sandbox here: {problem}")


class Listeners:
    """Servers that count who reaches them: TCP and UDP on every address, and an abstract Unix socket."""

    def __init__(self, mark: str) -> None:
        self.hits = 0
        self.tcp = socket.create_server(("0.0.0.0", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", self.port))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind("\0" + mark)
        self.unix.listen()
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self.tcp, self.udp, self.unix, self._end], [], [])
            if self._end in ready:
                return
            for one in ready:
                self.hits += 1
                if one is self.udp:
                    one.recv(100)
                else:
                    one.accept()[0].close()

    def close(self) -> None:
        os.write(self._ended, b"x")
        self._thread.join()
        for one in (self.tcp, self.udp, self.unix):
            one.close()
        os.close(self._end)
        os.close(self._ended)


@dataclass
class Host:
    """The machine as an attacker would like to find it."""

    folder: Path
    course: Path
    secret: str
    mark: str
    listeners: Listeners
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def canary(self) -> Path:
        return self.folder / "precious" / "canary.txt"

    def source(self, attack: Attack) -> str:
        return f"HOST = {self.facts!r}\n{attack.text}"

    def untouched(self) -> bool:
        return self.canary.is_file() and self.canary.read_text() == "sings"

    def processes(self) -> list[int]:
        """Living processes that carry the attack's mark."""
        return [pid for pid in _pids() if self.mark in _read(f"/proc/{pid}/comm") + _read(f"/proc/{pid}/cmdline")
                and _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] != ["Z"]]  # fmt: skip


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def own_address() -> str:
    """An address of this machine that is not 127.0.0.1 (no packet is sent to find it), or ""."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return ""


@pytest.fixture(scope="session")
def secret() -> str:
    """In the grader's environment, in a file of its user, and in the spec; nowhere that an attacker is told."""
    return "SECRET-" + secrets.token_hex(8)


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory, secret: str) -> Path:
    root = tmp_path_factory.mktemp("course")
    for path, text in (("solutions/attack/target.py", MASTER), ("tests/attack/grade_target.py", f"# {secret}\n{SPEC}")):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def host(tmp_path: Path, course: Path, secret: str) -> Any:
    mark = "atk" + secrets.token_hex(5)
    listeners = Listeners(mark)
    found = Host(tmp_path, course, secret, mark, listeners)
    found.canary.parent.mkdir()
    found.canary.write_text("sings")
    (tmp_path / "secret.txt").write_text(secret)
    found.facts = {
        "canary": str(found.canary), "secret": str(tmp_path / "secret.txt"), "mark": mark, "port": listeners.port,
        "address": own_address() or "127.0.0.1", "root": str(ROOT), "sites": process.site_folders(),
        "solution": str(course / "solutions/attack/target.py"), "spec": str(course / "tests/attack/grade_target.py"),
        "code": str(process.WORKER_FILES[0]),
    }  # fmt: skip
    yield found
    listeners.close()


class Grader:
    """Our grader, in a process of its own with a secret in its environment."""

    def __init__(self, course: Path, secret: str, *arguments: str) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "grader_process.py"), str(course), *arguments], text=True, bufsize=1,
            env={**os.environ, "ATTACK_TOKEN": secret, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.peak_mb = 0.0

    def ask(self, **request: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(request) + "\n")
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        assert ready, "the grader itself hangs"
        line = self.process.stdout.readline()
        assert line, "the grader itself has died"
        reply = json.loads(line)
        self.peak_mb = reply["peak_mb"]
        return reply

    def grade(self, sources: dict[str, str], seed: int = 0) -> dict[str, dict[str, Any]]:
        """Verdicts by the question's name."""
        verdicts = self.ask(sources=sources, seed=seed)["verdicts"]
        return {one["question"].partition("/")[2]: one for one in verdicts}

    def children(self) -> list[int]:
        """Processes that the grader has started and that still are there, zombies too."""
        mine = str(self.process.pid)
        return [pid for pid in _pids() if _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2] == [mine]]

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="session")
def grader(course: Path, secret: str) -> Any:
    one = Grader(course, secret)
    yield one
    one.close()


@pytest.fixture(scope="session")
def best_constant(grader: Grader) -> dict[str, float]:
    """Share of the points that the best constant answer to each question earns."""
    return {name: guess["share"] for name, guess in grader.ask()["best"].items()}


@pytest.fixture(scope="session")
def new_grader(course: Path, secret: str) -> Any:
    """Makes a grader of other arguments."""
    made: list[Grader] = []

    def make(*arguments: str) -> Grader:
        made.append(Grader(course, secret, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@dataclass
class Run:
    """What the naive grader made of an attack."""

    report: dict[str, Any] | None
    running: bool
    output: int
    received: bytes


class Naive:
    """Runs an attack in the naive grader, on this machine, unprotected: the attacks are written to be survived."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def start(
        self, attack: Attack, channel: bool = False, path: str = ""
    ) -> tuple[subprocess.Popen[bytes], int | None]:
        file = self.host.folder / "submission.py"
        file.write_text(self.host.source(attack))
        work = self.host.folder / "work"
        work.mkdir(exist_ok=True)
        reading, writing = os.pipe() if channel else (None, None)
        target = str(writing) if channel else str(self.host.folder / "report.json")
        env = {**os.environ, "ATTACK_TOKEN": self.host.secret}
        if path:
            env["PYTHONPATH"] = path
        process = subprocess.Popen(
            [sys.executable, str(HERE / "naive_grader.py"), str(file), target, self.host.facts["secret"]], cwd=work,
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True, pass_fds=(writing,) if channel else (),
        )  # fmt: skip
        if channel:
            os.close(writing)
        return process, reading

    def run(
        self, attack: Attack, seconds: float = 10.0, channel: bool = False, path: str = "", most: int = 60_000_000
    ) -> Run:
        """Run it until it has ended, for at most so long, and read at most so much of what it sends."""
        process, reading = self.start(attack, channel, path)
        watched = {process.stdout.fileno(): 0, **({reading: 0} if channel else {})}
        received, deadline = bytearray(), time.monotonic() + seconds
        try:
            while watched and time.monotonic() < deadline and max(watched.values()) < most:
                for one in select.select(list(watched), [], [], 0.05)[0]:
                    part = os.read(one, 1 << 20)
                    if one == reading:
                        received += part
                    watched[one] += len(part)
                    if not part:
                        watched.pop(one)
                if process.poll() is not None and not select.select(list(watched), [], [], 0)[0]:
                    break
            output = watched.get(process.stdout.fileno(), 0)
            enough = bool(watched) and max(watched.values()) >= most
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0 if enough else max(deadline - time.monotonic(), 0.05))
            running = process.poll() is None
            return Run(self._report(bytes(received), channel), running, output, bytes(received))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            process.stdout.close()
            if channel:
                os.close(reading)

    def _report(self, received: bytes, channel: bool) -> dict[str, Any] | None:
        file = self.host.folder / "report.json"
        if not channel:
            return json.loads(file.read_text()) if file.exists() and file.read_text() else None
        size = int.from_bytes(received[:4], "big")
        whole = 0 < size < 300_000 and len(received) >= 4 + size
        return json.loads(received[4 : 4 + size]) if whole else None


@pytest.fixture
def naive(host: Host) -> Naive:
    return Naive(host)


def notebook(cells: dict[str, str]) -> str:
    """A handed-in notebook: question -> source of its answer cell."""
    return json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "code", "id": name, "outputs": [], "execution_count": None, "source": source,
                   "metadata": {"nbgrader": {"grade": False, "grade_id": name, "solution": True}}}
                  for name, source in cells.items()],
    })  # fmt: skip


class Instructor:
    """Runs ``course grade`` on submissions to the small course, with the secret in its environment."""

    def __init__(self, folder: Path, course: Path, secret: str) -> None:
        self.submissions, self.report = folder / "submissions", folder / "report"
        self.submissions.mkdir()
        self.private = folder / "private"
        (self.private / "attack").mkdir(parents=True)
        for there in ("solutions/attack/target.py", "tests/attack/grade_target.py"):
            shutil.copy(course / there, self.private / "attack")
        self.env = {**os.environ, "ATTACK_TOKEN": secret, "COURSE_LANG": "en",
                    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}  # fmt: skip

    def file(self, learner: str, suffix: str = ".ipynb") -> Path:
        """Where a learner's file goes; its folder is made."""
        path = self.submissions / learner / "attack" / f"target{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def hand_in(self, learner: str, cells: dict[str, str]) -> None:
        self.file(learner).write_text(notebook(cells), encoding="utf-8")

    def grade(
        self, submissions: Path | None = None, jobs: int = 2, seconds: float = 300
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "course_lib.cli", "grade", str(submissions or self.submissions),
             "--out", str(self.report), "--private-specs", str(self.private), "--jobs", str(jobs)], env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    def points(self) -> dict[tuple[str, str], float]:
        """(learner, question) -> points, from grades.csv."""
        import csv

        with (self.report / "grades.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {(row["learner"], row["question"].partition("/")[2]): float(row["points"]) for row in rows}

    def says(self, text: str) -> list[Path]:
        """Files of the report that hold a text."""
        wanted = text.encode()
        return [path for path in sorted(self.report.rglob("*")) if path.is_file() and wanted in path.read_bytes()]


@pytest.fixture
def instructor(tmp_path: Path, course: Path, secret: str) -> Instructor:
    return Instructor(tmp_path, course, secret)


@pytest.fixture
def every_attack() -> list[Attack]:
    return all_attacks()


@pytest.fixture
def honest() -> dict[str, str]:
    return dict(HONEST)
