"""What the models of this topic share: pairs as batches, a loss, the course's training loop, scores in blocks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.core.seeds import generator
from course_lib.language.training import History, fit, shuffled_batches
from course_lib.recommend.base import Recommender
from course_lib.recommend.neural import losses
from course_lib.shop.interactions import Interactions

Loss = Literal["sampled", "full", "binary"]


class Net(nn.Module):
    """A side for users, a side for items, and a similarity between their vectors: every model of this topic."""

    similarity: nn.Module

    @abstractmethod
    def users(self, rows: Tensor, without: Tensor | None = None) -> Tensor:
        """Vectors of users int64 [n]: [n, d]. ``without`` int64 [n]: the item to be guessed, not to be read."""

    @abstractmethod
    def items(self, rows: Tensor) -> Tensor:
        """Vectors of items int64 [...]: [..., d]."""


class Trained(Recommender):
    """Base of the recommenders that are trained by gradient; a model defines ``_net`` and reads as its definition.

    Pairs of user and item are what counts: an event that repeats a pair adds nothing, and a pair whose weights are all 0
    says nothing. Items without a pair are never listed (their score is -inf), unless the model reads
    something about them: ``reads_items``.

    Args:
        loss: ``"sampled"`` (the batch's other items), ``"full"`` (all items) or ``"binary"`` (some drawn at random).
        log_q: correct the sampled loss for the popularity of what is sampled.
        negatives: items drawn for each pair in the binary loss.
        steps, batch_size, learning_rate, weight_decay: of the training (``language.training.fit``).
        seed: of first weights, batches and negatives: the same seed gives the same model.

    Attributes:
        net: the trained network. history: the loss of each step.
        known: bool [n_items], items with at least one pair.
    """

    reads_items = False

    def __init__(
        self,
        *,
        loss: Loss,
        log_q: bool,
        negatives: int,
        steps: int,
        batch_size: int,
        learning_rate: float,
        weight_decay: float,
        seed: int,
    ):
        if loss not in ("sampled", "full", "binary"):
            raise ContractError(f"loss is {loss!r}", remedy='Use "sampled", "full" or "binary"')
        if min(negatives, steps) < 1 or batch_size < 2 or not learning_rate > 0 or not weight_decay >= 0:
            raise ContractError("negatives and steps must be at least 1, batch_size 2, learning_rate above 0, weight_decay ≥ 0")
        self.loss, self.log_q, self.negatives, self.seed = loss, log_q, negatives, seed
        self.steps, self.batch_size = steps, batch_size
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    @abstractmethod
    def _net(self, interactions: Interactions) -> Net:
        """The network with its first weights (torch's random state is seeded)."""

    def _fit(self, interactions: Interactions) -> None:
        pairs = distinct_pairs(interactions)
        self.known = np.bincount(pairs[:, 1], minlength=len(interactions.items)) > 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.net = self._net(interactions)
        # A shorter batch at the end of an epoch would be an easier question: fewer items to be told from.
        whole = min(self.batch_size, len(pairs))
        batches = (rows for rows in shuffled_batches(len(pairs), whole, self.seed) if len(rows) == whole)
        self.history: History = fit(
            self.net, batches, self._loss_of(pairs, interactions), steps=self.steps, learning_rate=self.learning_rate,
            weight_decay=self.weight_decay, seed=self.seed, autocast=False, device="cpu", tag=type(self).__name__,
            progress=False,
        )  # fmt: skip

    def _loss_of(self, pairs: np.ndarray, interactions: Interactions) -> Callable[[Net, np.ndarray], Tensor]:
        chosen = torch.as_tensor(pairs)
        n_items = len(interactions.items)
        log_q = torch.as_tensor(losses.log_sampling_chance(pairs[:, 1], n_items)) if self.log_q else None
        everything = torch.arange(n_items)
        codes, random = pairs[:, 0] * n_items + pairs[:, 1], generator(self.seed, "negatives")

        def loss(net: Net, rows: np.ndarray) -> Tensor:
            user, item = chosen[rows].T
            users = net.users(user, without=item)
            if self.loss == "full":
                return losses.full_softmax(net.similarity.table(users, net.items(everything)), item)
            if self.loss == "sampled":
                scores = net.similarity.table(users, net.items(item))
                return losses.sampled_softmax(scores, item, None if log_q is None else log_q[item])
            drawn = random.integers(n_items, size=(len(rows), self.negatives))
            wrong = torch.as_tensor(~np.isin(user.numpy()[:, None] * n_items + drawn, codes))
            against = net.similarity.pairs(users[:, None], net.items(torch.as_tensor(drawn)))
            return losses.binary_loss(net.similarity.pairs(users, net.items(item)), against, wrong)

        return loss

    @torch.no_grad()
    def _score(self, rows: np.ndarray) -> np.ndarray:
        users = self.net.users(torch.as_tensor(rows))
        scores = self.net.similarity.table(users, self.net.items(torch.arange(len(self.known)))).numpy()
        if not self.reads_items:
            scores[:, ~self.known] = -np.inf
        return scores


def distinct_pairs(interactions: Interactions) -> np.ndarray:
    """int64 [n, 2]: rows of users and items with an event that weighs more than 0, sorted, each pair once.

    Raises:
        ContractError: there is none.
    """
    x = interactions.matrix.copy()
    x.sum_duplicates()
    x.eliminate_zeros()
    pairs = np.column_stack(x.nonzero()).astype(np.int64)
    if not len(pairs):
        raise ContractError("no weight is above 0: nothing says what anybody likes", remedy="Check weights=")
    return pairs
