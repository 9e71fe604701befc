"""Rewriting a query: candidates, guardrails, and a reward from retrieval that the caller passes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from course_lib.core.errors import ContractError
from course_lib.search.understanding.candidates import Source
from course_lib.search.understanding.intent import ClickIntent
from course_lib.search.understanding.normalise import is_model_code, normalise, words
from course_lib.search.understanding.tagging import CATEGORY, Tagger

#: (the query, n texts) -> n numbers: how good the results of each text are for somebody who asked the query
Reward = Callable[[str, Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class Drift:
    """How far a rewrite is from its query.

    Attributes:
        overlap: shared words / all words of both (Jaccard), 1 for the same words.
        intent: ½ Σ_c |P(c | query) - P(c | rewrite)|, 0 for the same, 1 for another category altogether.
        lost, added: (name, value) of attributes and brands that only the query, or only the rewrite, names; a category
            is lost where the rewrite has no word of its own.
        codes: model codes of either that the other lacks.
    """

    overlap: float
    intent: float
    lost: frozenset[tuple[str, str]] = frozenset()
    added: frozenset[tuple[str, str]] = frozenset()
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rewrite:
    """What was decided about a query.

    Attributes:
        query, text: before and after, normalised; the same where nothing was better. source: name of the source of
            ``text``, "" where nothing changed.
        reward: (of the query, of the text). drift: of the text from the query spelt right.
        refused: candidate -> the guardrail that it ran into.
    """

    query: str
    text: str
    source: str
    reward: tuple[float, float]
    drift: Drift
    refused: Mapping[str, str] = field(default_factory=dict)


class Guardrails:
    """What a rewrite must leave alone: model codes, brands, attributes (an asker's own word and the catalogue's word
    for the same value are the same), and the category that the query is about. Each objection is a rule, not a weight:
    no reward outweighs it.

    Args:
        tagger: fitted. intent: fitted; without one, the change of intent counts as 0.
        most_intent: largest ``Drift.intent``. clear: it is held against a rewrite only where the query's most probable
            category has at least this probability; words that nobody has clicked after have no intent to change.
        may_add: a rewrite may name what the query doesn't.

    Raises:
        ContractError: ``most_intent`` or ``clear`` outside 0–1.
    """

    def __init__(
        self,
        tagger: Tagger,
        intent: ClickIntent | None = None,
        *,
        most_intent: float = 0.5,
        clear: float = 0.5,
        may_add: bool = False,
    ):
        if not (0 <= most_intent <= 1 and 0 <= clear <= 1):
            raise ContractError(f"most_intent is {most_intent} and clear {clear}; both must lie between 0 and 1")
        self.tagger, self.intent = tagger, intent
        self.most_intent, self.clear, self.may_add = most_intent, clear, may_add

    def drift(self, query: str, text: str) -> Drift:
        """How far ``text`` is from ``query``."""
        a, b = (normalise(t, self.tagger.language) for t in (query, text))
        ours, theirs = set(self._pieces(a)), set(self._pieces(b))
        # Other words may stand for a category that is no longer named; with nothing new, it is simply gone.
        named, renamed = self._named(a, category=theirs <= ours), self._named(b, category=theirs <= ours)
        change = 0.0
        if self.intent is not None:
            p, q = self.intent.probabilities([a, b])
            change = float(np.abs(p - q).sum() / 2)
        overlap = len(ours & theirs) / max(len(ours | theirs), 1) if ours | theirs else 1.0
        return Drift(overlap, min(change, 1.0), named - renamed, renamed - named, _codes(a) ^ _codes(b))

    def objection(self, query: str, text: str) -> str:
        """Why ``text`` must not stand for ``query``, or "" where it may."""
        if not words(normalise(text, self.tagger.language)):
            return "nothing is left"
        drift = self.drift(query, text)
        if drift.codes:
            return f"model code {sorted(drift.codes)[0]}"
        if drift.lost:
            return "loses {0}: {1}".format(*sorted(drift.lost)[0])
        if drift.added and not self.may_add:
            return "adds {0}: {1}".format(*sorted(drift.added)[0])
        if drift.intent > self.most_intent and self.intent.probabilities([query]).max() >= self.clear:
            return f"intent changes by {drift.intent:.2f}"
        return ""

    def _named(self, text: str, category: bool) -> frozenset[tuple[str, str]]:
        return frozenset((t.name, t.value) for t in self.tagger.tag(text) if category or t.name != CATEGORY)

    def _pieces(self, text: str) -> list[str]:
        return words(text) if self.tagger.language == "en" else [c for run in words(text) for c in run]


class Rewriter:
    """The candidate whose results are worth most, if that is more than the query's own are worth.

    For query q, read as c = correct(q):  t* = argmax over t in {q} ∪ {c} ∪ {allowed candidates} of R(c, t),  and q
    itself unless R(c, t*) ≥ R(c, q) + margin. R is the reward; ties go to the heavier candidate, then by alphabet.
    Candidates come from q and from c, and the guardrails hold them against c: a misspelt brand is a brand as well.

    Args:
        sources: name -> source of candidates. guardrails: ``None`` lets every candidate through (an exhibit).
        correct: spelling, from a text to a text; without it, c = q.
        reward: see ``Reward``. margin: in the unit of the reward, above 0. most: candidates scored per query.

    Raises:
        ContractError: no source, a margin of 0 or less, most < 1.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        guardrails: Guardrails | None,
        reward: Reward,
        *,
        correct: Callable[[str], str] | None = None,
        margin: float = 1e-6,
        most: int = 20,
        language: str = "en",
    ):
        if not sources or not margin > 0 or most < 1:
            raise ContractError("a rewriter needs a source, a margin above 0 and at least one candidate")
        self.sources, self.guardrails, self.reward, self.correct = dict(sources), guardrails, reward, correct
        self.margin, self.most, self.language = margin, most, language

    def candidates(self, query: str) -> dict[str, tuple[str, float]]:
        """text -> (source, weight), heaviest first; the query itself is none, its correction is one ("spelling")."""
        query = normalise(query, self.language)
        read = self.read(query)
        found = {read: ("spelling", 1.0)} if read != query else {}
        for name, source in self.sources.items():
            for text, weight in (pair for start in dict.fromkeys([read, query]) for pair in source(start).items()):
                text = normalise(text, self.language)
                if text and text != query and weight > found.get(text, ("", 0.0))[1]:
                    found[text] = (name, float(weight))
        return dict(sorted(found.items(), key=lambda pair: (-pair[1][1], pair[0])))

    def read(self, query: str) -> str:
        """The query, normalised and spelt right; a correction that touches a model code is none."""
        query = normalise(query, self.language)
        read = normalise(self.correct(query), self.language) if self.correct else query
        return read if _codes(read) == _codes(query) else query

    def rewrite(self, query: str) -> Rewrite:
        """Decide about one query.

        Raises:
            ContractError: the query is not a text, or the reward doesn't return one finite number per text.
        """
        query, read = normalise(query, self.language), self.read(query)
        found, refused, allowed = self.candidates(query), {}, []
        for text in found:
            reason = self.guardrails.objection(read, text) if self.guardrails else ""
            if reason:
                refused[text] = reason
            elif len(allowed) < self.most:
                allowed.append(text)
        texts = [query, *allowed]
        rewards = np.asarray(self.reward(read, texts), dtype=np.float64)
        if rewards.shape != (len(texts),) or not np.isfinite(rewards).all():
            raise ContractError(f"the reward returned {rewards.shape}; {len(texts)} finite numbers are needed")
        best = int(rewards.argmax())
        if rewards[best] < rewards[0] + self.margin:
            best = 0
        text = texts[best]
        drift = self.guardrails.drift(read, text) if self.guardrails else Drift(float(text == query), 0.0)
        source = found[text][0] if best else ""
        return Rewrite(query, text, source, (float(rewards[0]), float(rewards[best])), drift, refused)


