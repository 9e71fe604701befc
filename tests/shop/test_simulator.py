"""The simulated shop keeps its promises: each stated property is measured on the tables, not on the code."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.core.tables import SCHEMAS, check_table
from course_lib.shop.simulator import Parameters, simulate
from course_lib.shop.simulator.catalogue import BRAND, MODEL, NONE
from course_lib.shop.simulator.pages import prepare
from course_lib.shop.simulator.queries import misspell, tokens
from course_lib.shop.simulator.relevance import grade_pairs
from course_lib.shop.simulator.vocabulary import ATTRIBUTES, LANGUAGES, vocabulary

TABLES = ("items", "queries", "judgements", "users", "events")
SMALL = dict(n_items=150, n_users=40, n_queries=60, events_per_user=50, seed=7)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.simulate(seed=3)


@pytest.fixture(scope="module")
def chinese() -> Shop:
    return Shop.simulate(n_items=2_000, n_users=20, n_queries=300, events_per_user=20, seed=3, language="zh")


def log_of(shop: Shop) -> dict[str, np.ndarray]:
    return {name: column for name, column in shop.events.with_format("numpy")[:].items()}


def digest(shop: Shop) -> str:
    rows = [getattr(shop, table).to_dict() for table in TABLES]
    return hashlib.blake2b(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


# Vocabulary ----------------------------------------------------------------------------------------------------------


def test_taxonomy_is_large_and_every_name_is_unique_in_both_languages():
    vocab = vocabulary()
    assert len(vocab.departments) >= 12 and len(vocab.leaves) >= 120
    for language in LANGUAGES:
        names = [leaf.term.word[language] for leaf in vocab.leaves]
        assert all(names) and len(set(names)) == len(names)
        brands = [brand[language] for brand in vocab.brands]
        assert len(set(brands)) == len(brands) == 6 * len(vocab.departments)


def test_every_leaf_has_a_word_of_the_asker_that_its_own_name_does_not_contain():
    for leaf in vocabulary().leaves:
        for language in LANGUAGES:
            ask, word = (tokens(text[language], language) for text in (leaf.term.ask, leaf.term.word))
            assert leaf.term.ask[language] and not ask & word, leaf.term


def test_relatedness_is_symmetric_and_reflexive():
    related = vocabulary().related
    assert (related == related.T).all() and related.diagonal().all()


# Tables --------------------------------------------------------------------------------------------------------------


def test_tables_keep_their_schemas_and_sizes(shop):
    for name in TABLES:
        check_table(name, getattr(shop, name))
        assert set(SCHEMAS[name]) <= set(getattr(shop, name).column_names)
    assert [len(getattr(shop, n)) for n in ("items", "queries", "users", "events")] == [2_000, 300, 1_000, 100_000]
    assert {"kind", "wording", "frequency", "band"} <= set(shop.queries.column_names)
    assert {"segment", "budget", "group"} <= set(shop.users.column_names)


def test_events_refer_to_known_rows_in_time_order(shop):
    log = log_of(shop)
    assert (np.diff(log["timestamp"]) >= 0).all()
    assert set(log["user_id"]) <= set(shop.users["user_id"]) and set(log["item_id"]) <= set(shop.items["item_id"])
    assert set(log["query_id"]) - {""} <= set(shop.queries["query_id"])
    assert log["position"].min() == 0 and log["position"].max() == 9
    assert ((log["propensity"] > 0) & (log["propensity"] <= 1)).all() and (log["price"] > 0).all()


def test_every_click_follows_its_impression_and_every_purchase_its_cart(shop):
    log = log_of(shop)
    keys = list(zip(log["session_id"], log["item_id"], log["query_id"], log["position"]))
    seen = {kind: set() for kind in ("impression", "click", "cart", "purchase")}
    before = {"click": "impression", "cart": "click", "purchase": "cart"}
    for key, kind in zip(keys, log["kind"]):
        assert kind not in before or key in seen[before[kind]], (key, kind)
        seen[kind].add(key)


def test_a_session_has_one_user_and_lasts_less_than_an_hour(shop):
    log = log_of(shop)
    users: dict[str, str] = {}
    start: dict[str, int] = {}
    for session, user, time in zip(log["session_id"], log["user_id"], log["timestamp"]):
        assert users.setdefault(session, user) == user
        assert time - start.setdefault(session, time) < 3_600
    assert list(start) == sorted(start)  # numbered in the order in which they begin


def test_item_texts_have_the_length_of_a_short_description_and_no_gaps(shop, chinese):
    for each, low in ((shop, 120), (chinese, 100)):
        lengths = [len(text) for text in each.items["description"]]
        assert low <= min(lengths) and max(lengths) <= 260
        for text in [*each.items["title"], *each.items["description"], *each.queries["text"]]:
            assert text == text.strip() and "  " not in text and "{" not in text and ",," not in text and text


def test_model_numbers_are_unique_and_stand_in_the_title(shop):
    rows = [i for i, kind in enumerate(shop.queries["kind"]) if kind == "model"]
    numbers = [word for row in rows for word in shop.queries[row]["text"].split() if word[-2:-1].isdigit()]
    titles = shop.items["title"][:]
    assert len(rows) == len(numbers) > 5
    for number in numbers:
        assert sum(number in title.replace(",", " ").split() for title in titles) == 1


# Languages -----------------------------------------------------------------------------------------------------------


def test_both_languages_describe_the_same_items_in_other_words(shop, chinese):
    assert shop.items["price"][:] == chinese.items["price"][:]
    assert (shop.truth.item_leaf == chinese.truth.item_leaf).all()
    assert np.array_equal(shop.truth.item_quality, chinese.truth.item_quality)
    vocab = vocabulary()
    for row in range(0, 2_000, 97):
        english, other = shop.items[row], chinese.items[row]
        leaf = vocab.leaves[shop.truth.item_leaf[row]]
        assert leaf.term.word["en"] in english["title"] and leaf.term.word["zh"] in other["title"]
        words = {t.word["en"]: t.word["zh"] for name in ATTRIBUTES for t in vocab.terms[name]}
        translated = [words[a["value"]] for a in english["attributes"]]
        assert len(translated) == len(other["attributes"])
        assert sum(t == a["value"] for t, a in zip(translated, other["attributes"])) >= len(translated) - 1  # homonyms


def test_style_predicts_material(shop):
    attributes = [{a["name"]: a["value"] for a in row} for row in shop.items["attributes"]]
    clothes = [a for a, path in zip(attributes, shop.items["category"]) if path == "clothing > shirt"]
    silk = {s: np.mean([a["material"] == "silk" for a in clothes if a["style"] == s]) for s in ("formal", "casual")}
    assert len(clothes) > 10 and silk["formal"] > silk["casual"]


# Queries and relevance -----------------------------------------------------------------------------------------------


def test_queries_are_distinct_and_their_frequencies_follow_zipf(shop):
    assert len(set(shop.queries["text"])) == 300
    frequency = np.sort(shop.queries["frequency"])[::-1]
    assert frequency.sum() == pytest.approx(1)
    slope = np.polyfit(np.log(np.arange(1, 301)), np.log(frequency), 1)[0]
    assert slope == pytest.approx(-Parameters().query_exponent)
    bands = np.array(shop.queries["band"][:])
    assert [(bands == b).sum() for b in ("head", "torso", "tail")] == [30, 90, 180]


def test_frequent_queries_are_frequent_in_the_log(shop):
    log = log_of(shop)
    first = (log["kind"] == "impression") & (log["position"] == 0) & (log["query_id"] != "")
    ids, counts = np.unique(log["query_id"][first], return_counts=True)
    views = np.zeros(300)
    views[shop.query_ids.rows(ids)] = counts
    band = np.array(shop.queries["band"][:])
    assert views[band == "head"].mean() > 2 * views[band == "torso"].mean() > 2 * views[band == "tail"].mean()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_paraphrase_shares_no_word_with_a_product_that_meets_it(language, shop, chinese):
    each = {"en": shop, "zh": chinese}[language]
    rows = [row for row, kind in enumerate(each.queries["kind"]) if kind == "paraphrase"]
    assert len(rows) > 20
    texts = each.item_texts
    for row in rows:
        asked = tokens(each.queries[row]["text"], language)
        grades = each.truth.relevance[row]
        exact = grades.indices[grades.data == 3]
        assert asked and not any(asked & tokens(texts[item], language) for item in exact)


def test_every_kind_of_query_occurs_and_typos_differ_from_all_words(shop):
    kinds = set(shop.queries["kind"])
    assert kinds == {"plain", "attribute", "brand", "paraphrase", "typo", "model"}
    known = set().union(*(tokens(text, "en") for text in shop.item_texts))
    typos = [text for text, kind in zip(shop.queries["text"], shop.queries["kind"]) if kind == "typo"]
    assert np.mean([bool(tokens(text, "en") - known) for text in typos]) > 0.8


def test_misspelling_changes_a_long_word_and_refuses_a_short_one():
    rng = np.random.default_rng(0)
    wrong = {misspell("red suitcase", "en", rng) for _ in range(50)}
    assert "red suitcase" not in wrong and len(wrong) > 5
    assert misspell("mug", "en", rng) == "" and misspell("毯子", "zh", rng) == ""


def test_grades_count_missed_constraints():
    related = np.array([[True, True, False], [True, True, False], [False, False, True]])
    nothing = [NONE] * 7
    wanted = np.array([[4, 2, NONE, NONE, NONE, NONE, NONE]] * 5)
    values = [[4, 2], [4, 3], [5, 3], [4, 2]]
    items = np.array([[*pair, 1, 1, 1, 1, 1] for pair in values] + [nothing])
    grades = grade_pairs(np.zeros(5, dtype=int), wanted, np.array([0, 0, 0, 1, 2]), items, related)
    assert grades.tolist() == [3, 2, 1, 1, 0]
    named = np.full((3, 7), NONE)
    named[:, [BRAND, MODEL]] = 8, 0
    items = np.full((3, 7), 1)
    items[:, [BRAND, MODEL]] = [[8, 0], [8, 1], [9, 2]]
    assert grade_pairs(np.zeros(3, dtype=int), named, np.zeros(3, dtype=int), items, related).tolist() == [3, 1, 0]


def test_judgements_are_the_latent_grades_and_a_sample_of_the_rest(shop):
    queries = shop.query_ids.rows(shop.judgements["query_id"])
    items = shop.item_ids.rows(shop.judgements["item_id"])
    grades = np.array(shop.judgements["grade"][:])
    assert np.array_equal(np.asarray(shop.truth.relevance[queries, items]).ravel(), grades)
    assert (grades > 0).sum() == shop.truth.relevance.nnz
    zeros = np.bincount(queries[grades == 0], minlength=300)
    assert (zeros == 40).all() and set(grades) == {0, 1, 2, 3}


def test_an_attribute_of_the_query_is_an_attribute_of_its_exact_matches(shop):
    for row in range(300):
        if shop.queries[row]["kind"] != "brand":
            continue
        grades = shop.truth.relevance[row]
        exact = grades.indices[grades.data == 3]
        assert len(exact)
        assert all(shop.items[int(item)]["brand"] in shop.queries[row]["text"] for item in exact)


# People and behaviour ------------------------------------------------------------------------------------------------


def test_popularity_is_zipf_like(shop):
    log = log_of(shop)
    counts = np.sort(np.unique(log["item_id"][log["kind"] != "impression"], return_counts=True)[1])[::-1]
    slope = np.polyfit(np.log(np.arange(1, 301)), np.log(counts[:300]), 1)[0]
    assert -1.2 < slope < -0.4 and counts[:200].sum() > 0.3 * counts.sum()


@pytest.mark.parametrize("week", [0, 1])
def test_logged_propensity_is_how_often_the_policy_shows_the_item_there(week):
    """In the second week the ranker's favourite is sold out: the others move up, and the probabilities with them."""
    rng = np.random.default_rng(1)
    items = np.arange(10, 17)
    available = np.ones((20, 2), dtype=bool)
    available[10, 1] = False
    pages = prepare(
        [items], [np.linspace(1, 0, 7)], available, length=4, variants=3, noise=0.5, randomised=0.3, rng=rng
    )
    views = 60_000
    lists = pages.show(np.zeros(views, dtype=int), np.full(views, week), rng)
    assert lists.randomised.mean() == pytest.approx(0.3, abs=0.01)
    assert (10 in lists.items) == (week == 0)
    noise = 5 * math.sqrt(0.25 / views)
    for position in range(4):
        total = 0.0
        for item in np.unique(lists.items):
            here = lists.items[:, position] == item
            logged = np.unique(lists.propensity[here, position])
            assert len(logged) == 1 and here.mean() == pytest.approx(logged[0], abs=noise)
            for policy, chosen in (("production", ~lists.randomised), ("uniform", lists.randomised)):
                alone = np.unique(getattr(lists, policy)[here, position])
                assert len(alone) == 1 and here[chosen].mean() == pytest.approx(alone[0], abs=2 * noise)
            total += logged[0]
        assert total == pytest.approx(1)


