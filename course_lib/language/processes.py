"""Training by several processes: ``accelerate launch --num_processes 2 script.py`` and nothing else changes.

(On a machine without GPUs ``accelerate launch`` starts one process unless MPI is there; ``torchrun --nproc_per_node 2
script.py`` starts two.)

Data-parallel training is one idea: every process holds the same weights and sees other batches, and before each step
the gradients are averaged. PyTorch's ``DistributedDataParallel`` does the same while it still computes gradients, but
only for a call of the whole model; our losses use its parts, so we average once, after the backward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.core.errors import CourseError


class Processes:
    """The processes of this training.

    Attributes:
        count: how many; 1 unless ``accelerate launch`` (or torchrun) started more.
        rank: number of this one, from 0; the first writes files and shows the progress bar.
        device: ``"cuda:1"``: the GPU of this process; ``None`` where every device is for it to choose.
    """

    def __init__(self) -> None:
        self.count, self.rank, self.device = 1, 0, None
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return
        try:
            from accelerate import PartialState
        except ImportError as error:
            remedy = "pip install accelerate, or start one process"
            raise CourseError("several processes need accelerate", where="WORLD_SIZE", remedy=remedy) from error
        state = PartialState(cpu=not torch.cuda.is_available())
        self.count, self.rank = state.num_processes, state.process_index
        self.device = str(state.device) if state.device.type == "cuda" else None

    @property
    def first(self) -> bool:
        """Is this the process that writes files and shows progress?"""
        return self.rank == 0

    def spread(self, model: nn.Module) -> None:
        """Give all processes the weights and buffers of the first."""
        if self.count > 1:
            for value in (*model.parameters(), *model.buffers()):
                torch.distributed.broadcast(value.data, src=0)

    def average(self, values: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, in place. They travel as one vector: one message."""
        values = list(values)
        if self.count > 1 and values:
            flat = torch.cat([value.reshape(-1) for value in values])
            torch.distributed.all_reduce(flat)
            flat /= self.count
            for value, part in zip(values, flat.split([value.numel() for value in values])):
                value.copy_(part.view_as(value))

    def gather(self, value: Any) -> list[Any]:
        """``value`` of every process, by rank; on the first only (others get an empty list)."""
        if self.count == 1:
            return [value]
        values: list[Any] | None = [None] * self.count if self.first else None
        torch.distributed.gather_object(value, values)
        return values or []
