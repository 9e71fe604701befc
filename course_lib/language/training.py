"""One training loop for every small model of the course: warm-up, decay, clipping, bf16 where it is fast, a history.

A long training goes on where a kill left it (``checkpoint``), on one device or on several (``accelerate launch``).
"""

from __future__ import annotations

import itertools
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.core.errors import ContractError, CourseError
from course_lib.core.seeds import generator
from course_lib.language.checkpoint import Checkpoint
from course_lib.language.precision import Precision, autocast_to, device_of, pick_device, pick_precision, trainable_attention
from course_lib.language.processes import Processes
from course_lib.language.runlog import RunLog

__all__ = [
    "History", "Precision", "autocast_to", "device_of", "fit", "pick_device", "pick_precision", "schedule",
    "shuffled_batches",
]  # fmt: skip


@dataclass
class History:
    """What happened in training, one entry per optimiser step.

    Attributes:
        tag: name of the run, as in TensorBoard.
        device: ``"cpu"`` or ``"cuda"``.
        precision: ``"bf16"`` (autocast; weights and optimiser stay float32) or ``"fp32"``.
        note: why the precision is not what was asked for; ``""`` where it is.
        loss: the batch's loss; learning_rate: of that step; seconds: since the start of ``fit``.
    """

    tag: str
    device: str
    precision: Precision
    note: str = ""
    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def step(self) -> list[int]:
        """Step numbers, from 1."""
        return list(range(1, len(self.loss) + 1))

    @property
    def steps_per_second(self) -> float:
        """Mean speed of the whole run (0 where no step was made)."""
        return len(self.seconds) / self.seconds[-1] if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``History(**d)`` restores it."""
        return asdict(self)


def fit(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], Tensor],
    *,
    steps: int,
    learning_rate: float,
    warmup: float = 0.1,
    decay: Literal["linear", "cosine"] = "linear",
    clip: float = 1.0,
    weight_decay: float = 0.01,
    seed: int = 0,
    autocast: bool = True,
    device: str = "auto",
    log_dir: str | os.PathLike[str] | None = None,
    wandb_project: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 100,
    after_step: Callable[[int, nn.Module], bool | None] | None = None,
    tag: str = "training",
    progress: bool = True,
) -> History:
    """Train ``model`` in place with AdamW for ``steps`` batches; leaves it in eval mode on the device it trained on.

    The same seed, batches and number of threads give the same losses on a CPU, in a new process too; a GPU's sums may
    differ in the last bits. The caller's global random state is left as it was.

    Under ``accelerate launch`` with N processes, each takes every N-th batch, gradients are averaged, and the losses
    told are means over the processes: N times the batch, in-batch negatives stay within a process.

    Args:
        batches: yields at least ``steps`` batches (for each process); ``loss`` moves them to ``device_of(model)``.
        loss: ``loss(model, batch)`` is the scalar to minimise (a mean, so that batches of any size weigh the same).
        warmup: share of the steps in which the learning rate rises linearly; then it decays to 0.
        clip: largest norm of the gradient. weight_decay: on matrices only, not on biases and normalisations.
        autocast: use bf16 where the machine computes it in hardware (``History.precision`` says which was used).
        log_dir: where TensorBoard scalars go, in a folder named ``tag``.
        wandb_project: also keep the run in ``log_dir`` for Weights & Biases, offline.
        checkpoint: folder in which the training keeps its state every ``checkpoint_every`` steps and at the end. Where
            it holds a state, the training goes on from there: with the same arguments, and with ``batches`` that start
            again and depend on their seed alone, the final weights equal an uninterrupted run's to the bit (CPU).
            A finished training is not repeated.
        after_step: called after each step with the number of steps made and the model, before the checkpoint; True ends
            the training. What it must remember over a kill belongs into buffers of the model.

    Raises:
        ContractError: ``steps`` < 1, too few batches, settings out of range.
        CourseError: the loss is not finite. DataError: ``checkpoint`` holds the state of another training.
    """
    if steps < 1 or not learning_rate > 0 or not 0 <= warmup <= 1 or decay not in ("linear", "cosine"):
        raise ContractError("fit needs steps ≥ 1, learning_rate > 0, warmup between 0 and 1, decay linear or cosine")
    if checkpoint_every < 1:
        raise ContractError(f"checkpoint_every is {checkpoint_every}; it must be at least 1")
    processes = Processes()
    where = pick_device(device)
    precision, note = pick_precision(where, autocast)
    history = History(tag=tag, device=where, precision=precision, note=note)
    model.to(processes.device if where == "cuda" and processes.device else where).train()
    processes.spread(model)
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, fused=True)
    settings = dict(steps=steps, learning_rate=learning_rate, warmup=warmup, decay=decay, clip=clip, tag=tag, seed=seed,
                    weight_decay=weight_decay, precision=precision, processes=processes.count)  # fmt: skip
    state = None if checkpoint is None else Checkpoint(checkpoint, settings)
    gpus = [device_of(model).index or 0] if where == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed + processes.rank)  # each process its own dropout
        stopped = _go_on(state, model, optimiser, history, processes)
        source = itertools.islice(batches, processes.rank, None, processes.count)
        _skip(source, len(history.loss), tag)
        before, start = (history.seconds[-1] if history.seconds else 0.0), time.perf_counter()
        first = len(history.loss)
        todo = [] if stopped else range(first, steps)
        show = progress and processes.first
        bar = tqdm(
            todo, desc=tag, unit="step", file=sys.stderr, disable=not show, mininterval=0.5, initial=first, total=steps
        )
        folder = log_dir if processes.first and todo else None
        project = wandb_project if processes.first and todo else None
        log_of = RunLog(folder, tag, first_step=first + 1, wandb_project=project, config=settings)
        with bar, log_of as log, trainable_attention(model, precision):
            for step in bar:
                rate = learning_rate * schedule(step, steps, warmup, decay)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                now = _step(model, _next(source, step, steps, tag), loss, optimiser, clip, precision, processes)
                if not math.isfinite(now):
                    remedy = "Lower the learning rate, or look for an empty batch"
                    raise CourseError(f"the loss is {now} at step {step + 1}", where=tag, remedy=remedy)
                history.loss.append(now)
                history.learning_rate.append(rate)
                history.seconds.append(before + time.perf_counter() - start)
                log.write(step + 1, loss=now, learning_rate=rate)
                bar.set_postfix(loss=f"{now:.3f}", refresh=False)
                stopped = bool(after_step is not None and after_step(step + 1, model))
                done = stopped or step + 1 == steps
                if state is not None and (done or (step + 1) % checkpoint_every == 0):
                    _keep(state, model, optimiser, history, processes, stopped)
                if done:
                    break
    model.eval()
    return history


def _step(
    model: nn.Module, batch: Any, loss: Callable[[nn.Module, Any], Tensor], optimiser: torch.optim.Optimizer,
    clip: float, precision: Precision, processes: Processes,
) -> float:  # fmt: skip
    """One update of the weights; the batch's loss before it."""
    with autocast_to(device_of(model).type, precision):
        value = loss(model, batch)
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    told = value.detach().float().clone()
    if processes.count > 1:
        trained = [p for p in model.parameters() if p.requires_grad]
        for weight in trained:  # a weight that this batch did not touch has a gradient elsewhere
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        processes.average([told.reshape(1), *(weight.grad for weight in trained)])
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    return float(told)


