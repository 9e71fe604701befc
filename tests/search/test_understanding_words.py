"""Normalisation, edits, spelling and segmentation against plain formulas, ``jieba``, and the simulated shop's truth."""

from __future__ import annotations

import itertools
import math
import random
import re
import subprocess
import sys

import jieba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.search.understanding import (
    Channel,
    Neighbours,
    RunSpeller,
    Segmenter,
    Speller,
    count_occurrences,
    count_words,
    default_words,
    edit_distance,
    fold_codes,
    is_model_code,
    jieba_cutter,
    normalise,
    shop_words,
    slip,
    words,
)
from course_lib.shop.texts import item_texts

HOSTILE = [
    "", " \t\n", "\x00\x1b[31m", "👟" * 50, "שלום \u202e abc", "'; DROP TABLE items; --", "<script>alert(1)</script>",
    "a" * 1_000_000, "word " * 50_000, "鞋" * 100_000, "\ud800", "1" * 5_000, "a-" * 5_000, "١٢٣ kg",
]  # fmt: skip
AB = st.text("abcd", max_size=6)


@pytest.fixture(scope="module", params=["en", "zh"])
def shop(request):
    return Shop.simulate(n_items=800, n_users=50, n_queries=800, events_per_user=20, seed=1, language=request.param)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["en", "zh"]))
def test_normalising_twice_changes_nothing(text, language):
    once = normalise(text, language)
    assert normalise(once, language) == once
    assert once == once.strip() and "\n" not in once


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789 .,-kgmlLｋ公斤克升a"), max_size=14), st.sampled_from(["en", "zh"]))
def test_normalising_amounts_twice_changes_nothing(text, language):
    once = normalise(text, language)
    assert normalise(once, language) == once


@pytest.mark.parametrize(
    "text, language, wanted",
    [
        ("ＸＬ Red\u200b  Shoes", "en", "xl red shoes"), ("1,000ML bottle", "en", "1000 ml bottle"),
        ("2.5 Kilograms", "en", "2.5 kg"), ("ZY9748M", "en", "zy9748m"), ("ab12g", "en", "ab12g"),
        ("2公斤大米", "zh", "2千克大米"), ("500ＭＬ", "zh", "500毫升"), ("5kgx", "en", "5kgx"), ("10 mmm", "en", "10 mmm"),
    ],
)  # fmt: skip
def test_normal_forms(text, language, wanted):
    assert normalise(text, language) == wanted


def test_model_codes_are_told_from_amounts_and_words():
    assert all(map(is_model_code, ("zy9748m", "ME6571S", "a100")))
    assert not any(map(is_model_code, ("500ml", "16gb", "shoes", "2024", "5g", "", "手机12a")))


def test_codes_are_folded_only_where_the_catalogue_has_them():
    codes = {"zy9748m", "ab12"}
    assert fold_codes("sony zy-9748 m black", codes) == "sony zy9748m black"
    assert fold_codes("ab_12, xy-99", codes) == "ab12, xy-99"
    assert fold_codes("t-shirt 10 kg", codes) == "t-shirt 10 kg"
    assert fold_codes("", codes) == ""


@settings(max_examples=200, deadline=None)
@given(AB, AB)
def test_the_distance_is_symmetric_and_zero_only_for_the_same(a, b):
    d = edit_distance(a, b)
    assert d == edit_distance(b, a) and (d == 0) == (a == b)
    assert abs(len(a) - len(b)) <= d <= max(len(a), len(b))


def _one_slip(word, letters):
    for i in range(len(word) + 1):
        yield from (word[:i] + c + word[i:] for c in letters)
        if i < len(word):
            yield word[:i] + word[i + 1 :]
            yield from (word[:i] + c + word[i + 1 :] for c in letters)
        if i + 1 < len(word):
            yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]


@settings(max_examples=100, deadline=None)
@given(st.text("abc", max_size=5), AB)
def test_distance_one_is_exactly_one_slip(a, b):
    assert (edit_distance(a, b) == 1) == (b in set(_one_slip(a, "abcd")) - {a})


