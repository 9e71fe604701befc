"""The systems' parts: scaling, both kinds of BM25, reranking; the reference figures on the real files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from course_lib.bench.search_products import read_products
from course_lib.bench.search_run import METRICS, read
from course_lib.bench.search_systems import bm25_scores, fielded_scores, finetune, joined, rerank, scaled
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.language.features import extract
from course_lib.search.retrieval import BM25
from course_lib.shop.measurement import evaluate

DATA = Path(os.environ.get("COURSE_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


@given(arrays(np.float32, (3, 7), elements=st.floats(-50, 50, width=16)))
def test_scaling_keeps_the_order_within_0_and_1(scores):
    found = scaled(scores)
    assert found.min() >= 0 and found.max() <= 1 + 1e-6
    for before, after in zip(scores, found):
        assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()
        if before.max() - before.min() > 1e-3:
            assert after.min() == 0 and after.max() == pytest.approx(1)
        elif before.max() == before.min():
            assert not after.any()


def test_scores_of_words_are_those_of_the_ranking():
    texts, queries = ["red shoe", "blue shoe", "red red hat", "lamp"], ["red shoe", "lamp", "zebra", ""]
    scores = bm25_scores(texts, queries)
    assert scores.shape == (4, 4) and not scores[2:].any() and (scores[1] > 0).tolist() == [False, False, False, True]
    keys = IdMap("query", range(4))
    mine = Ranking.from_scores(np.where(scores > 0, scores, -np.inf), 4, keys=keys, items=IdMap("item", range(4)))
    theirs = BM25().fit(texts).search(queries, 4, keys=keys)
    np.testing.assert_array_equal(mine.ids, theirs.ids)


def test_a_hyphen_can_be_left_out():
    assert joined("a Wi-Fi and e-book reader") == "a Wi-Fi and e-book reader WiFi ebook"
    assert joined("plain") == "plain"


def test_words_of_the_title_weigh_more_and_attributes_are_found(chorus_data):
    products = read_products(read(chorus_data).items)
    scores = fielded_scores(products, ["phone case", "plastic", "zebra"])
    titled = np.array(["phone case" in product.title for product in products])
    assert scores[0][titled].min() > scores[0][~titled].max()
    assert (scores[1] > 0).all() and not scores[2].any()  # the material stands in the attributes alone


@settings(max_examples=50)
@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 5), st.integers(0, 2**20))
def test_reranking_moves_the_first_ones_alone(n, depth, pads, seed):
    random = np.random.default_rng(seed)
    ids = np.concatenate([random.permutation(n), np.full(pads, PAD)])[None]
    first = Ranking(ids, np.where(ids == PAD, -np.inf, -np.arange(n + pads)), IdMap("query", ["q"]), IdMap("item", range(n)))
    scores = random.random((1, n))
    found = rerank(first, scores, depth).ids[0]
    assert set(found[:depth]) == set(ids[0, :depth])
    np.testing.assert_array_equal(found[depth:], ids[0, depth:])
    assert (np.diff(scores[0][found[: min(depth, n)]]) <= 0).all()


def test_fine_tuning_learns_kinds_and_depends_on_the_seed_alone(chorus_data, small_encoder):
    products = read_products(read(chorus_data).items)
    vectors = extract(small_encoder, [product.text() for product in products])
    before = [p.clone() for p in small_encoder.model.parameters()]
    once, told = finetune(small_encoder, products, vectors, steps=3, progress=False)
    again, _ = finetune(small_encoder, products, vectors, steps=3, progress=False)
    other, _ = finetune(small_encoder, products, vectors, steps=3, seed=1, progress=False)
    asked = ["laser printers", "lamp"]
    np.testing.assert_array_equal(once.encode(asked), again.encode(asked))
    assert np.abs(once.encode(asked) - other.encode(asked)).max() > 0
    assert told["steps"] == 3 and told["synthetic_pairs"] == 3 * told["batch_size"]
    assert all((a == b).all() for a, b in zip(before, small_encoder.model.parameters()))
    words = lambda encoder: encoder.model.embeddings.word_embeddings.weight  # noqa: E731
    assert (words(once) == words(small_encoder)).all()


def test_the_reference_figures_of_the_real_files():
    if not (DATA / "chorus").is_dir():
        pytest.skip("the files of chorus are not beside the checkout")
    shop = read(f"chorus:{DATA / 'chorus'}")
    assert (len(shop.items), len(shop.judgements)) == (19_406, 1_801)
    scores = bm25_scores(shop.item_texts, shop.queries["text"][:])
    lists = Ranking.from_scores(
        np.where(scores > 0, scores, -np.inf), len(shop.items), keys=shop.query_ids, items=shop.item_ids
    )
    report = evaluate(lists, shop.judgements, METRICS)
    assert len(report) == 55
    reference = {"ndcg@10": 0.706, "recall@100": 0.825, "condensed_ndcg@10": 0.797}  # of the data's page
    assert all(report[metric] == pytest.approx(value, abs=1.5e-3) for metric, value in reference.items())
    kinds = [product.kind for product in read_products(shop.items)]
    assert {"toner cartridge", "notebook", "networking cable", "keyboard"} <= set(kinds)
    assert sum(map(bool, kinds)) > len(kinds) / 3
