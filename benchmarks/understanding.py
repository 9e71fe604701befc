"""Query understanding on simulated shops: spelling, segmentation, intent, tags, rewriting, drift.

    .venv/bin/python benchmarks/understanding.py [--seeds 5] [--save benchmarks/results/understanding.json]
    .venv/bin/python benchmarks/understanding.py --record FILE

Each seed (from 20 on; earlier ones were looked at while settings were chosen) is another shop, once in English and once
in 中文. Three tenths of the queries are *new*: whatever the log holds of them is taken out before anything is learned,
and all figures are about them. The shop's search is strict: it wants every word of the query (in 中文 every word that
the segmenter finds). A query for which it finds nothing has a *zero result*, and the clicks that the simulated log
holds after such queries are taken out as well: where nothing is shown, nothing is clicked.

Values are per query, over the queries of all shops of a language; a query counts once, however often it is asked.
``recovered``: the strict search finds something for the rewrite; ``right``: one product at least of its first ten has a
true grade of 2 or 3 (the category that was meant, and at most one wish missed); ``wrong``: it finds something, and
nothing of it is right; ``off``: share of the first ten places in another category than was meant; ``ndcg@10``: by true
grades, 0 where nothing is found. The file is written whenever both shops of a seed are done.

``--record FILE`` trains the small model on the chapter's shop, serves it on this machine as an OpenAI-compatible
endpoint, and keeps the replies to the chapter's queries, through the client that a real model would be asked with.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import torch
from scipy.sparse import csr_matrix, diags

from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.search.analysis import analyser
from course_lib.search.understanding import (
    Channel,
    ChatEndpoint,
    ClickIntent,
    Guardrails,
    Rewrite,
    Rewriter,
    RunSpeller,
    Segmenter,
    Speller,
    Substitutions,
    Tagger,
    chain_source,
    chains,
    click_source,
    corrected_pairs,
    count_words,
    default_words,
    dropped_source,
    edit_distance,
    intent_reward,
    is_model_code,
    jieba_cutter,
    normalise,
    query_counts,
    record,
    reformulations,
    rewrite_prompt,
    shop_words,
    words,
)
from course_lib.search.understanding.candidates import Source
from course_lib.search.understanding.seq2seq import SmallRewriter, catalogue_queries, rewarded, train_rewriter
from course_lib.search.understanding.serving import serve
from course_lib.search.understanding.strict import AllWords
from course_lib.shop.log import CLICK, IMPRESSION, read_log
from course_lib.shop.measurement import holm
from course_lib.shop.measurement.resampling import bootstrap, sign_flip
from course_lib.shop.shop import Shop
from course_lib.shop.simulator.catalogue import BRAND, MODEL, NONE
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, vocabulary
from course_lib.shop.texts import item_texts

SIZES = {"n_items": 2_000, "n_users": 1_500, "n_queries": 1_000, "events_per_user": 100}
CHAPTER = {"n_items": 1_000, "n_users": 1_000, "n_queries": 800, "events_per_user": 100}
FIRST_SEED = 20
NEW = 0.3  #: share of the queries that nothing is learned from
LANGUAGES = ("en", "zh")
Values = dict[str, np.ndarray]


@dataclass
class World:
    """A shop, what may be learned from, and what was learned."""

    shop: Shop
    language: str
    texts: list[str]
    new: np.ndarray
    tokens: Callable[[str], list[str]]
    strict: AllWords
    found: np.ndarray
    clicks: csr_matrix
    steps: Counter[tuple[int, int]]
    speller: Speller | RunSpeller
    intent: ClickIntent
    tagger: Tagger
    shown: csr_matrix
    kind_log: tuple[csr_matrix, csr_matrix]  #: clicks and impressions where any word is enough
    learned: dict[str, int] = field(default_factory=dict)

    @property
    def old(self) -> list[str]:
        """Queries that may be learned from."""
        return [text for text, new in zip(self.texts, self.new) if not new]

    def near(self) -> dict[tuple[str, str], float]:
        """Pairs of old queries after which people click the same products."""
        source = click_source(self.texts, self.clicks)
        return {(a, b): w for a in self.old for b, w in source(a).items()}

    def pairs(self) -> dict[tuple[str, str], float]:
        """What the small model learns from: reformulations, and queries with the same clicks."""
        found = Counter(reformulations(self.texts, self.steps, self.clicks))
        found.update(self.near())
        return dict(found)

    def correct(self, text: str) -> str:
        """The text, spelt right."""
        return self.speller.correct(text).text


def learn(shop: Shop, seed: int, language: str, share: float = NEW) -> World:
    """Everything that rules, counts and clicks give, from the old queries alone."""
    texts, titles = shop.queries["text"][:], shop.items["title"][:]
    new = generator(seed, "new queries").random(len(texts)) < share
    old = [text for text, n in zip(texts, new) if not n]
    log = read_log(shop)
    steps = Counter({p: n for p, n in chains(log).items() if not new[p[0]] and not new[p[1]]})
    channel: dict[str, Any] = {"channel": Channel.learn(corrected_pairs(texts, steps))} if language == "en" else {}
    if language == "en":
        tokens = None
        speller: Speller | RunSpeller = Speller(count_words(item_texts(shop.items)), count_words(old), **channel)
        strict = AllWords(item_texts(shop.items), analyser("en"), analyser("en", query=True))
    else:
        segmenter = Segmenter(shop_words(shop.items, old))
        tokens, speller = segmenter.segment, RunSpeller(segmenter)
        strict = AllWords(item_texts(shop.items), tokens)
    found = np.array([bool(rows) for rows in strict.search(texts)])
    any_word = any_word_search(shop, analyser(language), analyser(language, query=True))
    kind = np.array([bool(rows) for rows in any_word(texts)])

    def counts(kind_of_event: int, keep: np.ndarray) -> csr_matrix:
        return csr_matrix(diags(keep.astype(float)) @ query_counts(log, kind_of_event))

    clicks, shown = (counts(event, found & ~new) for event in (CLICK, IMPRESSION))
    kind_log = counts(CLICK, kind & ~new), counts(IMPRESSION, kind & ~new)
    intent = ClickIntent(tokens).fit(texts, clicks, shop.items["category"][:], titles)
    tagger = Tagger(language).fit(shop.items).learn(texts, clicks, shown)
    cut = tokens or (lambda text: words(normalise(text)))
    learned = (clicks, steps, speller, intent, tagger, shown, kind_log)
    return World(shop, language, texts, new, cut, strict, found, *learned)


def measure_spelling(world: World) -> dict[str, Values]:
    """1 where a misspelt new query is read as what it means; 1 where a right one is changed.

    Baselines: no correction; in English the nearest known word by edits alone, and the speller without parts of it.
    """
    meant, typed = world.shop.truth.query_correction, world.texts
    catalogue = count_words(item_texts(world.shop.items)) if world.language == "en" else Counter()
    by_length: dict[int, list[str]] = {}
    for word in sorted(catalogue):
        by_length.setdefault(len(word), []).append(word)

    def nearest(text: str) -> str:
        out = []
        for word in words(normalise(text)):
            near = [w for n in range(len(word) - 2, len(word) + 3) for w in by_length.get(n, ())]
            unknown = word not in catalogue and len(word) >= 4 and not word.isdigit() and near
            out.append(min(near, key=lambda w: (edit_distance(w, word), -catalogue[w], w)) if unknown else word)
        return " ".join(out)

    ways: dict[str, Callable[[str], str]] = {"noisy channel": world.correct, "none": lambda text: text}
    if world.language == "en":
        flat = Speller(catalogue, count_words(world.old))
        bare = Speller(catalogue)
        ways |= {
            "nearest word": nearest, "all slips equally likely": lambda t: flat.correct(t).text,
            "no words from the log": lambda t: bare.correct(t).text,
        }  # fmt: skip

    def same(a: str, b: str) -> float:
        return float(words(normalise(a, world.language)) == words(normalise(b, world.language)))

    typos, right = np.flatnonzero((meant >= 0) & world.new), np.flatnonzero((meant < 0) & world.new)
    return {
        name: {"mended": np.array([same(way(typed[q]), typed[meant[q]]) for q in typos]),
               "right query changed": np.array([1 - same(way(typed[q]), typed[q]) for q in right])}
        for name, way in ways.items()
    }  # fmt: skip


def measure_intent(world: World) -> dict[str, Values]:
    """1 where the most probable category is the one that a new query is about."""
    shop, asked = world.shop, np.flatnonzero(world.new)
    categories, truth = shop.items["category"][:], [shop.truth.leaves[leaf] for leaf in shop.truth.query_leaf]
    clicked = Counter()
    for category, n in zip(categories, np.asarray(world.clicks.sum(axis=0)).ravel()):
        clicked[category] += n
    common = clicked.most_common(1)[0][0]
    named = {(" ".join(words(normalise(path.split(" > ")[-1], world.language))), path) for path in categories}
    names = sorted(named, key=lambda pair: (-len(pair[0]), pair))
    spelt = {q: normalise(world.correct(world.texts[q]), world.language) for q in asked}

    def keyword(text: str, otherwise: str = common) -> str:
        padded, glue = (f" {' '.join(words(text))} ", " ") if world.language == "en" else (text, "")
        return next((path for name, path in names if f"{glue}{name}{glue}" in padded), otherwise)

    def right(guesses: Sequence[str]) -> np.ndarray:
        return np.array([float(guess == truth[q]) for guess, q in zip(guesses, asked)])

    tokens = world.tokens
    titleless = ClickIntent(tokens, catalogue=0).fit(world.texts, world.clicks, categories)
    texts = [world.texts[q] for q in asked]
    return {name: {"right category": right(guesses)} for name, guesses in {
        "clicks and titles": world.intent.predict(texts),
        "the same, spelt right first": world.intent.predict([spelt[q] for q in asked]),
        "clicks alone": titleless.predict(texts),
        "name of the category": [keyword(normalise(t, world.language)) for t in texts],
        "name, spelt right first": [keyword(spelt[q]) for q in asked],
        "name, else clicks and titles, spelt right": [
            keyword(spelt[q], "") or guess for q, guess in zip(asked, world.intent.predict([spelt[q] for q in asked]))
        ],
        "commonest category": [common] * len(asked),
    }.items()}  # fmt: skip


def measure_tags(world: World) -> dict[str, Values]:
    """Precision and recall of the values that a new query asks for; NaN where nothing is named, or nothing asked for.

    Values are compared, not the names of attributes. A query for a model number asks for it alone: the brand that comes
    with it need not be named.
    """
    shop, terms, lang = world.shop, vocabulary(), world.language
    asked, titles = np.flatnonzero(world.new), shop.items["title"][:]

    def truth(q: int) -> set[str]:
        wanted = shop.truth.query_constraints[q]
        if wanted[MODEL] != NONE:
            codes = words(normalise(titles[wanted[MODEL]], lang)) if wanted[MODEL] >= 0 else []
            return {code for code in codes if is_model_code(code)}
        named = {terms.terms[name][v].word[lang] for name, v in zip(ATTRIBUTES, wanted) if v != NONE}
        named |= {terms.brands[wanted[BRAND]][lang]} if wanted[BRAND] != NONE else set()
        return {normalise(value, lang) for value in named}

    def said(tagger: Tagger, text: str, within: str | None = None) -> set[str]:
        tags = [t for t in tagger.tag(text, within=within) if t.name != "category"]
        named = {normalise(t.value, lang) for t in tags}
        codes = {code for code in named if is_model_code(code)}
        return codes or named

    plain, starved, full = (Tagger(lang).fit(shop.items) for _ in range(3))
    starved.learn(world.texts, world.clicks, world.shown)
    full.learn(world.texts, *world.kind_log)
    spelt = {q: world.correct(world.texts[q]) for q in asked}
    guess = dict(zip(asked.tolist(), world.intent.predict([spelt[q] for q in asked])))
    ways: dict[str, Callable[[int], set[str]]] = {
        "any value's word, wherever": lambda q: {
            normalise(value, lang) for word in set(world.tokens(world.texts[q]))
            for name, value in plain.values.get(word, ()) if name != "category"
        },
        "dictionary": lambda q: said(plain, world.texts[q]),
        "spelt right first": lambda q: said(plain, spelt[q]),
        "and words learned from clicks": lambda q: said(starved, spelt[q]),
        "and from clicks of a search content with any word": lambda q: said(full, spelt[q]),
        "spelt right, read within the category": lambda q: said(plain, spelt[q], guess[int(q)]),
    }  # fmt: skip
    wanted, out = {q: truth(q) for q in asked}, {}
    for name, way in ways.items():
        made = {q: way(q) for q in asked}
        hit = {q: len(made[q] & wanted[q]) for q in asked}
        out[name] = {
            "precision": np.array([hit[q] / len(made[q]) if made[q] else np.nan for q in asked]),
            "recall": np.array([hit[q] / len(wanted[q]) if wanted[q] else np.nan for q in asked]),
        }
    world.learned = {"strict": len(starved.learned), "any word": len(full.learned)}
    return out


def judge(world: World, queries: Sequence[int], lists: Sequence[Sequence[int]]) -> Values:
    """The values of result lists that the module's docstring names."""
    truth, leaf = world.shop.truth.relevance, world.shop.truth.item_leaf
    discount = 1 / np.log2(np.arange(2, 12))
    out: dict[str, list[float]] = {name: [] for name in ("recovered", "right", "wrong", "off", "ndcg@10")}
    for q, rows in zip(queries, lists):
        rows, grades = np.asarray(list(rows)[:10], dtype=int), truth[q].toarray().ravel().astype(float)
        best = (2 ** np.sort(grades)[::-1][:10] - 1) @ discount
        right = bool(len(rows)) and bool((grades[rows] >= 2).any())
        out["recovered"].append(float(len(rows) > 0))
        out["right"].append(float(right))
        out["wrong"].append(float(len(rows) > 0 and not right))
        out["off"].append(float((leaf[rows] != world.shop.truth.query_leaf[q]).mean()) if len(rows) else np.nan)
        out["ndcg@10"].append(float((2 ** grades[rows] - 1) @ discount[: len(rows)] / best) if best else np.nan)
    return {name: np.array(values) for name, values in out.items()}


