"""The words of the catalogue as a tree: which code may come next, so that whatever is written is a product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib.core.errors import ContractError


class Trie:
    """Words that begin alike share their first nodes; a leaf is an item.

    The words are sorted, so that the children of a node lie side by side: node n of depth l has the nodes ``starts[l][n]``
    to below ``starts[l][n + 1]`` of depth l + 1 as its children.

    Args:
        words: int64 [n, length], no two alike. items: int64 [n], the catalogue row of each word; ``None``: 0, 1, …

    Attributes:
        length: codes of a word. items: int64 [n], of the leaves.
        codes: of each depth from 1 on, the code of each node. starts: of each depth from 0 on, as above.

    Raises:
        ContractError: no word, words of no length, or two alike.
    """

    def __init__(self, words: np.ndarray, items: np.ndarray | None = None):
        words = np.asarray(words)
        if words.ndim != 2 or not words.size or words.dtype.kind not in "iu" or words.min() < 0:
            raise ContractError("words must be whole numbers [n, length], at least one, none below 0")
        items = np.arange(len(words)) if items is None else np.asarray(items, dtype=np.int64)
        order = np.lexsort(words.T[::-1])
        words, self.items, self.length = words[order].astype(np.int64), items[order], words.shape[1]
        differs = np.ones(words.shape, dtype=bool)  # from the word before it, at this place or an earlier one
        differs[1:] = np.logical_or.accumulate(words[1:] != words[:-1], axis=1)
        if not differs[:, -1].all():
            raise ContractError("two items have the same word", remedy="Number the items of equal codes (SemanticIds)")
        first = [np.zeros(1, dtype=np.int64), *(np.flatnonzero(column) for column in differs.T)]  # a node's first word
        self.codes = [words[rows, place] for place, rows in enumerate(first[1:])]
        self.starts = [np.append(np.searchsorted(deep, rows), len(deep)) for rows, deep in zip(first[:-1], first[1:])]
        self._words = words

    def children(self, depth: int, node: int) -> tuple[np.ndarray, np.ndarray]:
        """Nodes of depth + 1 below a node, and their codes."""
        below = np.arange(self.starts[depth][node], self.starts[depth][node + 1])
        return below, self.codes[depth][below]

    def allowed(self, prefix: Sequence[int]) -> np.ndarray:
        """The codes that may follow these, ascending; none where no word begins like this, or where it is complete."""
        node = 0
        for depth, code in enumerate(prefix):
            if depth == self.length:
                return np.zeros(0, dtype=np.int64)
            below, codes = self.children(depth, node)
            place = np.searchsorted(codes, code)
            if place == len(codes) or codes[place] != code:
                return np.zeros(0, dtype=np.int64)
            node = int(below[place])
        return self.children(len(prefix), node)[1] if len(prefix) < self.length else np.zeros(0, dtype=np.int64)

    def prefixes(self, depth: int) -> np.ndarray:
        """int64 [nodes, depth]: the codes that lead to each node of a depth."""
        if depth == 0:
            return np.zeros((1, 0), dtype=np.int64)
        change = np.any(self._words[1:, :depth] != self._words[:-1, :depth], axis=1)
        return self._words[np.append(True, change), :depth]

    def within(self, rows: np.ndarray) -> Trie:
        """The tree of these catalogue rows alone: what is in stock, of one shelf, or new.

        Raises:
            ContractError: none of them has a word.
        """
        keep = np.isin(self.items, rows)
        if not keep.any():
            raise ContractError("none of these items has a word")
        return Trie(self._words[keep], self.items[keep])

    def __len__(self) -> int:
        return len(self.items)
