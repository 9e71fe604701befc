"""start.first_hour: nothing of the future or of a test query is learned from, and the figures are what they say."""

from __future__ import annotations

import re

import numpy as np
import pytest

from course_lib.core.errors import ContractError, DataError
from course_lib.core.ids import IdMap
from course_lib.language.features import extract
from course_lib.language.pretraining import Pretrained
from course_lib.recommend.base import Recommender
from course_lib.search.retrieval import BM25
from course_lib.shop.measurement import compare, evaluate
from course_lib.shop.shop import Shop
from course_lib.start import first_hour
from course_lib.start.first_hour import Split, Vectors


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.simulate(60, 40, 20, seed=0)


@pytest.fixture(scope="module")
def parts(shop) -> Split:
    return first_hour.split(shop, 0)


@pytest.fixture(scope="module")
def vectors(tiny) -> dict[str, Vectors]:
    return {name: Vectors.load(tiny.folder / "features" / name) for name in ("minilm", "finetuned")}


@pytest.fixture
def real(chorus) -> Shop:
    return Shop.load("chorus", chorus)


def test_split_parts_the_queries_in_two_and_the_log_at_one_moment(shop, parts):
    wording = np.array(shop.queries["wording"][:])
    rest = np.setdiff1d(np.arange(20), [*parts.train_queries, *parts.test_queries])
    assert len(parts.test_queries) == 10 and len(parts.train_queries) + len(rest) == 10
    assert (wording[parts.train_queries] == "train").all() and (wording[rest] == "evaluation").all()
    assert "evaluation" in wording[parts.test_queries]
    before = np.mean(np.array(shop.events["timestamp"][:]) < parts.time)
    assert before == pytest.approx(first_hour.TRAIN_FRACTION, abs=0.01)
    again, other = first_hour.split(shop, 0), first_hour.split(shop, 1)
    assert (again.test_queries == parts.test_queries).all() and (other.test_queries != parts.test_queries).any()


def test_without_a_log_every_query_is_a_test(real):
    parts = first_hour.split(real)
    assert parts.time is None and len(parts.train_queries) == 0 and len(parts.test_queries) == len(real.queries)


def test_training_pairs_are_the_clicks_of_training_queries_in_the_past(shop, parts):
    pairs, source = first_hour.training_pairs(shop, parts, 0)
    text = dict(zip(shop.queries["query_id"][:], shop.queries["text"][:]))
    asked = set(shop.query_ids.take(parts.train_queries))
    wanted = [
        (text[e["query_id"]], int(shop.item_ids.rows([e["item_id"]])[0]))
        for e in shop.events
        if e["query_id"] in asked and e["kind"] in ("click", "cart", "purchase") and e["timestamp"] < parts.time
    ]
    assert sorted(pairs) == sorted(wanted) and source.startswith("clicks")
    assert not {query for query, _ in pairs} & {text[q] for q in shop.query_ids.take(parts.test_queries)}


def test_a_log_without_clicks_says_what_to_ask_for(shop, parts):
    with pytest.raises(DataError, match="no training query was ever clicked.*--users"):
        first_hour.training_pairs(shop, Split(parts.time, parts.train_queries[:0], parts.test_queries), 0)


def test_synthetic_queries_are_words_of_the_products_own_title_in_order(real):
    pairs, source = first_hour.training_pairs(real, first_hour.split(real), 0)
    assert source.startswith("synthetic") and pairs == first_hour.synthetic_pairs(real, 0)
    assert pairs != first_hour.synthetic_pairs(real, 1)
    titles = real.items["title"][:]
    for query, row in pairs:
        assert re.search(r"\b" + r"\b.*\b".join(query.split()) + r"\b", titles[row]) and len(query.split()) <= 3
    assert {row for _, row in pairs} == set(range(len(titles))) and len(pairs) == 2 * len(titles)


def test_pretraining_reads_products_and_training_queries_only(shop, parts, monkeypatch):
    seen = {}

    def spy(texts, **settings):
        seen.update(settings, texts=texts)
        raise InterruptedError

    monkeypatch.setattr(first_hour, "pretrain", spy)
    with pytest.raises(InterruptedError):
        first_hour.pretraining(shop, parts, seed=3, steps=7)
    queries = shop.queries["text"][:]
    assert sorted(seen["texts"]) == sorted(shop.item_texts + [queries[row] for row in parts.train_queries])
    assert (seen["seed"], seen["steps"]) == (3, 7)


