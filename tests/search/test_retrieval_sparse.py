"""Learned sparse weights: where nothing is learned they are BM25's, and what is learned finds words that texts lack."""

import numpy as np
import pytest

from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD
from course_lib.search.retrieval import BM25
from course_lib.search.retrieval.sparse import LearnedSparse

TEXTS = ["red sofa", "blue sofa", "green sofa bed", "red lamp", "blue lamp", "green desk lamp"]
VECTORS = np.repeat(np.eye(2, 4, dtype=np.float32), 3, axis=0)  # what is alike has a like vector
PAIRS = [("couch", 0), ("red couch", 0), ("couch", 1), ("light", 3), ("light blue", 4)]  # rows 2 and 5 are in no pair


def test_without_training_the_order_of_one_word_is_that_of_bm25():
    ours = LearnedSparse(steps=0, added=0).fit(TEXTS, VECTORS, PAIRS).search(["sofa", "lamp", "green"], 6)
    theirs = BM25().fit(TEXTS).search(["sofa", "lamp", "green"], 6)
    np.testing.assert_array_equal(ours.ids, theirs.ids)
    there = theirs.ids != PAD
    np.testing.assert_allclose(ours.scores[there], np.log1p(theirs.scores[there]), rtol=1e-5)  # no pair has these words


def test_words_that_no_text_has_are_learned_from_pairs_and_reach_like_products():
    model = LearnedSparse(steps=80, batch_size=4, learning_rate=0.05).fit(TEXTS, VECTORS, PAIRS)
    assert (BM25().fit(TEXTS).search(["couch"], 3).ids == PAD).all()
    found = model.search(["couch", "light"], 3)
    assert set(found.ids[0]) == {0, 1, 2} and set(found.ids[1]) == {3, 4, 5}
    added = {word for word, _, had in model.words(2) if not had}
    assert "couch" in added and all(weight > 0 for _, weight, _ in model.words(2))
    assert model.losses[-1] < model.losses[0]


def test_the_same_seed_gives_the_same_weights_and_a_penalty_leaves_fewer_words():
    settings = {"steps": 60, "batch_size": 4, "learning_rate": 0.05}
    one, two = (LearnedSparse(**settings).fit(TEXTS, VECTORS, PAIRS).weights for _ in range(2))
    assert (one != two).nnz == 0
    dear = LearnedSparse(**settings, flops=20).fit(TEXTS, VECTORS, PAIRS).weights
    assert dear.sum() < one.sum()


def test_no_words_are_added_where_none_may_be():
    model = LearnedSparse(steps=40, batch_size=4, learning_rate=0.05, added=0).fit(TEXTS, VECTORS, PAIRS)
    assert (model.search(["couch"], 3).ids == PAD).all()


def test_misuse_is_told():
    with pytest.raises(ContractError):
        LearnedSparse().search(["red"], 2)
    for pairs in ([], [("red", 6)], [("red", -1)], [("!!", 0)]):
        with pytest.raises(ContractError):
            LearnedSparse().fit(TEXTS, VECTORS, pairs)
    with pytest.raises(ContractError):
        LearnedSparse().fit(TEXTS, VECTORS[:3], PAIRS)
    for settings in ({"steps": -1}, {"batch_size": 1}, {"learning_rate": 0}, {"flops": -1}, {"added": -1}):
        with pytest.raises(ContractError):
            LearnedSparse(**settings)
