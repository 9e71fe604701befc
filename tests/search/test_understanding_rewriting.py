"""Rewriting: sources by hand, guardrails that nothing passes, a reward that decides, and recovery on the shop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.metrics.pairwise import cosine_similarity

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.search.understanding import (
    ClickIntent,
    Drift,
    Guardrails,
    Rewriter,
    Speller,
    Substitutions,
    Tagger,
    chain_source,
    chains,
    changed,
    click_source,
    count_words,
    dropped_source,
    intent_reward,
    is_model_code,
    query_counts,
    words,
)
from course_lib.shop.log import read_log
from course_lib.shop.texts import item_texts

ROWS = [
    ("I0", "Acme black lamp ZY9748M", "home > lamp", "Acme", "black"),
    ("I1", "Acme white lamp", "home > lamp", "Acme", "white"),
    ("I2", "Bolt black mug", "kitchen > mug", "Bolt", "black"),
    ("I3", "Bolt white mug", "kitchen > mug", "Bolt", "white"),
]  # fmt: skip
ITEMS = Dataset.from_list(
    [
        {"item_id": i, "title": t, "category": c, "brand": b, "attributes": [{"name": "colour", "value": v}]}
        for i, t, c, b, v in ROWS
    ]
)
CATEGORIES = ITEMS["category"][:]
QUERIES, CLICKS = ["lamp", "light", "mug", "cup"], csr_matrix([[9, 8, 0, 0], [7, 9, 0, 0], [0, 0, 5, 6], [0, 0, 9, 1]])


def matching(texts):
    """Products whose titles hold every word: what a strict search finds."""
    titles = [set(words(t.lower())) for t in ITEMS["title"]]
    return [[row for row, title in enumerate(titles) if text and set(text.split()) <= title] for text in texts]


def hits(query, texts):
    return [len(found) for found in matching(texts)]


@pytest.fixture(scope="module")
def intent():
    return ClickIntent().fit(QUERIES, CLICKS, CATEGORIES, ITEMS["title"][:])


@pytest.fixture(scope="module")
def guardrails(intent):
    return Guardrails(Tagger().fit(ITEMS), intent)


def test_chains_are_conditional_probabilities():
    source = chain_source(["A", "b", "c"], {(0, 1): 3, (0, 2): 1, (1, 0): 2})
    assert source("a") == {"b": 0.75, "c": 0.25} and source("b") == {"a": 1.0} and source("x") == source("") == {}
    assert chain_source(["a", "b", "c"], {(0, 1): 3, (0, 2): 1}, least=2)("a") == {"b": 0.75}


def test_queries_with_the_same_clicks_are_near():
    source, oracle = click_source(QUERIES, CLICKS, least=0.0), cosine_similarity(np.log1p(CLICKS.toarray()))
    for i, query in enumerate(QUERIES):
        for j, other in enumerate(QUERIES):
            assert math.isclose(source(query).get(other, 0.0), oracle[i, j] * (i != j), abs_tol=1e-9)
    assert click_source(QUERIES, CLICKS)("lamp").keys() == {"light"}
    assert click_source(QUERIES, csr_matrix((4, 4)))("lamp") == {}


@settings(max_examples=200, deadline=None)
@given(*[st.lists(st.sampled_from("abc"), max_size=5)] * 2)
def test_what_changed_explains_the_change(a, b):
    was, now = changed(a, b)
    if was or now:
        places = [i for i in range(len(a) - len(was) + 1) if tuple(a[i : i + len(was)]) == was]
        assert any(a[:i] + list(now) + a[i + len(was) :] == b for i in places)
        assert len(was) < len(a) or len(now) < len(b)


def test_a_substitution_reaches_queries_that_the_log_never_saw():
    pairs = {("ebony mug", "black mug"): 1, ("ebony lamp", "black lamp"): 1, ("ebony pen", "dark pen"): 1}
    pairs |= {("x", "y"): 9}
    source = Substitutions().fit(pairs)
    assert source("my ebony chair") == {"my black chair": pytest.approx(2 / 3)}
    assert source("x") == source("") == Substitutions()("ebony mug") == {}
    assert set(Substitutions(least=1).fit(pairs)("ebony")) == {"black", "dark"}


def test_leaving_out_never_leaves_nothing():
    assert dropped_source()("a b").keys() == {"a", "b"} and dropped_source()("a") == dropped_source()("") == {}


@pytest.mark.parametrize(
    "query, text, why",
    [
        ("acme lamp zy9748m", "acme lamp", "model code"), ("acme lamp", "lamp", "loses brand"),
        ("black lamp", "lamp", "loses colour"), ("lamp", "black lamp", "adds colour"),
        ("black lamp", "white lamp", "loses"),
        ("lamp", "mug", "intent"), ("lamp", "", "nothing"), ("lamp", "?!", "nothing"), ("light", "lamp", ""),
        ("nice acme black lamp", "black acme lamp", ""), ("lamp", "lamp", ""),
        ("black lamp", "black", "loses category"), ("black black lamp", "lamp black", ""),
    ],
)  # fmt: skip
def test_each_guardrail_names_what_it_guards(guardrails, query, text, why):
    reason = guardrails.objection(query, text)
    assert reason.startswith(why) if why else reason == ""


def test_drift_is_zero_for_the_same_and_bounded(guardrails):
    assert guardrails.drift("black lamp", "Black  LAMP") == Drift(1.0, 0.0)
    far = guardrails.drift("acme lamp zy9748m", "mug")
    assert far.overlap == 0 and 0 <= far.intent <= 1
    assert far.codes == {"zy9748m"} and ("brand", "Acme") in far.lost
    assert guardrails.drift("", "").overlap == 1


def test_a_learned_word_for_a_value_counts_as_the_value():
    tagger = Tagger().fit(ITEMS)
    tagger.learn(["ebony mug", "mug ebony"], csr_matrix([[9, 0, 9, 1]] * 2), csr_matrix([[9, 9, 9, 9]] * 2))
    assert Guardrails(tagger).objection("ebony mug", "black mug") == ""
    assert Guardrails(tagger).objection("ebony mug", "mug").startswith("loses colour")


def test_the_reward_decides_and_the_guardrails_bound_it(guardrails):
    sources = {"drop": dropped_source(), "chains": chain_source(["nice lamp", "mug"], {(0, 1): 5})}
    found = Rewriter(sources, guardrails, hits).rewrite("Nice LAMP")
    assert (found.query, found.text, found.source, found.reward) == ("nice lamp", "lamp", "drop", (0.0, 2.0))
    assert found.refused.keys() == {"nice", "mug"} or found.refused.keys() == {"mug"}
    assert Rewriter(sources, guardrails, lambda q, t: [0.0] * len(t)).rewrite("nice lamp").text == "nice lamp"
    assert Rewriter(sources, guardrails, hits, margin=3).rewrite("nice lamp").source == ""
    assert Rewriter(sources, guardrails, hits).rewrite("black lamp").text == "black lamp"


def test_the_reward_hears_the_query_first_and_each_candidate_once(guardrails):
    heard = []

    def reward(query, texts):
        heard.append((query, list(texts)))
        return [0.0] * len(texts)

    Rewriter({"drop": dropped_source()}, None, reward, most=2).rewrite("a b c d")
    (query, texts), = heard
    assert query == texts[0] == "a b c d" and len(texts) == 3 == len(set(texts))


def test_a_misspelt_brand_is_protected_as_well(guardrails):
    speller = Speller({"acme": 9, "lamp": 9, "black": 5})
    sources, correct = {"drop": dropped_source()}, lambda t: speller.correct(t).text
    found = Rewriter(sources, guardrails, hits, correct=correct).rewrite("accme lamp nice")
    assert found.text == "acme lamp" and "lamp nice" in found.refused
    only = Rewriter(sources, guardrails, hits, correct=correct).rewrite("accme lamp")
    assert (only.text, only.source, only.drift) == ("acme lamp", "spelling", Drift(1.0, 0.0))


def test_a_correction_of_a_model_code_is_ignored(guardrails):
    rewriter = Rewriter({"d": dropped_source()}, guardrails, hits, correct=lambda t: t.replace("zy9749m", "zy9748m"))
    assert "zy9749m" in rewriter.rewrite("lamp zy9749m").text


def test_the_intent_reward_is_one_for_a_full_certain_page_and_zero_for_none():
    intent = ClickIntent(prior=1e-9).fit(["lamp"], csr_matrix([[9, 9, 0, 0]]), CATEGORIES)
    reward = intent_reward(matching, intent, CATEGORIES, k=2)
    assert reward("lamp", ["lamp", "mug", "none of it"]) == pytest.approx([1, 0, 0], abs=1e-6)
    with pytest.raises(ContractError):
        intent_reward(matching, intent, ["elsewhere"])("lamp", ["lamp"])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g: Rewriter({}, g, hits), lambda g: Rewriter({"d": dropped_source()}, g, hits, margin=0),
        lambda g: Rewriter({"d": dropped_source()}, g, hits, most=0), lambda g: Guardrails(g.tagger, most_intent=2),
        lambda g: Rewriter({"d": dropped_source()}, g, lambda q, t: [1.0]).rewrite("a b c"),
        lambda g: Rewriter({"d": dropped_source()}, None, lambda q, t: [math.nan] * len(t)).rewrite("a b"),
        lambda g: Rewriter({"d": dropped_source()}, g, hits).rewrite(None), lambda g: click_source(["a"], CLICKS),
        lambda g: intent_reward(matching, g.intent, CATEGORIES, k=0),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_one_line(guardrails, wrong):
    with pytest.raises(ContractError) as caught:
        wrong(guardrails)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\x00", "👟 " * 9, "a" * 1_000_000, "red " * 50_000, "' OR 1=1 --", "<script>"])
def test_hostile_queries_pass(guardrails, text):
    sources = {"drop": dropped_source(), "sub": Substitutions().fit({}), "clicks": click_source(QUERIES, CLICKS)}
    assert isinstance(Rewriter(sources, guardrails, hits).rewrite(text).text, str)


def test_zero_results_of_the_shop_are_recovered_within_the_guardrails():
    shop = Shop.simulate(n_items=800, n_users=200, n_queries=300, events_per_user=60, seed=4)
    log, texts, categories = read_log(shop), shop.queries["text"][:], shop.items["category"][:]
    products = item_texts(shop.items)
    bags = [set(words(t.lower())) for t in products]

    def search(queries):
        return [[r for r, bag in enumerate(bags) if set(words(q.lower())) <= bag] if words(q) else [] for q in queries]

    empty = [i for i, found in enumerate(search(texts)) if not found]
    clicks = query_counts(log).tolil()
    clicks[empty] = 0  # where nothing is shown, nothing is clicked
    intent = ClickIntent().fit(texts, clicks.tocsr(), categories, shop.items["title"][:])
    tagger, speller = Tagger().fit(shop.items), Speller(count_words(products))
    guardrails = Guardrails(tagger, intent)
    sources = {"chains": chain_source(texts, chains(log)), "drop": dropped_source()}
    rewriter = Rewriter(
        sources, guardrails, intent_reward(search, intent, categories), correct=lambda t: speller.correct(t).text
    )
    made = [rewriter.rewrite(texts[i]) for i in empty]
    recovered = [bool(found) for found in search([one.text for one in made])]
    assert len(empty) > 30 and np.mean(recovered) > 0.3
    for one in made:
        if one.source:
            assert not one.drift.lost and not one.drift.codes and not one.drift.added and one.drift.intent <= 0.5
            assert one.reward[1] > one.reward[0]
            assert {w for w in words(one.query) if is_model_code(w)} <= set(words(one.text))


def test_an_unclear_intent_is_not_held_against_a_rewrite(intent):
    tagger = Tagger().fit(ITEMS)
    assert intent.probabilities(["unheard"]).max() < 0.7
    strict, lenient = Guardrails(tagger, intent, clear=0, most_intent=0.2), Guardrails(tagger, intent, clear=0.7)
    assert strict.objection("unheard", "mug").startswith("intent") and lenient.objection("unheard", "mug") == ""
    assert lenient.objection("light", "cup").startswith("intent")
    with pytest.raises(ContractError):
        Guardrails(tagger, intent, clear=2)
