"""Spelling from the shop's own words: the noisy channel.

A person meant the word w and typed x. The best guess is the w with the largest P(w) · P(x | w): how often the shop's
texts and queries use w, times how easily fingers make x of it (Kernighan, Church & Gale, "A Spelling Correction Program
Based on a Noisy Channel Model", COLING 1990).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from course_lib.core.errors import ContractError
from course_lib.search.understanding.edits import KINDS, Neighbours, slip
from course_lib.search.understanding.normalise import HAN_ALONE, is_model_code, normalise, words
from course_lib.search.understanding.segment import Segmenter

SHORT = 4  #: letters; shorter words have too many neighbours to be corrected
HAN_ALPHABET = 3_000  #: characters in everyday use
MOST_READ = 64  #: words of a query that are looked at, and Han characters of a run


@dataclass(frozen=True)
class Correction:
    """A query as we read it.

    Attributes:
        text: the corrected query, normalised. changes: (typed, read) for each word that was changed.
    """

    text: str
    changes: tuple[tuple[str, str], ...] = ()


class Channel:
    """P(x | w): how a word is mistyped, by the kind of slip.

    log P(x | w) = log(1 − ε) where x = w; else log ε + log P(kind) − log(places where such a slip could happen).
    P(kind) is (count + 1) / (total + number of kinds); without counts, all kinds are equally likely.

    Args:
        error: ε, the share of words that are mistyped.
        counts: kind of slip -> how often seen, see ``Channel.learn``.
        alphabet: characters that a finger may hit in place of the right one, 26 letters or ``HAN_ALPHABET``.

    Raises:
        ContractError: ε outside (0, 1), an unknown kind.
    """

    def __init__(self, error: float = 0.05, counts: Mapping[str, int] | None = None, *, alphabet: int = 26):
        counts = dict(counts or {})
        if not 0 < error < 1:
            raise ContractError(f"the share of errors is {error}; it must lie between 0 and 1")
        if set(counts) - set(KINDS):
            raise ContractError(f"kinds of slips are {', '.join(KINDS)}")
        total = sum(counts.values()) + len(KINDS)
        self.error, self.alphabet = error, alphabet
        self._log = {kind: math.log((counts.get(kind, 0) + 1) / total) for kind in KINDS}

    @classmethod
    def learn(cls, pairs: Iterable[tuple[str, str]], error: float = 0.05, *, alphabet: int = 26) -> Channel:
        """From pairs (wrong query, right query) that differ in one word, such as the log's reformulations."""
        counts: Counter[str] = Counter()
        for wrong, right in pairs:
            a, b = words(normalise(wrong)), words(normalise(right))
            changed = [(x, y) for x, y in zip(a, b) if x != y]
            if len(a) == len(b) and len(changed) == 1 and slip(changed[0][1], changed[0][0]) != "other":
                counts[slip(changed[0][1], changed[0][0])] += 1
        return cls(error, counts, alphabet=alphabet)

    def log_probability(self, typed: str, meant: str) -> float:
        """log P(typed | meant)."""
        if typed == meant:
            return math.log1p(-self.error)
        kind = slip(meant, typed)
        # Any letter can be added or put in another's place; two slips are one after the other.
        places = len(meant) * (self.alphabet if kind in ("added", "replaced") else 1)
        twice = math.log(self.error) if kind == "other" else 0.0
        return math.log(self.error) + twice + self._log[kind] - math.log(max(places, 1))


