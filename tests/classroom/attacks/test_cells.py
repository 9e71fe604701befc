"""Each cell of ``cells/`` is harmless in the sandbox, and does its harm without it.

What a control shows (``# control:`` in the cell), when the naive grader runs the same source:

- ``full``: it earns every point; ``full channel``: the first reply on the channel says so
- ``leak``: the report holds the secret; ``done``: it did what it tried, and says so
- ``canary``: the canary is changed or gone; ``hit``: a listener was reached; ``left``: a process stays behind
- ``hangs``: it does not end (``sigterm``: not even when asked to); ``dies``: there is no report at all
- ``floods``: it prints without end; ``kills``: other processes of the user are gone
- ``stalls channel``, ``swallows channel``, ``breaks channel``: a naive reader waits, reads 50 MB, or fails
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

#: what a hostile submission may cost
MOST_SECONDS = 10.0


def test_harmless_in_the_sandbox(
    attack: Any, host: Any, grader: Any, best_constant: dict[str, float], secret: str
) -> None:
    before = time.monotonic()
    verdict = grader.grade({"weighted": host.source(attack), "pick": 'pick = "c"'})["weighted"]
    assert time.monotonic() - before <= MOST_SECONDS
    assert verdict["points"] <= best_constant["weighted"] * verdict["max_points"] + 1e-9, verdict
    assert host.untouched()
    assert host.listeners.hits == 0
    said = json.dumps(verdict, ensure_ascii=False)
    assert secret not in said
    after_the_quoted_line = verdict["message"]["en"].partition("`)")[2]
    assert "DONE" not in after_the_quoted_line, verdict
    deadline = time.monotonic() + 3
    while (host.processes() or grader.children()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not host.processes() and not grader.children()


def test_works_without_the_sandbox(attack: Any, host: Any, naive: Any, secret: str) -> None:
    kind, *more = attack.control.split()
    channel = "channel" in more
    seconds = {"hangs": 0.8, "stalls": 0.8, "left": 5.0}.get(kind, 20.0)
    if kind == "kills":
        return _kills(attack, host, naive)
    if attack.name == "connect_own_address" and host.facts["address"] == "127.0.0.1":
        pytest.skip("this machine has no other address than 127.0.0.1")
    run = naive.run(attack, seconds, channel) if "sigterm" not in more else None
    points = (run.report or {}).get("points", 0) if run else 0
    message = (run.report or {}).get("message", "") if run else ""
    if kind == "full":
        assert points == 12, run
    elif kind == "leak":
        assert secret in message, message
    elif kind == "done":
        _skip_where_impossible(attack.name, message, run)
        assert "DONE" in message, run
    elif kind == "canary":
        assert not host.untouched()
    elif kind == "hit":
        _wait_for(lambda: host.listeners.hits)
        assert host.listeners.hits, message
    elif kind == "left":
        found = host.processes()
        for pid in found:
            os.kill(pid, 9)
        assert found  # the naive grader's process group is dead by now: these went out of its reach
    elif kind == "hangs":
        assert run.running if run else _survives_sigterm(attack, naive)
    elif kind == "dies":
        assert run.report is None and not run.running, run
    elif kind == "floods":
        assert run.output >= 50_000_000
    elif kind == "stalls":
        assert run.running and run.report is None
    elif kind == "swallows":
        assert len(run.received) >= 50_000_000
    elif kind == "breaks":
        with pytest.raises(RecursionError):
            json.loads(run.received[4:])
    else:
        pytest.fail(f"{attack.name}: unknown control {kind}")


def test_there_are_at_least_thirty() -> None:
    cells = list((Path(__file__).parent / "cells").glob("*.py"))
    assert len(cells) >= 30
    for cell in cells:
        assert cell.read_text().startswith("# tries: "), cell.name


def test_the_grader_stays_small(grader: Any) -> None:
    """After whatever attacks have run in this process: at most 150 MB."""
    grader.ask()
    assert grader.peak_mb <= 150


def _wait_for(what: Any, seconds: float = 2.0) -> None:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)


def _skip_where_impossible(name: str, message: str, run: Any) -> None:
    """A control that this machine's user can't show, and why. Nothing else is skipped."""
    root = os.geteuid() == 0
    read_only = bool(os.statvfs("/proc/sys").f_flag & os.ST_RDONLY)
    if name == "change_kernel_settings" and (not root or read_only) and "DONE" not in message:
        pytest.skip("kernel settings can't be written here anyway")
    if name == "open_other_memory" and not root and "DONE" not in message:
        pytest.skip("this machine's users may not open one another's memory anyway (ptrace_scope)")
    if name == "interrupt_32_bit" and run.report is None:
        pytest.skip("this machine has no 32-bit system calls")
    if name == "overwrite_the_worker" and not root and "DONE" not in message:
        pytest.skip("this user may not write the checkout")
    if name == "fork_bomb" and "temporarily unavailable" in message:
        pytest.skip("this machine gives this user fewer than 40 more processes")
    if name == "memory_2_gib" and "Cannot allocate" in message:
        pytest.skip("this machine does not give 2 GiB")
    if name == "fill_shared_memory" and "DONE" not in message and shutil.disk_usage("/dev/shm").free < 50_000_000:
        pytest.skip("/dev/shm is smaller than 50 MB")


def _survives_sigterm(attack: Any, naive: Any) -> bool:
    process, _ = naive.start(attack)
    try:
        time.sleep(0.6)
        process.terminate()
        time.sleep(0.3)
        return process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _kills(attack: Any, host: Any, naive: Any) -> None:
    """In a process namespace of its own, since else it would end the tests, and as root the machine."""
    file = host.folder / "submission.py"
    file.write_text(host.source(attack))
    grading = f"{sys.executable} {Path(__file__).parent / 'naive_grader.py'} {file} {host.folder}/report"
    harmless = host.folder / "harmless.py"
    harmless.write_text("def weighted(values):\n    return 0.0\n")
    for command, alive in ((grading.replace(str(file), str(harmless)), True), (grading, False)):
        user = [] if os.geteuid() == 0 else ["--unshare-user"]
        script = f"sleep 30 & neighbour=$!; {command}; kill -0 $neighbour && echo neighbour lives; kill $neighbour"
        done = subprocess.run(
            ["bwrap", *user, "--unshare-pid", "--die-with-parent", "--bind", "/", "/", "--dev", "/dev",
             "--proc", "/proc", "sh", "-c", script], capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert ("neighbour lives" in done.stdout) == alive, done
