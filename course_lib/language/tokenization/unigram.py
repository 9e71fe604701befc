"""The unigram language model: every piece has a probability, and a word is cut where the product is largest.

Source: Kudo, "Subword Regularization" (ACL 2018), https://arxiv.org/abs/1804.10959, §3.2: begin with too many pieces,
estimate their probabilities by expectation-maximisation, drop those that are missed least, and repeat. The seed
pieces come from plain counting here (the paper: a suffix array); the rest is as written there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from course_lib.core.errors import ContractError

PENALTY = 10.0  #: an unknown letter costs this much more than the least likely piece (as in ``tokenizers``)
FLOOR = -20.0  #: of a letter that longer pieces have replaced: new words must stay spellable


def viterbi(word: str, scores: Mapping[str, float], *, unknown: str = "[UNK]") -> list[str]:
    """The most probable cut of a word, by dynamic programming over its prefixes.

    Neighbouring letters that are no pieces become one ``unknown``. Of equally probable cuts, the one whose last piece
    is longer.

    Args:
        scores: log-probability (natural) of each piece.

    Raises:
        ContractError: no pieces.
    """
    if not scores:
        raise ContractError("there are no pieces to cut with")
    return _best_cut(word, scores, max(map(len, scores)), min(scores.values()) - PENALTY, unknown)


def _best_cut(word: str, scores: Mapping[str, float], longest: int, lost: float, unknown: str = "[UNK]") -> list[str]:
    """``viterbi``, where the length of the longest piece and the score of an unknown letter are known already."""
    best, last = [0.0] + [-math.inf] * len(word), [0] * (len(word) + 1)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
            score = scores.get(word[start:end], lost if end - start == 1 else -math.inf)
            if best[start] + score > best[end]:
                best[end], last[end] = best[start] + score, start
    pieces: list[str] = []
    end = len(word)
    while end:
        piece = word[last[end] : end]
        piece = piece if piece in scores else unknown
        if not (piece == unknown and pieces and pieces[-1] == unknown):
            pieces.append(piece)
        end = last[end]
    return pieces[::-1]


def em_step(counts: Mapping[str, int], scores: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """One step of expectation-maximisation, over all cuts of all words: new scores, and the log-likelihood before it.

    E: how often each piece is expected, by the forward and backward sums. M: its share of the sum is its probability.
    The log-likelihood never falls from step to step. Pieces that are not expected at all are left out.

    Raises:
        ContractError: no words or no pieces, or a word that the pieces can't spell.
    """
    if not counts or not scores:
        raise ContractError("a step needs words and pieces")
    longest, likelihood = max(map(len, scores)), 0.0
    expected: Counter[str] = Counter()
    for word, times in counts.items():
        n = len(word)
        spans = [(i, j, word[i:j]) for i in range(n) for j in range(i + 1, min(n, i + longest) + 1)]
        spans = [(i, j, math.exp(scores[piece]), piece) for i, j, piece in spans if piece in scores]
        forward, backward = [1.0] + [0.0] * n, [0.0] * n + [1.0]
        for i, j, p, _ in spans:  # sorted by their beginning, so that forward[i] is complete
            forward[j] += forward[i] * p
        for i, j, p, _ in reversed(spans):
            backward[i] += p * backward[j]
        if not forward[n] > 0:
            raise ContractError(f"the pieces can't spell {word!r}", remedy="Keep every letter as a piece")
        likelihood += times * math.log(forward[n])
        for i, j, p, piece in spans:
            expected[piece] += times * forward[i] * p * backward[j] / forward[n]
    total = sum(expected.values())
    return {piece: math.log(n) - math.log(total) for piece, n in expected.items() if n > 0}, likelihood


def prune(counts: Mapping[str, int], scores: Mapping[str, float], keep: int) -> dict[str, float]:
    """The ``keep`` pieces whose loss would cost most; single letters always stay, so that every word can be spelled.

    What a piece's loss costs: its uses in the best cuts, times its log-probability less that of its best replacement.
    """
    uses: Counter[str] = Counter()
    longest, lost = max(map(len, scores)), min(scores.values()) - PENALTY
    for word, times in counts.items():
        for piece in _best_cut(word, scores, longest, lost):
            uses[piece] += times
    loss = {}
    for piece in scores:
        if len(piece) > 1:
            others = {p: s for p, s in _inside(piece, scores).items() if p != piece}
            loss[piece] = uses[piece] * (scores[piece] - sum(others[p] for p in viterbi(piece, others)))
    letters = [piece for piece in scores if len(piece) == 1]
    kept = sorted(loss, key=lambda piece: (-loss[piece], piece))[: max(0, keep - len(letters))]
    return {piece: scores[piece] for piece in [*letters, *kept]}


def seed_pieces(counts: Mapping[str, int], *, size: int = 10_000, longest: int = 12) -> dict[str, float]:
    """Every letter and the ``size`` substrings that cover most text, with the log of their share as score.

    Raises:
        ContractError: no words.
    """
    if not counts:
        raise ContractError("no words to learn from")
    seen: Counter[str] = Counter()
    for word, times in counts.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + longest) + 1):
                seen[word[start:end]] += times
    several = [piece for piece in seen if len(piece) > 1 and seen[piece] > 1]
    several = sorted(several, key=lambda piece: (-seen[piece] * len(piece), piece))[:size]
    chosen = [*sorted(piece for piece in seen if len(piece) == 1), *several]
    total = sum(seen[piece] for piece in chosen)
    return {piece: math.log(seen[piece] / total) for piece in chosen}


def unigram_train(
    counts: Mapping[str, int], size: int, *, seed_size: int = 10_000, steps: int = 2, shrink: float = 0.75
) -> dict[str, float]:
    """Learn ``size`` pieces (more where there are more letters): seed, then ``steps`` of EM and a cut, repeated.

    Raises:
        ContractError: no words, a size below 1, ``shrink`` not between 0 and 1.
    """
    if size < 1 or steps < 1 or not 0 < shrink < 1:
        raise ContractError(f"size is {size}, steps {steps}, shrink {shrink}; needed: at least 1, 1, between 0 and 1")
    scores = seed_pieces(counts, size=seed_size)
    letters = [piece for piece in scores if len(piece) == 1]
    while True:
        for _ in range(steps):
            found, _ = em_step(counts, scores)
            scores = found | {piece: max(found.get(piece, FLOOR), FLOOR) for piece in letters}
        if len(scores) <= max(size, len(letters)):
            return scores
        scores = prune(counts, scores, max(size, int(shrink * len(scores))))


def _inside(word: str, scores: Mapping[str, float]) -> dict[str, float]:
    """The pieces that occur in a word."""
    spans = (word[i:j] for i in range(len(word)) for j in range(i + 1, len(word) + 1))
    return {piece: scores[piece] for piece in spans if piece in scores}
