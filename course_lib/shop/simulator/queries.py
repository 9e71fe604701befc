"""What people ask: intents (a leaf and constraints) and their wording, from plain words to typos and paraphrases."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import Stemmer
from tqdm import tqdm

from course_lib.core.errors import ContractError
from course_lib.shop.simulator.catalogue import BRAND, MODEL, NONE, Catalogue, draw_items
from course_lib.shop.simulator.parameters import Parameters
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, Term, Vocabulary

PATIENCE = 200  #: candidates in a row that are no news before we look for another source of intents
_ELSEWHERE = -2  #: a model number that no item of this shop has
#: how much a kind of query lies in the tail (added to a random rank score)
_RARITY = {"plain": 0.0, "brand": 1.0, "attribute": 1.2, "paraphrase": 1.2, "typo": 0.9, "model": 2.5}


@dataclass(frozen=True, eq=False)
class Queries:
    """n distinct queries.

    Attributes:
        text, kind: n strings each; kind is plain, attribute, brand, paraphrase, typo or model.
        wording: n strings, "train" or "evaluation": uses a form or a synonym that no train query uses.
        correction: int [n], the query that a misspelt one means; NONE for all others.
        leaf: int [n]. constraints: int [n, 7] on the columns of ``Catalogue.values``, NONE where nothing is asked.
        frequency: float [n], rank^-exponent, sums to 1.
        band: "head" (first 10 % of the ranks), "torso" (next 30 %), "tail".
    """

    text: list[str]
    kind: list[str]
    wording: list[str]
    correction: np.ndarray
    leaf: np.ndarray
    constraints: np.ndarray
    frequency: np.ndarray
    band: list[str]


def draw_queries(
    n: int,
    catalogue: Catalogue,
    vocab: Vocabulary,
    texts: list[str],
    language: str,
    parameters: Parameters,
    rng: np.random.Generator,
) -> Queries:
    """n distinct queries, each modelled on a random item: mostly of this catalogue, else of a shop elsewhere.

    Intents come from the catalogue as long as they yield new texts; a small catalogue may run dry, and then people ask
    for products that this shop doesn't have.

    Args:
        texts: the items' texts, in catalogue order; a paraphrase shares no word with any text of its leaf.

    Raises:
        ContractError: the vocabulary doesn't yield n distinct texts.
    """
    writer = _Writer(vocab, language, _lexicons(catalogue, texts, language), parameters, rng)
    found: dict[str, tuple[_Wording, int]] = {}
    kinds, shares = zip(*parameters.kind_shares)
    source, idle, item = catalogue, 0, NONE
    # Seconds for what the course asks for; minutes where somebody wants more texts than the vocabulary readily yields.
    bar = tqdm(total=n, desc="wording queries", unit="query", file=sys.stderr, disable=None, leave=False, delay=3)
    while len(found) < n and idle < 20 * PATIENCE:
        if idle and idle % PATIENCE == 0:
            source, item = draw_items(1000, vocab, parameters, rng), NONE
        if item == NONE or rng.random() >= parameters.query_family:
            item = int(rng.integers(len(source)))
        kind = kinds[rng.choice(len(kinds), p=np.array(shares) / sum(shares))]
        if kind == "model" and not source.model[item]:
            numbered = np.flatnonzero(source.values[:, MODEL] != NONE)
            if len(numbered):
                item = int(rng.choice(numbered))
        worded = writer.write(kind, source, item)
        if source is not catalogue and worded.constraints[MODEL] != NONE:
            worded.constraints[MODEL] = _ELSEWHERE
        # A misspelt query brings its correct form with it.
        new = [w for w in (worded.meant, worded) if w and w.text not in found]
        if not worded.text or worded not in new or len(found) + len(new) > n:
            idle += 1
            continue
        found |= {each.text: (each, int(source.leaf[item])) for each in new}
        idle = 0
        bar.update(len(new))
    bar.close()
    if len(found) < n:
        raise ContractError(
            f"the vocabulary yields only {len(found)} distinct queries, not {n}",
            where="n_queries", remedy="Ask for fewer queries",
        )  # fmt: skip
    row = {text: r for r, text in enumerate(found)}
    wordings, leaf = zip(*found.values())
    kind = [w.kind for w in wordings]
    correction = np.array([row[w.meant.text] if w.meant else NONE for w in wordings])
    # Plain wishes are asked more often than fussy ones, with luck in between.
    score = np.array([_RARITY[k] for k in kind]) + rng.gumbel(size=n)
    rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    frequency = (rank + 1.0) ** -parameters.query_exponent
    band = ["head" if r < 0.1 * n else "torso" if r < 0.4 * n else "tail" for r in rank]
    return Queries(
        list(found), kind, ["evaluation" if w.held_out else "train" for w in wordings], correction,
        np.array(leaf), np.array([w.constraints for w in wordings]), frequency / frequency.sum(), band,
    )  # fmt: skip


def tokens(text: str, language: str) -> set[str]:
    """Comparable units of a text: stemmed words in English; pairs of neighbouring characters in 中文."""
    if language == "zh":
        runs = re.findall(r"[\u4e00-\u9fff]+", text)
        return {run[i : i + 2] for run in runs for i in range(len(run) - 1)}
    return set(Stemmer.Stemmer("english").stemWords(list(set(re.findall(r"\w\w+", text.lower())))))


def _lexicons(catalogue: Catalogue, texts: list[str], language: str) -> Callable[[int], set[str]]:
    """leaf -> all tokens of its items' texts; made when first asked for."""
    members: dict[int, list[int]] = {}
    for row, leaf in enumerate(catalogue.leaf.tolist()):
        members.setdefault(leaf, []).append(row)
    made: dict[int, set[str]] = {}

    def lexicon(leaf: int) -> set[str]:
        if leaf not in made:
            made[leaf] = tokens(" \n".join(texts[row] for row in members.get(leaf, [])), language)
        return made[leaf]

    return lexicon