def test_a_page_with_few_items_is_padded():
    rng = np.random.default_rng(1)
    empty = np.empty(0, dtype=int)
    pages = prepare(
        [np.array([5, 6]), empty], [np.zeros(2), np.zeros(0)], np.ones((7, 1), dtype=bool),
        length=3, variants=2, noise=0.1, randomised=0.5, rng=rng,
    )  # fmt: skip
    lists = pages.show(np.repeat([0, 1], 20), np.zeros(40, dtype=int), rng)
    assert (np.sort(lists.items[:20, :2]) == [5, 6]).all()
    assert (lists.items[:20, 2] == NONE).all() and (lists.items[20:] == NONE).all()
    for part in (lists.propensity, lists.production, lists.uniform):
        assert np.isnan(part[lists.items == NONE]).all() and not np.isnan(part[lists.items != NONE]).any()


def test_randomised_pages_reveal_the_examination_curve():
    shop = Shop(**simulate(300, 1_000, 60, 150, 5, "en", Parameters(randomised=1.0)))
    log = log_of(shop)
    shown, clicked = (np.bincount(log["position"][log["kind"] == k], minlength=10) for k in ("impression", "click"))
    # In a random ordering attraction does not depend on the position, but short lists (of other items) end early.
    impressions = log["kind"] == "impression"
    attraction = np.array([shop.truth.attraction[impressions & (log["position"] == p)].mean() for p in range(10)])
    curve = clicked / shown / attraction
    assert shop.truth.randomised.all()
    assert curve == pytest.approx(shop.truth.examination, abs=0.04)
    assert (np.diff(shop.truth.examination) < 0).all() and shop.truth.examination[0] == 1


