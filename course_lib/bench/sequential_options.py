"""The flags of ``course bench sequential``, checked before anything heavy is imported."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

from course_lib.core.errors import ContractError

USAGE = "s3rec:DIR/NAME.txt"
MODELS = ("popularity", "item_cosine", "rules", "sasrec_bce", "sasrec")  #: measured by default
MORE = ("lstm", "hstu")  #: measured where they are named


@dataclass(frozen=True)
class SequentialOptions:
    """What ``course bench sequential`` was asked for.

    Attributes:
        data: ``KIND:PATH``. models: ids, in the order of ``MODELS`` and ``MORE``.
        seeds: how many trainings of each network, with the seeds ``seed``, ``seed + 1``, …
        budget_minutes: CPU minutes of each training; ``None``: no limit.
    """

    data: str
    models: tuple[str, ...] = MODELS
    seed: int = 0
    seeds: int = 1
    budget_minutes: float | None = None

    @classmethod
    def parse(cls, given: argparse.Namespace) -> SequentialOptions:
        """Check the flags; raises ContractError."""
        parse_data(given.data)
        if not 0 <= given.seed < 2**32 - 1000:
            raise ContractError(f"--seed is {given.seed}", remedy="Give a whole number from 0 to 4294966295")
        if not 1 <= given.seeds <= 100:
            raise ContractError(f"--seeds is {given.seeds}", remedy="Give a whole number from 1 to 100")
        minutes = given.budget_minutes
        if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
            raise ContractError(f"--budget-minutes is {minutes:g}", remedy="Give a number above 0")
        return cls(given.data, parse_models(given.models), given.seed, given.seeds, minutes)


def parse_models(given: str | None) -> tuple[str, ...]:
    """``a,b`` → ids in the order of the table; ``None``: the default. Raises ContractError for an unknown id."""
    if given is None:
        return MODELS
    wanted = [name.strip() for name in given.split(",")]
    unknown = [name for name in wanted if name not in MODELS + MORE]
    if unknown:
        raise ContractError(f"--models names {unknown[0]!r}", remedy=f"Known are {', '.join(MODELS + MORE)}")
    return tuple(name for name in MODELS + MORE if name in wanted)


def parse_data(argument: str) -> tuple[str, Path, str]:
    """``s3rec:DIR/NAME.txt`` (or ``…/NAME``) → kind, the publisher's folder, NAME.

    Raises:
        ContractError: an unknown kind, or no name.
    """
    kind, colon, path = argument.partition(":")
    file = Path(path).expanduser()
    name = file.name.removesuffix(".txt")
    if kind != "s3rec" or not colon or name in ("", ".", "..") or file.suffix not in ("", ".txt"):
        raise ContractError(f"--data is {argument!r}", remedy=f"Give {USAGE}")
    return kind, file.parent, name


def command_line(options: SequentialOptions) -> str:
    """The command that measures the same, without a path of this machine."""
    kind, _, name = parse_data(options.data)
    words = [f"course bench sequential --data {kind}:DIR/{name}.txt --seed {options.seed}"]
    words += [f"--seeds {options.seeds}"] if options.seeds != 1 else []
    words += [f"--models {','.join(options.models)}"] if options.models != MODELS else []
    words += [f"--budget-minutes {options.budget_minutes:g}"] if options.budget_minutes is not None else []
    return " ".join(words)
