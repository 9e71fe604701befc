"""The whole pipeline in one sitting: pretrain → fine-tune → extract features → retrieve → recommend.

Each stage is one function that takes what the stage before it made and returns its objects and a ``result`` (plain
numbers, ready for JSON). The chapter start.first_hour calls them one by one; ``course run`` calls them all
(``start.run``). Nothing here is tuned on the judgements that measure it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.errors import ContractError, DataError
from course_lib.core.ids import IdMap
from course_lib.core.seeds import generator
from course_lib.language.encoder import TextEncoder
from course_lib.language.features import extract, write_projector
from course_lib.language.finetuning import (
    CategoryClassifier,
    evaluate_classifier,
    train_bi_encoder,
    train_classifier,
)
from course_lib.language.pretraining import Pretrained, pretrain
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import IALS, ItemCosine, Popularity, Random
from course_lib.recommend.ranking import LearnedRanker
from course_lib.recommend.split import new_interests
from course_lib.recommend.tuning import tune
from course_lib.search.retrieval import BM25, Dense, reciprocal_rank_fusion
from course_lib.shop.measurement import Report, compare, evaluate
from course_lib.shop.shop import Shop

SEARCH_METRICS = ("ndcg@10", "recall@100", "condensed_ndcg@10", "judged@10")
RECOMMEND_METRICS = ("recall@20", "ndcg@20")
#: tried on an inner split of the past, for the baselines as for iALS
POPULARITY_GRID = {"window_days": (7, 30, None)}
COSINE_GRID = {"neighbours": (20, 100, None)}
IALS_GRID = {"factors": (16, 64), "regularization": (10.0, 100.0), "alpha": (10.0, 40.0)}
#: optimiser steps of the three trainings, chosen for the time they take on two CPU cores, not for any score
STEPS = {"pretraining": 600, "finetuning": 300, "classifier": 250}
#: pairs or texts a step in fine-tuning
BATCH_SIZE = 32
#: fraction of the log (by time) that may be learned from; the rest is the future
TRAIN_FRACTION = 0.8


@dataclass(frozen=True)
class Split:
    """What may be learned from, and what measures it: one moment for all users, and a set of unseen queries.

    Attributes:
        time: events before this second are the past (``None`` for a shop without a log).
        train_queries, test_queries: rows of ``shop.queries``. No text, click or judgement of a test query is ever
            trained on. A shop without a log has nothing to train on but its products, so all its queries are tests.
    """

    time: int | None
    train_queries: np.ndarray
    test_queries: np.ndarray


def split(shop: Shop, seed: int = 0) -> Split:
    """Half of the queries (at random) and the last fifth of the log are kept for measuring.

    Of the other half, queries with a held-out wording (simulated shops mark them) are not learned from either, so that
    the measured half has forms and synonyms that no model has seen.
    """
    rows = np.arange(len(shop.queries))
    if not len(shop.events):
        return Split(None, rows[:0], rows)
    order = generator(seed, "first_hour", "queries").permutation(rows)
    half = len(rows) // 2
    learned = np.sort(order[:half])
    if "wording" in shop.queries.column_names:
        learned = learned[np.array(shop.queries["wording"][:])[learned] != "evaluation"]
    return Split(shop.split_time(TRAIN_FRACTION), learned, np.sort(order[half:]))


# -- stage 1: pretraining ---------------------------------------------------------------------------------------------
def pretraining(
    shop: Shop, parts: Split, *, seed: int = 0, steps: int | None = None, log_dir: Path | None = None
) -> tuple[Pretrained, dict[str, Any]]:
    """A small BERT learns from unlabelled product texts and past queries to fill in masked words."""
    steps, queries = steps or STEPS["pretraining"], shop.queries["text"][:]
    texts = shop.item_texts + [queries[row] for row in parts.train_queries]
    model = pretrain(texts, steps=steps, seed=seed, log_dir=log_dir)
    return model, {
        "texts": len(texts),
        "steps": steps,
        "parameters": sum(p.numel() for p in model.model.parameters()),
        "first_loss": model.history.loss[0],
        "last_loss": model.history.loss[-1],
        **model.evaluation,
    }


# -- stage 2: fine-tuning ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Finetuned:
    """The fine-tuned models: the bi-encoder, and the category classifier where the shop has categories."""

    encoder: TextEncoder
    classifier: CategoryClassifier | None

    def save(self, folder: Path) -> None:
        """Write both models (safetensors) into sub-folders."""
        self.encoder.save(folder / "encoder")
        if self.classifier is not None:
            self.classifier.save(folder / "classifier")


def finetuning(
    shop: Shop,
    parts: Split,
    model: Pretrained,
    *,
    seed: int = 0,
    steps: int | None = None,
    classifier_steps: int | None = None,
    log_dir: Path | None = None,
) -> tuple[Finetuned, dict[str, Any]]:
    """Two task heads on the pretrained model: query ↔ product (in-batch negatives), and product → category."""
    steps = steps or STEPS["finetuning"]
    pairs, source = training_pairs(shop, parts, seed)
    texts = shop.item_texts
    encoder, history = train_bi_encoder(
        model,
        [(query, texts[row]) for query, row in pairs],
        ids=pairs,
        steps=steps,
        batch_size=BATCH_SIZE,
        seed=seed,
        log_dir=log_dir,
    )
    result: dict[str, Any] = {"pairs": len(pairs), "pairs_from": source, "steps": steps}
    result |= {"first_loss": history.loss[0], "last_loss": history.loss[-1]}
    labels = shop.items["category"][:]
    if len(set(labels)) < 2:
        reason = "the shop's products carry no categories"
        return Finetuned(encoder, None), {**result, "classifier": {"skipped": reason}}
    held_out = generator(seed, "first_hour", "categories").random(len(texts)) < 0.2
    known = {labels[row] for row in np.flatnonzero(~held_out)}
    train = [row for row in range(len(texts)) if not held_out[row]]
    test = [row for row in range(len(texts)) if held_out[row] and labels[row] in known]
    if len(known) < 2 or not test:
        reason = "the shop has too few products of each category to hold some out"
        return Finetuned(encoder, None), {**result, "classifier": {"skipped": reason}}
    classifier = train_classifier(
        encoder,
        [texts[r] for r in train],
        [labels[r] for r in train],
        steps=classifier_steps or STEPS["classifier"],
        batch_size=BATCH_SIZE,
        seed=seed,
        log_dir=log_dir,
    )
    scores = evaluate_classifier(classifier, [texts[r] for r in test], [labels[r] for r in test])
    return Finetuned(encoder, classifier), {**result, "classifier": {"classes": len(known), **scores}}


def training_pairs(shop: Shop, parts: Split, seed: int) -> tuple[list[tuple[str, int]], str]:
    """(query, catalogue row) pairs that say "this product answers this query", and where they come from.

    With a log: clicks, carts and purchases of training queries in the past. Without one: queries made from the
    products themselves, which need no judgement.
    """
    if parts.time is None:
        return synthetic_pairs(shop, seed), "synthetic queries made from the products"
    log = shop.events.with_format("numpy")
    known = set(shop.query_ids.take(parts.train_queries))
    keep = np.isin(log["kind"][:], ("click", "cart", "purchase")) & (log["timestamp"][:] < parts.time)
    query_ids, item_ids = log["query_id"][:][keep].tolist(), log["item_id"][:][keep].tolist()
    text_of = dict(zip(shop.queries["query_id"][:], shop.queries["text"][:]))
    clicked = [(text_of[q], i) for q, i in zip(query_ids, item_ids) if q in known]
    if not clicked:
        raise DataError(
            "no training query was ever clicked, so there is nothing to fine-tune on",
            where=f"shop {shop.name!r}",
            remedy="Simulate more users (--users) or queries (--queries)",
        )
    rows = shop.item_ids.rows(item for _, item in clicked)
    return list(zip((query for query, _ in clicked), rows.tolist())), "clicks on training queries"


def synthetic_pairs(shop: Shop, seed: int, per_item: int = 2) -> list[tuple[str, int]]:
    """Queries as a shopper might type them, made from a product's own title: one to three of its words, in order."""
    rng = generator(seed, "first_hour", "synthetic")
    pairs = []
    for row, title in enumerate(shop.items["title"][:]):
        words = [w for w in re.findall(r"\w+", title) if len(w) > 2 or not w.isascii()][:8]
        choices = [c for n in (1, 2, 3) for c in combinations(range(len(words)), n)]
        for choice in rng.permutation(len(choices))[:per_item]:
            pairs.append((" ".join(words[place] for place in choices[choice]), row))
    return pairs


