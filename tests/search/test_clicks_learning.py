"""Learning from clicks: estimates unbiased in repeated draws, and a ranker that the places don't fool."""

import lightgbm
import numpy as np
import pytest
from scipy.optimize import minimize

from course_lib.core.errors import ContractError
from course_lib.search.clicks import (
    LinearRanker,
    PairTable,
    PositionBased,
    ResultPages,
    doubly_robust_relevance,
    draw_clicks,
    ips_relevance,
    weigh_impressions,
)

CURVE = np.array([1.0, 0.5, 0.25, 0.1])


def world(n_queries=150, repeats=60, n_items=6, seed=0, slope=(1.0, 0.0)):
    """Pages in which a ranker that loves feature 1 puts what has it on top; attraction depends on feature 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_queries * n_items, 2))
    query = np.repeat(np.arange(n_queries), repeats)
    own = query[:, None] * n_items + np.arange(n_items)
    order = np.argsort(-(x[own, 1] + 0.5 * rng.normal(size=own.shape)), axis=1)[:, : len(CURVE)]
    item = np.take_along_axis(own, order, axis=1)
    pages = ResultPages(query=query, item=item, click=np.zeros(item.shape, dtype=bool))
    model = PositionBased()
    model.examination = CURVE
    code = np.unique(pages.code)
    model.attraction = PairTable(code, 1 / (1 + np.exp(1 - x[code & (2**32 - 1)] @ slope)), 0.3)
    return pages, model, x


def test_targets_by_hand_and_clipping():
    pages = ResultPages(query=np.zeros(2, int), item=np.array([[0, 1], [1, 0]]), click=np.array([[1, 0], [1, 1]], bool))
    seen = weigh_impressions(pages, [1.0, 0.1], max_weight=5)
    assert seen.divisor.tolist() == [1, 0.2, 1, 0.2] and seen.clipped == 0.5
    assert seen.target.tolist() == [1, 0, 1, 5] and seen.page.tolist() == [0, 0, 1, 1]
    assert ips_relevance(seen, normalised=False).value.tolist() == [3, 0.5]
    assert ips_relevance(seen).value.tolist() == pytest.approx([2 / 1.2, 1 / 1.2])
    assert ips_relevance(seen, prior=(1, 1)).value.tolist() == pytest.approx([3 / 3.2, 2 / 3.2])
    # Product 0: looks 1 and 0.1, mean 0.55; guess ½: ½ + ((1 − ½) + (1 − 0.05)) / 0.55 / 2.
    assert doubly_robust_relevance(seen, np.full(4, 0.5)).value[0] == pytest.approx(0.5 + 1.45 / 1.1)


@pytest.mark.parametrize("guess", ["nothing", "far off", "right"])
def test_estimates_are_unbiased_whatever_the_guess(guess):
    pages, model, _ = world(n_queries=3, repeats=40)
    truth = model.attraction
    sums = np.zeros((3, len(truth.code)))
    for seed in range(150):
        seen = weigh_impressions(draw_clicks(model, pages, seed), model)
        m = {"nothing": 0.0, "far off": 0.9}.get(guess, truth.of(seen.code)) + np.zeros(len(seen.click))
        sums[0] += ips_relevance(seen, normalised=False).value
        sums[1] += ips_relevance(seen).value
        sums[2] += doubly_robust_relevance(seen, m).value
    looks = np.bincount(np.unique(seen.code, return_inverse=True)[1], seen.looked)
    much = looks > 3
    for mean in sums / 150:
        np.testing.assert_allclose(mean[much], truth.value[much], atol=0.09)
        assert abs((mean - truth.value)[much].mean()) < 0.02


def test_a_right_guess_makes_up_for_clipping_but_not_for_a_wrong_curve():
    pages, model, _ = world(n_queries=60, repeats=80)
    drawn = draw_clicks(model, pages, 1)
    truth = model.attraction
    clipped = weigh_impressions(drawn, model, max_weight=1.5)
    guess = truth.of(clipped.code)
    ips, robust = ips_relevance(clipped), doubly_robust_relevance(clipped, guess)
    assert clipped.clipped > 0.5 and (ips.value - truth.value).mean() < -0.05
    assert abs((robust.value - truth.value).mean()) < 0.02
    right = weigh_impressions(drawn, model)
    plain, robust = ips_relevance(right, normalised=False), doubly_robust_relevance(right, guess)
    assert np.abs(robust.value - truth.value).mean() < np.abs(plain.value - truth.value).mean()
    naive = weigh_impressions(drawn, np.ones(4))  # every place seen: far too low
    for estimate in (ips_relevance(naive), doubly_robust_relevance(naive, guess)):
        assert (estimate.value - truth.value).mean() < -0.05


@pytest.mark.parametrize("loss", ["squared", "listwise"])
def test_the_debiased_ranker_is_not_fooled_by_the_places(loss):
    pages, model, x = world(slope=(1.0, 0.0))
    drawn = draw_clicks(model, pages, 3)
    weights = {}
    for name, curve in (("naive", np.ones(4)), ("right", model)):
        seen = weigh_impressions(drawn, curve)
        weights[name] = LinearRanker(loss=loss).fit(seen, x[seen.item]).weights
    lean = {name: w[1] / w[0] for name, w in weights.items()}  # how much the logging ranker's love rubs off
    assert lean["naive"] > 0.25 and abs(lean["right"]) < lean["naive"] / 3


def test_listwise_weights_are_those_of_a_plain_optimiser():
    pages, model, x = world(n_queries=8, repeats=5)
    seen = weigh_impressions(draw_clicks(model, pages, 0), model)
    ranker = LinearRanker(loss="listwise", ridge=0.0).fit(seen, x[seen.item])

    def loss(w):
        total = 0.0
        for page in np.unique(seen.page):
            rows = seen.page == page
            score = x[seen.item[rows]] @ w
            total -= (seen.target[rows] * (score - np.log(np.exp(score).sum()))).sum()
        return total

    np.testing.assert_allclose(ranker.weights, minimize(loss, np.zeros(2)).x, atol=0.02)


def test_squared_weights_are_those_of_least_squares_and_scale_with_the_features():
    pages, model, x = world(n_queries=10, repeats=10)
    seen = weigh_impressions(draw_clicks(model, pages, 0), model)
    rows = x[seen.item]
    ranker = LinearRanker(loss="squared", ridge=0.0).fit(seen, rows)
    design = np.column_stack([rows, np.ones(len(rows))])
    np.testing.assert_allclose(ranker.weights, np.linalg.lstsq(design, seen.target, rcond=None)[0][:2], rtol=1e-4)
    other = LinearRanker(loss="squared", ridge=0.0).fit(seen, rows * [10, 0.1] + 5)
    np.testing.assert_allclose(other.weights * [10, 0.1], ranker.weights, rtol=1e-5)
    constant = LinearRanker().fit(seen, np.column_stack([rows, np.full(len(rows), 7.7)]))
    assert constant.weights[2] == 0


def test_lightgbm_with_positions_leans_less_too():
    pages, model, x = world()
    seen = weigh_impressions(draw_clicks(model, pages, 3), model)

    def lean(position):
        data = lightgbm.Dataset(
            x[seen.item], label=seen.click.astype(int), group=np.bincount(seen.page), position=position
        )
        settings = {"objective": "lambdarank", "verbose": -1, "num_leaves": 7, "num_threads": 1, "seed": 0}
        scores = lightgbm.train(settings, data, num_boost_round=40).predict(x)
        return np.corrcoef(scores, x[:, 1])[0, 1]

    assert lean(seen.place) < lean(None)


def test_misuse_is_refused():
    pages, model, x = world(n_queries=2, repeats=2)
    drawn = draw_clicks(model, pages, 0)
    with pytest.raises(ContractError, match="max_weight"):
        weigh_impressions(drawn, model, max_weight=0.5)
    with pytest.raises(ContractError, match="curve"):
        weigh_impressions(drawn, [1.0, 0.5])
    with pytest.raises(ContractError, match="curve"):
        weigh_impressions(drawn, [1.0, 0.5, 2.0, 0.1])
    seen = weigh_impressions(drawn, model)
    with pytest.raises(ContractError, match="prior"):
        ips_relevance(seen, normalised=False, prior=(1, 1))
    with pytest.raises(ContractError, match="guess"):
        doubly_robust_relevance(seen, np.zeros(3))
    with pytest.raises(ContractError, match="loss"):
        LinearRanker(loss="hinge")
    with pytest.raises(ContractError, match="features"):
        LinearRanker().fit(seen, x)
    with pytest.raises(ContractError, match="numbers"):
        LinearRanker().fit(seen, [["a"]] * len(seen.click))
    with pytest.raises(ContractError, match="not all of them 0"):
        LinearRanker().fit(weigh_impressions(pages, model), x[seen.item])
    with pytest.raises(ContractError, match="fit"):
        LinearRanker().score(x)
    with pytest.raises(ContractError, match="knows 2"):
        LinearRanker().fit(seen, x[seen.item]).score(x[:, :1])
