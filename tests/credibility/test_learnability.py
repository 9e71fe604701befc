"""There is something to win in the shop, and simple methods don't win it all. No result here may move a parameter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from course_lib import Shop
from course_lib.shop.log import read_log
from course_lib.shop.simulator import Parameters, learnability, simulate


def surely_above(better: np.ndarray, worse: np.ndarray) -> bool:
    gain = better - worse
    return gain.mean() > 3 * gain.std() / math.sqrt(len(gain))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_bm25_is_strong_on_model_numbers_blind_on_paraphrases_and_well_below_the_oracle(language, large):
    shop = large if language == "en" else Shop.simulate(n_users=1, events_per_user=1, seed=1, language="zh")
    score = learnability.lexical_search(shop, language)
    assert score["paraphrase"] < 0.1 and score["model_first"] > 0.9
    assert 0.5 < score["all"] < 0.88  # the oracle scores 1
    assert score["typo"] < score["plain"]


@pytest.mark.filterwarnings("ignore:Method expects CSR")
def test_neighbours_and_factorisation_beat_popularity(large):
    recall = learnability.collaborative(large)
    assert len(recall["popularity"]) > 1_000
    assert surely_above(recall["cosine"], recall["popularity"]) and surely_above(recall["ials"], recall["popularity"])
    assert recall["ials"].mean() < 0.6  # and the best is far from everything


def test_content_finds_cold_items_that_nobody_has_clicked(large):
    recall = learnability.cold_start(large)
    assert recall["items"] > 20 and len(recall["content"]) > 40
    assert surely_above(recall["content"], recall["random"])


def test_weighting_by_the_true_propensity_recovers_relevance(large, log):
    measured = learnability.propensity_weighting(large, log)
    assert measured["pairs"] > 500
    assert abs(measured["weighted_bias"]) < 0.03 and measured["naive_bias"] < -0.3
    assert measured["weighted_order"] > measured["naive_order"] + 0.03


def test_randomised_pages_weighted_by_propensity_predict_the_production_ranker():
    shop = Shop(**simulate(200, 6_000, 60, 100, 2, "en", Parameters(randomised=0.5)))
    measured = learnability.off_policy(shop, read_log(shop))
    assert measured["error"] < 0.02
    assert abs(measured["weighted"] - measured["production"]) < 3 * measured["error"]
    assert measured["production"] - measured["uniform"] > 5 * measured["error"]