def _codes(text: str) -> frozenset[str]:
    return frozenset(word for word in words(text) if is_model_code(word))


def intent_reward(
    search: Callable[[Sequence[str]], Sequence[Sequence[int]]],
    intent: ClickIntent,
    categories: Sequence[str],
    *,
    k: int = 10,
) -> Reward:
    """A reward without judgements: how much of the first k places lies in categories that the *query* is about.

    R(q, t) = (1 / k) Σ_{products p among the first k for t} P(category of p | q);  no result is worth 0.

    It is 1 for k results in a category that is certain. It takes the intent model's word for what was meant: where that
    is wrong, so is the reward.

    Args:
        search: texts -> for each, the catalogue rows found, best first. categories: of the products.

    Raises:
        ContractError: k < 1, or (when called) a category that the intent model doesn't know.
    """
    if k < 1:
        raise ContractError(f"k is {k}; it must be at least 1")

    def reward(query: str, texts: Sequence[str]) -> list[float]:
        if unknown := set(categories) - set(intent.categories or ()):
            raise ContractError(f"the intent model doesn't know the category {sorted(unknown)[0]!r}")
        probability = dict(zip(intent.categories, intent.probabilities([query])[0]))
        return [sum(probability[categories[row]] for row in list(found)[:k]) / k for found in search(texts)]

    return reward
