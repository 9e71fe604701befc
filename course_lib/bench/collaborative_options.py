"""The flags of ``course bench collaborative``, checked before anything heavy is imported."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

from course_lib.core.errors import ContractError

KINDS = ("lightgcn", "gowalla")
USAGE = "lightgcn:DIR"
MODELS = ("popularity", "item_cosine", "ease", "bpr", "ials", "lightgcn")


@dataclass(frozen=True)
class CollaborativeOptions:
    """What ``course bench collaborative`` was asked for.

    Attributes:
        data: ``KIND:PATH``. models: ids, in the order of ``MODELS``.
        budget_minutes: CPU minutes of each training; ``None``: no limit.
    """

    data: str
    models: tuple[str, ...] = MODELS
    seed: int = 0
    budget_minutes: float | None = None

    @classmethod
    def parse(cls, given: argparse.Namespace) -> CollaborativeOptions:
        """Check the flags; raises ContractError."""
        parse_data(given.data)
        if not 0 <= given.seed < 2**32:
            raise ContractError(f"--seed is {given.seed}", remedy="Give a whole number from 0 to 4294967295")
        minutes = given.budget_minutes
        if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
            raise ContractError(f"--budget-minutes is {minutes:g}", remedy="Give a number above 0")
        return cls(given.data, parse_models(given.models), given.seed, minutes)


def parse_models(given: str | None) -> tuple[str, ...]:
    """``a,b`` → ids in the order of the table; ``None``: all. Raises ContractError for an unknown id."""
    if given is None:
        return MODELS
    wanted = [name.strip() for name in given.split(",")]
    unknown = [name for name in wanted if name not in MODELS]
    if unknown:
        raise ContractError(f"--models names {unknown[0]!r}", remedy=f"Known are {', '.join(MODELS)}")
    return tuple(name for name in MODELS if name in wanted)


def parse_data(argument: str) -> tuple[str, Path]:
    """``KIND:PATH`` → kind and folder. Raises ContractError: an unknown kind, or no path."""
    kind, colon, path = argument.partition(":")
    if kind not in KINDS or not colon or not path:
        raise ContractError(f"--data is {argument!r}", remedy=f"Give {USAGE}")
    return kind, Path(path).expanduser()


def command_line(options: CollaborativeOptions) -> str:
    """The command that measures the same, without a path of this machine."""
    words = [f"course bench collaborative --data {parse_data(options.data)[0]}:DIR --seed {options.seed}"]
    words += [f"--models {','.join(options.models)}"] if options.models != MODELS else []
    words += [f"--budget-minutes {options.budget_minutes:g}"] if options.budget_minutes is not None else []
    return " ".join(words)