def test_clicks_go_up_with_relevance_and_taste(shop):
    log = log_of(shop)
    shown = (log["kind"] == "impression") & (log["query_id"] != "")
    queries, items = shop.query_ids.rows(log["query_id"][shown]), shop.item_ids.rows(log["item_id"][shown])
    users = rows_of(shop.users["user_id"][:], log["user_id"][shown])
    attraction = shop.truth.attraction[shown]
    grades = np.asarray(shop.truth.relevance[queries, items]).ravel()
    means = [attraction[grades == g].mean() for g in (1, 2, 3)]
    assert means[0] < means[1] < means[2]
    taste = (shop.truth.user_factors[users] * shop.truth.item_factors[items]).sum(axis=1)
    assert np.corrcoef(taste, attraction)[0, 1] > 0.3


def rows_of(ids: list[str], wanted: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.array(ids), wanted)  # user ids are zero-padded, so sorted


def test_purchases_fall_as_the_price_rises(shop):
    log = log_of(shop)
    rows = shop.item_ids.rows(log["item_id"])
    factor = log["price"] / np.array(shop.items["price"][:])[rows]
    carts, purchases = factor[log["kind"] == "cart"], factor[log["kind"] == "purchase"]
    rate = [((purchases < 0.92).sum() / (carts < 0.92).sum()), ((purchases >= 0.92).sum() / (carts >= 0.92).sum())]
    # Promotions take 20 % off on average: at an elasticity of -2 that is 1.5 times the purchases.
    assert rate[0] > 1.2 * rate[1]
    assert (shop.truth.elasticity < 0).all() and len(np.unique(shop.truth.elasticity)) == 3