# -- stage 3: features ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Vectors:
    """Unit vectors of one encoder: items float32 [n_items, d], queries float32 [n_queries, d]."""

    items: np.ndarray
    queries: np.ndarray

    def save(self, folder: Path) -> None:
        """Write ``items.npy`` and ``queries.npy``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "items.npy", self.items, allow_pickle=False)
        np.save(folder / "queries.npy", self.queries, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Vectors:
        """Read what ``save`` wrote."""
        return cls(*(np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("items", "queries")))


def features(
    shop: Shop, encoders: dict[str, TextEncoder], *, log_dir: Path | None = None
) -> tuple[dict[str, Vectors], dict[str, Any]]:
    """Every product and query as a vector, once per encoder; the fine-tuned ones also for TensorBoard's projector."""
    vectors, result = {}, {}
    for name, encoder in encoders.items():
        vectors[name] = Vectors(
            extract(encoder, shop.item_texts, progress=True), extract(encoder, shop.queries["text"][:], progress=False)
        )
        source = encoder.source or "trained in this run"
        result[name] = {"dimensions": int(vectors[name].items.shape[1]), "source": source}
        if log_dir is not None:
            labels = {column: shop.items[column][:] for column in ("title", "category", "brand")}
            write_projector(log_dir / name, vectors[name].items, labels)
    return vectors, result


