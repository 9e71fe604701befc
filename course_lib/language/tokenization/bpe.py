"""Byte-pair encoding: merge the most frequent pair of neighbours, again and again.

Source: Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword Units" (ACL 2016),
https://arxiv.org/abs/1508.07909, §3.2 and algorithm 1. Equal counts: the pair whose pieces are older in the vocabulary
comes first (letters in order of their code, then pieces in order of merging), as ``tokenizers`` does, so that the
result doesn't depend on the order of the texts. ``library.train_bpe`` learns the same at full speed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from course_lib.core.errors import ContractError

Pair = tuple[str, str]


def bpe_train(counts: Mapping[str, int], n_merges: int, *, min_frequency: int = 2) -> list[Pair]:
    """The merges, first learned first; fewer than ``n_merges`` where no pair is left that is frequent enough.

    Args:
        counts: how often each word occurs, from ``count_words``.
        n_merges: at most so many; the vocabulary is the letters and one piece per merge.
        min_frequency: a pair must occur this often to be merged.

    Raises:
        ContractError: no words, a negative number of merges, ``min_frequency`` below 1.
    """
    if not counts or n_merges < 0 or min_frequency < 1:
        raise ContractError("training needs words, n_merges of at least 0 and min_frequency of at least 1")
    words = [list(word) for word in counts]
    times = list(counts.values())
    age = {letter: number for number, letter in enumerate(sorted(set().union(*words)))}
    pairs: Counter[Pair] = Counter()
    homes: dict[Pair, set[int]] = {}  # in which words a pair occurs: only these change when it is merged
    for row, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += times[row]
            homes.setdefault(pair, set()).add(row)
    merges: list[Pair] = []
    while len(merges) < n_merges and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
        if pairs[best] < min_frequency:
            break
        merges.append(best)
        age.setdefault("".join(best), len(age))
        for row in homes.pop(best):
            for pair in zip(words[row], words[row][1:]):
                pairs[pair] -= times[row]
            words[row] = merge(words[row], best)
            for pair in zip(words[row], words[row][1:]):
                pairs[pair] += times[row]
                homes.setdefault(pair, set()).add(row)
        pairs = +pairs if len(merges) % 50 == 0 else pairs  # drops the pairs that are gone
        pairs.pop(best, None)
    return merges


def merge(pieces: Sequence[str], pair: Pair) -> list[str]:
    """The pieces with each neighbouring ``pair`` made one, from left to right: aaa and (a, a) give aa, a."""
    merged: list[str] = []
    i = 0
    while i < len(pieces):
        width = 2 if tuple(pieces[i : i + 2]) == pair else 1
        merged.append("".join(pieces[i : i + width]))
        i += width
    return merged


def bpe_encode(word: str, merges: Sequence[Pair]) -> list[str]:
    """Cut a word that may never have been seen: apply to its letters the merges, the first learned first.

    Letters that no merge knows stay single pieces; whether they are in the vocabulary is for the caller to ask.
    """
    pieces, rank = list(word), {pair: number for number, pair in enumerate(merges)}
    while len(pieces) > 1:
        first = min(zip(pieces, pieces[1:]), key=lambda pair: rank.get(pair, len(rank)))
        if first not in rank:
            break
        pieces = merge(pieces, first)
    return pieces
