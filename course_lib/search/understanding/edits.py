"""Slips of the finger: how far two words are apart, and which words lie near."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

#: kinds of a single slip, as seen from the right word to the wrong one; "other" is anything of two slips and more
KINDS = ("swapped", "doubled", "undoubled", "dropped", "added", "replaced", "other")


def edit_distance(a: str, b: str) -> int:
    """Letters dropped, added, replaced or swapped with the next that lead from a to b (optimal string alignment).

    d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + [a_i ≠ b_j], and, where a_{i-1} a_i = b_j b_{j-1},
    d[i-2, j-2] + 1). No letter is touched twice.

    Source: Damerau, "A Technique for Computer Detection and Correction of Spelling Errors" (CACM 1964); the recursion
    for swapped letters is the restricted one of Oommen & Loke (1997). Time len(a) · len(b), memory 3 rows.
    """
    before, last = [], list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def slip(right: str, wrong: str) -> str:
    """The kind (one of ``KINDS``) of the one slip that made ``wrong`` of ``right``; "other" where it takes more."""
    start, end = common_ends(right, wrong)
    was, now = right[start : len(right) - end], wrong[start : len(wrong) - end]
    if len(was) == 2 and now == was[::-1]:
        return "swapped"
    if not was and len(now) == 1:
        return "doubled" if start and right[start - 1] == now else "added"
    if not now and len(was) == 1:
        return "undoubled" if start and right[start - 1] == was else "dropped"
    return "replaced" if len(was) == len(now) == 1 else "other"


def common_ends(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    """How many letters (or words) two texts share at the beginning, and then, of what is left of both, at the end."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return start, end


class Neighbours:
    """The words of a vocabulary within a few slips of a given one, found without looking at all of them.

    Two words at most e slips apart share a form in which at most e letters of each are struck out; the index maps each
    such form to its words. Words longer than ``prefix`` letters are filed by their first letters alone.

    Source: the deletion neighbourhood of Bocek, Hunt & Stiller, "Fast Similarity Search in Large Dictionaries" (2007).
    """

    def __init__(self, vocabulary: Iterable[str], most: int = 2, prefix: int = 12):
        self.most, self.prefix = most, prefix
        self._index: dict[str, list[str]] = defaultdict(list)
        for word in dict.fromkeys(vocabulary):
            for form in self._forms(word, most):
                self._index[form].append(word)

    def near(self, word: str, most: int) -> dict[str, int]:
        """word -> slips (1 … most), the word itself left out, in a settled order."""
        found = {w for form in self._forms(word, min(most, self.most)) for w in self._index.get(form, ())}
        pairs = ((w, edit_distance(w, word)) for w in sorted(found) if abs(len(w) - len(word)) <= most)
        return {w: d for w, d in pairs if 1 <= d <= most}

    def _forms(self, word: str, most: int) -> set[str]:
        forms = last = {word[: self.prefix]}
        for _ in range(most):
            last = {form[:i] + form[i + 1 :] for form in last for i in range(len(form))}
            forms = forms | last
        return forms
