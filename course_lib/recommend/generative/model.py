"""The generative recommender: names for the products, a network that spells the next one, a search within the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.core.seeds import generator
from course_lib.language.training import device_of
from course_lib.recommend.generative.engine import Steps, beams, every_item
from course_lib.recommend.generative.ids import Quantiser, SemanticIds
from course_lib.recommend.generative.kmeans import ResidualKMeans, check_vectors
from course_lib.recommend.generative.network import CodeNetwork, word_loss
from course_lib.recommend.generative.trie import Trie
from course_lib.recommend.sequential import PAD, Batch, Examples, Histories, NetworkRecommender, SASRecBlock
from course_lib.recommend.sequential.histories import rows_of
from course_lib.shop.interactions import Interactions


class Generative(NetworkRecommender):
    """Spells the word of what comes next, code by code, among the words of the catalogue.

    The quantiser learns from the products with an event; the others are named by what it learned. Products of equal codes
    are numbered by how often they occur in the training data, equal ones by lot.

    Args:
        vectors: float [n_items, d], what a product is, in catalogue order (of its text, its attributes, its buyers).
        quantiser: what makes codes of vectors; ``None``: residual k-means, 3 levels of 256 (or fewer: at most a quarter
            as many as there are products with an event).
        beams: width of the search; an item that it doesn't reach scores −inf and isn't listed. ``None``: every item is
            scored, which costs as much as the catalogue is large.
        spare: numbers kept free for products that arrive later with codes that others have.
        others: as ``NetworkRecommender``; the loss is the words'.

    Attributes:
        ids: ``SemanticIds`` of the catalogue. trie: of their words; a narrower one (``Trie.within``) narrows the lists.

    Raises:
        ContractError: a setting out of range, or vectors of another number of products than the catalogue has.
    """

    def __init__(
        self, vectors: np.ndarray, quantiser: Quantiser | None = None, *, beams: int | None = 50, spare: int = 4,
        **others: Any,
    ):  # fmt: skip
        if others.get("loss", "softmax") != "softmax":
            raise ContractError("the loss of a word is a softmax over the codes of each place", remedy="Leave loss= out")
        super().__init__(**others)
        if (beams is not None and beams < 1) or spare < 0:
            raise ContractError("beams must be at least 1, or None; spare at least 0")
        self.vectors, self.quantiser, self.beams, self.spare = check_vectors(vectors), quantiser, beams, spare

    def _learn(self, histories: Histories) -> None:
        if len(self.vectors) != len(histories.items):
            what = f"{len(self.vectors)} vectors for {len(histories.items)} products"
            raise ContractError(what, remedy="Give one for each, in catalogue order")
        known = np.flatnonzero(self.counts)
        if self.quantiser is None:
            self.quantiser = ResidualKMeans(3, max(1, min(256, len(known) // 4)), seed=self.seed)
        codes = self.quantiser.fit(self.vectors[known]).encode(self.vectors)
        # Not by catalogue row: a row may know when a product was first bought.
        order = np.lexsort((generator(self.seed, "equal codes").random(len(codes)), -self.counts))
        self.ids = SemanticIds(codes, self.quantiser.size, order=order)
        self.ids = SemanticIds(codes, self.quantiser.size, order=order, numbers=self.ids.numbers + self.spare)
        self.trie = Trie(self.ids.words)
        super()._learn(histories)

    def _plan(self, examples: Examples, size: int, per_epoch: int, probe: int = 80) -> float:
        """Epochs that fit into the budget. More steps than for other networks: the first of each shape are slow ones."""
        return super()._plan(examples, size, per_epoch, probe)

    def _blocks(self) -> list[nn.Module]:
        return [SASRecBlock(self.width, self.heads, self.dropout, self.hidden) for _ in range(self.layers)]

    def build(self, n_items: int) -> CodeNetwork:
        """The untrained network; its weights depend on the seed and the words."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return CodeNetwork(self.ids.words, self.ids.sizes, self.width, self.length, self._blocks(), self.dropout)

    def _loss(self, n_items: int) -> Callable[[nn.Module, Batch], Tensor]:
        # Of the products with an event alone: what nobody had yet is not learned to be wrong.
        bought, words = Trie(self.ids.words).within(np.flatnonzero(self.counts)), torch.from_numpy(self.ids.words)
        steps = Steps(bought, self.ids.sizes, torch.device("cpu"))

        def loss(network: nn.Module, batch: Batch) -> Tensor:
            device, real = device_of(network), batch.real
            hidden, _ = network(batch.items.to(device), batch.times.to(device))
            target = batch.target[real]
            allowed = [mask.to(device) for mask in steps.allowed(words[target])]
            return word_loss(network, hidden[real.to(device)], target.to(device), allowed)

        return loss

    @torch.inference_mode()
    def read(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
        """float [n, width]: what the network makes of histories (item rows, times), each with at least one event."""
        lengths = np.array([min(len(items), self.length) for items, _ in sequences])
        device, order, last = device_of(self.network), np.argsort(lengths, kind="stable"), []
        for chunk in np.split(order, range(64, len(order), 64)):  # of about one length, so that little is padded
            items = np.full((len(chunk), lengths[chunk[-1]]), PAD, dtype=np.int64)
            for i, row in enumerate(chunk):
                items[i, : lengths[row]] = sequences[row][0][-lengths[row] :]
            given = torch.from_numpy(items).to(device)
            hidden, _ = self.network(given, torch.zeros_like(given))
            last.append(hidden[torch.arange(len(chunk)), torch.from_numpy(lengths[chunk] - 1).to(device)])
        return torch.cat(last)[torch.from_numpy(np.argsort(order)).to(device)]

    @torch.inference_mode()
    def _of_hidden(self, hidden: Tensor) -> np.ndarray:
        if self.beams is None:
            return every_item(self.network, hidden, self.trie, len(self.counts))
        return beams(self.network, hidden, self.trie, self.beams, len(self.counts))

    def _score_histories(self, sequences: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        return self._of_hidden(self.read(sequences))

    @torch.inference_mode()
    def _step(self, state: tuple[Any, list[int], list[int]], item: int, time: int) -> tuple[np.ndarray, Any]:
        past, items, times = state
        items, times = [*items, item][-self.length :], [*times, time][-self.length :]
        slides = past is not None and past[-1] == self.length  # every event moves a place: nothing kept is right any more
        given = torch.tensor([items if slides else items[-1:]], device=device_of(self.network))
        hidden, past = self.network(given, torch.zeros_like(given), None if slides else past)
        return self._of_hidden(hidden[:, -1])[0], (past, items, times)

    def recommend(
        self, users: Sequence[str], k: int = 20, *, exclude_seen: bool = True, block: int = 256,
        within: Sequence[str] | None = None,
    ) -> Ranking:  # fmt: skip
        """As ``Recommender.recommend``; a search narrower than k and the user's seen items may find fewer than k.

        Args:
            within: list these items only (in stock, of a shelf, new): their words alone are spelled.

        Raises:
            ContractError: as ``Recommender.recommend``, or no item to list. UnknownIdError: an unknown user or item.
        """
        self._rows([])
        if within is None:
            return super().recommend(users, k, exclude_seen=exclude_seen, block=block)
        whole, self.trie = self.trie, self.trie.within(rows_of(self.interactions.items, within))
        try:
            found = super().recommend(users, k, exclude_seen=exclude_seen, block=block)
        finally:
            self.trie = whole
        return found

    def extend(self, item_ids: Sequence[str], vectors: np.ndarray) -> Self:
        """Name new products by what they are; nothing is learned, and all other words stay.

        From now on ``follow`` expects the longer catalogue.

        Args:
            item_ids: public ids, none of them known. vectors: float [n, d].

        Raises:
            ContractError: not fitted, ids that are known, other vectors, or no number left for one of the products.
        """
        self._rows([])
        old = self.interactions
        new = check_vectors(vectors, self.vectors.shape[1])
        if isinstance(item_ids, str) or len(item_ids) != len(new) or any(item in old.items for item in item_ids):
            raise ContractError("extend needs a vector for each of several ids that are not known yet")
        items = IdMap("item", [*old.items.ids, *item_ids])
        self.ids = self.ids.extended(self.quantiser.encode(new))
        self.vectors, self.trie = np.vstack([self.vectors, new]), Trie(self.ids.words)
        self.network.item.rename(self.ids.words)
        self.counts = np.append(self.counts, np.zeros(len(new)))
        moved = Interactions(old.users, items, old.user_rows, old.item_rows, old.weights, old.timestamps)
        self.interactions, self.histories = moved, Histories(moved)
        return self
