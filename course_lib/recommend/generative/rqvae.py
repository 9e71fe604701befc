"""RQ-VAE: the codes are learned together with a network that squeezes the vectors and one that gives them back.

Lee et al. 2022, https://arxiv.org/abs/2203.01941, §3.1 (residual quantisation); Rajput et al. 2023,
https://arxiv.org/abs/2305.05065, §3.1 (for products). Nothing in it is variational; the name is the papers'.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.training import History, device_of, fit, shuffled_batches
from course_lib.recommend.generative.kmeans import ResidualKMeans, check_vectors


class RQNetwork(nn.Module):
    """Encoder, codebooks, decoder.

    Attributes:
        books: [levels, size, latent], the vectors of the codes.
        used: [levels, size], how often each code was taken since the last restart. rest: [levels, b, latent], what each
            level was given of the last batch.
    """

    def __init__(self, width: int, hidden: int, latent: int, levels: int, size: int):
        super().__init__()
        self.squeeze = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, latent))
        self.give_back = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.books = nn.Parameter(torch.randn(levels, size, latent) * 0.1)
        self.register_buffer("used", torch.zeros(levels, size), persistent=False)
        self.rest: list[Tensor] = []

    def quantise(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """x float [b, latent] -> codes int64 [b, levels], the sum of their vectors, and what each level was given."""
        left, codes, total, given = x, [], torch.zeros_like(x), []
        for book in self.books:
            given.append(left)
            codes.append(torch.cdist(left.detach().float(), book.detach().float()).argmin(dim=1))
            total = total + book[codes[-1]]
            left = left - book[codes[-1]].detach()
        return torch.stack(codes, dim=1), total, given

    def loss(self, vectors: Tensor, commit: float) -> Tensor:
        """What is lost between vectors and what comes back, plus how far codes and encoder are apart.

        The nearest code has no derivative. The *straight-through* trick: forwards the decoder gets the codes' sum, backwards
        the encoder gets the decoder's gradient as if there had been no codes (van den Oord et al. 2017, §3.2).
        """
        x = self.squeeze(vectors)
        codes, total, given = self.quantise(x)
        back = self.give_back(x + (total - x).detach())
        for level, (left, code) in enumerate(zip(given, codes.T)):
            self.used[level] += torch.bincount(code, minlength=self.used.shape[1])
        self.rest = [left.detach() for left in given]
        apart = sum(
            F.mse_loss(book[code], left.detach()) + commit * F.mse_loss(left, book[code].detach())
            for book, code, left in zip(self.books, codes.T, given)
        )
        return F.mse_loss(back, vectors) + apart

    @torch.no_grad()
    def restart(self, random: np.random.Generator) -> None:
        """Put the codes that nobody took since the last restart onto what some vector of the last batch left."""
        for book, used, rest in zip(self.books, self.used, self.rest):
            dead = torch.nonzero(used == 0)[:, 0]
            rows = torch.from_numpy(random.integers(len(rest), size=len(dead))).to(book.device)
            book[dead] = rest[rows].to(book.dtype)
        self.used.zero_()


class RQVAE:
    """Codes by a small autoencoder; used as ``ResidualKMeans``.

    Args:
        levels, size: as ``ResidualKMeans``. latent: width of what is quantised. hidden: of both networks.
        steps, batch, learning_rate: of the training. commit: how hard the encoder is held to the codes (β).
        start: ``"kmeans"`` begins with the centres of residual k-means of the untrained encoder's vectors; ``"random"``
            with small random ones. restart: revive unused codes every so many steps; 0: never.
        seed: of weights, batches and restarts.

    Attributes:
        network: ``RQNetwork``. history: of the training.
    """

    def __init__(
        self, levels: int = 3, size: int = 256, *, latent: int = 32, hidden: int = 128, steps: int = 600, batch: int = 256,
        learning_rate: float = 2e-3, commit: float = 0.25, start: Literal["kmeans", "random"] = "kmeans", restart: int = 50,
        seed: int = 0,
    ):  # fmt: skip
        if min(levels, size, latent, hidden, steps, batch) < 1 or min(commit, restart) < 0:
            raise ContractError("sizes and steps must be at least 1, commit and restart at least 0")
        if start not in ("kmeans", "random"):
            raise ContractError(f"start {start!r}", remedy="Use kmeans or random")
        self.levels, self.size, self.latent, self.hidden, self.steps = levels, size, latent, hidden, steps
        self.batch, self.learning_rate, self.commit, self.start = batch, learning_rate, commit, start
        self.every, self.seed = restart, seed
        self.network: RQNetwork | None = None
        self.history: History | None = None

    def fit(self, vectors: np.ndarray) -> Self:
        """Learn codes and both networks from vectors float [n, d], whose columns are first brought to mean 0 and one scale."""
        vectors = check_vectors(vectors)
        self._mean = vectors.mean(axis=0)
        self._scale = float(np.sqrt(((vectors - self._mean) ** 2).mean())) or 1.0
        scaled = torch.from_numpy((vectors - self._mean) / self._scale)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = RQNetwork(vectors.shape[1], self.hidden, self.latent, self.levels, self.size)
        if self.start == "kmeans":
            with torch.no_grad():
                first = self.network.squeeze(scaled).numpy()
                centres = ResidualKMeans(self.levels, self.size, rounds=5, seed=self.seed).fit(first).centres
                self.network.books.copy_(torch.from_numpy(centres))
        random = generator(self.seed, "restarts")

        def revive(step: int, network: nn.Module) -> None:
            if self.every and step % self.every == 0 and step < self.steps - self.every:
                network.restart(random)

        batches = (scaled[torch.from_numpy(rows)] for rows in shuffled_batches(len(scaled), self.batch, self.seed))
        self.history = fit(
            self.network, batches, lambda network, x: network.loss(x.to(device_of(network)), self.commit), steps=self.steps,
            learning_rate=self.learning_rate, weight_decay=0.0, autocast=False, seed=self.seed, tag="rqvae", progress=False,
            after_step=revive,
        )  # fmt: skip
        return self

    @torch.inference_mode()
    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """int64 [n, levels]. Raises ContractError: nothing learned yet, or vectors of another width."""
        network = self._learned()
        scaled = (check_vectors(vectors, len(self._mean)) - self._mean) / self._scale
        return network.quantise(network.squeeze(torch.from_numpy(scaled).to(device_of(network))))[0].cpu().numpy()

    @torch.inference_mode()
    def decode(self, codes: np.ndarray) -> np.ndarray:
        """float32 [n, d]: what comes back of codes int64 [n, m], m ≤ levels."""
        network = self._learned()
        given = torch.from_numpy(np.asarray(codes, dtype=np.int64)).to(device_of(network))
        total = sum(book[code] for book, code in zip(network.books, given.T))
        return network.give_back(total).cpu().numpy() * self._scale + self._mean

    def _learned(self) -> RQNetwork:
        if self.network is None:
            raise ContractError("no codes are learned yet", remedy="Call fit(vectors) first")
        return self.network
