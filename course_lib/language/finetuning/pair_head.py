"""A small head over two frozen vectors: the encoder stays as it is, and only what compares the vectors is trained.

The features of a pair are the products and the absolute differences of the two vectors' components, as in Conneau et
al. 2017, https://arxiv.org/abs/1705.02364, §3.1. All texts are encoded once, so a training takes seconds: the place to
try losses, weights and remedies before a transformer is trained with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.language.finetuning.losses import objective
from course_lib.language.finetuning.stopping import Stopping, fit_until_best
from course_lib.language.training import History, device_of, fit, shuffled_batches

Vectors = np.ndarray  #: float [n, d], of length 1


@dataclass
class PairHead:
    """A trained head: two vectors in, one score per label out.

    Attributes:
        labels: of the outputs. history, stopping: of the training.
    """

    model: nn.Module
    labels: list[str]
    history: History | None = None
    stopping: Stopping | None = None

    def logits(self, queries: Vectors, products: Vectors) -> np.ndarray:
        """Scores before the softmax: float32 [n, n_labels]."""
        features = pair_features(queries, products).to(device_of(self.model))
        with torch.inference_mode():
            return self.model(features).cpu().numpy()

    def predict_proba(self, queries: Vectors, products: Vectors) -> np.ndarray:
        """Probability of each label: float32 [n, n_labels]."""
        return torch.from_numpy(self.logits(queries, products)).softmax(dim=-1).numpy()


def pair_features(queries: Vectors, products: Vectors) -> Tensor:
    """[u · v, |u − v|] by component: float32 [n, 2 d], scaled by √d so that one component is neither tiny nor large.

    Raises:
        ContractError: not two matrices of one shape.
    """
    u, v = (torch.as_tensor(np.asarray(part), dtype=torch.float32) for part in (queries, products))
    if u.ndim != 2 or u.shape != v.shape:
        raise ContractError(f"vectors {tuple(u.shape)} and {tuple(v.shape)} must be two matrices of one shape [n, d]")
    return torch.cat([u * v, (u - v).abs()], dim=1) * u.shape[1] ** 0.5


def train_pair_head(
    queries: Vectors,
    products: Vectors,
    targets: Sequence[int] | np.ndarray,
    labels: Sequence[str],
    *,
    hidden: int = 128,
    steps: int = 400,
    batch_size: int = 256,
    learning_rate: float = 2e-3,
    balanced: bool = False,
    smoothing: float = 0.0,
    robustness: float = 0.0,
    validation: tuple[Vectors, Vectors, np.ndarray] | None = None,
    every: int = 100,
    patience: int = 3,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> PairHead:
    """Train a head with one hidden layer on pairs of vectors.

    Args:
        queries, products: row i of both belongs to ``targets[i]``, the number of its label.
        balanced, smoothing, robustness: see ``losses.objective``.
        validation: vectors and targets to stop by (macro-F1 every ``every`` steps, the best weights are kept).

    Raises:
        ContractError: shapes that don't fit, a target without a label, fewer than two kinds of targets.
    """
    features, wanted = pair_features(queries, products), np.asarray(targets)
    if wanted.shape != (len(features),) or wanted.dtype.kind not in "iu" or len(np.unique(wanted)) < 2:
        raise ContractError(f"{len(features)} pairs need as many whole numbers, of at least two kinds, as targets")
    if not 0 <= wanted.min() <= wanted.max() < len(labels):
        raise ContractError(f"targets reach from {wanted.min()} to {wanted.max()}, for {len(labels)} labels")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Linear(features.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, len(labels))
        head = PairHead(nn.Sequential(*layers), list(labels))
    target = torch.from_numpy(wanted.astype(np.int64))
    measure = objective(target, len(labels), balanced=balanced, smoothing=smoothing, robustness=robustness)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        where = device_of(model)
        return measure(model(features[rows].to(where)), target[rows].to(where))

    batches = shuffled_batches(len(features), batch_size, seed)
    settings: dict[str, Any] = dict(steps=steps, learning_rate=learning_rate, seed=seed, autocast=False)
    settings |= dict(device=device, tag="pair head", progress=progress)
    if validation is None:
        head.history = fit(head.model, batches, loss, **settings)
        return head

    def score(_: nn.Module) -> float:
        from sklearn.metrics import f1_score

        guess = head.logits(*validation[:2]).argmax(axis=1)
        return float(f1_score(validation[2], guess, average="macro", zero_division=0))

    settings |= dict(every=every, patience=patience)
    head.history, head.stopping = fit_until_best(head.model, batches, loss, score, **settings)
    return head
