"""A small ranker, linear or with one hidden layer, that learns from any loss of this topic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Self

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ranking import Ranking
from course_lib.core.seeds import generator
from course_lib.search.ranking.checks import check_lists
from course_lib.search.ranking.lambdarank import lambdarank_loss
from course_lib.search.ranking.listwise import listnet_loss
from course_lib.search.ranking.pairwise import ranknet_loss
from course_lib.search.ranking.pointwise import Loss, logistic_loss, squared_loss
from course_lib.search.ranking.table import FeatureTable, reordered

LOSSES: dict[str, Callable[..., Loss]] = {
    "squared": squared_loss,
    "logistic": logistic_loss,
    "ranknet": ranknet_loss,
    "listnet": listnet_loss,
    "softmax": partial(listnet_loss, target="gain"),
    "lambdarank": lambdarank_loss,
}


class ListRanker:
    """score(q, p) = w · x + b, or w · relu(W x + c) + b, on standardised features x(q, p), trained by Adam on lists.

    Args:
        loss: a name of ``LOSSES``, or a function of scores, grades and mask, [n, k] each, that returns the loss and its
            gradient with respect to the scores.
        hidden: units of the hidden layer; 0 is the linear ranker.
        steps: of Adam (Kingma & Ba 2015), each on ``batch`` lists. learning_rate: falls linearly to 0.
        decay: of the weights, as in AdamW (Loshchilov & Hutter 2019).
        seed: of the first weights and the order of the lists.

    Attributes:
        losses: float, one for each step.

    Raises:
        ContractError: an unknown loss, a size below its least value.
    """

    def __init__(
        self,
        loss: str | Callable[..., Loss] = "lambdarank",
        *,
        hidden: int = 0,
        steps: int = 300,
        batch: int = 32,
        learning_rate: float = 0.05,
        decay: float = 0.01,
        seed: int = 0,
    ):
        if isinstance(loss, str) and loss not in LOSSES:
            raise ContractError(f"unknown loss {loss!r}; known are {', '.join(LOSSES)}")
        if hidden < 0 or steps < 1 or batch < 1 or not learning_rate > 0 or not decay >= 0:
            raise ContractError("hidden and decay must be at least 0, steps and batch 1, learning_rate above 0")
        self.loss = LOSSES[loss] if isinstance(loss, str) else loss
        self.hidden, self.steps, self.batch = hidden, steps, batch
        self.learning_rate, self.decay, self.seed = learning_rate, decay, seed
        self.weights: list[np.ndarray] | None = None

    def fit(self, table: FeatureTable, grades: np.ndarray) -> Self:
        """Learn from n lists and the grade of each of their products, float [n, k].

        Raises:
            ContractError: grades of another shape or not finite, or no two products with different grades in a list.
        """
        _, grades, mask = check_lists(np.zeros(table.mask.shape), grades, table.mask)
        low, high = np.where(mask, grades, np.inf).min(axis=1), np.where(mask, grades, -np.inf).max(axis=1)
        rows = np.flatnonzero(high > low)
        if not len(rows):
            raise ContractError("no list has two products of different grades: there is no order to learn")
        known = table.values[mask]
        scale = known.std(axis=0)
        self.mean, self.scale = known.mean(axis=0), np.where(scale > 1e-9, scale, np.inf)  # a constant ranks nothing
        self.names = table.names
        random = generator(self.seed, "list ranker")
        d, h = len(table.names), self.hidden
        if h:
            first = [random.normal(0, (2 / d) ** 0.5, (d, h)), np.zeros(h), random.normal(0, h**-0.5, h)]
        else:
            first = [np.zeros(d)]
        self.weights = [*first, np.zeros(1)]
        moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        x, self.losses, order = (table.values - self.mean) / self.scale, [], rows[:0]
        for step in range(1, self.steps + 1):
            if len(order) < min(self.batch, len(rows)):
                order = random.permutation(rows)
            now, order = order[: self.batch], order[self.batch :]
            score, layer = self._forward(x[now])
            value, slope = self.loss(score, grades[now], mask[now])
            self.losses.append(value)
            rate = self.learning_rate * (1 - (step - 1) / self.steps)
            for w, g, (m, v) in zip(self.weights, self._backward(x[now], layer, slope), moments):
                m += 0.1 * (g - m)
                v += 0.001 * (g**2 - v)
                w -= rate * m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                w *= 1 - rate * self.decay
        return self

    def score(self, table: FeatureTable) -> np.ndarray:
        """float64 [n, k]: a score of each candidate; 0 under pads.

        Raises:
            ContractError: before ``fit``, or other features.
        """
        if self.weights is None:
            raise ContractError("the ranker has learned nothing yet", remedy="Call fit(table, grades) first")
        if table.names != self.names:
            raise ContractError(f"features {', '.join(table.names)}, where the ranker learned {', '.join(self.names)}")
        return np.where(table.mask, self._forward((table.values - self.mean) / self.scale)[0], 0.0)

    def rerank(self, candidates: Ranking, table: FeatureTable, k: int) -> Ranking:
        """The k best candidates of each row by this ranker's scores; equal scores keep the candidates' order.

        Raises:
            ContractError: a table of other candidates, k < 1, and as ``score``.
        """
        if table.candidates is not candidates and not np.array_equal(table.candidates.ids, candidates.ids):
            raise ContractError("the features belong to other candidates")
        return reordered(candidates, self.score(table), k)

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if not self.hidden:
            return x @ self.weights[0] + self.weights[1][0], None
        layer = np.maximum(x @ self.weights[0] + self.weights[1], 0)
        return layer @ self.weights[2] + self.weights[3][0], layer

    def _backward(self, x: np.ndarray, layer: np.ndarray | None, slope: np.ndarray) -> list[np.ndarray]:
        """Gradients of the weights from those of the scores, float [n, k]."""
        total = slope.sum(keepdims=True).reshape(1)
        if layer is None:
            return [np.einsum("nkd,nk->d", x, slope), total]
        inner = slope[:, :, None] * self.weights[2] * (layer > 0)
        return [
            np.tensordot(x, inner, axes=([0, 1], [0, 1])), inner.sum(axis=(0, 1)),
            np.einsum("nkh,nk->h", layer, slope), total,
        ]  # fmt: skip