def _next(source: Iterator[Any], step: int, steps: int, tag: str) -> Any:
    try:
        return next(source)
    except StopIteration:
        raise ContractError(f"{tag}: {step} batches for {steps} steps") from None


def _skip(source: Iterator[Any], made: int, tag: str) -> None:
    """Draw the batches of the steps already made."""
    for step in range(made):
        _next(source, step, made, tag)


def _go_on(
    state: Checkpoint | None, model: nn.Module, optimiser: torch.optim.Optimizer, history: History, processes: Processes
) -> bool:
    """Take up what a checkpoint holds; was that training stopped by ``after_step``?"""
    found = state.read(model, optimiser, processes.rank) if state is not None else None
    if found is None:
        return False
    random, record = found
    torch.set_rng_state(random[: torch.get_rng_state().numel()])
    if history.device == "cuda":
        torch.cuda.set_rng_state(random[torch.get_rng_state().numel() :], device_of(model))
    for name in ("loss", "learning_rate", "seconds"):
        setattr(history, name, list(record[name]))
    return bool(record["stopped"])


def _keep(
    state: Checkpoint, model: nn.Module, optimiser: torch.optim.Optimizer, history: History, processes: Processes,
    stopped: bool,
) -> None:  # fmt: skip
    """Write the checkpoint, with the random states of all processes."""
    random = torch.get_rng_state()
    if history.device == "cuda":
        random = torch.cat([random, torch.cuda.get_rng_state(device_of(model))])
    states = processes.gather(random)
    if processes.first:
        record = {name: getattr(history, name) for name in ("loss", "learning_rate", "seconds")}
        state.write(model, optimiser, states, {**record, "stopped": stopped})


def schedule(step: int, steps: int, warmup: float, decay: Literal["linear", "cosine"]) -> float:
    """Share of the peak learning rate at ``step`` (counted from 0): a linear rise, then a decay that ends near 0."""
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    left = (steps - step) / max(1, steps - rise)
    return left if decay == "linear" else 0.5 * (1 - math.cos(math.pi * left))


def shuffled_batches(
    n: int, batch_size: int, seed: int, *, lengths: Sequence[int] | np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Endless batches of row numbers, each epoch a new permutation; the last batch of an epoch may be smaller.

    Args:
        lengths: of the n rows. Where given, a batch holds rows of similar length (sorted within windows of 16
            batches), so that little is padded; the order of the batches stays random.

    Raises:
        ContractError: no rows, or a batch size below 1.
    """
    if n < 1 or batch_size < 1:
        raise ContractError(f"{n} rows in batches of {batch_size}: both must be at least 1")
    return _shuffled_batches(n, batch_size, seed, None if lengths is None else np.asarray(lengths))


def _shuffled_batches(n: int, batch_size: int, seed: int, lengths: np.ndarray | None) -> Iterator[np.ndarray]:
    random = generator(seed, "batches")
    while True:
        order = random.permutation(n)
        if lengths is not None:
            windows = np.split(order, range(16 * batch_size, n, 16 * batch_size))
            order = np.concatenate([w[np.argsort(lengths[w], kind="stable")] for w in windows])
        batches = np.split(order, range(batch_size, n, batch_size))
        for i in random.permutation(len(batches)):
            yield batches[i]
