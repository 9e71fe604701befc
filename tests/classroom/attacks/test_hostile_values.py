"""What comes over the channel, and what stands in a cell, may be made to break, stall or fill the grader that reads it.

Each hostile value goes through the whole of our reading (``unpack``, ``decode``, comparing, rendering); its control
shows what a plain reader does with it: an exception, much time, or much memory.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from course_lib.classroom import wire
from course_lib.classroom.attempted import attempted
from course_lib.classroom.compare import close
from course_lib.classroom.literal import NotPlain, read_literal
from course_lib.classroom.process import Plain, Stopped, Worker
from course_lib.classroom.render import render
from course_lib.classroom.submission import defines, without_magics

MOST_SECONDS, MOST_MB = 1.5, 60
PRIME = 2**61 - 1  # hash(k * PRIME) is 0 for every k
EXPECTED = [1.5, 3, "text", [1.0, 2.0], {"a": 1}, {1, 2}, None, True, np.arange(3.0)]


def spent(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result or exception, seconds of processor time, and peak memory in MB."""
    tracemalloc.start()
    before = time.process_time()  # of this process, whatever else the machine does
    try:
        try:
            result = work()
        except Exception as error:
            result = error
        seconds = time.process_time() - before
        return result, seconds, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def read(body: bytes) -> Any:
    """All that the grader does with a reply."""
    value = wire.decode(wire.unpack(body).get("value"))
    for expected in EXPECTED:
        close()(expected, value, ())
        close()(value, expected, ())
    assert len(render(value)) <= 300
    return value


def value(data: Any) -> bytes:
    return json.dumps({"value": data}).encode()


def array(name: str, shape: Any, raw: Any) -> bytes:
    return value({"t": "array", "v": [name, shape, raw]})


