"""The flags of ``course bench text``, checked before anything heavy is imported."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

from course_lib.core.errors import ContractError

KINDS = ("banking77", "hint3", "matching")
USAGE = "banking77:DIR, hint3:DIR/BOT or matching:DIR/NAME"


@dataclass(frozen=True)
class TextOptions:
    """What ``course bench text`` was asked for.

    Attributes:
        data: ``KIND:PATH``. epochs: ``None`` is the kind's own. steps: at most so many a training; ``None``: no limit.
        seeds: how many fine-tunings, with the seeds ``seed``, ``seed + 1``, …
    """

    data: str
    seed: int = 0
    seeds: int = 1
    epochs: float | None = None
    steps: int | None = None

    @classmethod
    def parse(cls, given: argparse.Namespace) -> TextOptions:
        """Check the flags; raises ContractError."""
        parse_data(given.data)
        if not 0 <= given.seed < 2**32 - 1000:
            raise ContractError(f"--seed is {given.seed}", remedy="Give a whole number from 0 to 4294966295")
        if not 1 <= given.seeds <= 100:
            raise ContractError(f"--seeds is {given.seeds}", remedy="Give a whole number from 1 to 100")
        if given.epochs is not None and not (math.isfinite(given.epochs) and 0 < given.epochs <= 1000):
            raise ContractError(f"--epochs is {given.epochs:g}", remedy="Give a number above 0, at most 1000")
        if given.steps is not None and given.steps < 1:
            raise ContractError(f"--steps is {given.steps}", remedy="Give a whole number of at least 1")
        return cls(given.data, given.seed, given.seeds, given.epochs, given.steps)


def parse_data(argument: str) -> tuple[str, Path, str]:
    """``KIND:PATH`` → kind, the publisher's folder, and the part of it (``""`` for banking77).

    Raises:
        ContractError: an unknown kind, no path, or no part where one is needed.
    """
    kind, colon, path = argument.partition(":")
    if kind not in KINDS or not colon or not path:
        raise ContractError(f"--data is {argument!r}", remedy=f"Give {USAGE}")
    folder = Path(path).expanduser()
    if kind == "banking77":
        return kind, folder, ""
    if folder.name in ("", ".."):
        part = "BOT" if kind == "hint3" else "NAME"
        raise ContractError(f"--data is {argument!r} and names no {part}", remedy=f"Give {kind}:DIR/{part}")
    return kind, folder.parent, folder.name


def command_line(options: TextOptions) -> str:
    """The command that measures the same, without a path of this machine."""
    kind, _, part = parse_data(options.data)
    words = ["course bench text --data", f"{kind}:DIR/{part}" if part else f"{kind}:DIR", f"--seed {options.seed}"]
    for name, usual in (("seeds", 1), ("epochs", None), ("steps", None)):
        value = getattr(options, name)
        if value != usual:
            words.append(f"--{name} {value:g}")
    return " ".join(words)