def any_word_search(
    shop: Shop, tokens: Callable[[str], list[str]], asked: Callable[[str], list[str]] | None = None
) -> Callable[[Sequence[str]], list[list[int]]]:
    """BM25 over the given words: a search that is content with any of them."""
    known: dict[str, int] = {}
    rows = [[known.setdefault(w, len(known)) for w in tokens(text)] for text in item_texts(shop.items)]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75, backend="numpy")
    index.index((rows, known), show_progress=False)

    def search(texts: Sequence[str]) -> list[list[int]]:
        found = []
        for text in texts:
            terms = [known[w] for w in (asked or tokens)(text) if w in known]
            scores = index.get_scores_from_ids(terms) if terms else np.zeros(len(rows), dtype=np.float32)
            order = np.argsort(-scores, kind="stable")[:10]
            found.append([int(row) for row in order if scores[row] > 0])
        return found

    return search


def measure_segmentation(world: World) -> dict[str, Values]:
    """NDCG@10 of BM25 over the words that each way of cutting gives (中文)."""
    asked = np.flatnonzero(world.new)
    texts = [world.texts[q] for q in asked]
    ways: dict[str, tuple] = {
        "default regex": (default_words,), "pairs of characters": (analyser("zh"), analyser("zh", query=True)),
        "jieba, as installed": (jieba_cutter(),), "our segmenter": (world.tokens,),
        "jieba with the shop's words": (jieba_cutter(world.speller.segmenter.counts),),
    }  # fmt: skip
    return {name: judge(world, asked, any_word_search(world.shop, *way)(texts)) for name, way in ways.items()}