def test_pretrained_and_finetuned_say_what_they_measured(shop, parts, tiny):
    stage = tiny.result["stages"]["pretraining"]
    model = Pretrained.load(tiny.folder / "pretraining" / "model")
    assert stage["steps"] == 6 and stage["texts"] == 60 + len(parts.train_queries)
    assert stage["parameters"] == sum(p.numel() for p in model.model.parameters())
    assert [stage["first_loss"], stage["last_loss"]] == [model.history.loss[0], model.history.loss[-1]]
    assert stage["masked_accuracy"] == model.evaluation["masked_accuracy"]
    tuned = tiny.result["stages"]["finetuning"]
    assert tuned["pairs"] == len(first_hour.training_pairs(shop, parts, 0)[0])
    assert 0 <= tuned["classifier"]["accuracy"] <= 1 and tuned["classifier"]["n"] > 0


def test_features_are_the_encoders_vectors_of_every_product_and_query(shop, tiny, vectors):
    from course_lib.language.encoder import TextEncoder

    encoder = TextEncoder.load(tiny.folder / "finetuning" / "encoder")
    items = extract(encoder, shop.item_texts[:5], progress=False)
    assert np.allclose(vectors["finetuned"].items[:5], items, atol=1e-2)
    for name, vector in vectors.items():
        assert vector.items.shape == (60, tiny.result["stages"]["features"][name]["dimensions"])
        assert vector.queries.shape[0] == 20
        assert np.allclose(np.linalg.norm(vector.items, axis=1), 1, atol=1e-3)


def test_vectors_survive_saving(tmp_path):
    vectors = Vectors(np.eye(3, dtype=np.float32), np.zeros((2, 3), dtype=np.float32))
    vectors.save(tmp_path / "deep" / "folder")
    loaded = Vectors.load(tmp_path / "deep" / "folder")
    assert (loaded.items == vectors.items).all() and (loaded.queries == vectors.queries).all()


def test_retrieval_measures_the_test_queries_alone(shop, parts, vectors, tiny):
    reports, result = first_hour.retrieval(shop, parts, vectors)
    assert result == tiny.result["stages"]["retrieval"]
    test = set(shop.query_ids.take(parts.test_queries))
    keys = IdMap("query", sorted(test))
    text = dict(zip(shop.queries["query_id"][:], shop.queries["text"][:]))
    ranking = BM25().fit(shop.items).search([text[key] for key in keys.ids], 60, keys=keys)
    judgements = shop.judgements.filter(lambda row: row["query_id"] in test)
    oracle = evaluate(ranking, judgements, ("ndcg@10",))
    assert result["bm25"]["ndcg@10"] == pytest.approx(oracle["ndcg@10"])
    assert set(reports["bm25"].keys) <= test
    for row in first_hour.comparisons("retrieval", reports):
        paired = compare(reports[row["a"]], reports[row["b"]], row["metric"])
        assert (row["difference"], row["p_value"], row["n"]) == (paired.difference, paired.p_value, paired.n)


def test_recommenders_never_see_what_comes_after_the_split(shop, parts, vectors, tiny, monkeypatch):
    latest = []
    fit = Recommender.fit

    def spy(self, interactions):
        latest.append(int(interactions.timestamps[-1]))
        return fit(self, interactions)

    monkeypatch.setattr(Recommender, "fit", spy)
    reports, result = first_hour.recommendation(shop, parts, vectors["finetuned"].items)
    assert result == tiny.result["stages"]["recommendation"]
    assert latest and max(latest) < parts.time
    # Tuning and the second stage see less: they are judged inside the past.
    past = shop.interactions(until=parts.time)
    assert min(latest) < int(past.timestamps[int(len(past) * first_hour.TRAIN_FRACTION)])
    assert set(reports["ials"].keys) <= set(past.users.ids)


def test_language_of_the_shop(real):
    assert first_hour.shop_language(real) == "en"
    assert first_hour.shop_language(Shop.simulate(5, 2, 2, language="zh")) == "zh"


def test_products_of_one_category_each_leave_nothing_to_hold_out(tiny):
    """Eight products in eight categories: a classifier could not be measured."""
    shop = Shop.simulate(8, 40, 8, seed=0)
    model = Pretrained.load(tiny.folder / "pretraining" / "model")
    tuned, result = first_hour.finetuning(shop, first_hour.split(shop), model, steps=2)
    assert tuned.classifier is None and "too few products" in result["classifier"]["skipped"]


def test_only_known_vectors_can_be_fused():
    shop = Shop.simulate(20, 5, 5, 20, seed=0)
    with pytest.raises(ContractError, match="no vectors called 'minilm' to fuse"):
        first_hour.retrieval(shop, first_hour.split(shop), {})
