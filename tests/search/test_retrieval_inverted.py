"""The inverted index: its scores are those of bm25s, and those of a rebuild after any changes; hostile queries are quick."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.search.retrieval import BM25, InvertedIndex
from course_lib.shop.shop import Shop

WORDS = ["shoe", "shoes", "red", "running", "lamp", "the", "desk", "usb", "cable", "x9"]


@pytest.fixture(scope="module")
def shop():
    return Shop.simulate(n_items=600, n_users=20, n_queries=120, events_per_user=5, seed=3)


@settings(max_examples=60, deadline=None)
@given(
    products=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=12),
    query=st.lists(st.sampled_from(WORDS + ["unknownword"]), max_size=5),
    k1=st.sampled_from([0.0, 0.9, 1.2, 2.0]),
    b=st.sampled_from([0.0, 0.4, 0.75, 1.0]),
)
def test_scores_are_those_of_the_library(products, query, k1, b):
    texts, asked = [" ".join(p) for p in products], [" ".join(query)]
    ours = InvertedIndex(k1, b).fit(texts).search(asked, 20)
    theirs = BM25(k1=k1, b=b).fit(texts).search(asked, 20)
    assert (np.isfinite(ours.scores) == np.isfinite(theirs.scores)).all()
    there = np.isfinite(ours.scores)
    np.testing.assert_allclose(ours.scores[there], theirs.scores[there], atol=1e-5)


@pytest.mark.parametrize("language, seed", [("en", 3), ("zh", 4)])
def test_lists_of_a_shop_are_those_of_the_library(language, seed):
    shop = Shop.simulate(n_items=300, n_users=10, n_queries=60, events_per_user=5, seed=seed, language=language)
    asked = shop.queries["text"][:]
    ours = InvertedIndex(language=language).fit(shop.items).search(asked, 50, keys=shop.query_ids)
    theirs = BM25(language=language).fit(shop.items).search(asked, 50, keys=shop.query_ids)
    there = ours.ids != PAD
    assert (there == (theirs.ids != PAD)).all() and there.any()
    np.testing.assert_allclose(ours.scores[there], theirs.scores[there], atol=1e-5)
    assert ours.items == theirs.items


def test_ten_thousand_random_changes_end_equal_to_a_rebuild(shop):
    chance, texts, there, index = random.Random(0), shop.item_texts, {}, InvertedIndex()
    for _ in range(10_000):
        row = chance.randrange(len(texts))
        if str(row) in there:
            index.remove([row])
            del there[str(row)]
        if chance.random() < 0.6:  # updates as well: the same id with another text
            there[str(row)] = texts[row if chance.random() < 0.5 else chance.randrange(len(texts))]
            index.add([row], [there[str(row)]])
    rebuilt = InvertedIndex()
    rebuilt.add(list(there), list(there.values()))
    assert len(index) == len(there) > 100 and index.item_ids == rebuilt.item_ids
    asked = shop.queries["text"][:]
    one, other = (i.search(asked, 600, keys=shop.query_ids) for i in (index, rebuilt))
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.scores, other.scores)  # not close: the same counts give the same numbers
    assert len(index._held) <= 2 * len(index) + 65, "dead slots pile up"


def test_an_update_moves_a_product_to_the_end_and_changes_its_words():
    index = InvertedIndex()
    index.add(["a", "b"], ["red shoe", "red shoe"])
    index.remove(["a"])
    index.add(["a"], ["red lamp"])
    found = index.search(["red", "shoe", "lamp"], 3)
    assert [found.public_ids(row) for row in range(3)] == [["b", "a"], ["b"], ["a"]]


def test_an_index_without_products_finds_nothing():
    index = InvertedIndex()
    assert index.search(["red"], 2).ids.tolist() == [[PAD, PAD]]
    index.add(["a"], ["red"])
    index.remove(["a"])
    assert index.search(["red", ""], 2).ids.tolist() == [[PAD, PAD]] * 2 and len(index) == 0
    index.add([], [])
    index.add(["a"], [""])
    assert index.search(["red"], 1).ids.tolist() == [[PAD]] and "a" in index


def test_a_change_happens_whole_or_not_at_all():
    index = InvertedIndex()
    index.add(["a"], ["red shoe"])
    before = index.search(["red shoe"], 2).scores
    for ids, texts in ((["b", "a"], ["red", "red"]), (["b", "b"], ["red", "red"]), (["b"], "red"), (["b"], [7]), (["b"], [])):
        with pytest.raises(ContractError):
            index.add(ids, texts)
    with pytest.raises(UnknownIdError, match="'z'"):
        index.remove(["a", "z"])
    with pytest.raises(ContractError):
        index.remove(["a", "a"])
    assert len(index) == 1 and (index.search(["red shoe"], 2).scores == before).all()


@pytest.mark.parametrize("settings", [{"k1": -1}, {"b": 1.5}, {"k1": float("nan")}, {"language": "tlh"}])
def test_settings_are_checked(settings):
    with pytest.raises(ContractError):
        InvertedIndex(**settings)
    with pytest.raises(ContractError):
        InvertedIndex().search("red", 1)
    with pytest.raises(ContractError):
        InvertedIndex().search(["red"], 0)


def test_hostile_queries_are_answered_within_a_second(shop):
    index, chance = InvertedIndex().fit(shop.items), random.Random(0)
    words = sorted({word for text in shop.item_texts for word in text.split()})
    many = " ".join(chance.choice(words) + (str(i) if i % 2 else "") for i in range(50_000))
    hostile = [
        "", many, (many * 4)[:1_000_000], "a" * 1_000_000, "ab1 " * 250_000, "😀" * 1000, "\x00\x07red\x1b[31m shoe",
        "\u202eשלום אדום", "'; DROP TABLE items; --", "<script>alert(1)</script>", "\ud800 red",
    ]  # fmt: skip
    for query in hostile:
        spent = []
        for _ in range(2):  # the better of two: another process on the core makes a run look longer than it is
            start = time.process_time()
            found = index.search([query], 100)
            spent.append(time.process_time() - start)
            if spent[-1] < 1:
                break
        assert min(spent) < 1, query[:30]
        assert found.ids.shape == (1, 100)


def test_fit_starts_anew():
    index = InvertedIndex().fit(["red"]).fit(["blue", "red lamp"], item_ids=IdMap("item", ["x", "y"]))
    assert index.search(["red"], 2).public_ids(0) == ["y"] and len(index) == 2