def measure_rewriting(world: World, model: SmallRewriter | None, again: SmallRewriter | None) -> dict[str, Any]:
    """New queries with a zero result, rewritten in each way; and those that find something."""
    glue, cut = (" ", None) if world.language == "en" else ("", world.tokens)
    near, pairs = world.near(), reformulations(world.texts, world.steps, world.clicks)
    drop: dict[str, Source] = {"drop": dropped_source(cut, glue=glue)}
    log: dict[str, Source] = {
        "chains": chain_source(world.texts, world.steps), "clicks": click_source(world.texts, world.clicks),
        "substitutions": Substitutions(cut, glue=glue).fit({**near, **pairs}),
    }  # fmt: skip
    guard = Guardrails(world.tagger, world.intent)
    reward = intent_reward(world.strict.search, world.intent, world.shop.items["category"][:])
    hits = lambda query, texts: [float(len(found)) for found in world.strict.search(texts)]  # noqa: E731
    ways: dict[str, tuple] = {
        "log": (log, guard, reward), "words left out": (drop, guard, reward),
        "log and left out": (log | drop, guard, reward),
        "log and left out, no guardrails": (log | drop, None, reward),
        "log and left out, reward: hits": (log | drop, guard, hits),
        "log and left out, hits, no guardrails": (log | drop, None, hits),
    }  # fmt: skip
    if model is not None:
        own: dict[str, Source] = {"model": remembered(model)}
        ways |= {
            "model": (own, guard, reward), "all three": (log | drop | own, guard, reward),
            "all three, no guardrails": (log | drop | own, None, reward), "model, no guardrails": (own, None, reward),
            "all three, hits, no guardrails": (log | drop | own, None, hits),
        }  # fmt: skip
        ways |= {"model after a second round": ({"model": again}, guard, reward)} if again is not None else {}
    asked = np.flatnonzero(world.new & ~world.found)
    kinds = np.array(world.shop.queries["kind"][:])
    spelt = [world.correct(world.texts[q]) for q in asked]
    made = {"spelling": world.strict.search(spelt)}
    any_word = any_word_search(world.shop, analyser(world.language), analyser(world.language, query=True))
    made["any word (BM25)"] = any_word([world.texts[q] for q in asked])
    made["any word, spelt right"] = any_word(spelt)
    sources, drift = {}, {}
    for name, (where, guardrails, worth) in ways.items():
        rewriter = Rewriter(where, guardrails, worth, correct=world.correct, language=world.language)
        done = [rewriter.rewrite(world.texts[q]) for q in asked]
        made[name] = world.strict.search([one.text for one in done])
        sources[name] = [one.source if rows else "" for one, rows in zip(done, made[name])]
        drift[name] = drift_of(done, guard)
    lists = {name: judge(world, asked, rows) for name, rows in made.items()}
    for name, values in drift.items():
        lists[name] |= values
    others = found_queries(world, log | drop, guard, reward)
    return {"kinds": kinds[asked], "values": lists, "sources": sources, "found": others}


