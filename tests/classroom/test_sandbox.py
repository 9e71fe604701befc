"""The sandbox's parts that can be checked without an attack: the filter's numbers, the command line, the refusal."""

from __future__ import annotations

import os
import re
import shutil
import struct
import sys
from pathlib import Path

import pytest

from course_lib.classroom import sandbox
from course_lib.classroom.process import Worker
from course_lib.classroom.seccomp import _COMMON, _TABLES, machines, seccomp_filter
from course_lib.core.fingerprint import ROOT

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
needs_sandbox = pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}")


@pytest.mark.parametrize("machine", machines())
def test_numbers_are_those_of_the_kernel_s_headers(machine):
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    text = HEADERS[machine].read_text()
    numbers = {name.removeprefix("3264_"): int(n) for name, n in re.findall(r"#define __NR_?_?(\w+)\s+(\d+)", text)}
    _, clone, denied = _TABLES[machine]
    known = {
        name: number for name, number in {**denied, **_COMMON, "clone": clone, "clone3": 435}.items() if name in numbers
    }
    assert len(known) > 30
    assert known == {name: numbers[name] for name in known}


def run(program: bytes, arch: int, number: int, argument: int = 0) -> int:
    """A classic BPF machine, enough for the filter: the action that it returns."""
    data = struct.pack("=IIQQ", number, arch, 0, argument)
    instructions = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        code, true, false, k = instructions[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return k
        else:
            holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[code]
            at += true if holds else false


@pytest.mark.parametrize("machine", machines())
def test_the_filter_refuses_what_is_listed_and_allows_the_rest(machine):
    arch, clone, denied = _TABLES[machine]
    program = seccomp_filter(machine)
    listed = {**denied, **_COMMON}
    for number in range(500):
        action = run(program, arch, number, argument=0x00010000)
        if number in listed.values():
            assert action == 0x00050001, f"{number} is allowed"
        elif number == 435:
            assert action == 0x00050026  # ENOSYS
        else:
            assert action == 0x7FFF0000, f"{number} is refused"
    assert run(program, arch, clone, argument=0x11) == 0x00050001  # a new process
    assert run(program, arch, clone, argument=0x3D0F00) == 0x7FFF0000  # a new thread
    assert run(program, 0x40000003, 1) == 0x80000000  # another architecture's table: killed
    if machine == "x86_64":
        assert run(program, arch, 0x40000000 + 39) == 0x00050001


@needs_sandbox
def test_the_worker_sees_nothing_of_ours():
    with Worker(sandbox.Sandbox(), (), 512, 5) as worker:
        source = (
            "import os, sys\n"
            "def look(path):\n"
            f"    found = [p for p in (path, {str(ROOT / 'solutions')!r}, {str(ROOT / 'course_lib')!r}, '/home', '/etc') if os.path.exists(p)]\n"
            "    return found, dict(os.environ), sorted(os.listdir('/sub')), os.getuid()"
        )
        assert (
            worker.request({"op": "load", "key": "k", "setup": "", "source": source, "function": "look"}, 5)["ok"]
            is True
        )
        reply = worker.request({"op": "call", "key": "k", "arguments": [str(ROOT / "tests")]}, 5)
    from course_lib.classroom.wire import decode

    found, environment, files, uid = decode(reply["value"])
    assert found == [] and files == ["wire.py", "worker.py"] and uid != 0
    assert set(environment) <= {"PATH", "HOME", "LANG", "PWD", "PYTHONHASHSEED", "LC_CTYPE",
                                "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}  # fmt: skip


@needs_sandbox
def test_a_checkout_inside_a_visible_folder_is_covered(tmp_path, monkeypatch):
    """An image with the course under /usr/src: binding /usr must not show it."""
    secret = Path("/usr/share/doc")
    monkeypatch.setattr(sandbox, "ROOT", secret)
    with Worker(sandbox.Sandbox(), (), 512, 5) as worker:
        source = "import os\ndef look(path):\n    return os.listdir(path)"
        worker.request({"op": "load", "key": "k", "setup": "", "source": source, "function": "look"}, 5)
        assert worker.request({"op": "call", "key": "k", "arguments": [str(secret)]}, 5)["value"] == {
            "t": "list",
            "v": [],
        }


@pytest.fixture
def fresh():
    sandbox.why_not.cache_clear()
    yield
    sandbox.why_not.cache_clear()


def test_refusals_name_reason_and_remedy(monkeypatch, fresh):
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "riscv64")
    if sys.platform.startswith("linux"):
        assert "riscv64" in str(sandbox.why_not())
    sandbox.why_not.cache_clear()
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    if sys.platform.startswith("linux"):
        assert "apt install bubblewrap" in str(sandbox.why_not())
    sandbox.why_not.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in str(sandbox.why_not()) and "--trust-submissions" in str(sandbox.why_not())


def test_a_sandbox_that_does_not_start_is_refused_with_the_system_s_words(monkeypatch, fresh, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sandbox, "_bwrap", lambda: str(broken))
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    if sys.platform.startswith("linux") and sandbox.platform.machine() in machines():
        assert "uid map: Permission denied" in str(sandbox.why_not()) and "AppArmor" in str(sandbox.why_not())


def test_the_sandbox_works_where_it_must():
    """CI sets COURSE_REQUIRE_SANDBOX: a machine without bubblewrap would skip all attacks and still be green."""
    if not os.environ.get("COURSE_REQUIRE_SANDBOX"):
        pytest.skip("COURSE_REQUIRE_SANDBOX is not set")
    assert sandbox.why_not() is None
