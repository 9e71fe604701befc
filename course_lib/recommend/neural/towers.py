"""The two-tower model: one network reads the user, another the item, and they meet in a dot product only.

What a tower reads decides whom it can serve. The item tower reads the product's text, so that a product nobody has touched
has a vector too; the user tower reads the products of the user's history, so that a user of one minute ago has one.

Covington et al., "Deep Neural Networks for YouTube Recommendations" (RecSys 2016): a user as the mean of what was
watched. Yi et al. 2019 (see ``losses``): two towers with the sampled softmax.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from course_lib.core.errors import ContractError
from course_lib.recommend.neural.similarity import Dot
from course_lib.recommend.neural.trained import Loss, Net, Trained, distinct_pairs
from course_lib.shop.interactions import Interactions


class Towers(Net):
    """Two networks of one hidden layer.

    Args:
        texts: float32 [n_items, t], of the catalogue. history: csr_matrix [n_users, n_items] of ones.
        dimension: d of the vectors; the item's has one component more, how much everybody likes it.
        ids: float, 0 or more: components of a learned vector per item that stands beside its text.
        forget: the chance that an item's learned vector is left out in training, so that the tower can do without.
    """

    def __init__(self, texts: Tensor, history: csr_matrix, dimension: int, hidden: int, ids: int, forget: float):
        super().__init__()
        self.similarity, self.texts, self.forget = Dot(), texts, forget
        # csr_matrix @ dense: the sum of the texts of each history, once and for all
        self.text_sum = torch.as_tensor(history @ texts.numpy())
        self.starts, self.entries = (torch.as_tensor(a.astype(np.int64)) for a in (history.indptr, history.indices))
        self.known = torch.as_tensor(np.bincount(history.indices, minlength=len(texts)) > 0).float()[:, None]
        self.id_table = nn.Embedding(len(texts), ids)
        nn.init.normal_(self.id_table.weight, std=0.1)
        reads = texts.shape[1] + ids
        self.user_tower = nn.Sequential(nn.Linear(reads, hidden), nn.ReLU(), nn.Linear(hidden, dimension))
        self.item_tower = nn.Sequential(nn.Linear(reads, hidden), nn.ReLU(), nn.Linear(hidden, dimension + 1))

    def items(self, rows: Tensor) -> Tensor:
        """See ``Net``. An item without a pair has no learned vector: zeros stand for it, as in training now and then."""
        own = self.id_table(rows) * self.known[rows]
        if self.training:
            own = own * (torch.rand(own.shape[:-1] + (1,)) >= self.forget)
        return self.item_tower(torch.cat([self.texts[rows], own], dim=-1))

    def users(self, rows: Tensor, without: Tensor | None = None) -> Tensor:
        """See ``Net``. With the item to be guessed among what is read, the tower would learn to copy it."""
        first, count = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        offsets = torch.cumsum(count, 0) - count
        entries = self.entries[torch.repeat_interleave(first - offsets, count) + torch.arange(int(count.sum()))]
        total = torch.cat([self.text_sum[rows], self._id_sum(entries, offsets)], dim=1)
        if without is not None:
            total = total - torch.cat([self.texts[without], self.id_table(without)], dim=1)
            count = count - 1
        return self.of_history(total / count.clamp(min=1)[:, None])

    def of_history(self, mean: Tensor) -> Tensor:
        """Vectors [n, d + 1] of users by the mean of what their items' towers read: [n, t + ids]; zeros for no history."""
        vectors = self.user_tower(mean)
        return torch.cat([vectors, torch.ones_like(vectors[:, :1])], dim=1)

    def _id_sum(self, entries: Tensor, offsets: Tensor) -> Tensor:
        return embedding_bag(entries, self.id_table.weight, offsets, mode="sum")