def remembered(source: Source) -> Source:
    """The source, asked once about each query."""
    return lru_cache(maxsize=None)(source)


def drift_of(made: Sequence[Rewrite], guard: Guardrails) -> Values:
    """Drift of each rewrite from its query, NaN where nothing was rewritten."""
    changed = [guard.drift(one.query, one.text) if one.source else None for one in made]
    return {"intent moved": np.array([one.intent if one else np.nan for one in changed]),
            "a wish lost": np.array([float(bool(one.lost)) if one else np.nan for one in changed]),
            "words shared": np.array([one.overlap if one else np.nan for one in changed])}  # fmt: skip


def found_queries(world: World, sources: Mapping[str, Source], guard: Guardrails, reward: Callable) -> Values:
    """NDCG@10 of new queries that do find something, as typed and rewritten, by the strict search and by any word."""
    asked = np.flatnonzero(world.new & world.found)
    rewriter = Rewriter(sources, guard, reward, correct=world.correct, language=world.language)
    typed, made = [world.texts[q] for q in asked], [rewriter.rewrite(world.texts[q]).text for q in asked]
    any_word = any_word_search(world.shop, analyser(world.language), analyser(world.language, query=True))
    return {
        f"{how}, {name}": judge(world, asked, search(texts))["ndcg@10"]
        for how, search in (("every word", world.strict.search), ("any word", any_word))
        for name, texts in (("as typed", typed), ("rewritten", made))
    } | {"changed": np.array([float(words(normalise(a, world.language)) != words(b)) for a, b in zip(typed, made)])}