@dataclass(eq=False)
class _Wording:
    """A query as written: text ("" if the item can't be asked for so), kind, constraints [7], and whether it uses a
    form or a synonym that is held out for evaluation; ``meant`` is what a misspelt one means."""

    text: str
    kind: str
    constraints: np.ndarray
    held_out: bool
    meant: _Wording | None = None


class _Writer:
    """Words an intent."""

    def __init__(
        self,
        vocab: Vocabulary,
        language: str,
        lexicon: Callable[[int], set[str]],
        parameters: Parameters,
        rng: np.random.Generator,
    ):
        self.vocab, self.language, self.lexicon, self.rng = vocab, language, lexicon, rng
        self.asked_otherwise = parameters.asked_otherwise
        self.forms = vocab.grammar[language]["query"]
        self.held_out, self.kept = False, vocab.kept[language]
        self.glue = " " if language == "en" else ""

    def write(self, kind: str, source: Catalogue, item: int) -> _Wording:
        if kind == "model" and not source.model[item]:
            kind = "attribute"
        if kind == "typo":
            meant = self.write(str(self.rng.choice(["plain", "attribute", "brand"])), source, item)
            text = misspell(meant.text, self.language, self.rng)
            return _Wording(text, "typo", meant.constraints, meant.held_out, meant)
        values, constraints = source.values[item], np.full(source.values.shape[1], NONE, dtype=np.int32)
        term = self.vocab.leaves[source.leaf[item]].term
        number = int(self.rng.integers(len(self.forms[kind])))
        form, self.held_out = self.forms[kind][number], number == len(self.forms[kind]) - 1  # the last form
        slots = {"leaf": term.word[self.language], "ask_leaf": term.ask[self.language], "model": source.model[item]}
        slots["brand"] = self.vocab.brands[values[BRAND]][self.language]
        if "{brand}" in form or kind == "model":
            constraints[BRAND] = values[BRAND]
        if kind == "model":
            constraints[MODEL] = values[MODEL]
        if "{values}" in form:
            wanted = self._choose(values, int(self.rng.integers(1, 3)) if kind == "attribute" else 1)
            constraints[wanted] = values[wanted]
            slots["values"] = self.glue.join(self._value_word(c, values, kind) for c in wanted)
        if kind == "paraphrase":
            wanted = self._choose(values, int(self.rng.integers(0, 2)))
            wanted = [c for c in wanted if self._term(c, values).ask[self.language]]
            constraints[wanted] = values[wanted]
            slots["ask"] = self.glue.join(self._term(c, values).ask[self.language] for c in wanted)
            asks = [slots["ask_leaf"], *(self._term(c, values).ask[self.language] for c in wanted)]
            self.held_out |= not self.kept.isdisjoint(asks)
        text = form.format_map(slots).strip()
        if kind == "paraphrase" and tokens(text, self.language) & self.lexicon(int(source.leaf[item])):
            text = ""
        return _Wording(text, kind, constraints, self.held_out)

    def _value_word(self, column: int, values: np.ndarray, kind: str) -> str:
        term = self._term(column, values)
        if kind == "attribute" and self.rng.random() < self.asked_otherwise and term.ask[self.language]:
            self.held_out |= term.ask[self.language] in self.kept
            return term.ask[self.language]
        return term.word[self.language]

    def _choose(self, values: np.ndarray, count: int) -> list[int]:
        """Columns of attributes that the item has; size is asked for less often than the others."""
        columns = np.flatnonzero(values[: len(ATTRIBUTES)] != NONE)
        odds = np.where(columns == ATTRIBUTES.index("size"), 0.4, 1.0)
        chosen = self.rng.choice(columns, size=min(count, len(columns)), replace=False, p=odds / odds.sum())
        return sorted(chosen.tolist())

    def _term(self, column: int, values: np.ndarray) -> Term:
        return self.vocab.terms[ATTRIBUTES[column]][values[column]]


def misspell(text: str, language: str, rng: np.random.Generator) -> str:
    """One slip of the finger in the longest word: a letter dropped, doubled or swapped with the next.

    Returns "" where the text is too short for a slip to stay readable.
    """
    word = max(text.split(), key=len)
    if len(word) < (4 if language == "zh" else 5):
        return ""
    place, how = int(rng.integers(1, len(word) - 2)), int(rng.integers(3))
    a, b = word[place], word[place + 1]
    wrong = word[:place] + (b, a + a + b, b + a)[how] + word[place + 2 :]
    return text.replace(word, wrong, 1) if wrong != word else ""
