"""Checkpoints: everything a training needs to go on as if it had never stopped, in one safetensors file.

A step depends on the weights, on AdamW's two moving averages per weight, on the state of the random numbers (dropout)
and on the batch. The first three are in the file; batches are drawn again from their seed up to the step.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import atomic_file

FILE = "checkpoint.safetensors"
_AVERAGES = ("step", "exp_avg", "exp_avg_sq")  # AdamW's names for what it keeps of each weight


@dataclass
class Checkpoint:
    """Where a training keeps its state.

    Args:
        folder: of the file; it is made when needed.
        settings: JSON-ready; what must be the same for the training to go on. Never trust a checkpoint of another run.
    """

    folder: str | os.PathLike[str]
    settings: dict[str, Any]

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.folder) / FILE

    def write(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, random: list[Tensor], record: dict[str, Any]
    ) -> None:
        """Replace the file; a kill in the middle leaves the one before. ``record`` (JSON) comes back by ``read``."""
        tensors = {f"model.{name}": value for name, value in _state(model).items()}
        for name, weight in model.named_parameters():
            for key, value in optimiser.state.get(weight, {}).items():
                tensors[f"adam.{key}.{name}"] = value
        tensors |= {f"random.{rank}": state for rank, state in enumerate(random)}
        data = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        about = {"settings": json.dumps(self.settings), "record": json.dumps(record)}
        try:
            with atomic_file(self.path, "wb") as file:
                file.write(save(data, metadata=about))
        except OSError as error:  # a full disk
            raise CourseError(f"can't write the checkpoint ({error})", where=str(self.path)) from error

    def read(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, rank: int = 0
    ) -> tuple[Tensor, dict[str, Any]] | None:
        """Put the file's state into model and optimiser: the random state of process ``rank`` and the record.

        Returns:
            ``None`` where there is no file yet.

        Raises:
            DataError: the file is broken, or another training wrote it.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                about = file.metadata() or {}
                settings, record = json.loads(about["settings"]), json.loads(about["record"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            remedy = "Delete it and start anew"
            raise DataError(f"not a checkpoint ({error})", where=str(self.path), remedy=remedy) from error
        self._compare(settings, tensors, model)
        with torch.no_grad():
            for name, value in _state(model).items():
                value.copy_(tensors[f"model.{name}"])
        for name, weight in model.named_parameters():
            kept = {key: tensors.get(f"adam.{key}.{name}") for key in _AVERAGES}
            if kept["step"] is not None:
                optimiser.state[weight] = {key: value.to(weight.device) for key, value in kept.items()}
        return tensors[f"random.{rank}"], record

    def _compare(self, settings: dict[str, Any], tensors: dict[str, Tensor], model: nn.Module) -> None:
        """Raises DataError that names what differs between the run that wrote the file and this one."""
        for key in sorted(settings.keys() | self.settings.keys()):
            before, now = settings.get(key), self.settings.get(key)
            if before != now:
                self._refuse(f"{key} was {before} and is {now}")
        mine = {f"model.{name}": list(value.shape) for name, value in _state(model).items()}
        theirs = {key: list(value.shape) for key, value in tensors.items() if key.startswith("model.")}
        for key in sorted(mine.keys() | theirs.keys()):
            if mine.get(key) != theirs.get(key):
                self._refuse(f"{key} was {theirs.get(key, 'not there')} and is {mine.get(key, 'not there')}")

    def _refuse(self, why: str) -> None:
        remedy = "Name another folder, or delete the file to start anew"
        raise DataError(f"a checkpoint of another training: {why}", where=str(self.path), remedy=remedy)


def _state(model: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers, each once (tied matrices have two names in ``state_dict``)."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}
