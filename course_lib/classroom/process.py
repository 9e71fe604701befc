"""A worker process seen from outside: requests with deadlines, bounded replies, a certain end."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from course_lib.classroom import wire

START_SECONDS = 20.0  # before any of the learner's code runs; torch on a cold disk takes a while
_HERE = Path(__file__).parent
#: what the sandbox gets of ours: neither holds an answer
WORKER_FILES = (_HERE / "worker.py", _HERE / "wire.py")


class Stopped(Exception):
    """The worker can't go on. ``reason``: ``time``, ``died``, ``protocol`` or ``start``; ``detail`` is safe to show."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class Confinement(Protocol):
    """Where a worker runs."""

    #: whether the worker itself sets its limits (else the confinement does)
    limits: bool

    def command(self, requests: int, replies: int, memory_mb: int, seconds: int) -> tuple[list[str], tuple[int, ...]]:
        """The command line, and file descriptors to pass on besides the two pipes (closed after the start)."""


class Plain:
    """A process of one's own user with limits of memory and time, for one's own work: no protection from malice."""

    limits = True

    def command(self, requests: int, replies: int, memory_mb: int, seconds: int) -> tuple[list[str], tuple[int, ...]]:
        """See ``Confinement``."""
        return [*python(), str(WORKER_FILES[0]), str(requests), str(replies)], ()


def python() -> list[str]:
    """The base interpreter, isolated and without site packages' start-up files (the worker adds the folders itself)."""
    return [os.path.realpath(sys.executable), "-I", "-S", "-B", "-u"]


def site_folders() -> list[str]:
    """Folders of installed packages, as the worker sees them."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    folders += [entry for entry in sys.path if entry.rstrip("/").endswith(("site-packages", "dist-packages"))]
    return [folder for folder in dict.fromkeys(map(os.path.abspath, folders)) if os.path.isdir(folder)]


class Worker:
    """One worker process; a context manager that leaves no process behind.

    Args:
        confinement: where it runs.
        uses: libraries to import before the clock starts.
        memory_mb: its address space.
        seconds: processor time that it may use in all.

    Raises:
        Stopped: it did not start (``start``).
    """

    def __init__(self, confinement: Confinement, uses: Sequence[str], memory_mb: int, seconds: float):
        theirs_in, self._requests = os.pipe()
        self._replies, theirs_out = os.pipe()
        self._open = True
        self.received = 0
        self.process: subprocess.Popen[bytes] | None = None
        spent = int(seconds) + 1
        extra: tuple[int, ...] = ()
        try:
            command, extra = confinement.command(theirs_in, theirs_out, memory_mb, spent)
            # An empty environment: as an ordinary user, /proc/1/environ in the sandbox shows what we pass.
            threads = {
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
                "PYTHONHASHSEED": "0",
            }
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs_in, theirs_out, *extra), env=threads, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self.close()
            raise Stopped("start", f"{type(error).__name__}: {error.strerror}") from error
        finally:
            for descriptor in (theirs_in, theirs_out, *extra):
                os.close(descriptor)
        os.set_blocking(self._requests, False)
        os.set_blocking(self._replies, False)
        start = {"op": "start", "site": site_folders(), "uses": list(uses), "limits": confinement.limits}
        try:
            reply = self.request({**start, "memory_mb": memory_mb, "seconds": spent}, START_SECONDS)
        except Stopped as stopped:
            self.close()
            raise Stopped("start", f"{stopped.reason} {stopped.detail}".strip()) from None
        if "error" in reply:
            self.close()
            raise Stopped("start", str(reply["error"].get("message", ""))[:200])

    def request(self, message: dict[str, Any], seconds: float, most: float = wire.REPLY_BYTES) -> dict[str, Any]:
        """Send a message and read the reply of at most ``most`` bytes (``received`` tells how many there were).

        Raises:
            Stopped: there is no good reply in time; the worker is of no use after that.
        """
        deadline = time.monotonic() + max(seconds, 0.0)
        self._write(wire.pack(message), deadline)
        (size,) = struct.unpack(">I", self._read(4, deadline))
        if size > min(most, wire.REPLY_BYTES):
            raise Stopped("protocol", "a reply that is too long")
        self.received = size
        try:
            return wire.unpack(self._read(size, deadline))
        except wire.WireError as error:
            raise Stopped("protocol", str(error)) from None

    def close(self) -> None:
        """Kill the worker and what it started, and reap it."""
        if not self._open:
            return
        self._open = False
        os.close(self._requests)
        os.close(self._replies)
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._requests, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._requests, view) :]
            except BlockingIOError:
                pass
            except OSError:  # nobody reads any more
                raise self._died() from None

    def _read(self, size: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while size:
            self._wait(self._replies, select.POLLIN, deadline)
            try:
                part = os.read(self._replies, min(size, 1 << 16))
            except BlockingIOError:
                continue
            if not part:
                raise self._died()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Stopped("time")

    def _died(self) -> Stopped:
        """Why the other end was closed."""
        try:
            code = self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return Stopped("protocol", "it closed its channel")
        if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            return Stopped("time")
        return Stopped("died", f"exit code {code}")