def train(world: World, seed: int, extra: Mapping[tuple[str, str], float] | None = None) -> SmallRewriter:
    """The small model, from old queries and the catalogue."""
    pairs = Counter(world.pairs())
    pairs.update(extra or {})
    good = [text for text, new, found in zip(world.texts, world.new, world.found) if found and not new]
    texts = [*good, *catalogue_queries(world.shop.items, language=world.language, seed=seed)]
    return train_rewriter(dict(pairs), texts, language=world.language, seed=seed)


def second_round(world: World, model: SmallRewriter, seed: int) -> SmallRewriter:
    """Trained again, on what the first model proposed for old zero-result queries and the reward liked best as well."""
    guard = Guardrails(world.tagger, world.intent)
    reward = intent_reward(world.strict.search, world.intent, world.shop.items["category"][:])
    rewriter = Rewriter({"model": model}, guard, reward, correct=world.correct, language=world.language)
    failing = [text for text, new, found in zip(world.texts, world.new, world.found) if not new and not found]
    return train(world, seed, rewarded(rewriter, failing))


def measure_shop(seed: int, language: str, sizes: Mapping[str, int]) -> dict[str, Any]:
    """All of it for one shop."""
    world = learn(Shop.simulate(**sizes, seed=seed, language=language), seed, language)
    facts: dict[str, Any] = {
        "seed": seed, "new queries": int(world.new.sum()), "zero results": float((~world.found[world.new]).mean()),
        "pairs": len(world.pairs()),
    }  # fmt: skip
    parts = {"spelling": measure_spelling(world), "intent": measure_intent(world), "tags": measure_tags(world)}
    facts["words learned"] = world.learned
    if language == "zh":
        parts["segmentation"] = measure_segmentation(world)
    began = time.process_time()
    model = train(world, seed)
    facts["seconds of training"] = time.process_time() - began
    facts["parameters"] = sum(p.numel() for p in model.model.parameters())
    again = second_round(world, model, seed) if language == "en" else None
    rewriting = measure_rewriting(world, model, again)
    return {"facts": facts, "parts": parts, "rewriting": rewriting}