@settings(max_examples=200, deadline=None)
@given(st.text("abc", min_size=1, max_size=6), st.randoms())
def test_every_single_slip_has_a_kind(word, rng):
    wrong = rng.choice(sorted(set(_one_slip(word, "abc")) - {word}))
    assert slip(word, wrong) != "other"


@pytest.mark.parametrize(
    "right, wrong, kind",
    [
        ("shoes", "sheos", "swapped"), ("shoes", "shooes", "doubled"), ("kettle", "ketle", "undoubled"),
        ("shoes", "shes", "dropped"), ("shoes", "shoxes", "added"), ("shoes", "shoas", "replaced"),
        ("shoes", "boots", "other"), ("", "", "other"),
    ],
)  # fmt: skip
def test_kinds_of_slips(right, wrong, kind):
    assert slip(right, wrong) == kind


def test_neighbours_are_those_that_a_full_scan_finds():
    rng = random.Random(0)
    vocabulary = ["".join(rng.choices("abc", k=rng.randint(0, 7))) for _ in range(300)]
    index = Neighbours(vocabulary)
    for word in ["".join(rng.choices("abc", k=rng.randint(0, 7))) for _ in range(60)]:
        for most in (1, 2):
            distances = {w: edit_distance(w, word) for w in set(vocabulary)}
            assert index.near(word, most) == {w: d for w, d in distances.items() if 1 <= d <= most}


def test_the_frequent_word_wins_and_the_catalogue_is_never_touched():
    speller = Speller({"shoes": 90, "shore": 1, "form": 1, "foam": 1_000, "zy9748m": 1}, {"biro": 9})
    assert speller.correct("Red  SHOEES").text == "red shoes"
    assert speller.correct("red shoees").changes == (("shoees", "shoes"),)
    for query in ("form", "shore", "zy9749m", "zy9748m", "biro", "12345", "sho", ""):
        assert speller.correct(query).text == query and not speller.correct(query).changes


def test_the_channel_is_a_probability_of_slips_and_learns_from_pairs():
    channel = Channel.learn([("red sheos", "red shoes"), ("sheos", "shoes"), ("a b", "c d"), ("one two", "one")])
    assert channel.log_probability("sheos", "shoes") > Channel().log_probability("sheos", "shoes")
    assert math.isclose(channel.log_probability("shoes", "shoes"), math.log(0.95))
    possible = {w for w in _one_slip("shoes", "abcdefghijklmnopqrstuvwxyz") if w != "shoes"}
    assert sum(math.exp(channel.log_probability(w, "shoes")) for w in possible) <= 0.05 + 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Speller({}), lambda: Speller({"a": 1}, unseen=0), lambda: Channel(0), lambda: Channel(1.5),
        lambda: Channel(counts={"x": 1}), lambda: Speller({"a": 1}).correct(3), lambda: normalise(None),
        lambda: normalise("a", "fr"), lambda: count_words("a"), lambda: Segmenter({"鞋": 0}), lambda: Segmenter(["鞋"]),
        lambda: shop_words(["鞋"]), lambda: Segmenter({"鞋": 1}).segment(b"x"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_one_line(wrong):
    with pytest.raises(ContractError) as caught:
        wrong()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_queries_pass(text):
    speller, segmenter = Speller(dict.fromkeys(["shoes", "word", "words"], 3)), Segmenter({"鞋": 1, "运动鞋": 2})
    assert isinstance(speller.correct(text).text, str)
    assert isinstance(RunSpeller(segmenter).correct(text).text, str)
    assert "".join(segmenter.segment(text)) == "".join(words(normalise(text, "zh")))
    assert isinstance(fold_codes(normalise(text), {"ab12"}), str)


def test_a_default_regex_breaks_where_the_dictionary_mends():
    query, product = "运动鞋", "女士红色运动鞋"
    assert default_words(product) == [product]
    assert not set(default_words(query)) & set(default_words(product))
    segmenter = Segmenter({"女士": 5, "红色": 9, "运动鞋": 7, "运动": 3, "鞋": 2})
    assert segmenter.segment(product) == ["女士", "红色", "运动鞋"]
    assert set(segmenter.segment(query)) <= set(segmenter.segment(product))


def _all_segmentations(run):
    for cuts in itertools.product([0, 1], repeat=len(run) - 1):
        places = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(run)]
        yield [run[a:b] for a, b in zip(places, places[1:])]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text("甲乙丙", min_size=1, max_size=3), st.integers(1, 50), min_size=1),
    st.text("甲乙丙丁", min_size=1, max_size=7),
)
def test_the_path_is_the_best_of_all(counts, run):
    segmenter = Segmenter(counts)
    total = math.log(sum(counts.values()))

    def value(cut):
        if any(len(w) > 1 and w not in counts for w in cut):
            return -math.inf
        return sum(math.log(counts.get(w, 1)) - total for w in cut)

    found, log_probability = segmenter.path(run)
    assert "".join(found) == run
    assert math.isclose(log_probability, max(map(value, _all_segmentations(run))), abs_tol=1e-9)
    assert math.isclose(value(found), log_probability, abs_tol=1e-9)