# -- stage 4a: retrieval ----------------------------------------------------------------------------------------------
def retrieval(
    shop: Shop, parts: Split, vectors: dict[str, Vectors], *, fuse: str = "minilm"
) -> tuple[dict[str, Report], dict[str, Any]]:
    """Full retrieval for the test queries: words (BM25), meaning (each encoder), and both (reciprocal-rank fusion).

    The lists are long enough for the condensed measure, which looks at judged products only, however deep they lie.

    Args:
        vectors: of each dense system, by its name.
        fuse: the dense system that the hybrid fuses with BM25.

    Raises:
        ContractError: ``fuse`` is none of the systems.
    """
    if fuse not in vectors:
        raise ContractError(f"there are no vectors called {fuse!r} to fuse", remedy=f"Choose of {', '.join(vectors)}")
    keys = IdMap("query", shop.query_ids.take(parts.test_queries))
    queries = shop.queries["text"][:]
    texts = [queries[row] for row in parts.test_queries]
    depth = min(len(shop.items), max(1_000, 20_000_000 // max(1, len(keys))))
    rankings = {"bm25": BM25(language=shop_language(shop)).fit(shop.items).search(texts, depth, keys=keys)}
    for name, vector in vectors.items():
        known = dict(zip(queries, vector.queries))  # every query has its vector already: look it up
        dense = Dense(lambda texts, known=known: np.stack([known[t] for t in texts]))
        dense.fit(shop.items, vectors=vector.items)
        rankings[name] = dense.search(texts, depth, keys=keys)
    rankings["hybrid"] = reciprocal_rank_fusion([rankings["bm25"], rankings[fuse]], depth)
    # A judged query that a ranking lacks counts 0, so the judgements of the training queries have to go.
    asked = np.isin(shop.judgements.with_format("numpy")["query_id"][:], keys.ids)
    judgements = shop.judgements.select(np.flatnonzero(asked))
    reports = {name: evaluate(r, judgements, SEARCH_METRICS) for name, r in rankings.items()}
    return reports, {name: dict(report.mean) for name, report in reports.items()}


def shop_language(shop: Shop) -> str:
    """``"zh"`` for a Chinese shop, else ``"en"``."""
    return shop.source.get("language", "en")


# -- stage 4b: recommendation -----------------------------------------------------------------------------------------
def recommendation(
    shop: Shop, parts: Split, vectors: np.ndarray, *, seed: int = 0
) -> tuple[dict[str, Report], dict[str, Any]]:
    """What known users take up after the split that is new to them, ranked over the full catalogue.

    The first-stage models are tuned, and the second stage trained, inside the past: both see what came before an
    earlier moment and are judged by what came between it and the split.

    Args:
        vectors: float32 [n_items, d], text features of the catalogue for the learned ranker.
    """
    past = shop.interactions(until=parts.time)
    future = new_interests(past, shop.interactions(since=parts.time))
    users = future.active_users()

    earlier = int(past.timestamps[int(len(past) * TRAIN_FRACTION)])
    before, between = shop.interactions(until=earlier), shop.interactions(since=earlier, until=parts.time)
    window = tune(Popularity, POPULARITY_GRID, before, between).best
    cosine = tune(ItemCosine, COSINE_GRID, before, between).best
    factors = tune(partial(IALS, seed=seed), IALS_GRID, before, between).best

    def first_stage() -> dict[str, Recommender]:
        popularity, item_cosine = Popularity(**window), ItemCosine(**cosine)
        return {"popularity": popularity, "item_cosine": item_cosine, "ials": IALS(**factors, seed=seed)}

    ranker = LearnedRanker(first_stage, shop.items, vectors, seed=seed).fit(before, between).refit(past)
    models = {"random": Random(seed=seed).fit(past), **ranker.recommenders, "ranked": ranker}
    rankings = {name: model.recommend(users, k=20, exclude_seen=True) for name, model in models.items()}
    reports = {name: evaluate(ranking, future, RECOMMEND_METRICS) for name, ranking in rankings.items()}
    return reports, {name: dict(report.mean) for name, report in reports.items()}


# -- comparisons ------------------------------------------------------------------------------------------------------
#: which pairs are tested, stage by stage: (a, b, metric) asks whether a is better than b
COMPARISONS = {
    "retrieval": (
        ("minilm", "bm25", "ndcg@10"),
        ("minilm", "bm25", "condensed_ndcg@10"),
        ("finetuned", "bm25", "ndcg@10"),
        ("finetuned", "bm25", "condensed_ndcg@10"),
        ("hybrid", "bm25", "ndcg@10"),
        ("hybrid", "bm25", "condensed_ndcg@10"),
    ),
    "recommendation": (
        ("popularity", "random", "ndcg@20"),
        ("item_cosine", "popularity", "ndcg@20"),
        ("ials", "popularity", "ndcg@20"),
        ("ranked", "ials", "ndcg@20"),
    ),
}


def comparisons(stage: str, reports: dict[str, Report]) -> list[dict[str, Any]]:
    """The paired tests of a stage, as JSON-able rows."""
    rows = []
    for a, b, metric in COMPARISONS[stage]:
        test = compare(reports[a], reports[b], metric)
        rows.append({"stage": stage, "metric": metric, "a": a, "b": b, "difference": test.difference,
                     "interval": list(test.interval), "p_value": test.p_value, "n": test.n})  # fmt: skip
    return rows
