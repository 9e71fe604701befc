"""Intent and attributes: against scikit-learn's naive Bayes, by hand, and on the simulated shop's truth."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from datasets import Dataset
from scipy.sparse import csr_matrix
from sklearn.naive_bayes import MultinomialNB

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.search.understanding import (
    Channel,
    ClickIntent,
    Segmenter,
    Tagger,
    chains,
    corrected_pairs,
    normalise,
    query_counts,
    shop_words,
    words,
)
from course_lib.shop.log import IMPRESSION, read_log

QUERIES, CATEGORIES = ["red shoes", "shoes", "red lamp", "lamp oil"], ["shoes", "lamps", "shoes"]
CLICKS = csr_matrix([[5, 0, 1], [3, 1, 0], [0, 4, 0], [0, 2, 0]])


@pytest.fixture(scope="module", params=["en", "zh"])
def shop(request):
    return Shop.simulate(n_items=800, n_users=300, n_queries=300, events_per_user=100, seed=2, language=request.param)


@pytest.fixture(scope="module")
def language(shop):
    return "en" if shop.items["title"][0].isascii() else "zh"


def test_probabilities_are_probabilities():
    model = ClickIntent().fit(QUERIES, CLICKS, CATEGORIES)
    p = model.probabilities([*QUERIES, "", "unheard of", "red " * 10_000, "👟"])
    assert np.allclose(p.sum(axis=1), 1) and (p >= 0).all()
    assert model.predict(["lamp", "shoes"]) == ["lamps", "shoes"]
    assert np.allclose(p[4], p[5])  # nothing known: the share of each category


def test_words_are_weighed_as_naive_bayes_does():
    """Where every word is equally frequent, our smoothing is Lidstone's, and scikit-learn is the oracle."""
    queries, clicks = ["a b", "c d"], np.array([[2.0, 0], [0, 2.0]])
    model = ClickIntent(smoothing=4.0, prior=1e9).fit(queries, csr_matrix(clicks), ["x", "y"])
    holds = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    oracle = MultinomialNB(alpha=1.0, class_prior=[0.5, 0.5]).fit(holds, ["x", "y"], sample_weight=[2, 2])
    asked = np.array([[1, 0, 0, 0], [1, 0, 1, 1], [0, 1, 1, 0]])
    assert np.allclose(model.probabilities(["a", "a c d", "b c"]), oracle.predict_proba(asked))


def test_a_querys_own_clicks_outweigh_its_words_in_the_end():
    few, many = (
        ClickIntent(prior=5).fit(["red", "red lamp"], csr_matrix([[0, 9], [n, 0]]), ["shoes", "lamps"])
        for n in (1, 1_000)
    )
    assert few.probabilities(["red lamp"])[0, 1] < many.probabilities(["red lamp"])[0, 1] > 0.99
    assert few.categories == ["lamps", "shoes"]


def test_repeated_and_differently_typed_queries_add_up():
    model = ClickIntent().fit(["Shoes", "shoes "], csr_matrix([[4, 0], [0, 4]]), ["x", "y"])
    assert np.allclose(model.probabilities(["SHOES"]), 0.5)


def test_unseen_queries_of_the_shop_beat_the_most_frequent_category(shop, language):
    texts, categories = shop.queries["text"][:], shop.items["category"][:]
    clicks = query_counts(read_log(shop))
    truth = np.array([shop.truth.leaves[leaf] for leaf in shop.truth.query_leaf])
    tokens = None if language == "en" else Segmenter(shop_words(shop.items)).segment
    train = np.arange(len(texts)) % 2 == 0
    known, new = ([t for t, k in zip(texts, train) if k == wanted] for wanted in (True, False))
    model = ClickIntent(tokens).fit(known, clicks[train], categories, shop.items["title"][:])
    right = np.array(model.predict(new)) == truth[~train]
    clicked = np.asarray(clicks[train].sum(axis=0)).ravel()
    most = Counter()
    for category, n in zip(categories, clicked):
        most[category] += n
    assert right.mean() > 0.4 > 3 * (truth[~train] == most.most_common(1)[0][0]).mean()


def test_chains_are_queries_of_one_session_in_order(shop):
    log = read_log(shop)
    steps = chains(log)
    assert steps and all(a != b and min(a, b) >= 0 for a, b in steps)
    assert sum(chains(log, within=0).values()) <= sum(chains(log, within=60).values()) <= sum(steps.values())
    # a misspelt query leads to what it means far more often than elsewhere
    typos = {(a, b) for a, b in steps if shop.truth.query_correction[a] >= 0}
    right = sum(shop.truth.query_correction[a] == b for a, b in typos)
    assert not typos or right / len(typos) > 0.5
    assert isinstance(Channel.learn(corrected_pairs(shop.queries["text"][:], steps)), Channel)


