"""Examples to learn from: every event of a history is the answer to the events before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.core.errors import ContractError
from course_lib.language.training import shuffled_batches
from course_lib.recommend.sequential.histories import Histories
from course_lib.recommend.sequential.network import PAD


class Batch(NamedTuple):
    """Some histories: items, times and what came next, int64 [b, l]; ``PAD`` after the end of shorter ones."""

    items: Tensor
    times: Tensor
    target: Tensor

    @property
    def real(self) -> Tensor:
        """bool [b, l]: which places are no padding."""
        return self.target != PAD


class Examples:
    """The histories with at least two events, the last ``length + 1`` of each: all but the last go in, all but the first come out.

    Attributes:
        lengths: int64 [n], events that go in.

    Raises:
        ContractError: no history has two events.
    """

    def __init__(self, histories: Histories, length: int):
        self._histories, self._length = histories, length
        self._rows = np.flatnonzero(histories.lengths >= 2)
        if not len(self._rows):
            raise ContractError("no user has two events, so that nothing follows anything", remedy="Use more of the log")
        self.lengths = np.minimum(histories.lengths[self._rows] - 1, length)

    def batch(self, which: np.ndarray) -> Batch:
        """The examples of these numbers (int64 [b]), padded at the end."""
        shape = (len(which), int(self.lengths[which].max()))
        items, times, target = (np.full(shape, fill, dtype=np.int64) for fill in (PAD, 0, PAD))
        for i, row in enumerate(self._rows[which]):
            item, time = self._histories.of(row, self._length + 1)
            items[i, : len(item) - 1], target[i, : len(item) - 1] = item[:-1], item[1:]
            times[i, : len(item) - 1], times[i, len(item) - 1 :] = time[:-1], time[-1]
        return Batch(*map(torch.from_numpy, (items, times, target)))

    def __len__(self) -> int:
        return len(self.lengths)


def padded(examples: Examples, size: int, seed: int) -> Iterator[Batch]:
    """Endless batches of ``size`` histories in random order, each epoch anew."""
    for which in shuffled_batches(len(examples), size, seed):
        yield examples.batch(which)