class TwoTower(Trained):
    """score(u, i) = f(mean of what u's items read) · g(text of i, learned vector of i), and an item's own component.

    Args:
        texts: float [n_items, t], a vector per product in catalogue order, e.g. ``load_minilm().encode(shop.item_texts)``.
        dimension: of the towers' vectors. hidden: width of the hidden layers.
        ids: components of the learned vector per item; 0 leaves the text alone.
        forget: the chance that a learned vector is left out in training.
        others: see ``Trained``.

    Attributes:
        user_vectors: float32 [n_users, dimension + 1]. item_vectors: float32 [n_items, dimension + 1], cold ones included.

    Raises:
        ContractError: settings out of range, texts that aren't a finite matrix; in ``fit``, texts of another catalogue.
    """

    reads_items = True

    def __init__(
        self,
        texts: np.ndarray,
        dimension: int = 32,
        *,
        hidden: int = 64,
        ids: int = 32,
        forget: float = 0.2,
        loss: Loss = "sampled",
        log_q: bool = True,
        negatives: int = 4,
        steps: int = 200,
        batch_size: int = 512,
        learning_rate: float = 0.005,
        weight_decay: float = 2.0,
        seed: int = 0,
    ):
        if min(dimension, hidden) < 1 or ids < 0 or not 0 <= forget < 1:
            raise ContractError("dimension and hidden must be at least 1, ids at least 0, forget in [0, 1)")
        super().__init__(loss=loss, log_q=log_q, negatives=negatives, steps=steps, batch_size=batch_size,
                         learning_rate=learning_rate, weight_decay=weight_decay, seed=seed)  # fmt: skip
        self.texts = _matrix(texts)
        self.mean = self.texts.mean(axis=0)  # a cone of vectors would drown what tells products apart
        self.scale = float((self.texts - self.mean).std()) or 1.0
        self.dimension, self.hidden, self.ids, self.forget = dimension, hidden, ids, forget

    def _net(self, interactions: Interactions) -> Towers:
        if len(self.texts) != len(interactions.items):
            remedy = "Give a vector per product, in catalogue order"
            raise ContractError(f"{len(self.texts)} texts for {len(interactions.items)} products", remedy=remedy)
        pairs = distinct_pairs(interactions)
        ones = np.ones(len(pairs), dtype=np.float32)
        history = csr_matrix((ones, pairs.T), shape=(len(interactions.users), len(interactions.items)))
        return Towers(self._read(self.texts), history, self.dimension, self.hidden, self.ids, self.forget)

    def _read(self, texts: np.ndarray) -> Tensor:
        return torch.as_tensor((texts - self.mean) / self.scale)

    @property
    def user_vectors(self) -> np.ndarray:
        """See the class."""
        with torch.no_grad():
            return self.net.users(torch.arange(len(self.interactions.users))).numpy()

    @property
    def item_vectors(self) -> np.ndarray:
        """See the class."""
        with torch.no_grad():
            return self.net.items(torch.arange(len(self.texts))).numpy()

    @torch.no_grad()
    def vectors_of_texts(self, texts: np.ndarray) -> np.ndarray:
        """Vectors of products that came after the training: float32 [n, dimension + 1] from float [n, t]."""
        read = self._read(_matrix(texts, self.texts.shape[1]))
        return self.net.item_tower(torch.cat([read, torch.zeros(len(read), self.ids)], dim=1)).numpy()

    @torch.no_grad()
    def vectors_of_histories(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """Vectors of users that came after the training, by the public ids of their items: float32 [n, dimension + 1].

        Who has no history yet gets the vector of an average one. An id that stands twice counts once.

        Raises:
            UnknownIdError: an item that isn't in the catalogue.
        """
        means = torch.zeros(len(histories), self.texts.shape[1] + self.ids)
        for row, history in enumerate(histories):
            items = torch.as_tensor(np.unique(self.interactions.items.rows(history)))
            if len(items):
                own = self.net.id_table(items) * self.net.known[items]
                means[row] = torch.cat([self.net.texts[items], own], dim=1).mean(dim=0)
        return self.net.of_history(means).numpy()


def _matrix(texts: np.ndarray, width: int | None = None) -> np.ndarray:
    texts = np.asarray(texts, dtype=np.float32)
    if texts.ndim != 2 or not texts.size or not np.isfinite(texts).all() or texts.shape[1] != (width or texts.shape[1]):
        wanted = "[n, t]" if width is None else f"[n, {width}]"
        raise ContractError(f"texts must be a finite matrix {wanted}, not of shape {texts.shape}")
    return texts