class Speller:
    """Corrects the words of a query that the shop doesn't know. A word of the catalogue is never touched, nor is a
    model code, a number, or a word of fewer than ``SHORT`` letters.

    P(w) ∝ count of w in product texts + number of different queries that hold w. A word that only the log knows may
    stay what it is: it competes with its neighbours under P(x = w), so that customers may use words that no product
    text has. What a single query holds may be a typo itself; it counts like a word that nobody has used.

    Args:
        catalogue: word -> count in product texts (``count_words``). log: word -> in how many different queries.
        channel: by default all slips are equally likely.
        unseen: count of a word that nobody has used. The larger, the more unknown words stay as they are.

    Raises:
        ContractError: an empty catalogue.
    """

    def __init__(
        self,
        catalogue: Mapping[str, float],
        log: Mapping[str, float] | None = None,
        *,
        channel: Channel | None = None,
        unseen: float = 1e-3,
    ):
        if not catalogue:
            raise ContractError("the catalogue has no words to correct to", remedy="Pass count_words(item_texts)")
        if not unseen > 0:
            raise ContractError(f"unseen is {unseen}; it must be above 0")
        self.unseen = unseen
        self.catalogue, self.log = dict(catalogue), dict(log or {})
        self.channel = channel or Channel()
        seen = {w for w, n in self.log.items() if n >= 2}
        self._prior = {w: self.catalogue.get(w, 0) + self.log.get(w, 0) for w in self.catalogue.keys() | seen}
        self._near = Neighbours(sorted(w for w in self._prior if len(w) >= SHORT - 1 and not is_model_code(w)))

    def candidates(self, word: str) -> list[tuple[str, float]]:
        """(what may be meant, log P(w) + log P(x | w)), best first; the word itself is always one of them."""
        prior = {word: self._prior.get(word, self.unseen)}
        if self._may_change(word):
            prior |= {w: self._prior[w] for w in self._near.near(word, 1 if len(word) < 8 else 2)}
        scores = {w: math.log(p) + self.channel.log_probability(word, w) for w, p in prior.items()}
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))

    def correct(self, query: str) -> Correction:
        """The query with each unknown word replaced by the most probable one.

        Raises:
            ContractError: the query is not a text.
        """
        text = normalise(query)
        changes, out = [], []
        for number, chunk in enumerate(text.split(" ")):
            for word in words(chunk) if number < MOST_READ else ():
                best = self.candidates(word)[0][0]
                if best != word:
                    changes.append((word, best))
                    chunk = chunk.replace(word, best, 1)
            out.append(chunk)
        return Correction(" ".join(out), tuple(changes))

    def _may_change(self, word: str) -> bool:
        known = word in self.catalogue or is_model_code(word) or word.isdigit()
        return not known and SHORT <= len(word) <= MOST_READ


class RunSpeller:
    """The same for 中文, where a slip may cross the border of two words: the run of characters is the unit, and the
    segmenter's best path is its P(w). A run in which every character belongs to a word is never touched, and a
    corrected run must be such a one: a slip among words that the shop doesn't know stays.

    Args:
        segmenter: with the shop's words. error: ε.

    Source: the channel above; characters that may be put in are those that the dictionary has seen beside a neighbour.
    """

    def __init__(self, segmenter: Segmenter, *, channel: Channel | None = None):
        self.segmenter, self.channel = segmenter, channel or Channel(alphabet=HAN_ALPHABET)
        self._after: dict[str, set[str]] = defaultdict(set)
        self._before: dict[str, set[str]] = defaultdict(set)
        for word in segmenter.counts:
            for a, b in zip(word, word[1:]):
                self._after[a].add(b)
                self._before[b].add(a)

    def correct(self, query: str) -> Correction:
        """The query with the most probable single slip undone in each run that holds unknown characters."""
        text, changes = normalise(query, "zh"), []
        for run in dict.fromkeys(words(text)):
            best = self._best(run)
            if best != run:
                changes.append((run, best))
                text = text.replace(run, best, 1)
        return Correction(text, tuple(changes))

    def _best(self, run: str) -> str:
        if not 3 <= len(run) <= MOST_READ or not HAN_ALONE.fullmatch(run) or not self.segmenter.unknown(run):
            return run
        whole = {w for w in self._undone(run) if not self.segmenter.unknown(w)}
        scores = {w: self.segmenter.path(w)[1] + self.channel.log_probability(run, w) for w in {run, *whole}}
        return max(sorted(scores), key=scores.__getitem__)

    def _undone(self, run: str) -> set[str]:
        found = set()
        for i in range(len(run)):
            found |= {run[:i] + run[i + 1 :], run[:i] + run[i + 1 : i + 2] + run[i] + run[i + 2 :]}
            fits = self._after[run[i]] | (self._before[run[i + 1]] if i + 1 < len(run) else set())
            found |= {run[: i + 1] + c + run[i + 1 :] for c in fits}
        return found


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs in the texts, normalised; for queries, pass each different one once.

    Raises:
        ContractError: a single text in place of several.
    """
    if isinstance(texts, str):
        raise ContractError("texts must be a list of texts", remedy='E.g. count_words(["red running shoes"])')
    return Counter(word for text in texts for word in words(normalise(text)))
