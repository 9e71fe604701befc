"""A published protocol end to end: popularity on Gowalla, LightGCN's split, all items ranked, seen ones left out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import coverage, evaluate, exposure, gini, novelty
from course_lib.shop.measurement.exhibits import popularity
from course_lib.shop.shop import Shop

DATA = Path(os.environ.get("COURSE_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "gowalla"
pytestmark = pytest.mark.skipif(not (DATA / "train.txt").is_file(), reason=f"Gowalla is not at {DATA}")


@pytest.fixture(scope="module")
def gowalla() -> tuple[Interactions, Interactions]:
    """Train and test."""
    shop = Shop.load("gowalla", DATA)
    return shop.interactions(until=1), shop.interactions(since=1)


def test_popularity_as_in_the_reference(gowalla):
    train, test = gowalla
    assert (len(train.users), len(train.items), len(train), len(test)) == (29_858, 40_981, 810_128, 217_242)
    ranking = popularity(train, train, train.users.ids, 20)
    report = evaluate(ranking, test, ("recall@20", "ndcg@20"))
    assert report["recall@20"] == pytest.approx(0.0416, abs=0.0002)
    assert report["ndcg@20"] == pytest.approx(0.0317, abs=0.0002)
    assert len(report) == 29_858 and report.missing == 0
    assert evaluate(ranking, test, ("recall@20", "ndcg@20"), seen=train).mean == report.mean  # nothing seen is left
    # What popularity does to a catalogue: a sliver of it is shown, and to nobody's surprise.
    assert coverage(ranking, 20) < 0.01 and gini(exposure(ranking, 20)) > 0.99
    assert novelty(ranking, train, 20).mean() < np.log2(29_859 / (len(train) / len(train.items) + 1))


def test_leaving_seen_items_out_afterwards_is_the_same(gowalla):
    train, test = gowalla
    popularity = np.bincount(train.item_rows, minlength=len(train.items))
    users = IdMap("user", train.users.ids[:3_000])
    most = int(np.bincount(train.user_rows, minlength=len(train.users))[:3_000].max())
    best = np.lexsort((np.arange(len(popularity)), -popularity))[: 20 + most]  # enough for the user who has seen most
    ids = np.tile(best, (3_000, 1))
    whole = Ranking(ids, popularity[ids].astype(np.float32), users, train.items)
    some = test.of_users(users)
    after = evaluate(whole, some, ("recall@20", "ndcg@20"), seen=train)
    scores = np.tile(popularity.astype(np.float32), (3_000, 1))
    scores[train.matrix[:3_000].nonzero()] = -np.inf
    before = evaluate(Ranking.from_scores(scores, 20, keys=users, items=train.items), some, ("recall@20", "ndcg@20"))
    assert after.per_query["ndcg@20"].tolist() == before.per_query["ndcg@20"].tolist()
    assert evaluate(whole, some, "recall@20")["recall@20"] < after["recall@20"]  # seen ones take up places
