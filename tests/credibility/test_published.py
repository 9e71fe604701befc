"""What is measured on a simulated shop lies where the published figures lie; and the figures are all there."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from course_lib import Shop
from course_lib.core.fingerprint import ROOT
from course_lib.shop.log import CLICK, read_log
from course_lib.shop.simulator import Parameters, credibility, simulate
from course_lib.shop.simulator.calendar import WEEK, week_of
from course_lib.shop.simulator.parameters import SOURCES
from course_lib.shop.simulator.queries import tokens
from course_lib.shop.simulator.turnover import turnover

DATA = Path(os.environ.get("COURSE_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


FROZEN = "971f41716df3668e"


def inside(name: str, value: float) -> bool:
    return SOURCES[name].low <= value <= SOURCES[name].high


def test_every_source_names_a_range_and_publications_of_the_bibliography():
    known = set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))
    for name, source in SOURCES.items():
        assert source.low < source.high and source.what and source.cite and source.keys and set(source.keys) <= known, name


def test_the_parameters_are_frozen():
    """They were set from what is published before any method ran. A new value needs a new source, a line in the
    changelog and a new digest here, and every result of the book that rests on the simulator measured again."""
    text = repr(sorted(dataclasses.asdict(Parameters()).items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == FROZEN


def test_parameters_with_a_published_counterpart_lie_in_its_range():
    parameters = Parameters()
    named = {f.name for f in dataclasses.fields(parameters)} & set(SOURCES)
    assert named == {"popularity_exponent", "query_exponent", "out_of_stock", "cart_rate"}
    for name in named:
        assert inside(name, getattr(parameters, name)), name
    mean = np.dot([value for _, value in parameters.elasticities], parameters.segment_shares)
    assert inside("elasticity", mean)
    assert inside("queries_per_session", 1 + parameters.further_pages)


def test_an_exponent_is_recovered_from_counts_that_have_it():
    counts = 1e6 * np.arange(1, 1_001) ** -0.8
    assert credibility.zipf_exponent(counts) == pytest.approx(0.8)
    assert credibility.zipf_exponent(np.random.default_rng(0).permutation(counts)) == pytest.approx(0.8)
    assert credibility.zipf_exponent(np.array([8.0, 4.0, 0.0])) == pytest.approx(1.0)


def test_clicks_of_items_and_searches_of_queries_follow_zipf_with_published_exponents(large, log):
    counts = credibility.popularity(large, log)
    assert inside("popularity_exponent", credibility.zipf_exponent(counts["clicks"]))
    assert inside("query_exponent", credibility.zipf_exponent(counts["searches"]))
    assert 0.6 < counts["clicks"][:400].sum() / counts["clicks"].sum() < 0.9  # a fifth of the items holds most clicks


def test_examination_falls_with_the_position_and_randomised_pages_show_its_shape(large, log):
    curves = credibility.click_rate_by_position(large, log)
    truth = curves["examination"]
    assert truth[0] == 1 and (np.diff(truth) < 0).all()
    assert (np.diff(curves["production"]) < 0).all()
    shape = curves["randomised"] / (curves["randomised"] @ truth / (truth @ truth))
    assert np.abs(shape - truth).max() < 0.05
    # The ranker puts the better items first, so its curve falls faster than examination does.
    assert curves["production"][-1] / curves["production"][0] < 0.95 * truth[-1]


def test_purchases_per_cart_and_pages_per_session(large, log):
    assert inside("purchases_per_cart", credibility.conversion(log)["purchase_rate"])
    assert inside("queries_per_session", credibility.reformulation(large, log)["pages"])


def test_popularity_changes_as_fast_as_in_a_real_shop(large, log):
    clicks = log.kind == CLICK
    measured = turnover(log.item[clicks], week_of(log)[clicks])
    assert inside("turnover", measured[0] - measured[-1])
    still = Shop(**simulate(2_000, 2_000, 300, 100, 1, "en", Parameters(fashion=(0.0, 0.0))))
    log_of_still = read_log(still)
    clicks = log_of_still.kind == CLICK
    measured = turnover(log_of_still.item[clicks], week_of(log_of_still)[clicks], least=30)
    assert measured[0] - measured[-1] < 0.2  # seasons, launches and stock alone


def test_the_published_turnover_is_that_of_online_retail():
    folder = DATA / "online-retail"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    orders = Shop.load("online-retail", path=folder).events.with_format("arrow")[:]
    basket = pc.binary_join_element_wise(orders["session_id"], orders["item_id"], " ")
    _, lines = np.unique(pc.dictionary_encode(basket).combine_chunks().indices.to_numpy(), return_index=True)
    item = pc.dictionary_encode(orders["item_id"]).combine_chunks().indices.to_numpy()[lines]
    week = (orders["timestamp"].to_numpy()[lines] - orders["timestamp"].to_numpy().min()) // WEEK
    for start in range(0, 29, 4):
        window = (week >= start) & (week < start + 26)
        measured = turnover(item[window], week[window])
        assert inside("turnover", measured[0] - measured[-1])


def counts_of_public_logs() -> dict[str, np.ndarray]:
    """Events of each item: order lines of Online Retail, the interactions of the others' training files."""
    logs = {}
    for name in ("online-retail", "gowalla", "s3rec/Beauty", "s3rec/Sports_and_Outdoors"):
        events = Shop.load(name, path=DATA / name.partition("/")[0]).events.with_format("arrow")[:]
        logs[name] = np.array(pc.value_counts(events["item_id"]).field("counts"))
    return logs