def test_the_beginning_of_the_week_is_busier_than_its_end(shop):
    days = (log_of(shop)["timestamp"] // 86_400 + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    counts = np.bincount(days, minlength=7)
    assert counts[:4].mean() > 1.05 * counts[5:].mean()


def test_users_have_enough_interest_events_and_the_log_enough_training_pairs(shop):
    log = log_of(shop)
    interest = log["kind"] != "impression"
    assert 8 <= interest.sum() / 1_000 <= 16
    clicks = (log["kind"] == "click") & (log["query_id"] != "")
    assert len(set(zip(log["query_id"][clicks], log["item_id"][clicks]))) > 1_500


def test_neighbours_beat_popularity_and_popularity_beats_chance(shop):
    """Recall@20 on the full catalogue, on items that are new to the user after the split."""
    moment = shop.split_time(0.8)
    train = shop.interactions(until=moment)
    new = shop.interactions(since=moment).without(train).of_users(train.users)
    matrix = (train.matrix > 0).astype(float)
    norm = np.sqrt(np.asarray(matrix.sum(axis=0)).ravel())
    cosine = (matrix.T @ matrix).toarray() / np.maximum(np.outer(norm, norm), 1e-9)
    np.fill_diagonal(cosine, 0)
    names = new.active_users()
    rows = train.users.rows(names)
    wanted = new.matrix[new.users.rows(names)] > 0
    seen = matrix[rows].toarray() > 0

    def recall(scores: np.ndarray) -> np.ndarray:
        top = np.argsort(-np.where(seen, -np.inf, scores), axis=1, kind="stable")[:, :20]
        hits = np.take_along_axis(wanted.toarray(), top, axis=1).sum(axis=1)
        return hits / np.asarray(wanted.sum(axis=1)).ravel()

    chance = recall(np.random.default_rng(0).random(seen.shape))
    popular = recall(np.tile(np.asarray(matrix.sum(axis=0)).ravel(), (len(rows), 1)))
    neighbours = recall(matrix[rows] @ cosine)
    for better, worse in ((popular, chance), (neighbours, popular)):
        gain = better - worse
        assert gain.mean() > 2 * gain.std() / math.sqrt(len(gain))
    assert len(rows) > 300


def test_taste_is_a_distribution_over_leaves_that_have_items(shop):
    truth = shop.truth
    for taste in (truth.early_taste, truth.late_taste):
        assert taste.shape == (1_000, len(truth.leaves))
        assert np.asarray(taste.sum(axis=1)).ravel() == pytest.approx(np.ones(1_000))
        assert set(taste.indices) <= set(truth.item_leaf.tolist())
    assert abs(truth.early_taste - truth.late_taste).sum() > 0


# Determinism, sizes, errors ------------------------------------------------------------------------------------------


def test_same_seed_same_tables_in_a_new_process_and_another_seed_others():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import json, hashlib; from course_lib import Shop\n"
        f"shop = Shop.simulate(**{SMALL!r})\n"
        f"rows = [getattr(shop, t).to_dict() for t in {TABLES!r}]\n"
        "print(hashlib.blake2b(json.dumps(rows, ensure_ascii=False).encode()).hexdigest())"
    )
    from course_lib.core.fingerprint import ROOT

    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(Shop.simulate(**SMALL))
    assert done.stdout.strip() != digest(Shop.simulate(**{**SMALL, "seed": 8}))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1), (1, 3, 40, 10), (30, 1, 1, 25), (3, 200, 5, 2), (40, 2, 200, 30)], ids=str
)
def test_small_shops_have_exactly_the_sizes_asked_for(sizes, language):
    n_items, n_users, n_queries, per_user = sizes
    shop = Shop.simulate(n_items, n_users, n_queries, per_user, seed=2, language=language)
    assert (len(shop.items), len(shop.users), len(shop.queries)) == (n_items, n_users, n_queries)
    assert len(shop.events) == n_users * per_user
    assert len(shop.truth.attraction) == len(shop.truth.randomised) == n_users * per_user


