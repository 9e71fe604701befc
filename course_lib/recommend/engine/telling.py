"""Writes down what the stages of one request did (``RecommendationPipeline.explain``)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.core.ranking import PAD, Ranking
from course_lib.recommend.engine.candidates import View
from course_lib.recommend.engine.page import Page
from course_lib.recommend.engine.reasons import reasons_for
from course_lib.recommend.engine.trace import Stage
from course_lib.recommend.ranking import Candidates

if TYPE_CHECKING:
    from course_lib.recommend.engine.pipeline import RecommendationPipeline

SHOWN = 10  #: of a history


class Teller:
    """Collects the stages of one request; what it takes to write them down belongs to no stage's time."""

    def __init__(self, pipeline: RecommendationPipeline, user: str, k: int, *, known: bool, start: float):
        self.pipeline, self.user, self.k, self.known = pipeline, user, k, known
        self.stages: list[Stage] = []
        self._start = start
        self._places: dict[str, dict[int, int]] = {}  # generator -> catalogue row -> place, from 1
        self._order: tuple[Candidates, dict[str, np.ndarray] | None, np.ndarray] | None = None
        self._titles: dict[int, str] = {}

    def _end(self, name: str, said: str, rows: list[dict[str, Any]], seconds: float, **more: Any) -> None:
        self.stages.append(Stage(name, seconds, said, rows, **more))
        self._start = time.perf_counter()

    def _seconds(self) -> float:
        return time.perf_counter() - self._start

    def _row(self, item: int, score: float | None) -> dict[str, Any]:
        product = self.pipeline.products[item]
        return {"item_id": product["item_id"], "title": product["title"] or product["item_id"], "score": score}

    def history(self, view: View) -> None:
        """Who asks, and what they did: the latest first, each product once."""
        seconds = self._seconds()
        log = view.interactions
        mine = np.flatnonzero(log.user_rows == log.users.rows([self.user])[0])[::-1]
        _, first = np.unique(log.item_rows[mine], return_index=True)
        rows = []
        for event in mine[np.sort(first)][:SHOWN]:
            item = int(log.item_rows[event])
            rows.append(self._row(item, None) | {"timestamp": int(log.timestamps[event]), "bought": self._bought(item)})
        n = len(first)
        said = f"{n} product{'s' * (n != 1)} in the history" if n else "no history"
        self._end("history", said + view.said, rows, seconds)

    def note(self, name: str, *found: Any) -> None:
        """Called by the pipeline: after each generator with its list, and with the candidates in order."""
        if name == "order":
            self._order = found
            return
        seconds, listed = self._seconds(), found[0]
        kept = listed.ids[0] != PAD
        self._places[name] = {int(item): place for place, item in enumerate(listed.ids[0][kept], start=1)}
        self._end(name, _found(listed), [self._row(int(item), float(score)) for item, score in
                                         zip(listed.ids[0][kept][: self.k], listed.scores[0][kept][: self.k])], seconds)  # fmt: skip

    def ranked(self, view: View, items: np.ndarray, scores: np.ndarray, chances: np.ndarray | None) -> None:
        """The first k in the ranker's order, with what it saw of them."""
        seconds, pipeline = self._seconds(), self.pipeline
        self._score = {int(item): float(score) for item, score in zip(items, scores)}
        self._chance = {} if chances is None else {int(item): float(chance) for item, chance in zip(items, chances)}
        self._rank = {int(item): place for place, item in enumerate(items, start=1)}
        rows = [self._row(int(item), float(score)) | self._numbers(int(item)) for item, score in
                zip(items[: self.k], scores[: self.k])]  # fmt: skip
        if not len(view.interactions.item_rows[view.interactions.user_rows == view.interactions.users.rows([self.user])[0]]):
            self._places = {}
            rows = [row | {"places": {}} for row in rows]
            self._end("rank" if pipeline.ranker else "fuse", "without a history: what was popular of late", rows, seconds)
            return
        pairs, features, order = self._order
        for place, row in enumerate(rows):
            row["features"] = {} if features is None else {n: _finite(c[order[place]]) for n, c in features.items()}
            row["added"] = {}
        if features is not None:
            for row, added in zip(rows, pipeline.ranker.why(features, order[: self.k])):
                row["added"] = added
        by = "probability × price" if pipeline.by_value else "probability"
        how = f"by {by}" if pipeline.ranker else ("its own order" if len(pipeline.generators) == 1 else "fused by places")
        said = f"{len(items)} candidate{'s' * (len(items) != 1)}, {how}"
        self._end("rank" if pipeline.ranker else "fuse", said, rows, seconds)

    def display(self, view: View, page: Page) -> None:
        """The page, and what was moved or dropped."""
        seconds, rows = self._seconds(), []
        for place, item in enumerate(page.rows.tolist(), start=1):
            product = self.pipeline.products[item]
            by, reasons = self._reasons(view, item)
            rows.append(self._row(item, self._score.get(item)) | {
                "place": place, "brand": product["brand"], "category": product["category"], "price": product["price"],
                "ranked": self._rank.get(item), "moved": page.moved.get(item, ""), **self._numbers(item),
                "by": by, "reasons": reasons, "because": _because(reasons),
            })  # fmt: skip
        dropped = [self._row(item, self._score.get(item)) | {"place": self._rank[item], "why": why} for item, why in
                   page.dropped.items()]  # fmt: skip
        n = len(rows)
        said = f"{n} product{'s' * (n != 1)}, {len(page.moved)} moved, {len(dropped)} of the first {self.k} left out"
        self._end("display", said, rows, seconds, dropped=dropped)

    def _numbers(self, item: int) -> dict[str, Any]:
        chance, value = self._chance.get(item), None
        price = self.pipeline.products[item]["price"]
        if chance is not None and self.pipeline.buy_rate is not None and price is not None and price > 0:
            value = chance * self.pipeline.buy_rate * price
        places = {name: at[item] for name, at in self._places.items() if item in at}
        return {"places": places, "chance": chance, "value": value}

    def _bought(self, item: int) -> bool:
        return self.known and (self.user, item) in self.pipeline._bought  # a visitor may be called as a user is

    def _reasons(self, view: View, item: int) -> tuple[str, list[dict[str, Any]]]:
        places = {name: at[item] - 1 for name, at in self._places.items() if item in at}
        public = self.pipeline.products[item]["item_id"]
        by, found = reasons_for(view.models, self.user, public, places)
        rows = self.pipeline.catalogue.ids.rows([reason.item for reason in found]).tolist()
        named = [self.pipeline.products[row] for row in rows]
        return by, [
            {"item_id": product["item_id"], "title": product["title"] or product["item_id"], "share": reason.share,
             "bought": self._bought(row)} for row, product, reason in zip(rows, named, found)
        ]  # fmt: skip


def _finite(value: float) -> float | None:
    """The number, or None where it is unknown: JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def _because(reasons: list[dict[str, Any]]) -> str:
    """“because you bought A and looked at B”; "" without a reason."""
    if not reasons:
        return ""
    verbs = {"bought": [r["title"] for r in reasons if r["bought"]], "looked at": [r["title"] for r in reasons if not r["bought"]]}
    return "because you " + " and ".join(f"{verb} {' and '.join(dict.fromkeys(titles))}" for verb, titles in verbs.items() if titles)


def _found(ranking: Ranking) -> str:
    n = int((ranking.ids != PAD).sum())
    return f"{n} product{'s' * (n != 1)}"
