"""What the chapter and its benchmark share: one shop's ranking task, and labels of a wide range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.core.seeds import generator
from course_lib.language.finetuning.grader import query_families
from course_lib.search.ranking.features import PairFeatures
from course_lib.search.ranking.table import FeatureTable, candidate_grades, rows_of
from course_lib.search.retrieval import BM25, Dense, reciprocal_rank_fusion
from course_lib.search.understanding.intent import ClickIntent
from course_lib.shop.log import CLICK, NO_QUERY, read_log
from course_lib.shop.shop import Shop

SHARES = (0.5, 0.15, 0.35)  #: of the query families: to learn from, to calibrate on, to measure on


@dataclass(frozen=True, eq=False)
class Task:
    """Candidates, features and grades of a shop's queries, split by what the queries ask for.

    Attributes:
        table: features of all queries' candidates (fused from BM25 and vectors). lists: the retrievers' own rankings.
        grades: int [n, k], judged grades of the candidates.
        train, valid, test: rows. Queries that mean the same stand on one side; the first two leave out queries of a
            wording that is kept for measuring.
        texts: of the queries.
    """

    shop: Shop
    table: FeatureTable
    lists: dict[str, Ranking]
    grades: np.ndarray
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    texts: list[str]

    @cached_property
    def judged(self) -> Any:
        """The judgements of the test queries."""
        wanted = set(self.shop.query_ids.take(self.test))
        rows = [row for row, query in enumerate(self.shop.judgements["query_id"][:]) if query in wanted]
        return self.shop.judgements.select(rows)

    def part(self, rows: np.ndarray) -> tuple[FeatureTable, np.ndarray]:
        """Features and grades of some rows."""
        return self.table.rows(rows), self.grades[rows]


def ranking_task(shop: Shop, encode: Callable[[list[str]], np.ndarray], *, k: int = 50, seed: int = 0) -> Task:
    """Retrieve, split, and compute features; what is learned from clicks comes from training queries before the split.

    Args:
        encode: texts -> float [n, d], rows of length 1; products are encoded by their titles.
        k: candidates of each query. seed: of the split.
    """
    texts, vectors = shop.queries["text"][:], encode(shop.items["title"][:])
    known = dict(zip(texts, encode(texts)))

    def asked(queries: list[str]) -> np.ndarray:
        return np.stack([known[text] for text in queries])

    lists = {
        "bm25": BM25().fit(shop.items).search(texts, k=100, keys=shop.query_ids),
        "vectors": Dense(asked).fit(shop.items, vectors=vectors).search(texts, k=100, keys=shop.query_ids),
    }
    lists["fused"] = reciprocal_rank_fusion(lists.values(), k=k)
    train, valid, test = _split(shop, seed)
    moment = shop.split_time(0.8)
    log = read_log(shop, until=moment)
    clicked = (log.kind == CLICK) & (log.query != NO_QUERY)
    shape = (len(texts), len(shop.items))
    clicks = csr_matrix((np.ones(clicked.sum()), (log.query[clicked], log.item[clicked])), shape=shape)
    learned = [texts[row] for row in train]
    intent = ClickIntent().fit(learned, clicks[train], shop.items["category"][:], shop.items["title"][:])
    features = PairFeatures().fit(
        shop.items, vectors=vectors, encode=asked, log=log, until=moment, intent=intent
    )
    table = features.compute(lists["fused"], texts)
    grades = candidate_grades(lists["fused"], shop.judgements)
    return Task(shop, table, lists, grades, train, valid, test, texts)


def units_sold(grades: np.ndarray, mask: np.ndarray, spread: float, seed: int = 0) -> np.ndarray:
    """int64 [n, k]: units that a product sold after a query, drawn from its true grade; a label of a wide range.

    Poisson with mean 0.2, 1, 4, 10 for grades 0–3, times a factor of luck e^N(0, spread²) for each product (season,
    stock, an advertisement); at most 60.
    """
    random = generator(seed, "units sold")
    mean = np.array([0.2, 1, 4, 10])[grades] * np.exp(random.normal(0, spread, grades.shape))
    return np.where(mask, np.minimum(random.poisson(mean), 60), 0)


def only_these(table: FeatureTable, keep: np.ndarray, grades: np.ndarray) -> tuple[FeatureTable, np.ndarray]:
    """The same lists with some of their products alone, bool [n, k], moved up; and the grades in the same order."""
    keep = keep & table.mask
    order = np.argsort(~keep, axis=1, kind="stable")
    stays = np.take_along_axis(keep, order, axis=1)
    old = table.candidates
    ids = np.where(stays, np.take_along_axis(old.ids, order, axis=1), PAD)
    scores = np.where(stays, np.take_along_axis(old.scores, order, axis=1), -np.inf)
    values = np.take_along_axis(table.values, order[:, :, None], axis=1)
    shorter = Ranking(ids, scores, old.keys, old.items)
    return FeatureTable(values, table.names, shorter), np.where(stays, np.take_along_axis(grades, order, axis=1), 0)


def traits_of(task: Task, rows: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """What a judge may favour, float [n, k] each: the length of the product's text (its logarithm, standardised
    over the catalogue), and whether it is of an own brand of the shop (an eighth of all brands, drawn by the seed)."""
    words = np.log1p([len(text.split()) for text in task.shop.item_texts])
    brands = np.asarray(task.shop.items["brand"][:])
    names = np.unique(brands)
    own = np.isin(brands, names[generator(seed, "own brands").permutation(len(names))[: max(1, len(names) // 8)]])
    table = task.table.rows(rows)
    ids = np.maximum(table.candidates.ids, 0)
    return {"length": np.where(table.mask, ((words - words.mean()) / words.std())[ids], 0),
            "own brand": np.where(table.mask, own[ids], 0).astype(float)}  # fmt: skip


def baselines(task: Task, seed: int = 0) -> dict[str, Ranking]:
    """The test queries' lists without a ranker: in random order, by clicks before the split, and as retrieved."""
    table = task.table.rows(task.test)
    chance = generator(seed, "random order").random(table.mask.shape)

    def sorted_by(scores: np.ndarray) -> Ranking:
        order = np.argsort(np.where(table.mask, -scores, np.inf), axis=1, kind="stable")
        ids = np.take_along_axis(table.candidates.ids, order, axis=1)
        values = np.where(ids != PAD, -np.arange(ids.shape[1], dtype=np.float32), -np.inf)
        return Ranking(ids, values, IdMap("query", table.candidates.keys), table.candidates.items)

    return {
        "random order": sorted_by(chance), "clicks before the split": sorted_by(table.column("clicks")),
        **{name: rows_of(ranking, task.test) for name, ranking in task.lists.items()},
    }  # fmt: skip


def calibration_means(shops: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Loss -> ECE as it is, after Platt, after isotonic regression, and the same of the Brier score; mean over shops.

    Args:
        shops: of ``benchmarks/results/ranking.json``.
    """
    found: dict[str, list[float]] = {}
    for loss in dict.fromkeys(name.partition(":")[0] for name in shops[0]["calibration"]):
        found[loss] = [
            float(np.mean([shop["calibration"][f"{loss}: {way}"][measure] for shop in shops]))
            for measure in ("ece", "brier")
            for way in ("as they are", "Platt", "isotonic")
        ]
    return found


def _split(shop: Shop, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    family = query_families(shop)
    names = generator(seed, "ranking split").permutation(np.unique(family))
    ends = np.cumsum(np.multiply(SHARES, len(names))).astype(int)
    part = np.searchsorted(ends, np.argsort(names)[family], side="right").clip(max=2)
    seen = np.asarray(shop.queries["wording"][:]) != "evaluation"
    return tuple(np.flatnonzero((part == p) & (seen | (p == 2))) for p in range(3))
