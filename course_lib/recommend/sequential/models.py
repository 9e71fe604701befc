"""The trained recommenders: SASRec, HSTU and an LSTM, which differ in their blocks alone."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.training import History, device_of, fit
from course_lib.recommend.sequential.base import SequenceRecommender
from course_lib.recommend.sequential.batches import Batch, Examples, padded
from course_lib.recommend.sequential.engine import batches_per_epoch, bucketed, fast_softmax_loss
from course_lib.recommend.sequential.histories import Histories
from course_lib.recommend.sequential.hstu import HSTUBlock
from course_lib.recommend.sequential.losses import binary_loss, sampled_softmax_loss, softmax_loss
from course_lib.recommend.sequential.network import PAD, SASRecBlock, SequenceNetwork
from course_lib.recommend.sequential.recurrent import LSTMBlock

Loss = Literal["softmax", "sampled", "binary"]


class NetworkRecommender(SequenceRecommender):
    """A network over histories, trained to name the next event.

    Args:
        loss: ``"softmax"`` over the catalogue, ``"sampled"`` softmax, or ``"binary"`` cross-entropy (``losses``).
        width, layers, heads, hidden, dropout: of the network (``SASRecBlock``). length: last events that it reads.
        epochs: passes over the histories. learning_rate: peak. warmup: steps in which it rises; then a cosine falls to 0.
        tokens: events in a batch. negatives: drawn items, for each batch (``"sampled"``) or each event (``"binary"``).
        minutes: CPU time (of one thread) that the training may take: where a first measurement says that ``epochs`` take
            longer, it plans fewer; and it stops when the time is up. ``None``: no limit.
        fast: train by ``engine``; otherwise as it is taught. Both learn the same.
        seed: of weights, batches, negatives and dropout.

    Attributes:
        network: the trained ``SequenceNetwork``. history: of the training.
        planned_epochs, reached_epochs: what the budget allowed, and what was done.

    Raises:
        ContractError: a setting out of range.
    """

    def __init__(
        self, *, loss: Loss = "softmax", width: int = 128, layers: int = 2, heads: int = 2, hidden: int = 1,
        dropout: float = 0.5,
        length: int = 50, epochs: int = 24, learning_rate: float = 1e-3, warmup: int = 100, tokens: int = 1024,
        negatives: int = 1, minutes: float | None = None, fast: bool = True, seed: int = 0, progress: bool = False,
    ):  # fmt: skip
        if loss not in ("softmax", "sampled", "binary"):
            raise ContractError(f"loss {loss!r}", remedy="Use softmax, sampled or binary")
        if min(width, layers, heads, hidden, length, epochs, tokens, negatives) < 1 or not 0 <= dropout < 1:
            raise ContractError("sizes must be at least 1, dropout from 0 to below 1")
        if minutes is not None and not minutes > 0:
            raise ContractError(f"minutes is {minutes}; it must be more than 0, or None")
        self.loss, self.width, self.layers, self.heads, self.hidden, self.dropout = loss, width, layers, heads, hidden, dropout
        self.length, self.epochs, self.learning_rate, self.warmup, self.tokens = length, epochs, learning_rate, warmup, tokens
        self.negatives, self.minutes, self.fast, self.seed, self.progress = negatives, minutes, fast, seed, progress

    @abstractmethod
    def _blocks(self) -> list[nn.Module]:
        """The blocks of the network."""

    def build(self, n_items: int) -> SequenceNetwork:
        """The untrained network; its weights depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return SequenceNetwork(n_items, self.width, self.length, self._blocks(), self.dropout)

    def _learn(self, histories: Histories) -> None:
        examples = Examples(histories, self.length)
        self.network = self.build(len(histories.items))
        size = max(1, round(self.tokens / examples.lengths.mean()))
        per_epoch = batches_per_epoch(examples, self.tokens) if self.fast else -(-len(examples) // size)
        self.planned_epochs = self._plan(examples, size, per_epoch)
        steps = max(1, round(self.planned_epochs * per_epoch))
        self.history = self._train(self.network, examples, size, steps, self.minutes)
        self.reached_epochs = len(self.history.loss) / per_epoch
        self.network.eval()

    def _plan(self, examples: Examples, size: int, per_epoch: int, probe: int = 20) -> float:
        """Epochs that fit into the budget, by the speed of a few steps of a throwaway copy."""
        if self.minutes is None:
            return float(self.epochs)
        start = time.process_time()
        self._train(self.build(self.network.item.num_embeddings), examples, size, probe, None)
        seconds = (time.process_time() - start) / probe
        return min(float(self.epochs), max(1 / per_epoch, 0.9 * self.minutes * 60 / (seconds * per_epoch)))

    def _train(self, network: nn.Module, examples: Examples, size: int, steps: int, minutes: float | None) -> History:
        make = bucketed(examples, self.tokens, self.seed) if self.fast else padded(examples, size, self.seed)
        start = time.process_time()
        return fit(
            network, make, self._loss(network.item.num_embeddings), steps=steps, learning_rate=self.learning_rate,
            warmup=min(1.0, self.warmup / steps) if self.warmup < steps else 0.1, decay="cosine", clip=5.0, weight_decay=0.0,
            autocast=self.fast, seed=self.seed, tag=type(self).__name__.lower(), progress=self.progress,
            after_step=None if minutes is None else lambda *_: time.process_time() - start > minutes * 60,
        )  # fmt: skip

    def _loss(self, n_items: int) -> Callable[[nn.Module, Batch], Tensor]:
        """The loss of a batch over its real places."""
        draw = generator(self.seed, "negatives")

        def loss(network: nn.Module, batch: Batch) -> Tensor:
            device, real = device_of(network), batch.real
            hidden, _ = network(batch.items.to(device), batch.times.to(device))
            hidden, target, table = hidden[real.to(device)], batch.target[real].to(device), network.item.weight
            if self.loss == "softmax":
                return (fast_softmax_loss if self.fast else softmax_loss)(hidden, target, table)
            shape = (self.negatives,) if self.loss == "sampled" else (len(target), self.negatives)
            negatives = torch.from_numpy(draw.integers(n_items, size=shape)).to(device)
            return (sampled_softmax_loss if self.loss == "sampled" else binary_loss)(hidden, target, table, negatives)

        return loss

    @property
    def parameters(self) -> int:
        """Weights of the network."""
        return sum(weight.numel() for weight in self.network.parameters())

    @torch.inference_mode()
    def _score_histories(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        lengths = np.array([min(len(items), self.length) for items, _ in sequences])
        device, order, last = device_of(self.network), np.argsort(lengths, kind="stable"), []
        for chunk in np.split(order, range(64, len(order), 64)):  # of about one length, so that little is padded
            items, times = (np.full((len(chunk), lengths[chunk[-1]]), fill, dtype=np.int64) for fill in (PAD, 0))
            for i, row in enumerate(chunk):
                n = lengths[row]
                items[i, :n], times[i, :n] = (part[-n:] for part in sequences[row])
            hidden, _ = self.network(torch.from_numpy(items).to(device), torch.from_numpy(times).to(device))
            last.append(hidden[torch.arange(len(chunk)), torch.from_numpy(lengths[chunk] - 1).to(device)])
        scores = (torch.cat(last) @ self.network.item.weight.T).cpu().numpy()
        return scores[np.argsort(order)]

    def _begin(self) -> tuple[None, list[int], list[int]]:
        return None, [], []

    @torch.inference_mode()
    def _step(self, state: tuple[Any, list[int], list[int]], item: int, time: int) -> tuple[np.ndarray, Any]:
        past, items, times = state
        items, times = [*items, item][-self.length :], [*times, time][-self.length :]
        # Once the window slides, every event moves a place, and nothing that was kept is right any more.
        slides = past is not None and past[-1] == self.length
        new = (items, times) if slides else (items[-1:], times[-1:])
        device = device_of(self.network)
        row = [torch.tensor([part], device=device) for part in new]
        hidden, past = self.network(*row, None if slides else past)
        return (hidden[0, -1] @ self.network.item.weight.T).cpu().numpy(), (past, items, times)


class SASRec(NetworkRecommender):
    """Self-attention over the history (Kang & McAuley 2018, https://arxiv.org/abs/1808.09781); arguments: ``NetworkRecommender``."""

    def _blocks(self) -> list[nn.Module]:
        return [SASRecBlock(self.width, self.heads, self.dropout, self.hidden) for _ in range(self.layers)]


class HSTU(NetworkRecommender):
    """Attention with time gaps and without softmax (Zhai et al. 2024); arguments: ``NetworkRecommender``."""

    def _blocks(self) -> list[nn.Module]:
        return [HSTUBlock(self.width, self.heads, self.dropout, self.length) for _ in range(self.layers)]


class LSTM(NetworkRecommender):
    """The recurrent baseline (Hidasi et al. 2016, with an LSTM); ``heads`` counts nothing; arguments: ``NetworkRecommender``."""

    def _blocks(self) -> list[nn.Module]:
        return [LSTMBlock(self.width, self.dropout) for _ in range(self.layers)]
