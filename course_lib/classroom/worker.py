"""Runs one learner's cells, in a process that can be lost. Standard library only; it is copied into the sandbox.

It reads requests from one pipe and writes replies to another (``wire.pack``); it holds no answers, so nothing that a
learner's code does to it can raise a score. Requests, in order: ``start`` (libraries to import before any clock runs),
then per question ``load`` (setup cell and answer cell) and ``call`` (one input). It never ends by itself: the grader
kills it.
"""

from __future__ import annotations

import os
import struct
import sys
import traceback
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402  (isolated mode leaves the script's own folder out of the path)

del sys.path[0]

ANSWER = "<your answer>"
_KEPT = 4_000  # characters of what a learner prints
_BLOCKED = "course_lib"


class Printed:
    """Stands for stdout and stderr: keeps the first ``_KEPT`` characters, forgets the rest."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.left = _KEPT

    def write(self, text: str) -> int:
        """As a text file's."""
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def isatty(self) -> bool:
        """No colours, no progress bars."""
        return False

    def take(self) -> str:
        """What was printed since the last call."""
        text = "".join(self.parts) + ("\n…" if self.left < 0 else "")
        self.parts, self.left = [], _KEPT
        return text


class NoAnswers:
    """An import hook: a graded answer can't import the course's own."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """As ``importlib.abc.MetaPathFinder``'s. Raises ImportError for the course's package."""
        if name.partition(".")[0] == _BLOCKED:
            raise ImportError(f"{_BLOCKED} can't be imported in a graded answer: write the function yourself")


def main() -> None:
    """Serve requests until the channel closes; arguments: the descriptors of requests and of replies."""
    requests, replies = int(sys.argv[1]), int(sys.argv[2])
    printed = Printed()
    sys.stdout = sys.stderr = printed
    functions: dict[str, Any] = {}
    torch = None
    while True:
        request = _read(requests)
        try:
            if request["op"] == "start":
                torch = _start(request)
                reply: dict[str, Any] = {"ok": True}
            elif request["op"] == "load":
                names = {"__name__": "__main__", "__builtins__": __builtins__}
                exec(compile(request["setup"], "<setup>", "exec"), names)
                exec(compile(request["source"], ANSWER, "exec"), names)
                function = functions[request["key"]] = names.get(request["function"])
                reply = {"ok": callable(function), "defined": request["function"] in names}
            else:
                reply = _call(functions[request["key"]], request["arguments"], torch)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the learner's too
            reply = _error(error)
        reply["printed"] = printed.take()
        try:
            message = wire.pack(reply)
        except Exception as error:
            message = wire.pack(_error(error))
        if len(message) > wire.REPLY_BYTES:
            message = wire.pack({"error": {"unsendable": f"a value of {len(message):,} bytes"}})
        while message:
            message = message[os.write(replies, message) :]


def _start(request: dict[str, Any]) -> Any:
    """Set limits, make the environment's packages importable (but not ours), import what the questions use."""
    sys.path += request["site"]
    if "torch" in request["uses"]:
        import tempfile

        tempfile.tempdir = os.getcwd()  # it asks for one at import, and would find none that it can write
    for name in request["uses"]:
        __import__(name)
    if request["limits"]:
        _limit(request["memory_mb"], request["seconds"])
    sys.meta_path.insert(0, NoAnswers())
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    return torch


def _limit(memory_mb: int, seconds: int) -> None:
    import resource

    def lower(which: int, value: int) -> None:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError):  # macOS can't bound the address space; the clock outside still holds
            pass

    lower(resource.RLIMIT_AS, memory_mb * 2**20)
    lower(resource.RLIMIT_CPU, seconds)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, 16 * 2**20)


def _call(function: Any, encoded: list[Any], torch: Any) -> dict[str, Any]:
    arguments = [wire.decode(one, torch) for one in encoded]
    before = [wire.encode(one) for one in arguments]
    value = function(*arguments)
    changed = [n for n, one in enumerate(arguments) if not _same(before[n], one)]
    return {"value": wire.encode(value), "changed": changed}


def _same(before: Any, argument: Any) -> bool:
    try:
        return wire.encode(argument) == before
    except wire.Unsendable:
        return False


def _error(error: BaseException) -> dict[str, Any]:
    if isinstance(error, wire.Unsendable):
        return {"error": {"unsendable": error.kind[:200]}}
    line = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == ANSWER:
            line = number
    if isinstance(error, SyntaxError) and error.filename == ANSWER:
        line = error.lineno
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)[:500]
    except BaseException:
        message = ""
    message = message.encode("utf-8", "replace").decode()
    return {"error": {"type": type(error).__name__[:100], "message": message, "line": line}}


def _read(pipe: int) -> dict[str, Any]:
    (size,) = struct.unpack(">I", _exactly(pipe, 4))
    import json  # no depth limit here: what comes is ours

    return json.loads(_exactly(pipe, size))


def _exactly(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, min(size, 1 << 20))
        if not part:
            os._exit(0)  # the grader has gone
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
