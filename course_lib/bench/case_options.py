"""What ``course bench case`` is asked for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Self

from course_lib.core.errors import ContractError

ENCODERS = ("minilm", "small")
LEAST, MOST = 1_000, 2_000_000  #: products of a case


@dataclass(frozen=True)
class CaseOptions:
    """Sizes, encoder and seed of a case."""

    items: int = 100_000
    queries: int = 1_000
    k: int = 100
    encoder: str = "minilm"
    growth: bool = False
    seed: int = 0

    @classmethod
    def parse(cls, given: argparse.Namespace) -> Self:
        """Check the flags; raises ContractError."""
        if not LEAST <= given.items <= MOST:
            raise ContractError(f"--items is {given.items}", remedy=f"Give a whole number from {LEAST} to {MOST}")
        if not 1 <= given.queries <= 100_000:
            raise ContractError(f"--queries is {given.queries}", remedy="Give a whole number from 1 to 100000")
        if not 1 <= given.k <= 1_000:
            raise ContractError(f"--k is {given.k}", remedy="Give a whole number from 1 to 1000")
        if not 0 <= given.seed < 2**32:
            raise ContractError(f"--seed is {given.seed}", remedy="Give a whole number from 0 to 4294967295")
        return cls(given.items, given.queries, given.k, given.encoder, given.growth, given.seed)

    def command_line(self) -> str:
        """The command that measures this again."""
        line = f"course bench case --items {self.items} --queries {self.queries} --k {self.k} --encoder {self.encoder}"
        return line + (" --growth" if self.growth else "") + f" --seed {self.seed}"