def test_counts_of_queries_are_those_of_the_log(shop):
    log = read_log(shop)
    counts = query_counts(log, IMPRESSION)
    assert counts.sum() == ((log.kind == IMPRESSION) & (log.query >= 0)).sum()
    assert counts.shape == (log.n_queries, log.n_items)


def test_each_products_own_values_are_tagged(shop, language):
    tagger = Tagger(language).fit(shop.items)
    for row in range(0, 200, 7):
        item = shop.items[row]
        values = [a["value"] for a in item["attributes"]] + [item["brand"]]
        found = {normalise(tag.value, language) for tag in tagger.tag(" | ".join(values))}
        assert found == {normalise(v, language) for v in values}


def test_what_is_tagged_and_what_not_make_up_the_query(shop, language):
    tagger = Tagger(language).fit(shop.items)
    for query in shop.queries["text"][:100]:
        found = "".join(tag.text for tag in tagger.tag(query)) + "".join(tagger.untagged(query))
        assert set(found.replace(" ", "")) == set("".join(words(normalise(query, language))))


def test_tags_agree_with_what_queries_of_the_shop_ask(shop, language):
    tagger = Tagger(language).fit(shop.items)
    kinds = shop.queries["kind"][:]
    asked = [(q, k) for q, k in zip(shop.queries["text"][:], kinds) if k in ("brand", "model", "plain")]
    with_brand = [any(t.name == "brand" for t in tagger.tag(q)) for q, k in asked if k == "brand"]
    assert np.mean(with_brand) > 0.95
    assert not any(t.name == "brand" for q, k in asked if k == "plain" for t in tagger.tag(q))
    assert np.mean([any(t.name == "model" for t in tagger.tag(q)) for q, k in asked if k == "model"] or [1]) > 0.5


def _items(rows):
    """An items table of (category, name of the attribute, its value)."""
    return Dataset.from_list(
        [
            {"item_id": f"I{i}", "title": "x", "category": c, "brand": "B", "attributes": [{"name": n, "value": v}]}
            for i, (c, n, v) in enumerate(rows)
        ]
    )


def test_an_ambiguous_word_is_read_by_its_category():
    rows = [("home > lamp", "colour", "orange")] * 2 + [("food > jam", "flavour", "orange")]
    tagger = Tagger("en").fit(_items(rows))
    assert [t.name for t in tagger.tag("orange")] == ["colour"]
    assert tagger.tag("orange")[0].confidence == pytest.approx(2 / 3)
    assert [t.name for t in tagger.tag("orange", within="food > jam")] == ["flavour"]
    assert [t.value for t in tagger.tag("ORANGE jam lamp")] == ["orange", "jam", "lamp"]


def test_a_word_of_customers_is_learned_from_clicks_against_impressions():
    items = _items([("home > lamp", "colour", c) for c in ("black", "white", "white", "black")])
    tagger = Tagger("en").fit(items)
    queries = ["ebony lamp", "lamp ebony", "nice lamp", "lamp nice"]
    clicks = csr_matrix([[9, 1, 0, 9], [8, 0, 1, 9], [5, 5, 5, 5], [5, 5, 5, 5]])
    shown = csr_matrix(np.full((4, 4), 20))
    tagger.learn(queries, clicks, shown)
    (tag,) = tagger.learned.values()
    assert (tag.text, tag.name, tag.value, tag.learned) == ("ebony", "colour", "black", True)
    assert [t.value for t in tagger.tag("ebony lamp")] == ["black", "lamp"]
    # what is shown as often as it is clicked is no wish
    same = Tagger("en").fit(items).learn(queries, clicks, clicks)
    assert not same.learned


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ClickIntent().probabilities(["a"]), lambda: ClickIntent(smoothing=0), lambda: ClickIntent(catalogue=-1),
        lambda: ClickIntent().fit(["a"], CLICKS, CATEGORIES), lambda: ClickIntent().fit([], csr_matrix((0, 0)), []),
        lambda: ClickIntent().fit(QUERIES, -CLICKS, CATEGORIES),
        lambda: ClickIntent().fit(QUERIES, CLICKS, CATEGORIES, ["t"]),
        lambda: ClickIntent().fit(QUERIES, CLICKS, CATEGORIES).probabilities("red"), lambda: Tagger("fr"),
        lambda: Tagger().fit([]), lambda: Tagger().tag("red"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_one_line(wrong):
    with pytest.raises(ContractError) as caught:
        wrong()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\x00", "👟 " * 9, "a" * 1_000_000, "red " * 50_000, "鞋" * 100_000, "<b>' OR 1=1"])
def test_hostile_queries_pass(shop, language, text):
    tagger = Tagger(language).fit(shop.items.select(range(50)))
    assert isinstance(tagger.tag(text), list) and isinstance(tagger.untagged(text), list)


def test_a_log_without_clicks_and_no_queries():
    model = ClickIntent().fit(["a"], csr_matrix((1, 2)), ["x", "y"])
    assert np.allclose(model.probabilities(["a"]), 0.5) and model.probabilities([]).shape == (0, 2)
