"""Learned sparse retrieval: a model decides which words a product should be found by, and how much each of them counts.

The weights are computed once per product and kept in an inverted index; a query is no more than its words. As in
SPLADE (Formal et al. 2021, https://arxiv.org/abs/2107.05720) words that the text lacks may get a weight (expansion),
weights grow like a logarithm, and a FLOPS penalty keeps them few; as in DeepImpact (Mallia et al. 2021,
https://arxiv.org/abs/2104.12016) words that the text has get a learned one. In place of a whole transformer, a small
model is trained on top of frozen vectors of the products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from scipy import sparse
from torch import nn

from course_lib.core.blocks import rank_in_blocks
from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.core.seeds import generator
from course_lib.search.analysis import analyser
from course_lib.search.retrieval.catalogue import as_vectors, catalogue, fitted, query_rows

if TYPE_CHECKING:
    from datasets import Dataset


class Weigher(nn.Module):
    """Weights of all words for a batch of products: log(1 + relu(a_t · f + v · e_t + bias_t)).

    f is BM25's part of the word in the product (0 where the text lacks it), times idf; v is the product's vector. The
    first term says how much an exact match is worth; the others propose words that the text lacks. At the start a_t is
    1 and the rest is small and the same for all products, so training begins near BM25.
    """

    def __init__(self, words: int, dimension: int):
        super().__init__()
        self.exact = nn.Parameter(torch.ones(words))
        self.expand = nn.Linear(dimension, words)
        nn.init.zeros_(self.expand.weight)
        nn.init.constant_(self.expand.bias, 0.05)  # at 0 the gradient of relu is 0, and no new word would come up

    def forward(self, lexical: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """lexical float [b, words], vectors float [b, d] -> weights float [b, words], at least 0."""
        return torch.log1p(torch.relu(self.exact * lexical + self.expand(vectors)))


class LearnedSparse:
    """A retriever with learned word weights. Trained on (query, product) pairs; queries cost what BM25's cost.

    Words that no training query has keep their BM25 part (the same logarithm of it) and are never proposed.

    Args:
        steps, batch_size, learning_rate: of the training (Adam); a step's other products are the negatives.
        flops: weight of the penalty; the larger, the fewer words are proposed.
        added: at most this many words that a product's text lacks are kept for it.
        k1, b, language: as for ``BM25``. seed: of the batches.
    """

    def __init__(
        self, *, steps: int = 200, batch_size: int = 64, learning_rate: float = 0.003, flops: float = 0.1,
        added: int = 16, k1: float = 1.2, b: float = 0.75, language: str = "en", seed: int = 0,
    ):  # fmt: skip
        if min(steps, added) < 0 or batch_size < 2 or not learning_rate > 0 or not flops >= 0:
            raise ContractError("steps, added and flops are at least 0, batch_size at least 2, learning_rate above 0")
        self.steps, self.batch_size, self.learning_rate, self.flops = steps, batch_size, learning_rate, flops
        self.added, self.k1, self.b, self.seed = added, k1, b, seed
        self._terms_of_item, self._terms_of_query = analyser(language), analyser(language, query=True)
        self.item_ids: IdMap | None = None

    def fit(
        self,
        items: Dataset | Sequence[str],
        vectors: np.ndarray,
        pairs: Sequence[tuple[str, int]],
        *,
        item_ids: IdMap | None = None,
    ) -> Self:
        """Learn from pairs (query text, catalogue row), and index the products.

        Args:
            vectors: float [n_items, d], in catalogue order.
            pairs: e.g. clicks, or queries made from the products themselves; never the judgements one measures with.

        Raises:
            ContractError: no pair, a row outside the catalogue, vectors that don't fit.
        """
        texts, self.item_ids = catalogue(items, item_ids)
        vectors = as_vectors(vectors, len(texts))
        if not pairs or not all(0 <= row < len(texts) for _, row in pairs):
            raise ContractError("pairs must be (query text, catalogue row), at least one, rows inside the catalogue")
        asked = [self._terms_of_query(query) for query, _ in pairs]
        inside = [self._terms_of_item(text) for text in texts]
        self._word_of: dict[str, int] = {}
        for terms in (*asked, *inside):  # words of training queries come first: only they are learned
            for word in terms:
                self._word_of.setdefault(word, len(self._word_of))
        self._learned = len({word for terms in asked for word in terms})
        if not self._learned:
            raise ContractError("no training query holds a word", remedy="Check the pairs' texts")
        lexical = self._lexical(self._counts(inside))
        self.model = Weigher(self._learned, vectors.shape[1])
        queries = self._counts(asked)[:, : self._learned]
        self.losses = self._train(queries, lexical, vectors, np.array([row for _, row in pairs]))
        self.weights = self._weigh(lexical, vectors)
        return self

    def search(self, queries: Sequence[str], k: int = 100, *, keys: IdMap | None = None) -> Ranking:
        """The k best products of each query (arguments and errors of ``BM25.search``)."""
        items, (texts, keys) = fitted(self), query_rows(queries, keys)
        asked = self._counts([self._terms_of_query(text) for text in texts])

        def score(block: slice) -> np.ndarray:
            scores = (asked[block] @ self.weights.T).toarray()
            return np.where(scores > 0, scores, np.float32(-np.inf))

        return rank_in_blocks(score, k, keys=keys, items=items, block=64)

    def words(self, row: int) -> list[tuple[str, float, bool]]:
        """What a product is found by, heaviest first: stem, weight, and whether its text has it."""
        names, own = list(self._word_of), self.weights[[row]]
        had = set(self._had[[row]].indices.tolist())
        order = np.argsort(-own.data, kind="stable")
        return [(names[own.indices[i]], float(own.data[i]), int(own.indices[i]) in had) for i in order]

    def _counts(self, texts: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """How often each known word stands in each text: float32 [n, words]."""
        found = [(row, self._word_of[t], n) for row, terms in enumerate(texts) for t, n in Counter(terms).items()
                 if t in self._word_of]  # fmt: skip
        rows, words, counts = zip(*found) if found else ((), (), ())
        shape = len(texts), len(self._word_of)
        return sparse.csr_matrix((np.array(counts, dtype=np.float32), (rows, words)), shape=shape)

    def _lexical(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """BM25's part of each word in each product, idf included."""
        n, has = counts.shape[0], np.bincount(counts.indices, minlength=counts.shape[1])
        length = np.asarray(counts.sum(axis=1)).ravel() / max(counts.sum() / n, 1e-9)
        norm = np.repeat(self.k1 * (1 - self.b + self.b * length), np.diff(counts.indptr))
        part = counts.copy()
        rarity = np.log(1 + (n - has + 0.5) / (has + 0.5))[counts.indices]
        part.data = (rarity * counts.data / (counts.data + norm)).astype(np.float32)
        return part

    def _train(
        self, queries: sparse.csr_matrix, lexical: sparse.csr_matrix, vectors: np.ndarray, rows: np.ndarray
    ) -> list[float]:
        """Contrastive: each query should score its own product above the other products of the batch."""
        rng, losses = generator(self.seed, "retrieval", "sparse"), []
        optimiser = torch.optim.Adam(self.model.parameters(), lr=self.learning_rate)
        known = lexical[:, : self._learned].tocsr()
        for _ in range(self.steps):
            batch = rng.choice(len(rows), min(self.batch_size, len(rows)), replace=False)
            items = rows[batch]
            weights = self.model(torch.tensor(known[items].toarray()), torch.tensor(vectors[items]))
            scores = torch.tensor(queries[batch].toarray()) @ weights.T
            twin = torch.tensor(items[:, None] == items[None]) & ~torch.eye(len(items), dtype=torch.bool)
            right = torch.arange(len(items))
            loss = nn.functional.cross_entropy(scores.masked_fill(twin, -torch.inf), right)
            penalty = weights.mean(dim=0).square().sum()  # Paria et al. 2020, a smooth stand-in for the work per query
            optimiser.zero_grad()
            (loss + self.flops * penalty).backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    @torch.inference_mode()
    def _weigh(self, lexical: sparse.csr_matrix, vectors: np.ndarray, block: int = 256) -> sparse.csr_matrix:
        """Weights of all words of all products; of the words that a text lacks, the heaviest ``added``."""
        rest = lexical.copy()
        rest.data = np.log1p(rest.data)
        self._had, learned = lexical, self._learned
        parts = []
        for start in range(0, len(vectors), block):
            rows = slice(start, start + block)
            exact = lexical[rows, :learned].toarray()
            weights = self.model(torch.tensor(exact), torch.tensor(vectors[rows])).numpy()
            new = np.where(exact > 0, 0, weights)
            if self.added < learned:
                least = np.partition(new, learned - self.added - 1, axis=1)[:, [learned - self.added - 1]]
                new = np.where(new > least, new, 0)
            parts.append(sparse.csr_matrix(np.where(exact > 0, weights, new).astype(np.float32)))
        return sparse.hstack([sparse.vstack(parts), rest[:, learned:]], format="csr")
