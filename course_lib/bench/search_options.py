"""The flags of ``course bench search``, checked before anything heavy is imported."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from course_lib.core.errors import ContractError

KINDS = ("chorus",)
USAGE = "chorus:DIR"


@dataclass(frozen=True)
class SearchOptions:
    """What ``course bench search`` was asked for.

    Attributes:
        data: ``KIND:PATH``. steps: of the fine-tuning; ``None`` is the benchmark's own.
        seeds: how many fine-tunings, with the seeds ``seed``, ``seed + 1``, …
    """

    data: str
    seed: int = 0
    seeds: int = 1
    steps: int | None = None

    @classmethod
    def parse(cls, given: argparse.Namespace) -> SearchOptions:
        """Check the flags; raises ContractError."""
        parse_data(given.data)
        if not 0 <= given.seed < 2**32 - 1000:
            raise ContractError(f"--seed is {given.seed}", remedy="Give a whole number from 0 to 4294966295")
        if not 1 <= given.seeds <= 100:
            raise ContractError(f"--seeds is {given.seeds}", remedy="Give a whole number from 1 to 100")
        if given.steps is not None and given.steps < 1:
            raise ContractError(f"--steps is {given.steps}", remedy="Give a whole number of at least 1")
        return cls(given.data, given.seed, given.seeds, given.steps)


def parse_data(argument: str) -> tuple[str, Path]:
    """``KIND:PATH`` → kind and the publisher's folder.

    Raises:
        ContractError: an unknown kind, or no path.
    """
    kind, colon, path = argument.partition(":")
    if kind not in KINDS or not colon or not path:
        raise ContractError(f"--data is {argument!r}", remedy=f"Give {USAGE}")
    return kind, Path(path).expanduser()


def command_line(options: SearchOptions) -> str:
    """The command that measures the same, without a path of this machine."""
    words = [f"course bench search --data {parse_data(options.data)[0]}:DIR --seed {options.seed}"]
    words += [f"--seeds {options.seeds}"] if options.seeds != 1 else []
    words += [f"--steps {options.steps}"] if options.steps is not None else []
    return " ".join(words)