HUGE = 10**6
#: name -> the reply, whether it must be refused (else: read like any value), the plain reader's way
REPLIES: dict[str, tuple[bytes, bool, Callable[[bytes], Any] | None]] = {
    "nested_200k_deep": (b'{"value":' + b"[" * 200_000 + b"]" * 200_000 + b"}", True, json.loads),
    "nested_objects": (b'{"value":' + b'{"t":' * 100_000 + b"1" + b"}" * 100_000 + b"}", True, json.loads),
    "opened_never_closed": (b'{"value":' + b"[" * 200_000, True, json.loads),
    "a_whole_number_of_4000_digits": (b'{"value":' + b"9" * 4_000 + b"}", True,
                                      lambda body: abs(json.loads(body)["value"] - 1.5) < 1e-9),
    "a_whole_number_of_900k_digits": (b'{"value":' + b"9" * 900_000 + b"}", True, json.loads),
    "a_number_of_350_digits": (b'{"value":' + b"9" * 350 + b"}", False,
                               lambda body: abs(json.loads(body)["value"] - 1.5) < 1e-9),
    "not_a_number": (b'{"value":NaN}', True, lambda body: 1 / (json.loads(body)["value"] <= 1)),
    "infinity": (b'{"value":-Infinity}', True, lambda body: int(json.loads(body)["value"])),
    "overflows_to_infinity": (b'{"value":1e999}', False, lambda body: int(json.loads(body)["value"])),
    "lone_surrogate": (b'{"value":"\\ud800"}', False, lambda body: json.loads(body)["value"].encode()),
    "not_utf8": (b'{"value":"\xff"}', True, json.loads),
    "not_an_object": (b"[1]", True, lambda body: json.loads(body)["value"]),
    "empty": (b"", True, json.loads),
    "members_of_one_hash": (value({"t": "set", "v": [PRIME * k for k in range(1, 40_000)]}), True, None),
    "keys_of_one_hash": (value({"t": "dict", "v": [[PRIME * k, 0] for k in range(1, 35_000)]}), True, None),
    "set_of_lists": (value({"t": "set", "v": [{"t": "list", "v": []}]}), True,
                     lambda body: {tuple, list}.__class__(json.loads(body)["value"]["v"])),
    "dict_of_no_pairs": (value({"t": "dict", "v": [1, 2]}), True, lambda body: dict(json.loads(body)["value"]["v"])),
    "an_unknown_type": (value({"t": "pickle", "v": "gASV"}), True, lambda body: {"list": list}[json.loads(body)["value"]["t"]]),
    "a_type_that_is_a_list": (value({"t": [], "v": []}), True, lambda body: {}[tuple(json.loads(body)["value"]["t"])]),
    "a_dtype_that_is_a_list": (array([], [1], ""), True, lambda body: {}[tuple(json.loads(body)["value"]["v"][0])]),
    "a_dtype_of_objects": (array("O", [1], "AAAAAAAAAAA="), True, lambda body: np.frombuffer(b"\0" * 8, dtype="O")),
    "object_pointers_as_text": (array("object", [8], "AAAAAAAA"), False, lambda body: np.frombuffer(b"\0" * 8, dtype=object)),
    "billions_of_empty_rows": (array("float64", [HUGE, 0], ""), False,
                               lambda body: np.empty(json.loads(body)["value"]["v"][1]).tolist()),
    "a_tensor_of_empty_rows": (value({"t": "tensor", "v": {"t": "array", "v": ["float32", [HUGE, 0], ""]}}), False,
                               lambda body: np.empty(json.loads(body)["value"]["v"]["v"][1]).tolist()),
    "a_shape_that_overflows": (array("float64", [2**39, 2**39, 2**39, 0], ""), True,
                               lambda body: np.empty(json.loads(body)["value"]["v"][1])),
    "a_shape_below_zero": (array("float64", [-1], "AAAAAAAAAAA="), True, None),
    "a_shape_of_no_numbers": (array("float64", ["a"], "AAAAAAAAAAA="), True,
                              lambda body: np.empty(json.loads(body)["value"]["v"][1])),
    "a_terabyte": (array("float64", [2**37], ""), True, lambda body: np.empty(json.loads(body)["value"]["v"][1])),
    "broken_base64": (array("float64", [1], "?"), True, lambda body: np.frombuffer(b"?", dtype="float64")),
    "a_scalar_too_large": (value({"t": "scalar", "v": ["int8", 10**300]}), True, lambda body: np.int8(10**300)),
    "a_scalar_of_text": (value({"t": "scalar", "v": ["float64", "x"]}), True, lambda body: np.float64("x")),
    "a_scalar_in_a_scalar": (value({"t": "scalar", "v": ["float64", {"t": "tensor", "v": {"t": "list", "v": []}}]}), True, None),
    "a_tensor_of_nothing": (value({"t": "tensor", "v": None}), True, lambda body: json.loads(body)["value"]["v"].shape),
    "hex_that_is_none": (value({"t": "str", "v": "zz"}), True, lambda body: bytes.fromhex("zz")),
    "quotes_without_an_end": (b'{"value":"' + b'\\"' * 450_000, True, json.loads),
    "backslashes": (b'{"value":"' + b"\\" * 900_000, True, json.loads),
    "brackets_in_texts": (b'{"value":"' + b"[" * 900_000 + b'"}', False, None),
    "a_flat_list_of_numbers": (b'{"value":{"t":"list","v":[' + b"1.5," * 220_000 + b"0]}}", False, None),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_read_or_refused(name: str) -> None:
    body, refused, _ = REPLIES[name]
    result, seconds, megabytes = spent(lambda: read(body))
    assert isinstance(result, wire.WireError) if refused else not isinstance(result, Exception), result
    assert seconds <= 4 * MOST_SECONDS  # tracing memory takes several times as long as reading
    assert megabytes <= MOST_MB
    before = time.process_time()
    spent_plainly(lambda: read(body))
    assert time.process_time() - before <= MOST_SECONDS


def spent_plainly(work: Callable[[], Any]) -> None:
    try:
        work()
    except Exception:
        pass


@pytest.mark.parametrize("name", [one for one, (_, _, plain) in REPLIES.items() if plain is not None])
def test_a_plain_reader_breaks(name: str) -> None:
    body, _, plain = REPLIES[name]
    result, _, megabytes = spent(lambda: plain(body))
    assert isinstance(result, (Exception, MemoryError)) or megabytes > MOST_MB, result


@pytest.mark.parametrize("n", [2_000, 4_000])
def test_members_of_one_hash_take_quadratic_time(n: int) -> None:
    """The control of ``members_of_one_hash``: twice the members, about four times the time (at 40,000: half a minute)."""

    def seconds(count: int, step: int) -> float:
        members = [step * k for k in range(1, count)]
        best = min(_timed(lambda: set(members)) for _ in range(3))
        return best

    assert seconds(n, PRIME) > 20 * seconds(n, PRIME - 2)


def _timed(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def test_a_backtracking_pattern_takes_quadratic_time() -> None:
    """The control of ``quotes_without_an_end``: the same pattern, without possessive repeats and without an open end."""
    body = REPLIES["quotes_without_an_end"][0]
    ours = _timed(lambda: wire._depth(body))
    plain = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
    long, short = (b'"' + b'\\"' * count for count in (6_000, 1_000))
    assert _timed(lambda: list(plain.finditer(long))) > 15 * _timed(lambda: list(plain.finditer(short)))  # linear: 6
    assert ours < 1.0


LONG = 190_000  # below the cap on a cell
#: cells that are never run (choices, numbers, stubs to compare with), only parsed
CELLS = {
    "a_long_sum": "pick = " + "+".join(["1"] * 1_500),
    "a_longer_sum": "pick = " + "+".join(["1"] * (LONG // 2)),
    "a_chain_of_calls": "pick = a" + "()" * 1_600,
    "a_chain_of_names": "pick = a" + ".b" * 2_400,
    "many_signs": "pick = " + "-" * 4_900 + "1",
    "many_nots": "pick = " + "not " * 1_200 + "1",
    "many_lambdas": "pick = " + "lambda:" * 700 + "1",
    "many_brackets": "pick = " + "(" * 2_400 + ")" * 2_400,
    "many_digits": "pick = " + "9" * 4_900,
    "powers": "pick = 9 ** 9 ** 9 ** 9",
    "products": "pick = " + "1e300 * " * 50 + "1",
    "texts": "pick = " + "'a' * 10 ** 10",
    "a_list_of_numbers": "pick = [" + "1," * (LONG // 2 - 10) + "]",
    "a_nul": "pick = '\0'",
    "a_surrogate": "pick = '\\ud800'",
    "a_call": "pick = __import__('os').system('true') or 'c'",
    "a_format": "pick = f'{chr(99)}'",
    "nothing_but_comments": "# pick\n" * (LONG // 7),
    "elifs": "if 1:\n  pick = 1\n" + "elif 1:\n  pick = 1\n" * 8_000,
    "decorators": "@a\n" * 40_000 + "def pick(): 0",
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_parsed_in_bounds(name: str) -> None:
    source = CELLS[name]

    def parse() -> str:
        attempted(source, "pick = ...", "pick")
        defines(without_magics(source), "pick")
        try:
            return str(read_literal(source, "pick"))
        except NotPlain as problem:
            return problem.text.en

    result, seconds, megabytes = spent(parse)
    assert isinstance(result, str), result
    assert result != "c"  # nothing was run
    assert seconds <= 4 * MOST_SECONDS and megabytes <= MOST_MB


@pytest.mark.parametrize(
    "name", ["a_long_sum", "a_chain_of_calls", "many_nots", "many_brackets", "many_digits", "a_nul"]
)
def test_parsing_it_plainly_breaks(name: str) -> None:
    with pytest.raises((RecursionError, SyntaxError, ValueError, MemoryError)):
        ast.dump(ast.parse(CELLS[name]))


@pytest.mark.parametrize("name", ["powers", "texts"])
def test_evaluating_it_plainly_does_not_end(name: str) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); "
    with pytest.raises((subprocess.TimeoutExpired, subprocess.CalledProcessError)):
        subprocess.run(
            [sys.executable, "-I", "-c", limit + CELLS[name]], check=True, timeout=0.7, stderr=subprocess.DEVNULL
        )


def test_a_reader_that_never_reads() -> None:
    """A full pipe: the worker is busy, the request larger than the pipe's buffer."""
    question = {"op": "load", "key": "f", "setup": "", "function": "f", "source": "import time\ntime.sleep(60)"}
    with Worker(Plain(), (), 512, 5.0) as worker:
        with pytest.raises(Stopped, match="time"):
            worker.request(question, 0.2)
        before = time.monotonic()
        with pytest.raises(Stopped, match="time"):
            worker.request({"op": "call", "key": "f", "arguments": ["a" * 2_000_000]}, 0.3)
        assert time.monotonic() - before < 2


def test_a_plain_writer_waits_for_ever() -> None:
    child = "import time; time.sleep(60)"
    writer = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=subprocess.PIPE); "
        "p.stdin.write(b'a' * 2_000_000)"
    )
    process = subprocess.Popen([sys.executable, "-I", "-c", writer, child], start_new_session=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
    finally:
        import os

        os.killpg(process.pid, 9)
        process.wait()


def test_many_large_replies(grader: Any) -> None:
    """Each below the cap on one reply; together they would take the grader's memory, since values are kept."""
    large = "def weighted(values):\n    return [1.5] * 200_000\n"
    verdict = grader.grade({"weighted": large})["weighted"]
    assert verdict["points"] == 0
    assert grader.ask()["peak_mb"] <= 150
    tracemalloc.start()  # the control: a reader that keeps them all
    body = json.dumps([1.5] * 200_000, separators=(",", ":"))
    kept = json.loads(body)
    assert len(body) < wire.REPLY_BYTES and len(kept) == 200_000
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    assert megabytes * (2 + 1 + 8) > MOST_MB  # one for every input of the question