def test_the_path_is_that_of_jieba_with_the_same_dictionary(tmp_path):
    shop = Shop.simulate(n_items=600, n_users=20, n_queries=300, events_per_user=10, seed=3, language="zh")
    texts = shop.items["title"][:] + shop.queries["text"][:]
    runs = [run for text in texts for run in words(normalise(text, "zh")) if re.fullmatch("[\u4e00-\u9fff]+", run)]
    counts = dict(shop_words(shop.items))
    counts |= {c: counts.get(c, 1) for run in runs for c in run}  # jieba has no single character where a word begins
    path = tmp_path / "words.txt"
    path.write_text("\n".join(f"{word} {int(n)}" for word, n in counts.items()), encoding="utf-8")
    oracle = jieba.Tokenizer(str(path))
    oracle.tmp_dir = str(tmp_path)
    segmenter = Segmenter(counts)
    assert segmenter.log_total == pytest.approx(math.log(sum(counts.values())))
    assert len(runs) > 500
    for run in runs:
        assert segmenter.segment(run) == list(oracle.cut(run, HMM=False))


def test_jieba_as_the_alternative_knows_the_shops_words():
    cut = jieba_cutter({"格拉翁博": 1_000})
    assert cut("格拉翁博 瑜伽垫") == ["格拉翁博", "瑜伽", "垫"] or cut("格拉翁博 瑜伽垫") == ["格拉翁博", "瑜伽垫"]
    assert cut("") == []


def test_occurrences_are_counted_as_substrings():
    assert count_occurrences(["运动", "运动鞋", "猫"], ["运动鞋和运动", "鞋"]) == {"运动": 2, "运动鞋": 1, "猫": 1}
    assert count_occurrences([], ["鞋"]) == {}


def test_typos_of_the_simulated_shop_that_the_log_never_saw(shop):
    language = "zh" if re.search("[\u4e00-\u9fff]", shop.items["title"][0]) else "en"
    text, meant = shop.queries["text"][:], shop.truth.query_correction
    typos = np.flatnonzero(meant >= 0)
    log = [t for t, m, w in zip(text, meant, shop.queries["wording"][:]) if m < 0 and w == "train"]
    if language == "en":
        speller = Speller(count_words(item_texts(shop.items)), count_words(log))
    else:
        speller = RunSpeller(Segmenter(shop_words(shop.items, log)))
    right = np.mean([speller.correct(text[i]).text == normalise(text[meant[i]], language) for i in typos])
    assert len(typos) > 30 and right > 0.6
    clean = [t for t, m in zip(text, meant) if m < 0]
    assert np.mean([bool(speller.correct(t).changes) for t in clean]) < 0.08
    if language == "en":  # the guard: words of the catalogue and model codes stay
        for query in text:
            for typed, _ in speller.correct(query).changes:
                assert typed not in speller.catalogue and not is_model_code(typed)


def test_the_package_is_light():
    code = "import sys, course_lib.search.understanding; print({'torch','jieba','datasets','bm25s'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