def row_of(values: np.ndarray) -> dict[str, float]:
    """Mean with its 95 % interval over queries, NaN left out."""
    values = values[~np.isnan(values)]
    low, high = bootstrap(values[:, None], 0)
    return {"mean": float(values.mean()), "low": float(low[0]), "high": float(high[0]), "queries": len(values)}


def paired(values: Mapping[str, Values], pairs: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Paired differences (a, b, metric) with intervals and Holm-adjusted p-values of the sign-flip test."""
    tests = []
    for a, b, metric in pairs:
        d = values[a][metric] - values[b][metric]
        d = d[~np.isnan(d)]
        low, high = bootstrap(d[:, None], 0)
        tests.append({"a": a, "b": b, "metric": metric, "difference": float(d.mean()), "low": float(low[0]),
                      "high": float(high[0]), "p_value": sign_flip(d[d != 0], 10_000, 0)})  # fmt: skip
    for test, p in zip(tests, holm([t["p_value"] for t in tests])):
        test["p_adjusted"] = float(p)
    return tests


def joined(shops: Sequence[Mapping[str, Values]]) -> dict[str, Values]:
    """The values of several shops, one after the other."""
    return {
        name: {m: np.concatenate([shop[name][m] for shop in shops]) for m in metrics}
        for name, metrics in shops[0].items()
    }


def summarise(shops: list[dict[str, Any]], language: str) -> dict[str, Any]:
    """Means, intervals and the tests that were planned, over the queries of all shops of a language."""
    out: dict[str, Any] = {"shops": [shop["facts"] for shop in shops]}
    planned = {
        "spelling": [("noisy channel", "nearest word", "mended"),
                     ("noisy channel", "nearest word", "right query changed"),
                     ("noisy channel", "all slips equally likely", "mended"),
                     ("noisy channel", "no words from the log", "right query changed")] if language == "en" else
                    [("noisy channel", "none", "mended")],
        "intent": [("clicks and titles", "name of the category", "right category"),
                   ("clicks and titles", "commonest category", "right category"),
                   ("clicks and titles", "clicks alone", "right category"),
                   ("the same, spelt right first", "name, spelt right first", "right category"),
                   ("name, else clicks and titles, spelt right", "name, spelt right first", "right category")],
        "tags": [("spelt right first", "dictionary", "recall"),
                 ("and words learned from clicks", "spelt right first", "recall"),
                 ("and from clicks of a search content with any word", "spelt right first", "recall"),
                 ("and from clicks of a search content with any word", "spelt right first", "precision"),
                 ("spelt right, read within the category", "spelt right first", "precision")],
        "segmentation": [("our segmenter", "default regex", "ndcg@10"),
                         ("our segmenter", "pairs of characters", "ndcg@10"),
                         ("our segmenter", "jieba, as installed", "ndcg@10"),
                         ("our segmenter", "jieba with the shop's words", "ndcg@10")],
    }  # fmt: skip
    for part in shops[0]["parts"]:
        values = joined([shop["parts"][part] for shop in shops])
        out[part] = {"values": {n: {m: row_of(v) for m, v in one.items()} for n, one in values.items()},
                     "tests": paired(values, planned[part])}  # fmt: skip
    values = joined([shop["rewriting"]["values"] for shop in shops])
    kinds = np.concatenate([shop["rewriting"]["kinds"] for shop in shops])
    tests = [(a, b, m) for m in ("right", "wrong") for a, b in (
        ("log and left out", "spelling"), ("log and left out", "words left out"), ("all three", "log and left out"),
        ("all three", "all three, no guardrails"), ("log and left out", "log and left out, no guardrails"),
        ("all three", "all three, hits, no guardrails"), ("model after a second round", "model"),
    ) if a in values]  # fmt: skip
    tests += [(a, "any word, spelt right", m) for a in ("log and left out", "all three") for m in ("right", "ndcg@10")]
    out["zero results"] = {
        "values": {n: {m: row_of(v) for m, v in one.items()} for n, one in values.items()},
        "by kind": {
            kind: {n: {m: row_of(one[m][kinds == kind]) for m in ("recovered", "right")} for n, one in values.items()}
            for kind in sorted(set(kinds))
        },
        "sources": {n: dict(Counter(s for shop in shops for s in shop["rewriting"]["sources"][n]))
                    for n in shops[0]["rewriting"]["sources"]},
        "tests": paired(values, tests),
    }  # fmt: skip
    found = joined([{"found": shop["rewriting"]["found"]} for shop in shops])["found"]
    gain = {name: {"ndcg@10": v} for name, v in found.items()}
    out["found queries"] = {
        "values": {name: row_of(v) for name, v in found.items()},
        "tests": paired(gain, [(f"{how}, rewritten", f"{how}, as typed", "ndcg@10")
                               for how in ("every word", "any word")]),
    }
    return out


def measure(n_seeds: int, sizes: Mapping[str, int], after: Callable[[int, dict[str, Any]], None]) -> dict[str, Any]:
    """Everything, in both languages; ``after`` is told the result so far whenever both shops of a seed are done."""
    began, result = time.perf_counter(), {}
    shops: dict[str, list[dict[str, Any]]] = {language: [] for language in LANGUAGES}
    for n in range(n_seeds):
        for language in LANGUAGES:
            shops[language].append(measure_shop(FIRST_SEED + n, language, sizes))
            took = time.perf_counter() - began
            print(f"{language}, seed {FIRST_SEED + n}: {took:.0f} s", file=sys.stderr, flush=True)
        result = {language: summarise(shops[language], language) for language in LANGUAGES}
        result |= {"seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}
        after(n + 1, result)
    return result


def record_replies(path: Path) -> int:
    """Replies of the small model, of the chapter's shop, to the zero-result queries that the chapter asks about."""
    world = learn(Shop.simulate(**CHAPTER, seed=0), 0, "en")
    model = train(world, 0)
    failing = [world.texts[q] for q in np.flatnonzero(world.new & ~world.found)]
    prompts = list(dict.fromkeys(rewrite_prompt(normalise(t)) for q in failing for t in (q, world.correct(q))))
    with serve(model) as base:
        print(record(ChatEndpoint(base, model.name, key_variable="NO_KEY"), prompts, path))
    return 0


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="shops of each language (default: 5)")
    parser.add_argument("--items", type=int, default=SIZES["n_items"], metavar="N", help="of a shop (default: 2000)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    parser.add_argument("--record", type=Path, metavar="FILE", help="only record the small model's replies")
    options = parser.parse_args()
    if options.seeds < 1 or options.items < 100:
        parser.error("--seeds must be at least 1 and --items at least 100")
    torch.set_num_threads(1)
    if options.record:
        return record_replies(options.record)
    if options.save:
        check_save(options.save)
    sizes = {**SIZES, "n_items": options.items}

    def keep(n_seeds: int, result: dict[str, Any]) -> None:
        if options.save:
            save_result(
                options.save,
                result,
                command=f"python benchmarks/understanding.py --seeds {n_seeds} --items {options.items}",
                data={"source": "simulated shop", **sizes, "languages": list(LANGUAGES), "new": NEW},
                seeds=range(FIRST_SEED, FIRST_SEED + n_seeds),
                modules=["course_lib.search.understanding", "course_lib.search.understanding.seq2seq",
                         "course_lib.search.understanding.strict", "course_lib.shop.simulator"],
            )  # fmt: skip

    print(json.dumps(measure(options.seeds, sizes, keep), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
