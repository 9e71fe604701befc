"""What the chapter writes out, held against ``tokenizers``; and what must hold whatever the texts are."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models

from course_lib.core.errors import ContractError
from course_lib.language import tokenization as t
from course_lib.shop.shop import Shop
from course_lib.shop.texts import item_texts

WORDS = st.dictionaries(st.text("abc▁", min_size=1, max_size=8), st.integers(1, 9), min_size=1, max_size=12)


@pytest.fixture(scope="module", params=["en", "zh"])
def texts(request) -> list[str]:
    shop = Shop.simulate(n_items=300, n_users=20, n_queries=40, events_per_user=5, seed=3, language=request.param)
    return item_texts(shop.items) + list(shop.queries["text"][:])


# -- words ------------------------------------------------------------------------------------------------------------


def test_words_glued_together_are_the_text(texts):
    for text in texts:
        whole = " ".join(unicodedata.normalize("NFKC", text).lower().split())
        assert "".join(t.split_words(text)).replace("▁", " ").strip() == whole
    assert t.split_words("Mug, ＸＬ  1.5 L") == ["▁mug", ",", "▁xl", "▁1", ".", "5", "▁l"]
    assert t.split_words("女士红色运动鞋") == ["▁女士红色运动鞋"]


@pytest.mark.parametrize("bad, message", [("one", "one string"), ([1], "text 0 is int"), ([" "], "no text")])
def test_words_of_nothing(bad, message):
    with pytest.raises(ContractError, match=message):
        t.count_words(bad)
    with pytest.raises(ContractError, match=message):
        t.train_bpe(bad, 100)


# -- BPE --------------------------------------------------------------------------------------------------------------


def test_bpe_learns_and_cuts_as_the_library_does(texts):
    counts = t.count_words(texts)
    merges = t.bpe_train(counts, 400)
    theirs = t.train_bpe(texts, 1 + len(set("".join(counts))) + len(merges))
    assert [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]] == merges
    other = ["▁running", "▁zz99x", "▁运动鞋", "▁续航", "x"]
    for word in [*list(counts)[:400], *other]:
        known = [piece for piece in t.bpe_encode(word, merges) if theirs.token_to_id(piece) is not None]
        assert known == [token.value for token in theirs.model.tokenize(word) if token.value != "[UNK]"]


@settings(max_examples=60, deadline=None)
@given(WORDS, st.integers(0, 12))
def test_bpe_any_words(counts, n):
    merges = t.bpe_train(counts, n)
    assert len(merges) <= n and merges == t.bpe_train(dict(reversed(counts.items())), n)
    for word in counts:
        assert "".join(t.bpe_encode(word, merges)) == word
    model = models.BPE()
    tokenizer = t.library.Tokenizer(model)
    tokenizer.pre_tokenizer = t.library.pre_tokenizer().__class__([])
    trainer = t.library.trainers.BpeTrainer(
        vocab_size=len(set("".join(counts))) + 100, min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator([word for word, times in counts.items() for _ in range(times)], trainer)
    theirs = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    assert theirs[: len(merges)] == merges


def test_bpe_bad_input():
    for wrong in ({}, 5), ({"a": 1}, -1):
        with pytest.raises(ContractError):
            t.bpe_train(*wrong)
    assert t.bpe_encode("", []) == [] and t.bpe_encode("é", [("a", "b")]) == ["é"]
    assert t.bpe_train({"aaaa": 2}, 5) == [("a", "a"), ("aa", "aa")]


# -- longest match ----------------------------------------------------------------------------------------------------


def test_longest_match_cuts_as_the_library_does(texts):
    vocabulary = t.train_tokenizer(texts, 600).get_vocab()
    theirs = models.WordPiece(vocabulary, unk_token="[UNK]")
    for word in {word.strip("▁") for word in t.count_words(texts)} | {"x" * 101, "龘", "shoes龘"}:
        if word:
            assert t.longest_match(word, vocabulary) == [token.value for token in theirs.tokenize(word)]


def test_longest_match_does_not_look_back():
    assert t.longest_match("abcd", {"abc", "ab", "##cd"}) == ["[UNK]"]
    assert t.longest_match("", {"a"}) == []
    with pytest.raises(ContractError):
        t.longest_match(3, {"a"})


# -- Unigram ----------------------------------------------------------------------------------------------------------


def test_viterbi_cuts_as_the_library_does(texts):
    counts = t.count_words(texts)
    scores = t.unigram_train(counts, 900, seed_size=2_000)
    theirs = models.Unigram([("[UNK]", 0.0), *scores.items()], unk_id=0)
    tokenizer = t.unigram_tokenizer(scores)
    for word in [*list(counts)[:400], "▁zz99x"]:
        pieces = [token.value for token in theirs.tokenize(word)]
        assert t.viterbi(word, scores) == [piece if piece in scores else "[UNK]" for piece in pieces]
    for text in texts[:20]:
        assert tokenizer.encode(text).tokens == [p for w in t.split_words(text) for p in t.viterbi(w, scores)]


@settings(max_examples=60, deadline=None)
@given(st.text("abc", min_size=1, max_size=7), st.dictionaries(st.sampled_from(
    ["a", "b", "c", "ab", "bc", "abc", "ca", "aa", "cab"]), st.floats(-9, -0.1), min_size=1))  # fmt: skip
def test_viterbi_finds_the_best_of_all_cuts(word, scores):
    for letter in "abc":
        scores.setdefault(letter, -9.5)

    def value(pieces):
        return sum(scores.get(piece, -math.inf) for piece in pieces)

    places = range(1, len(word))
    cuts = [[word[i:j] for i, j in zip((0, *inner), (*inner, len(word)))]
            for n in range(len(word)) for inner in itertools.combinations(places, n)]  # fmt: skip
    found = t.viterbi(word, scores)
    assert "".join(found) == word and value(found) == pytest.approx(max(map(value, cuts)))


def test_viterbi_unknown_letters_become_one_piece():
    assert t.viterbi("x日本x", {"x": -1.0}) == ["x", "[UNK]", "x"]
    with pytest.raises(ContractError):
        t.viterbi("a", {})


@settings(max_examples=40, deadline=None)
@given(WORDS)
def test_expectation_maximisation_never_gets_worse(counts):
    scores, seen = t.seed_pieces(counts, size=20), []
    for _ in range(4):
        scores, likelihood = t.em_step(counts, scores)
        assert sum(map(math.exp, scores.values())) == pytest.approx(1)
        seen.append(likelihood)
    assert (np.diff(seen) >= -1e-9 * max(1, abs(seen[0]))).all()


def test_unigram_sizes_and_bad_input(texts):
    counts = t.count_words(texts)
    letters = len(set("".join(counts)))
    assert len(t.unigram_train(counts, letters + 50, seed_size=500)) == letters + 50
    assert len(t.unigram_train(counts, 1, seed_size=50)) == letters
    for wrong in (counts, 0), ({}, 5):
        with pytest.raises(ContractError):
            t.unigram_train(*wrong)
    with pytest.raises(ContractError, match="can't spell"):
        t.em_step({"ab": 1}, {"a": -1.0})


def test_every_process_learns_the_same_pieces():
    code = ("from course_lib.language.tokenization import *;"
            "print(unigram_train(count_words(['red shoes', 'blue shoes', 'red mug'] * 3), 20))")  # fmt: skip
    seen = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")}  # fmt: skip
    assert len(seen) == 1


# -- measures ---------------------------------------------------------------------------------------------------------


def test_measures_by_hand():
    cut = {"red mug": ["red", "mug"], "mug x": ["mug", "[UNK]"]}.__getitem__
    found = t.measure(cut, ["red mug", "mug x"], vocab_size=4)
    assert found.mean == 2 and found.fertility == 1 and found.unknown == 0.25 and found.coverage == 0.5
    assert t.round_trip(str.split, " ".join, ["Red  mug", "a"]) == 1
    assert t.round_trip(lambda text: text.split()[:1], " ".join, ["red mug", "a"]) == 0.5
    assert t.cost(100, 2_000_000, 0.02) == pytest.approx(4)
    assert t.embedding_parameters(30_522, 384) == 30_522 * 384


def test_alike_is_the_share_of_the_usual_cut():
    cut = {"wh1000": ["wh", "1000"], "zx2300": ["z", "x2", "300"], "ab9": ["ab", "9"]}.__getitem__
    assert t.alike(cut, ["wh1000", "zx2300", "ab9"]) == pytest.approx(2 / 3)
    assert t.alike(list, ["wh1000", "zx2300"]) == 1


@pytest.mark.parametrize("wrong", [lambda: t.measure(list, []), lambda: t.measure(list, [" "]),
    lambda: t.measure(list, ["a"], per="line"), lambda: t.measure(list, "a"), lambda: t.alike(list, []),
    lambda: t.round_trip(list, "".join, []), lambda: t.cost(-1, 1, 1), lambda: t.embedding_parameters(0, 1)])  # fmt: skip
def test_measures_refuse(wrong):
    with pytest.raises(ContractError):
        wrong()
