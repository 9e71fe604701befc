"""A decoder of two levels: events from left to right, and under each event the codes of what comes next, one by one.

After the RQ-Transformer for pictures (Lee et al. 2022, https://arxiv.org/abs/2203.01941, §3.2): an event is the sum of its
codes' vectors, so that a history is no longer than it has events. Theirs spells with attention over the codes written so
far; here their vectors are added up, which takes a third of the time. (Rajput et al. 2023 write all codes of all events
into one row.)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.recommend.sequential.network import SequenceNetwork


class SummedCodes(nn.Module):
    """Stands where a network keeps its item table: an item's vector is the sum of the vectors of its word's codes.

    Attributes:
        embedding_dim: the width. weight: [Σ sizes, width], a row for each code of each place. words: int64 [n_items, places], as rows of it.
    """

    def __init__(self, words: np.ndarray, sizes: tuple[int, ...], width: int):
        super().__init__()
        self.sizes, self.embedding_dim = sizes, width
        self.weight = nn.Parameter(torch.empty(sum(sizes), width).normal_(std=0.02))
        self.register_buffer("offset", torch.tensor([0, *np.cumsum(sizes)[:-1]]), persistent=False)
        self.rename(words)

    def rename(self, words: np.ndarray) -> None:
        """Other items, or more of them, by the same codes."""
        rows = torch.from_numpy(words).to(self.offset.device) + self.offset
        self.register_buffer("words", rows, persistent=False)

    @property
    def num_embeddings(self) -> int:
        """How many items have a word."""
        return len(self.words)

    def forward(self, items: Tensor) -> Tensor:
        """Catalogue rows int64 [...] -> float [..., width]."""
        return self.weight[self.words[items]].sum(dim=-2)

    def of_place(self, place: int) -> Tensor:
        """The vectors of the codes of one place: float [size, width]."""
        return self.weight[self.offset[place] : self.offset[place] + self.sizes[place]]


class CodeNetwork(SequenceNetwork):
    """Reads histories as ``SequenceNetwork`` does, and spells the next item.

    Args:
        words, sizes: of the catalogue (``SemanticIds``). width, length, blocks, dropout: as ``SequenceNetwork``.
        speller: width of what stands between an event and the next code, in multiples of ``width``.
    """

    def __init__(
        self, words: np.ndarray, sizes: tuple[int, ...], width: int, length: int, blocks: list[nn.Module], dropout: float,
        speller: int = 2,
    ):  # fmt: skip
        super().__init__(1, width, length, blocks, dropout)
        self.item = SummedCodes(words, sizes, width)
        self.place_of_word = nn.Embedding(len(sizes), width)
        self.widen, self.narrow = nn.Linear(width, speller * width), nn.Linear(speller * width, width)
        self.first, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        for module in (self.place_of_word, self.widen, self.narrow):
            nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(self.widen.bias)
        nn.init.zeros_(self.narrow.bias)

    def spell(self, hidden: Tensor, codes: Tensor) -> list[Tensor]:
        """Scores of the code at each place, given the codes before it.

        Args:
            hidden: float [n, d], what came out for the event. codes: int64 [n, m], the word's first codes, m < places.

        Returns:
            For each of the places 0 to m: float [n, size of the place].
        """
        known = self.item.weight[codes + self.item.offset[: codes.shape[1]]].cumsum(dim=1)
        x = torch.cat([hidden[:, None], hidden[:, None] + known], dim=1) + self.place_of_word.weight[: codes.shape[1] + 1]
        x = self.last(x + self.narrow(nn.functional.gelu(self.widen(self.first(x)))))
        return [x[:, place] @ self.item.of_place(place).T for place in range(x.shape[1])]


def word_loss(network: CodeNetwork, hidden: Tensor, target: Tensor, allowed: list[Tensor] | None = None) -> Tensor:
    """−log of the chance of the right words, a mean over n places: Σ over a word's codes of their cross-entropies.

    Args:
        hidden: float [n, d]. target: int64 [n], catalogue rows.
        allowed: for each place of a word bool [n, size], the codes that the trie allows after the right ones before; the
            softmax then runs over these alone, as when words are searched. ``None``: over all codes.
    """
    words = network.item.words[target] - network.item.offset
    scores = [score.float() for score in network.spell(hidden, words[:, :-1])]
    if allowed is not None:
        scores = [score.masked_fill(~mask, float("-inf")) for score, mask in zip(scores, allowed)]
    return sum(nn.functional.cross_entropy(score, code) for score, code in zip(scores, words.T))