def test_the_heads_of_four_public_logs_are_as_flat_as_the_sources_say():
    if not (DATA / "s3rec").is_dir():
        pytest.skip(f"{DATA / 's3rec'} is not there")
    low, high = (float(number) for number in re.search(r"(0\.\d+)–(0\.\d+)", SOURCES["popularity_exponent"].what).groups())
    measured = {name: credibility.zipf_exponent(counts) for name, counts in counts_of_public_logs().items()}
    assert round(min(measured.values()), 2) == low and round(max(measured.values()), 2) == high, measured


def test_word_mismatch_in_chorus_is_as_the_sources_say():
    """Candidates came from word search, so a word of the query is rarely missing from what the judges called exact."""
    if not (DATA / "chorus").is_dir():
        pytest.skip(f"{DATA / 'chorus'} is not there")
    shop = Shop.load("chorus", path=DATA / "chorus")
    titles, texts = dict(zip(shop.items["item_id"], shop.items["title"])), dict(zip(shop.items["item_id"], shop.item_texts))
    asked = dict(zip(shop.queries["query_id"], (tokens(text, "en") for text in shop.queries["text"])))
    exact = [(one["query_id"], one["item_id"]) for one in shop.judgements if one["grade"] == 3 and asked[one["query_id"]]]

    def mismatch(of: dict[str, str]) -> tuple[float, float]:
        """Means over pairs, and over queries."""
        missing = {pair: len(asked[pair[0]] - tokens(of[pair[1]], "en")) / len(asked[pair[0]]) for pair in exact}
        queries = {query: [] for query, _ in exact}
        for (query, _), share in missing.items():
            queries[query].append(share)
        return float(np.mean(list(missing.values()))), float(np.mean([np.mean(each) for each in queries.values()]))

    said = re.search(r"it is (0\.\d+) of all fields and (0\.\d+)–(0\.\d+) of titles", SOURCES["word_mismatch"].what)
    everywhere, low, high = map(float, said.groups())
    assert round(mismatch(texts)[0], 2) == everywhere
    assert tuple(round(value, 2) for value in mismatch(titles)) == (low, high)


def test_the_week_begins_busy_and_carts_follow_clicks_as_published(large, log):
    weekday = credibility.calendar(large, log)["weekday"]
    assert inside("weekend", weekday[5:].mean() / weekday[:5].mean())
    assert weekday.argmax() == 0
    assert inside("cart_rate", credibility.conversion(log)["cart_rate"])


def test_share_of_sold_out_items(large, log):
    assert inside("out_of_stock", credibility.of_items(large, log)["out_of_stock"])


@pytest.fixture(scope="module")
def words() -> dict[str, float]:
    """Means over the queries of six shops: a single shop's head queries weigh heavily."""
    measured = [credibility.wording(Shop.simulate(n_users=1, events_per_user=1, seed=seed)) for seed in range(6)]
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def test_typo_rate_and_word_mismatch_are_the_published_ones(words):
    assert inside("typo_rate", words["typo_rate"])
    assert inside("word_mismatch", words["word_mismatch"])


def test_some_queries_share_no_word_with_any_product_that_meets_them(words):
    assert 0.08 < words["blind"] < 0.25 and 0.04 < words["paraphrase_rate"] < 0.2
    assert 2 < words["words"] < 4


@pytest.mark.parametrize("seed", [2, 3])
def test_exponents_hold_at_the_size_of_a_chapter(seed):
    shop = Shop.simulate(seed=seed)
    counts = credibility.popularity(shop, read_log(shop))
    assert inside("popularity_exponent", credibility.zipf_exponent(counts["clicks"]))
    assert inside("query_exponent", credibility.zipf_exponent(counts["searches"]))
