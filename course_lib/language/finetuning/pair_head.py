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
from course_lib.language.finetuning._start import checked_targets, probabilities, seeded
from course_lib.language.finetuning.losses import objective
from course_lib.language.finetuning.scores import macro_f1
from course_lib.language.finetuning.stopping import Stopping, fit_or_stop
from course_lib.language.training import History, device_of, shuffled_batches

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
        return probabilities(self.logits(queries, products))


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
    **options: Any,
) -> PairHead:
    """Train a head with one hidden layer on pairs of vectors.

    Args:
        queries, products: row i of both belongs to ``targets[i]``, the number of its label.
        balanced, smoothing, robustness: see ``losses.objective``.
        validation: vectors and targets to stop by (macro-F1 every ``every`` steps, the best weights are kept).
        options: further keyword arguments of ``training.fit``, such as ``checkpoint``.

    Raises:
        ContractError: shapes that don't fit, a target without a label, fewer than two kinds of targets.
    """
    features = pair_features(queries, products)
    target = checked_targets(targets, len(features), len(labels))
    with seeded(seed):
        layers = nn.Linear(features.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, len(labels))
        head = PairHead(nn.Sequential(*layers), list(labels))
    measure = objective(target, len(labels), balanced=balanced, smoothing=smoothing, robustness=robustness)

    def loss(model: nn.Module, rows: np.ndarray) -> Tensor:
        where = device_of(model)
        return measure(model(features[rows].to(where)), target[rows].to(where))

    def score(_: nn.Module) -> float:
        return macro_f1(validation[2], head.logits(*validation[:2]).argmax(axis=1), len(labels))

    head.history, head.stopping = fit_or_stop(
        head.model, shuffled_batches(len(features), batch_size, seed), loss, None if validation is None else score,
        every=every, patience=patience, steps=steps, learning_rate=learning_rate, seed=seed, autocast=False,
        device=device, tag="pair head", progress=progress, **options,
    )  # fmt: skip
    return head