def test_numpy_integers_are_welcome():
    assert len(Shop.simulate(np.int64(3), np.int32(2), 2, 4, seed=np.int64(0)).events) == 8


@pytest.mark.parametrize("name", ["n_items", "n_users", "n_queries", "events_per_user", "seed"])
@pytest.mark.parametrize("value", [-1, 1.5, "3", None, True])
def test_bad_sizes_are_refused_with_name_and_remedy(name, value):
    with pytest.raises(ContractError, match=rf"^{name}: .*Give an int"):
        Shop.simulate(**{**SMALL, name: value})


@pytest.mark.parametrize("name", ["n_items", "n_users", "n_queries", "events_per_user"])
def test_zero_is_too_small(name):
    with pytest.raises(ContractError, match=rf"^{name}: 0 is too small"):
        Shop.simulate(**{**SMALL, name: 0})


@pytest.mark.parametrize("language", ["fr", "", None, 3, ["en"]])
def test_unknown_language_is_refused(language):
    with pytest.raises(ContractError, match="unknown language"):
        Shop.simulate(**SMALL, language=language)


def test_more_queries_than_the_vocabulary_yields_are_refused():
    plain_only = Parameters(kind_shares=(("plain", 1.0),))
    with pytest.raises(ContractError, match="distinct queries, not 900"):
        simulate(20, 1, 900, 5, 0, "en", plain_only)
