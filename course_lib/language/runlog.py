"""Curves of a training: TensorBoard, Weights & Biases (offline), or nothing at all."""

from __future__ import annotations

import os
from typing import Any

from course_lib.core.errors import ContractError, CourseError


class RunLog:
    """Scalars per step. Both programs are imported when asked for only, since each costs a second.

    Args:
        log_dir: where the curves go: TensorBoard's in a folder named ``tag``, those of Weights & Biases in ``wandb``.
        first_step: later steps of an earlier, killed run are cut off TensorBoard's curve from here on.
        wandb_project: also keep the run for Weights & Biases, offline: nothing leaves this machine until somebody runs
            ``wandb sync`` on the folder.

    Raises:
        ContractError: ``wandb_project`` without ``log_dir``. CourseError: wandb is not installed.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None,
        tag: str,
        *,
        first_step: int = 1,
        wandb_project: str | None = None,
        config: dict[str, Any] | None = None,
    ):
        self._writer = self._run = None
        if wandb_project is not None and log_dir is None:
            raise ContractError("wandb_project needs a log_dir", remedy="Say where the run's files shall go")
        if log_dir is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(os.path.join(log_dir, tag), purge_step=first_step if first_step > 1 else None)
        if wandb_project is not None:
            self._run = _offline(wandb_project, tag, os.fspath(log_dir), config or {})

    def __enter__(self) -> RunLog:
        return self

    def write(self, step: int, **values: float) -> None:
        """One point of each curve."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        if self._run is not None:
            self._run.log(values, step=step)

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._run is not None:
            self._run.finish(exit_code=int(exception[0] is not None))


def _offline(project: str, tag: str, folder: str, config: dict[str, Any]) -> Any:
    try:
        import wandb
    except ImportError as error:
        remedy = "pip install wandb, or leave wandb_project out"
        raise CourseError("Weights & Biases is not installed", where="wandb_project", remedy=remedy) from error
    os.makedirs(folder, exist_ok=True)  # wandb falls back to a temporary folder, silently, where it is missing
    settings = wandb.Settings(silent=True, console="off")
    return wandb.init(project=project, name=tag, dir=folder, mode="offline", config=config, settings=settings)
