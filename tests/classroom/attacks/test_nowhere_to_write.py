"""A folder of 32 MB can hold 300,000 empty files, 1 kB of the kernel's memory each: so there is none to write in."""

from __future__ import annotations

from typing import Any

from course_lib.classroom.process import Plain, Worker
from course_lib.classroom.wire import encode

FILES = """\
import os


def weighted(values):
    for folder in (".", "/tmp", "/tmp/w", "/dev/shm", "/sub", "/", "/usr/lib", "/var/tmp", "/proc"):
        try:
            os.close(os.open(folder + "/canary_empty_file", os.O_CREAT | os.O_WRONLY))
            os.unlink(folder + "/canary_empty_file")
        except OSError:
            continue
        raise RuntimeError("WROTE")
    raise RuntimeError("NOWHERE")
"""


def test_no_file_can_be_made(grader: Any) -> None:
    assert "NOWHERE" in grader.grade({"weighted": FILES})["weighted"]["message"]["en"].partition("`)")[2]


def test_without_the_sandbox_one_can(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with Worker(Plain(), (), 512, 5) as worker:
        worker.request({"op": "load", "key": "k", "setup": "", "source": FILES, "function": "weighted"}, 5)
        reply = worker.request({"op": "call", "key": "k", "arguments": [encode([])]}, 5)
    assert reply["error"]["message"] == "WROTE"
