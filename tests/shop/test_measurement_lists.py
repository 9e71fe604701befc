"""Coverage, exposure, novelty, diversity, seen items, money and calibration, against slow loops and scikit-learn."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics.pairwise import cosine_distances

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import (
    coverage,
    diversity,
    evaluate,
    exposure,
    gini,
    measure_calibration,
    novelty,
    without_seen,
)

ITEMS = IdMap("item", [f"i{n}" for n in range(20)])
seeds = st.integers(0, 10_000)


def random_ranking(seed: int, n: int = 9, items: IdMap = ITEMS, kind: str = "user", width: int = 12) -> Ranking:
    """Lists of every length from none to all, with falling scores."""
    random = np.random.default_rng(seed)
    ids = np.full((n, width), -1, dtype=np.int64)
    for row in range(n):
        length = random.integers(0, width + 1)
        ids[row, :length] = random.permutation(len(items))[:length]
    scores = np.broadcast_to(np.arange(width, 0, -1), ids.shape)
    return Ranking(ids, scores, IdMap(kind, [f"u{r}" for r in random.permutation(n)]), items)


def random_past(seed: int, items: IdMap = ITEMS, n: int = 60) -> Interactions:
    random = np.random.default_rng(seed + 1)
    users = IdMap("user", [f"u{n}" for n in random.permutation(14)])
    rows = random.integers(len(users), size=n), random.integers(len(items), size=n)
    return Interactions(users, items, *rows, np.ones(n), np.zeros(n, dtype=int))


def pairs_of(past: Interactions) -> set[tuple[str, str]]:
    return {(past.users.ids[u], past.items.ids[i]) for u, i in zip(past.user_rows, past.item_rows)}


# --- coverage, exposure, Gini -------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 15))
def test_coverage_and_exposure_agree_with_a_loop(seed, k):
    ranking = random_ranking(seed)
    lists = [ranking.public_ids(row)[:k] for row in range(len(ranking))]
    assert coverage(ranking, k) == len({i for shown in lists for i in shown}) / 20
    times = [sum(item in shown for shown in lists) for item in ITEMS]
    assert exposure(ranking, k).tolist() == times
    eyes = [sum(1 / np.log2(shown.index(item) + 2) for shown in lists if item in shown) for item in ITEMS]
    assert exposure(ranking, k, discounted=True) == pytest.approx(eyes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_gini_agrees_with_its_definition(amounts):
    if not any(amounts):
        with pytest.raises(ContractError, match="nobody has a share"):
            gini(np.array(amounts))
        return
    x = np.array(amounts)
    by_pairs = np.abs(x[:, None] - x[None]).sum() / (2 * len(x) ** 2 * x.mean())  # mean absolute difference
    assert gini(x) == pytest.approx(by_pairs, abs=1e-9)
    assert -1e-12 <= gini(x) <= 1 - 1 / len(x) + 1e-12


def test_gini_by_hand_and_what_it_refuses():
    assert gini(np.ones(7)) == pytest.approx(0) and gini([0, 0, 0, 5]) == pytest.approx(3 / 4)
    assert gini([1, 3]) == pytest.approx(1 / 4)
    for wrong in ([], [-1, 2], [np.inf, 1], [np.nan], [[1, 2]]):
        with pytest.raises(ContractError, match="needs a list of finite amounts"):
            gini(np.array(wrong))


def test_list_measures_refuse_what_is_no_ranking():
    for act in (lambda x: coverage(x, 1), lambda x: novelty(x, random_past(0), 1), lambda x: diversity(x, ["a"], 1),
                lambda x: without_seen(x, random_past(0))):  # fmt: skip
        with pytest.raises(ContractError, match="got a list where a Ranking belongs"):
            act([["i0"]])
    with pytest.raises(ContractError, match="k is 0"):
        exposure(random_ranking(0), 0)
    nothing = Ranking(np.empty((0, 3), dtype=int), np.empty((0, 3)), IdMap("user", []), IdMap("item", []))
    with pytest.raises(ContractError, match="the catalogue is empty"):
        coverage(nothing, 1)


# --- novelty ------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 15))
def test_novelty_agrees_with_a_loop(seed, k):
    catalogue = IdMap("item", [f"i{n}" for n in reversed(range(5, 25))])  # other order, partly other items
    ranking, past = random_ranking(seed), random_past(seed, catalogue)
    had = pairs_of(past)
    n_users = len({u for u, _ in had})
    expected = []
    for row in range(len(ranking)):
        shown = ranking.public_ids(row)[:k]
        owners = [sum(item == i for _, i in had) for item in shown]
        expected.append(np.mean([-np.log2((o + 1) / (n_users + 1)) for o in owners]) if shown else 0.0)
    found = novelty(ranking, past, k)
    assert found == pytest.approx(expected) and (found >= 0).all()


def test_novelty_of_what_everybody_had_is_zero_and_of_a_new_item_the_largest():
    users = IdMap("user", ["a", "b", "c"])
    past = Interactions(users, ITEMS, [0, 1, 2, 0], [0, 0, 0, 1], np.ones(4), np.zeros(4, dtype=int))
    ranking = Ranking(np.array([[0], [1], [2]]), np.zeros((3, 1)), users, ITEMS)
    assert novelty(ranking, past, 1).tolist() == [0.0, 1.0, 2.0]  # 4/4, 2/4 and 1/4 of the users and one


# --- diversity ----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 15))
def test_diversity_agrees_with_scikit_learns_distances_and_a_loop(seed, k):
    ranking, random = random_ranking(seed), np.random.default_rng(seed)
    vectors = random.normal(size=(20, 3)) * random.uniform(0.1, 9, size=(20, 1))
    labels = random.choice(["shoes", "hats", "bags"], size=20)
    far = cosine_distances(vectors)
    by_vector, by_label = [], []
    for row in range(len(ranking)):
        shown = [i for i in ranking.ids[row, :k] if i >= 0]
        both = list(combinations(shown, 2))
        by_vector.append(np.mean([far[a, b] for a, b in both]) if both else 0.0)
        by_label.append(np.mean([labels[a] != labels[b] for a, b in both]) if both else 0.0)
    assert diversity(ranking, vectors, k) == pytest.approx(by_vector, abs=1e-9)
    assert diversity(ranking, labels.tolist(), k) == pytest.approx(by_label, abs=1e-12)


def test_diversity_in_blocks_is_the_same(monkeypatch):
    ranking, vectors = random_ranking(3, n=50), np.random.default_rng(3).normal(size=(20, 4))
    whole = diversity(ranking, vectors, 8)
    monkeypatch.setattr("course_lib.shop.measurement.lists._BLOCK", 100)
    assert diversity(ranking, vectors, 8) == pytest.approx(whole)


def test_diversity_refuses_what_has_no_direction():
    ranking = Ranking(np.array([[0, 1]]), np.zeros((1, 2)), IdMap("user", ["u"]), ITEMS)
    vectors = np.ones((20, 2))
    vectors[7] = 0  # never shown: no matter
    assert diversity(ranking, vectors, 2) == pytest.approx([0.0])
    vectors[1] = 0
    with pytest.raises(ContractError, match="catalogue row 1: a shown item's vector is zero"):
        diversity(ranking, vectors, 2)
    with pytest.raises(ContractError, match=r"got \(19,\) for 20 items"):
        diversity(ranking, ["a"] * 19, 2)


# --- seen items ---------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_without_seen_agrees_with_a_loop(seed):
    catalogue = IdMap("item", [f"i{n}" for n in reversed(range(5, 25))]) if seed % 2 else ITEMS
    ranking, past = random_ranking(seed), random_past(seed, catalogue)
    had, found = pairs_of(past), without_seen(ranking, past)
    assert found.keys == ranking.keys and found.k == ranking.k
    for row, user in enumerate(ranking.keys):
        kept = [i for i in ranking.public_ids(row) if (user, i) not in had]
        assert found.public_ids(row) == kept
        score = dict(zip(ranking.public_ids(row), ranking.scores[row]))
        assert found.scores[row, : len(kept)].tolist() == [score[i] for i in kept]
        assert np.isneginf(found.scores[row, len(kept) :]).all()


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_evaluate_with_seen_is_evaluate_of_what_is_new(seed):
    ranking, past, later = random_ranking(seed), random_past(seed), random_past(seed + 7)
    metrics = ("ndcg@5", "recall@5", "precision@3", "map@12", "judged@5")
    new = later.without(past)
    if not len(new):
        return
    ours = evaluate(ranking, later, metrics, seen=past)
    theirs = evaluate(without_seen(ranking, past), new, metrics)
    assert ours.keys == theirs.keys and ours.unranked == theirs.unranked and ours.unjudged == theirs.unjudged
    for metric in metrics:
        assert ours.per_query[metric].tolist() == theirs.per_query[metric].tolist()


def test_seen_by_hand():
    users = IdMap("user", ["u"])

    def had(*items):
        return Interactions(users, ITEMS, [0] * len(items), list(items), np.ones(len(items)), np.zeros(len(items), int))

    ranking = Ranking(np.array([[0, 1, 2]]), np.zeros((1, 3)), users, ITEMS)
    past, later = had(0), had(0, 1)
    assert evaluate(ranking, later, "recall@1")["recall@1"] == 0.5  # the repeated purchase counts
    assert evaluate(ranking, later, "recall@1", seen=past)["recall@1"] == 1.0
    with pytest.raises(ContractError, match="nothing relevant is new to its user"):
        evaluate(ranking, had(0), "recall@1", seen=past)
    with pytest.raises(ContractError, match="seen is a dict, not an Interactions"):
        evaluate(ranking, later, "recall@1", seen={"u": ["i0"]})
    judged = Dataset.from_dict({"query_id": ["u"], "item_id": ["i0"], "grade": [1]})
    with pytest.raises(ContractError, match="got a map of query ids where user ids belong"):
        evaluate(Ranking(ranking.ids, ranking.scores, IdMap("query", ["u"]), ITEMS), judged, "recall@1", seen=past)


# --- money --------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 15))
def test_gmv_agrees_with_a_loop(seed, k):
    ranking, bought = random_ranking(seed), random_past(seed)
    prices = np.random.default_rng(seed).gamma(2, 20, size=20)
    report = evaluate(ranking, bought, (f"gmv@{k}", "recall@20"), prices=prices)
    pairs, row_of = pairs_of(bought), {u: r for r, u in enumerate(ranking.keys)}
    for user, value in zip(report.keys, report.per_query[f"gmv@{k}"]):
        shown = ranking.public_ids(row_of[user])[:k] if user in row_of else []
        assert value == pytest.approx(sum(prices[ITEMS.rows([i])[0]] for i in shown if (user, i) in pairs))


def test_gmv_takes_the_price_column_and_refuses_a_gap_where_it_matters():
    judged = Dataset.from_dict({"query_id": ["q", "q"], "item_id": ["i0", "i1"], "grade": [3, 0]})
    ranking = Ranking(np.array([[1, 0, 2]]), np.zeros((1, 3)), IdMap("query", ["q"]), ITEMS)
    column = Dataset.from_dict({"price": [9.5, None, *[1.0] * 18]})["price"][:]
    assert evaluate(ranking, judged, ("gmv@2", "gmv@1"), prices=column).mean == {"gmv@2": 9.5, "gmv@1": 0.0}
    for wrong in (np.nan, np.inf, -1.0):
        with pytest.raises(ContractError, match="the relevant item 'i0' has no price"):
            evaluate(ranking, judged, "gmv@2", prices=np.array([wrong, *[1.0] * 19]))
    with pytest.raises(ContractError, match="gmv needs the prices of the items"):
        evaluate(ranking, judged, "gmv@2")
    with pytest.raises(ContractError, match=r"prices \(2,\) must be one per item of the catalogue \(20\)"):
        evaluate(ranking, judged, "gmv@2", prices=[1.0, 2.0])


# --- calibration --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 20), st.sampled_from([("width", "uniform"), ("size", "quantile")]))
def test_calibration_agrees_with_scikit_learn(seed, bins, names):
    random = np.random.default_rng(seed)
    p = np.round(random.beta(1, 4, size=150), seed % 3 + 1)  # with ties, and values on the edges of bins
    happened = (random.random(150) < p**1.3).astype(int)
    happened[:2] = 0, 1
    found = measure_calibration(happened, p, bins=bins, equal=names[0])
    observed, predicted = calibration_curve(happened, p, n_bins=bins, strategy=names[1])
    assert [b["observed"] for b in found.bins] == pytest.approx(observed)
    assert [b["predicted"] for b in found.bins] == pytest.approx(predicted)
    assert sum(b["n"] for b in found.bins) == 150
    assert found.error == pytest.approx(sum(b["n"] * abs(b["predicted"] - b["observed"]) for b in found.bins) / 150)
    assert found.worst == pytest.approx(np.abs(observed - predicted).max()) and 0 <= found.error <= found.worst + 1e-12
    assert found.brier == pytest.approx(brier_score_loss(happened, p))
    assert json.loads(json.dumps(found.to_dict()))["error"] == found.error


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 12))
def test_calibration_error_agrees_with_a_slow_loop(seed, bins):
    random = np.random.default_rng(seed)
    p, happened = random.random(80), random.random(80) < 0.3
    total = 0.0
    for b in range(bins):
        inside = [i for i in range(80) if b / bins < p[i] <= (b + 1) / bins or (b == 0 and p[i] == 0)]
        if inside:
            total += len(inside) / 80 * abs(np.mean(p[inside]) - np.mean(happened[inside]))
    assert measure_calibration(happened, p, bins=bins).error == pytest.approx(total)


def test_calibration_tells_an_honest_model_from_an_overconfident_one():
    random = np.random.default_rng(0)
    truth = random.uniform(0.02, 0.98, size=40_000)
    happened = random.random(40_000) < truth
    sure = 1 / (1 + ((1 - truth) / truth) ** 3)  # the same order of cases, pushed towards 0 and 1
    honest, proud = measure_calibration(happened, truth), measure_calibration(happened, sure)
    assert honest.error < 0.015 < 0.1 < proud.error


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (([], []), {}, "two lists of one length"),
        (([1], [0.5, 0.5]), {}, "two lists of one length"),
        (([2], [0.5]), {}, "neither 0 nor 1"),
        (([1], [1.5]), {}, "outside 0–1"),
        (([1], [np.nan]), {}, "outside 0–1"),
        (([1], [0.5]), {"bins": 0}, "bins is 0"),
        (([1], [0.5]), {"equal": "mass"}, "known are width, size"),
    ],
)
def test_calibration_refuses(arguments, options, says):
    with pytest.raises(ContractError) as error:
        measure_calibration(*map(np.array, arguments), **options)
    assert says in str(error.value)
