"""Beam search through a trie: write words code by code, and keep only the most likely beginnings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.recommend.generative.trie import Trie


def log_share(scores: np.ndarray) -> np.ndarray:
    """log softmax of float [n]."""
    top = scores.max()
    return scores - top - np.log(np.exp(scores - top).sum())


def beam_search(logits: Callable[[np.ndarray], np.ndarray], trie: Trie, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest words that a narrow search finds.

    At each place a model gives scores to all codes; codes that lead to no product are struck out, and the softmax runs
    over the others, so that the chances of the whole catalogue sum to 1.

    Args:
        logits: ``logits(prefixes int64 [b, depth]) -> float [b, size]``, scores of the next code.
        width: beginnings that are kept at each place. With as many as the catalogue has items, nothing is lost.

    Returns:
        Catalogue rows int64 [m] and log chances float [m], m ≤ width, the likeliest first; ties in the trie's order.

    Raises:
        ContractError: width below 1.
    """
    if width < 1:
        raise ContractError(f"width is {width}; it must be at least 1")
    nodes, prefixes, scores = np.zeros(1, dtype=np.int64), np.zeros((1, 0), dtype=np.int64), np.zeros(1)
    for depth in range(trie.length):
        new_nodes, new_prefixes, new_scores = [], [], []
        for node, prefix, score, given in zip(nodes, prefixes, scores, logits(prefixes)):
            below, codes = trie.children(depth, node)
            new_nodes.append(below)
            new_prefixes.append(np.column_stack([np.tile(prefix, (len(codes), 1)), codes]))
            new_scores.append(score + log_share(given[codes]))
        nodes, prefixes, scores = map(np.concatenate, (new_nodes, new_prefixes, new_scores))
        best = np.lexsort((nodes, -scores))[:width]
        nodes, prefixes, scores = nodes[best], prefixes[best], scores[best]
    return trie.items[nodes], scores
