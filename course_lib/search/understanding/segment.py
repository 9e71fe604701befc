"""Where a word ends in a text without spaces: the most probable path through a dictionary of the shop's own words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from course_lib.core.errors import ContractError
from course_lib.search.understanding.normalise import HAN_ALONE, normalise, words

if TYPE_CHECKING:
    from datasets import Dataset

#: what Lucene-like tokenisers of English call a word, and many search services run on any language
DEFAULT_WORD = re.compile(r"\b\w\w+\b")


class Segmenter:
    """The segmentation w_1 … w_m of a text whose product of word probabilities is largest.

    R(i) = max over words text[i:j] of log P(text[i:j]) + R(j),   R(n) = 0,   P(w) = count(w) / Σ counts

    A character that no word covers stands alone, as if counted once. Runs of other letters and digits are words of
    their own; punctuation separates.

    Source: the maximum-probability path over the graph of words; the same as ``jieba`` with ``HMM=False``.

    Args:
        counts: word -> how often, at least 1; what is not made of Han characters alone is left out.

    Raises:
        ContractError: counts that are no mapping of texts to positive numbers.
    """

    def __init__(self, counts: Mapping[str, float]):
        if not isinstance(counts, Mapping) or not all(isinstance(w, str) and c > 0 for w, c in counts.items()):
            raise ContractError("a dictionary maps words to how often they occur", remedy='E.g. {"运动鞋": 12}')
        self.counts = {w: float(c) for w, c in counts.items() if HAN_ALONE.fullmatch(w)}
        self.log_total = math.log(max(sum(self.counts.values()), 1.0))
        self._log = {w: math.log(c) - self.log_total for w, c in self.counts.items()}
        self._longest = max(map(len, self.counts), default=1)

    def __contains__(self, word: object) -> bool:
        return word in self.counts

    def segment(self, text: str) -> list[str]:
        """The words of a text, in order; "" and punctuation have none. Time: length of the text × longest word."""
        return [word for run in words(normalise(text, "zh")) for word in self.path(run)[0]]

    def path(self, run: str) -> tuple[list[str], float]:
        """The best segmentation of a run of characters, and its log probability."""
        if not HAN_ALONE.fullmatch(run):
            return ([run], -self.log_total) if run else ([], 0.0)
        n = len(run)
        best, end = [0.0] * (n + 1), [n] * (n + 1)
        for i in range(n - 1, -1, -1):  # from the right, so that R(j) is known
            best[i], end[i] = self._log.get(run[i], -self.log_total) + best[i + 1], i + 1
            for j in range(i + 2, min(i + self._longest, n) + 1):
                known = self._log.get(run[i:j])
                if known is not None and known + best[j] >= best[i]:  # a tie goes to the longer word
                    best[i], end[i] = known + best[j], j
        cut, i = [], 0
        while i < n:
            cut.append(run[i : end[i]])
            i = end[i]
        return cut, best[0]

    def unknown(self, run: str) -> int:
        """Characters of a run that its best segmentation finds no word for."""
        return sum(len(word) for word in self.path(run)[0] if word not in self.counts)


def default_words(text: str) -> list[str]:
    """What a default regex makes of a text: 女士红色运动鞋 is one word, so a query 运动鞋 never meets it."""
    return DEFAULT_WORD.findall(text.lower())


def shop_words(items: Dataset, queries: Iterable[str] = (), *, least: int = 3) -> Counter[str]:
    """A dictionary of 中文 words out of a shop's own columns and queries, and how often its texts hold each.

    Words are the brands, the attribute values and the names of categories; then what is left between them in titles and
    queries (1–4 characters in a row), where at least ``least`` of these leave the same: 推荐 in 跳绳推荐. Counted are
    occurrences as a substring of titles, descriptions and queries (at least one).

    Raises:
        ContractError: no items table.
    """
    if not hasattr(items, "column_names"):
        raise ContractError("the dictionary is learned from the items table of a shop", remedy="Pass shop.items")
    short = [*items["title"][:], *queries]
    named: set[str] = set(items["brand"][:])
    named |= {part for path in set(items["category"][:]) for part in re.split(r"\s*>\s*", path)}
    named |= {entry["value"] for row in items["attributes"][:] for entry in row}
    parts = {run for word in named for run in words(normalise(word, "zh")) if HAN_ALONE.fullmatch(run)}
    known = Segmenter(dict.fromkeys(parts, 1))
    left = Counter(rest for text in short for rest in set(_rests(known, text)) if len(rest) <= 4)
    new = {rest for rest, n in left.items() if n >= least}
    return count_occurrences(parts | new, [*short, *items["description"][:]])


def _rests(known: Segmenter, text: str) -> list[str]:
    """The runs of characters of a text that no known word covers."""
    rests = [""]
    for word in known.segment(text):
        if word in known or not HAN_ALONE.fullmatch(word):
            rests.append("")
        else:
            rests[-1] += word
    return [rest for rest in rests if rest]


def count_occurrences(vocabulary: Iterable[str], texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs as a substring of the texts (overlaps count), at least 1."""
    known = set(vocabulary)
    longest = max(map(len, known), default=0)
    found: Counter[str] = Counter(dict.fromkeys(known, 0))
    for run in (run for text in texts for run in words(normalise(text, "zh")) if len(run) <= 10_000):
        for i in range(len(run)):
            for j in range(i + 1, min(i + longest, len(run)) + 1):
                if run[i:j] in known:
                    found[run[i:j]] += 1
    return Counter({word: max(count, 1) for word, count in found.items()})


def jieba_cutter(counts: Mapping[str, float] | None = None) -> Callable[[str], list[str]]:
    """``jieba`` as the alternative: its own dictionary, with the shop's words added where ``counts`` are given.

    Its hidden Markov model for unknown words is on; text is normalised first and what is no word is dropped.
    """
    import jieba  # heavy: loads its dictionary of 350,000 words

    cutter: Any = jieba.Tokenizer()
    cutter.tmp_dir = None
    jieba.setLogLevel(60)
    for word, count in (counts or {}).items():
        cutter.add_word(word, int(max(count, 1)))
    return lambda text: [w for w in cutter.cut(normalise(text, "zh")) if words(w)]
