"""What the benchmarks share: flags, seconds by system, lines of a table, and how a result leaves the command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any


def add_flags(parser: argparse.ArgumentParser, *, trained: str) -> None:
    """The flags that every benchmark has; ``trained``: what the seeds train, for the help."""
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help=f"{trained} with N seeds, from S on; all are reported (default: 1)"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="at most N steps a training, for a quick try")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the result, with its provenance")


def deliver(
    result: dict[str, Any],
    given: argparse.Namespace,
    *,
    command: str,
    seeds: Iterable[int],
    modules: Iterable[str],
    summary: Callable[[dict[str, Any]], str],
) -> int:
    """Save the result where ``--save`` says, print it as JSON or as tables; returns the exit code.

    Args:
        command: that measures the same, without paths of this machine. modules: whose code the result depends on.
    """
    import json

    from course_lib.core.provenance import save_result

    if given.save is not None:
        save_result(given.save, result, command=command, data=result["data"], seeds=seeds, modules=modules)
    print(json.dumps(result, ensure_ascii=False, allow_nan=False) if given.json else summary(result))
    return 0


class Clock:
    """CPU seconds by name, added up; says on stderr what runs."""

    def __init__(self, progress: bool):
        self._progress, self._spent, self._start = progress, {}, time.process_time()

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Call ``work`` and add its seconds to those of ``name``."""
        if self._progress:
            print(f"{name} …", file=sys.stderr, flush=True)
        start = time.process_time()
        value = work()
        self._spent[name] = self._spent.get(name, 0.0) + time.process_time() - start
        return value

    def seconds(self) -> dict[str, float]:
        """Name → seconds, and ``"total"`` since the clock was made."""
        return {
            **{name: round(spent, 2) for name, spent in self._spent.items()},
            "total": round(time.process_time() - self._start, 2),
        }


def cell(value: float | None, interval: list[float] | None, digits: int = 3) -> str:
    """A value of a table with its interval."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + (f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]" if interval else "")


def line_of_test(test: dict[str, Any], digits: int = 3) -> str:
    """One paired test: a, b, metric, difference, interval, p_value, p_holm."""
    low, high = test["interval"]
    head = f"  {test['a']} − {test['b']}, {test['metric'].replace('_', ' ')}: {test['difference']:+.{digits}f}"
    return f"{head} [{low:+.{digits}f}, {high:+.{digits}f}], paired test p = {test['p_value']:.4f} (Holm: {test['p_holm']:.4f})"
