"""One training loop for every small model of the course: warm-up, decay, clipping, bf16 where it is fast, a history."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.core.errors import ContractError, CourseError
from course_lib.core.seeds import generator

Precision = Literal["bf16", "fp32"]


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
    tag: str = "training",
    progress: bool = True,
) -> History:
    """Train ``model`` in place with AdamW for ``steps`` batches; leaves it in eval mode on the device it trained on.

    The same seed, batches and number of threads give the same losses on a CPU, in a new process too; a GPU's sums may
    differ in the last bits. The caller's global random state is left as it was.

    Args:
        batches: yields at least ``steps`` batches; ``loss`` moves them to ``device_of(model)``.
        loss: ``loss(model, batch)`` is the scalar to minimise (a mean, so that batches of any size weigh the same).
        warmup: share of the steps in which the learning rate rises linearly; then it decays to 0.
        clip: largest norm of the gradient. weight_decay: on matrices only, not on biases and normalisations.
        autocast: use bf16 where the machine computes it in hardware (``History.precision`` says which was used).
        log_dir: where TensorBoard scalars go, in a folder named ``tag``.

    Raises:
        ContractError: ``steps`` < 1, too few batches, settings out of range.
        CourseError: the loss is not finite.
    """
    if steps < 1 or not learning_rate > 0 or not 0 <= warmup <= 1 or decay not in ("linear", "cosine"):
        raise ContractError("fit needs steps ≥ 1, learning_rate > 0, warmup between 0 and 1, decay linear or cosine")
    where = pick_device(device)
    precision, note = pick_precision(where, autocast)
    history = History(tag=tag, device=where, precision=precision, note=note)
    model.to(where).train()
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, fused=True)
    source = iter(batches)
    gpus = [torch.cuda.current_device()] if where == "cuda" else []
    with torch.random.fork_rng(devices=gpus), _Log(log_dir, tag) as log:
        torch.manual_seed(seed)
        start = time.perf_counter()
        bar = tqdm(range(steps), desc=tag, unit="step", file=sys.stderr, disable=not progress, mininterval=0.5)
        for step in bar:
            try:
                batch = next(source)
            except StopIteration:
                raise ContractError(f"{tag}: {step} batches for {steps} steps") from None
            rate = learning_rate * schedule(step, steps, warmup, decay)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with autocast_to(where, precision):
                value = loss(model, batch)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()

            now = float(value.detach())
            if not math.isfinite(now):
                remedy = "Lower the learning rate, or look for an empty batch"
                raise CourseError(f"the loss is {now} at step {step + 1}", where=tag, remedy=remedy)
            history.loss.append(now)
            history.learning_rate.append(rate)
            history.seconds.append(time.perf_counter() - start)
            log.write(step + 1, loss=now, learning_rate=rate)
            bar.set_postfix(loss=f"{now:.3f}", refresh=False)
    model.eval()
    return history


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


def pick_device(device: str = "auto") -> str:
    """``"auto"`` is CUDA where torch sees it, else the CPU. Raises ContractError where CUDA is asked for in vain."""
    if device not in ("auto", "cpu", "cuda"):
        raise ContractError(f"device {device!r} is none of auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ContractError("torch sees no CUDA device here", remedy="Use device='auto' or 'cpu'")
    return "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"


def pick_precision(device: str, autocast: bool) -> tuple[Precision, str]:
    """bf16 if asked for and computed in hardware, else fp32 with the reason."""
    if not autocast:
        return "fp32", ""
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        # torch offers these tests under private names only; a name that is gone means "not known to be fast".
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        fast = any(getattr(torch.cpu, name, bool)() for name in names)
    return ("bf16", "") if fast else ("fp32", f"this {device} has no bf16 arithmetic, so fp32 is used")


def autocast_to(device: str, precision: Precision) -> AbstractContextManager[Any]:
    """torch's autocast for bf16; nothing for fp32."""
    return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


class _Log:
    """TensorBoard scalars, or nothing where no folder is given."""

    def __init__(self, log_dir: str | os.PathLike[str] | None, tag: str):
        self.writer = None
        if log_dir is not None:
            from torch.utils.tensorboard import SummaryWriter  # costs a second to import

            self.writer = SummaryWriter(os.path.join(log_dir, tag))

    def __enter__(self) -> _Log:
        return self

    def write(self, step: int, **values: float) -> None:
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def __exit__(self, *exception: object) -> None:
        if self.writer is not None:
            self.writer.close()
