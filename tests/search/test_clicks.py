"""Click models: against enumeration and a general optimiser on tiny data, and against their own draws."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from course_lib.core.errors import ContractError, DataError
from course_lib.core.ranking import PAD
from course_lib.core.tables import make_table
from course_lib.search.clicks import (
    Cascade,
    DocumentCTR,
    DynamicBayesian,
    PairTable,
    PositionBased,
    RankCTR,
    RegressionEM,
    ResultPages,
    SimplifiedDBN,
    TrustBias,
    affine_relevance,
    draw_clicks,
    examination_by_propensity,
    harvest_cascade,
    harvest_examination,
    log_likelihood,
    perplexity,
    read_pages,
)
from course_lib.shop.shop import Shop

MODELS = [RankCTR, DocumentCTR, PositionBased, Cascade, SimplifiedDBN, DynamicBayesian]
CURVE = np.array([1.0, 0.7, 0.5, 0.3])


def pages_of(lists, clicks, query=None):
    """Pages of one query from lists of products (short ones are padded) and the places clicked."""
    length = max(map(len, lists))
    item = np.full((len(lists), length), PAD)
    click = np.zeros(item.shape, dtype=bool)
    for row, (shown, places) in enumerate(zip(lists, clicks)):
        item[row, : len(shown)] = shown
        click[row, list(places)] = True
    return ResultPages(query=np.zeros(len(lists), dtype=int) if query is None else query, item=item, click=click)


def shuffled(n, n_queries=20, n_items=8, length=4, seed=0):
    """Pages without clicks: random lists of each query's own products."""
    rng = np.random.default_rng(seed)
    query = rng.integers(n_queries, size=n)
    item = rng.permuted(np.tile(np.arange(n_items), (n, 1)), axis=1)[:, :length] + n_items * query[:, None]
    return ResultPages(query=query, item=item, click=np.zeros(item.shape, dtype=bool))


def table(pages, value):
    code = np.unique(pages.code[pages.shown])
    return PairTable(code, np.broadcast_to(value, code.shape).astype(float), 0.5)


def known(kind, pages, seed=1):
    """A model with parameters set by hand."""
    rng = np.random.default_rng(seed)
    model = kind()
    model.attraction = table(pages, rng.uniform(0.1, 0.8, len(np.unique(pages.code[pages.shown]))))
    if kind is PositionBased:
        model.examination = CURVE
    elif kind is not DocumentCTR:
        model.satisfaction = table(pages, 1.0 if kind is Cascade else 0.6)
        model.continuation = np.array([0.9, 0.8, 0.7]) if kind is DynamicBayesian else np.ones(1)
    return model


# --- pages


def log_of(rows):
    """A shop with a log of (session, seconds, kind, query, item, position)."""
    session, time, kind, query, item, position = map(list, zip(*rows))
    n = len(rows)
    events = make_table("events", {
        "user_id": ["u"] * n, "item_id": item, "kind": kind, "timestamp": time, "session_id": session,
        "query_id": query, "position": position, "propensity": [0.5] * n, "price": [1.0] * n,
    })  # fmt: skip
    names = sorted({*item, "a", "b"})
    items = make_table("items", {
        "item_id": names, **{c: [""] * len(names) for c in ("title", "description", "category", "brand")},
        "attributes": [[]] * len(names), "price": [1.0] * len(names),
    })  # fmt: skip
    queries = make_table("queries", {"query_id": ["q", "r"], "text": ["q", "r"]})
    judgements = make_table("judgements", {"query_id": [], "item_id": [], "grade": []})
    return Shop("toy", items, queries, judgements, make_table("users", {"user_id": ["u"]}), events)


def test_pages_by_hand():
    rows = [
        ("s", 0, "impression", "q", "a", 0), ("s", 0, "impression", "q", "b", 1), ("s", 5, "click", "q", "b", 1),
        ("t", 5, "impression", "q", "b", 0), ("s", 6, "click", "q", "b", 1), ("t", 6, "click", "q", "b", 0),
        ("s", 9, "impression", "q", "a", 0), ("s", 9, "impression", "q", "b", 1), ("s", 12, "click", "q", "a", 0),
        ("s", 13, "purchase", "q", "a", 0), ("s", 14, "impression", "", "a", 0), ("v", 15, "click", "r", "a", 0),
    ]  # fmt: skip
    pages = read_pages(log_of(rows))
    assert pages.item.tolist() == [[0, 1], [1, PAD], [0, 1]]
    assert pages.click.tolist() == [[False, True], [True, False], [True, False]]
    assert pages.timestamp.tolist() == [0, 5, 9] and pages.session.tolist() == [0, 1, 0]
    assert np.isnan(pages.propensity).tolist() == [[False, False], [False, True], [False, False]]
    early, late = pages.split(5)
    assert len(early) == 1 and len(late) == 2 and "3 pages" in repr(pages)


def test_pages_hold_every_search_event_of_a_simulated_shop():
    shop = Shop.simulate(n_items=150, n_users=30, n_queries=40, events_per_user=60, seed=3)
    pages = read_pages(shop)
    events = shop.events.with_format("pandas")[:]
    searched = events[events["query_id"] != ""]
    assert pages.shown.sum() == (searched["kind"] == "impression").sum()
    assert pages.click.sum() == (searched["kind"] == "click").sum()
    assert (pages.propensity[pages.shown] > 0).all() and np.isnan(pages.propensity[~pages.shown]).all()
    clicks = searched[searched["kind"] == "click"]
    query, item = shop.query_ids.rows(clicks["query_id"]), shop.item_ids.rows(clicks["item_id"])
    wanted = sorted(zip(query, item, clicks["position"]))
    row, place = np.nonzero(pages.click)
    assert sorted(zip(pages.query[row], pages.item[row, place], place)) == wanted
    moment = shop.split_time(0.5)
    assert len(read_pages(shop, until=moment)) + len(read_pages(shop, since=moment)) >= len(pages)


def test_pages_refuse_what_does_not_fit():
    with pytest.raises(ContractError, match="don't fit"):
        ResultPages(query=np.zeros(2, int), item=np.zeros((3, 2), int), click=np.zeros((3, 2), bool))
    with pytest.raises(ContractError, match="clicks are bool"):
        ResultPages(query=np.zeros(1, int), item=np.zeros((1, 2), int), click=np.zeros((1, 2)))
    with pytest.raises(ContractError, match="gap"):
        ResultPages(query=np.zeros(1, int), item=np.array([[PAD, 3]]), click=np.zeros((1, 2), bool))
    with pytest.raises(ContractError, match="gap"):
        ResultPages(query=np.zeros(1, int), item=np.array([[3, PAD]]), click=np.ones((1, 2), bool))
    with pytest.raises(ContractError, match="negative"):
        ResultPages(query=np.array([-1]), item=np.array([[3, 4]]), click=np.ones((1, 2), bool))
    with pytest.raises(ContractError, match="code"):
        ResultPages(query=np.array([0]), item=np.array([[2**32]]), click=np.ones((1, 1), bool))
    with pytest.raises(ContractError, match="another number"):
        pages = pages_of([[1]], [[]])
        ResultPages(query=pages.query, item=pages.item, click=pages.click, session=np.arange(2))
    with pytest.raises(DataError, match="no search page"):
        read_pages(log_of([("s", 0, "impression", "", "a", 0)]))
    twice = [("s", 0, "impression", "q", "a", 0), ("s", 0, "impression", "q", "b", 0)]
    with pytest.raises(DataError, match="two products"):
        read_pages(log_of(twice))


@pytest.mark.parametrize("kind", MODELS)
def test_models_refuse_nothing_and_strangers(kind):
    with pytest.raises(ContractError, match="no product"):
        kind().fit(shuffled(0))
    with pytest.raises(ContractError, match="ResultPages"):
        kind().fit([[1, 2]])
    with pytest.raises(ContractError, match="fit"):
        kind().click_probabilities(shuffled(2))
    if kind is not RankCTR:
        with pytest.raises(ContractError, match="prior"):
            kind(prior=(-1, 0))
        with pytest.raises(ContractError, match="prior"):
            kind(prior="x")


@pytest.mark.parametrize("kind", MODELS)
def test_one_page_of_one_place_and_longer_or_unseen_pages(kind):
    model = kind().fit(pages_of([[3]], [[0]]))
    longer = pages_of([[3, 4, 5], [9]], [[1], []])
    for p in (model.click_probabilities(longer), model.clicks_given_above(longer)):
        assert p.shape == (2, 3) and ((p >= 0) & (p <= 1)).all() and (p[~longer.shown] == 0).all()
    nothing = kind().fit(pages_of([[3, 4]], [[]]))
    assert np.isfinite(nothing.click_probabilities(longer)).all()


# --- probabilities against enumeration


def chain_joint(model, pages, clicks):
    """P(these clicks) on a single page, over all hidden paths: how far it was read, and which click satisfied."""
    alpha, sigma, gamma = model._parameters(pages)
    length, total = pages.length, 0.0
    for states in itertools.product([0, 1], repeat=3 * length):  # (look, satisfied, goes on) of each place
        look, satisfied, on = np.reshape(states, (length, 3)).T
        p = float(look[0] == 1)
        for k in range(length):
            click = clicks[k]
            p *= (alpha[0, k] if click else 1 - alpha[0, k]) if look[k] else float(not click)
            p *= (sigma[0, k] if satisfied[k] else 1 - sigma[0, k]) if click else float(not satisfied[k])
            g = (gamma[k] if k < length - 1 else 0.0) if look[k] and not satisfied[k] else 0.0
            p *= g if on[k] else 1 - g
            if k + 1 < length:
                p *= float(look[k + 1] == on[k])
        total += p
    return total


@pytest.mark.parametrize("kind", [Cascade, SimplifiedDBN, DynamicBayesian])
def test_chain_probabilities_are_those_of_enumeration(kind):
    lists = pages_of([[0, 1, 2]], [[]])
    model = known(kind, lists)
    marginal, total = np.zeros(3), 0.0
    for clicks in itertools.product([False, True], repeat=3):
        joint = chain_joint(model, lists, clicks)
        page = pages_of([[0, 1, 2]], [np.flatnonzero(clicks)])
        assert np.exp(log_likelihood(model, page)) == pytest.approx(joint, abs=1e-12)
        marginal, total = marginal + joint * np.array(clicks), total + joint
    assert total == pytest.approx(1)
    np.testing.assert_allclose(model.click_probabilities(lists)[0], marginal)


@pytest.mark.parametrize("kind", [PositionBased, Cascade, SimplifiedDBN, DynamicBayesian])
def test_drawn_clicks_have_the_models_rates(kind):
    pages = shuffled(40_000)
    model = known(kind, pages)
    drawn = draw_clicks(model, pages, seed=2)
    expected = model.click_probabilities(pages).mean(axis=0)
    np.testing.assert_allclose(drawn.click.mean(axis=0), expected, atol=5 * 0.5 / np.sqrt(len(pages)))
    assert (draw_clicks(model, pages, seed=2).click == drawn.click).all()


# --- fits against a general optimiser, and against known parameters


def best_by_scipy(pages, kind, make, n):
    """The largest log-likelihood over n probabilities, from three starts."""

    def loss(x):
        return -log_likelihood(make(1 / (1 + np.exp(-x))), pages)

    starts = np.random.default_rng(0).normal(size=(3, n))
    return max(-minimize(loss, x, method="L-BFGS-B", bounds=[(-9, 9)] * n).fun for x in starts)


TINY = pages_of(
    [[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0], [2, 0, 1]] * 6,
    [[0], [0, 1], [], [1], [2], [0, 2], [1], [], [0], [], [0, 1], [], [0], [1], [], [0], [], [2]] * 2,
)


def test_pbm_reaches_the_likelihood_that_an_optimiser_finds():
    def make(x):
        model = PositionBased()
        model.examination, model.attraction = np.r_[1.0, x[:2]], table(TINY, x[2:])
        return model

    fitted = PositionBased(prior=(0, 0), tolerance=1e-10, rounds=20_000).fit(TINY)
    assert log_likelihood(fitted, TINY) == pytest.approx(best_by_scipy(TINY, PositionBased, make, 5), abs=1e-3)


@pytest.mark.parametrize("by_rank", [True, False])
def test_dbn_reaches_the_likelihood_that_an_optimiser_finds(by_rank):
    n_gamma = 2 if by_rank else 1

    def make(x):
        model = DynamicBayesian()
        model.continuation, model.satisfaction = x[:n_gamma], table(TINY, x[n_gamma])
        model.attraction = table(TINY, x[n_gamma + 1 :])
        return model

    fitted = DynamicBayesian(prior=(0, 0), by_rank=by_rank, tolerance=1e-9, rounds=20_000).fit(TINY)
    best = best_by_scipy(TINY, DynamicBayesian, make, n_gamma + 4)
    assert log_likelihood(fitted, TINY) == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("by_pair", [True, False])
def test_no_round_of_em_lowers_the_likelihood(by_pair):
    reached = [
        log_likelihood(DynamicBayesian(prior=(0, 0), by_pair=by_pair, rounds=r).fit(TINY), TINY) for r in range(1, 12)
    ]
    assert (np.diff(reached) >= -1e-9).all()
    reached = [log_likelihood(PositionBased(prior=(0, 0), rounds=r).fit(TINY), TINY) for r in range(1, 12)]
    assert (np.diff(reached) >= -1e-9).all()


def test_closed_forms_by_hand():
    pages = pages_of([[0, 1, 2], [1, 0, 2], [0, 2, 1]], [[1], [0, 1], []])
    cascade = Cascade(prior=(0, 0)).fit(pages)
    assert cascade.attraction.value.tolist() == [0, 2 / 3, 0]  # looks end at the first click
    assert log_likelihood(cascade, pages) == -np.inf  # a second click
    sdbn = SimplifiedDBN(prior=(0, 0)).fit(pages)
    assert sdbn.attraction.value.tolist() == [1 / 3, 2 / 3, 0]
    assert sdbn.satisfaction.look_up([0, 0], [0, 1]).tolist() == [1, 0.5]
    assert sdbn.relevance().value.tolist() == pytest.approx([1 / 3, 1 / 3, 0])
    assert DocumentCTR().fit(pages).attraction.value.tolist() == [1 / 3, 2 / 3, 0]
    assert RankCTR().fit(pages).click_probabilities(pages)[0].tolist() == pytest.approx([1 / 3, 2 / 3, 0])


def test_cascade_is_the_best_of_its_kind():
    once = TINY.select(TINY.click.sum(axis=1) <= 1)

    def make(x):
        model = known(Cascade, once)
        model.attraction = table(once, x)
        return model

    assert log_likelihood(Cascade(prior=(0, 0)).fit(once), once) == pytest.approx(
        best_by_scipy(once, Cascade, make, 3), abs=1e-3
    )


@pytest.mark.parametrize("kind", [PositionBased, Cascade, SimplifiedDBN, DynamicBayesian])
def test_known_parameters_are_found_again(kind):
    pages = shuffled(30_000)
    truth = known(kind, pages)
    drawn = draw_clicks(truth, pages, seed=5)
    fitted = kind(**({"rounds": 150} if kind is DynamicBayesian else {})).fit(drawn)
    error = fitted.attraction.value - truth.attraction.value
    if kind is SimplifiedDBN:  # it forgets the looks below a last click that didn't satisfy: too high
        assert 0 < error.mean() < 0.06
    else:
        assert np.abs(error).mean() < 0.03
    if kind is PositionBased:
        np.testing.assert_allclose(fitted.examination, CURVE, atol=0.03)
        np.testing.assert_allclose(harvest_examination(drawn), CURVE, atol=0.03)
    if kind is DynamicBayesian:
        np.testing.assert_allclose(fitted.continuation, truth.continuation, atol=0.05)
        np.testing.assert_allclose(fitted.examination, np.cumprod([1, 0.9, 0.8, 0.7]), atol=0.05)
    # No other model foretells fresh pages of this one better.
    fresh = draw_clicks(truth, shuffled(10_000, seed=9), seed=6)
    own = perplexity(fitted, fresh)[0]
    if kind is SimplifiedDBN:
        return
    for other in MODELS:
        model = other(**({"rounds": 30} if other is DynamicBayesian else {})).fit(drawn)
        assert own <= perplexity(model, fresh)[0] + 2e-3
    assert perplexity(truth, fresh)[0] == pytest.approx(own, abs=5e-3)


def test_a_given_curve_is_kept():
    pages = shuffled(5_000)
    fitted = PositionBased(curve=CURVE).fit(draw_clicks(known(PositionBased, pages), pages))
    assert fitted.examination.tolist() == CURVE.tolist()
    with pytest.raises(ContractError, match="curve"):
        PositionBased(curve=[1.0, 0.0])


def test_perplexity_by_hand():
    model = RankCTR().fit(pages_of([[0, 1], [1, 0]], [[0], [1]]))  # a coin at either place
    mean, each = perplexity(model, pages_of([[0, 1]], [[0]]))
    assert mean == pytest.approx(2) and each == pytest.approx([2, 2])


# --- the harvest


def test_harvest_sees_through_sparse_pairs_where_the_likelihood_does_not():
    rng = np.random.default_rng(0)
    n, length = 12_000, 4  # every query is asked twice: a pair has two impressions
    query = np.repeat(np.arange(n // 2), 2)
    item = rng.permuted(np.tile(np.arange(length), (n, 1)), axis=1) + length * query[:, None]
    pages = ResultPages(query=query, item=item, click=np.zeros(item.shape, dtype=bool))
    drawn = draw_clicks(known(PositionBased, pages), pages, seed=3)
    errors = [
        np.abs(curve - CURVE).mean()
        for curve in (harvest_examination(drawn), PositionBased(prior=(0, 0)).fit(drawn).examination)
    ]
    assert errors[0] < 0.02 and errors[0] < errors[1] / 2


def test_harvest_balances_the_counts():
    theta = harvest_examination(TINY)
    codes, pair = np.unique(TINY.code, return_inverse=True)
    seen = np.bincount(pair.ravel(), np.broadcast_to(theta, TINY.item.shape).ravel())
    alpha = np.bincount(pair.ravel(), TINY.click.ravel()) / seen
    expected = (theta * alpha[pair.reshape(TINY.item.shape)]).sum(axis=0)
    np.testing.assert_allclose(expected, TINY.click.sum(axis=0), rtol=1e-6)


def test_harvest_says_what_it_cannot_know():
    fixed = pages_of([[0, 1, 2]] * 50, [[0], [1], [2], [], []] * 10)
    assert np.isnan(harvest_examination(fixed)[1:]).all()
    partly = pages_of([[0, 1, 2], [1, 0, 2]] * 50, [[0], [1], [2], [0], []] * 20)
    assert np.isnan(harvest_examination(partly)).tolist() == [False, False, True]
    with pytest.raises(ContractError, match="no click"):
        harvest_examination(pages_of([[0, 1]], [[]]))


def test_the_harvest_of_a_cascade_finds_curve_and_satisfaction():
    pages = shuffled(40_000, n_queries=300)
    truth = known(DynamicBayesian, pages)
    drawn = draw_clicks(truth, pages, seed=4)
    theta, sigma = harvest_cascade(drawn)
    np.testing.assert_allclose(theta, np.cumprod([1, 0.9, 0.8, 0.7]), atol=0.04)
    assert sigma == pytest.approx(0.6, abs=0.04)
    assert np.abs(harvest_examination(drawn) - theta).mean() > 0.1  # the other assumption, another curve
    fitted = DynamicBayesian(curve=theta, rounds=100).fit(drawn)
    np.testing.assert_allclose(fitted.examination, np.minimum.accumulate(theta))
    with pytest.raises(ContractError, match="curve"):
        DynamicBayesian(curve=[1.0, 0.0])
    with pytest.raises(ContractError, match="no click"):
        harvest_cascade(pages)
    one = harvest_cascade(pages_of([[3]], [[0]]))
    assert one[0].tolist() == [1] and one[1] == 1


def test_without_satisfaction_both_harvests_agree():
    pages = shuffled(20_000)
    truth = known(DynamicBayesian, pages)
    truth.satisfaction = table(pages, 0.0)
    drawn = draw_clicks(truth, pages, seed=4)
    theta, sigma = harvest_cascade(drawn)
    assert sigma < 0.05
    np.testing.assert_allclose(theta, harvest_examination(drawn), atol=0.04)


def test_many_pages_are_no_matter_of_minutes():
    pages = shuffled(200_000, n_queries=2_000)
    drawn = draw_clicks(known(PositionBased, pages), pages)
    np.testing.assert_allclose(harvest_examination(drawn), CURVE, atol=0.02)
    np.testing.assert_allclose(PositionBased(rounds=200).fit(drawn).examination, CURVE, atol=0.02)


def test_propensities_undo_what_the_ranker_chose():
    rng = np.random.default_rng(0)
    n, length = 60_000, 3
    truth = PositionBased()
    truth.examination, truth.attraction = CURVE[:3], PairTable(np.arange(3), np.array([0.8, 0.4, 0.2]), 0.0)
    best = rng.random(n) < 0.8  # mostly the best first, else any order: the chances are exact
    item = np.where(best[:, None], np.arange(3), rng.permuted(np.tile(np.arange(3), (n, 1)), axis=1))
    chance = 0.8 * (item == np.arange(3)) + 0.2 / 3
    pages = ResultPages(query=np.zeros(n, int), item=item, click=np.zeros(item.shape, bool), propensity=chance)
    drawn = draw_clicks(truth, pages)
    np.testing.assert_allclose(examination_by_propensity(drawn), CURVE[:length], atol=0.04)
    unweighted = RankCTR().fit(drawn).examination
    np.testing.assert_allclose(examination_by_propensity(drawn, max_weight=1), unweighted)
    assert np.abs(unweighted - CURVE[:length]).max() > 0.15
    with pytest.raises(DataError, match="propensity is missing"):
        examination_by_propensity(TINY)
    with pytest.raises(ContractError, match="max_weight"):
        examination_by_propensity(drawn, max_weight=0)
    with pytest.raises(ContractError, match="never clicked"):
        examination_by_propensity(pages)


def test_the_harvest_of_a_cascade_refuses_users_who_look_at_places_independently():
    pages = shuffled(20_000)
    drawn = draw_clicks(known(PositionBased, pages), pages)
    with pytest.raises(ContractError, match="don't read down") as caught:
        harvest_cascade(drawn)
    assert "harvest_examination" in caught.value.remedy
    theta, _ = harvest_cascade(drawn, check=False)
    assert np.abs(theta - CURVE).mean() > 0.05
    # Twenty cascades of few pages: none is refused.
    for seed in range(20):
        few = shuffled(1_500, seed=seed)
        harvest_cascade(draw_clicks(known(DynamicBayesian, few), few, seed=seed), rounds=100)


# --- attraction by features


X = np.random.default_rng(7).normal(size=(160, 2))  # of the products of ``shuffled``


def by_features(query, item):
    return X[item]


def explained(pages, *, noise=0.0):
    """α of each pair, from the features and something that they don't tell."""
    code = np.unique(pages.code[pages.shown])
    luck = np.random.default_rng(8).normal(size=len(code))
    return PairTable(code, 1 / (1 + np.exp(1 - 1.5 * X[code & (2**32 - 1), 0] - noise * luck)), 0.3)


def test_regression_em_finds_curve_and_weights():
    pages = shuffled(40_000)
    truth = known(PositionBased, pages)
    truth.attraction = explained(pages)
    fitted = RegressionEM(by_features).fit(draw_clicks(truth, pages, seed=1))
    np.testing.assert_allclose(fitted.examination, CURVE, atol=0.02)
    shown = X[np.unique(pages.item)]
    np.testing.assert_allclose(fitted.weights[1:] / shown.std(axis=0), [1.5, 0], atol=0.1)
    assert fitted.weights[0] == pytest.approx(-1 + 1.5 * shown[:, 0].mean(), abs=0.1)


def test_regression_em_reaches_the_likelihood_that_an_optimiser_finds():
    rows = np.array([[0.0], [1.0], [2.0]])
    design = np.column_stack([np.ones(3), (rows - 1) / np.sqrt(2 / 3)])

    def make(x):
        model = PositionBased()
        model.examination = np.r_[1.0, x[:2]]
        model.attraction = PairTable(np.arange(3), x[2:], 0.5)
        return model

    def loss(w):
        theta, beta = 1 / (1 + np.exp(-w[:2])), w[2:]
        return -log_likelihood(make(np.r_[theta, 1 / (1 + np.exp(-design @ beta))]), TINY)

    best = min(minimize(loss, x, method="L-BFGS-B").fun for x in np.random.default_rng(0).normal(size=(3, 4)))
    fitted = RegressionEM(lambda q, i: rows[i], ridge=0.0, tolerance=1e-10, rounds=20_000).fit(TINY)
    assert -log_likelihood(fitted, TINY) == pytest.approx(best, abs=1e-3)


def test_regression_em_sees_through_sparse_pairs_and_is_fooled_by_what_only_the_ranker_knows():
    rng = np.random.default_rng(0)
    n, length = 12_000, 4
    query = np.repeat(np.arange(n // 2), 2)
    own = np.arange(length) + length * query[:, None]
    x, hidden = rng.normal(size=n * 2), rng.normal(size=n * 2)
    errors = []
    for knows in (0.0, 1.5):  # how much the ranker goes by what the features don't tell
        order = np.argsort(-(x[own] + knows * hidden[own] + rng.normal(size=own.shape)), axis=1)
        item = np.take_along_axis(own, order, axis=1)
        pages = ResultPages(query=query, item=item, click=np.zeros(item.shape, dtype=bool))
        truth = PositionBased()
        truth.examination, code = CURVE, np.unique(pages.code)
        row = code & (2**32 - 1)
        truth.attraction = PairTable(code, 1 / (1 + np.exp(-x[row] - 1.5 * hidden[row])), 0.5)
        drawn = draw_clicks(truth, pages, seed=3)
        fitted = RegressionEM(lambda query, item: x[item][:, None]).fit(drawn)
        errors.append((fitted.examination - CURVE)[1:].mean())
    plain = PositionBased(prior=(0, 0)).fit(drawn).examination
    assert abs(errors[0]) < 0.02 < np.abs(plain - CURVE).mean()
    assert errors[1] < -0.03  # too steep


def test_trust_bias_is_told_from_examination_and_undone():
    pages = shuffled(60_000)
    truth = TrustBias(by_features)
    truth.hit, truth.slip, truth.attraction = CURVE, np.array([0.4, 0.15, 0.05, 0.02]), explained(pages, noise=0.5)
    drawn = draw_clicks(truth, pages, seed=2)
    np.testing.assert_allclose(
        drawn.click.mean(axis=0), truth.click_probabilities(pages).mean(axis=0), atol=0.01
    )
    fitted = TrustBias(by_features).fit(drawn)
    np.testing.assert_allclose(fitted.hit, truth.hit, atol=0.06)
    np.testing.assert_allclose(fitted.slip, truth.slip, atol=0.06)
    undone = affine_relevance(drawn, truth.hit - truth.slip, truth.slip)
    assert abs((undone.value - truth.attraction.value).mean()) < 0.01
    divided = PositionBased(curve=CURVE).fit(drawn).attraction
    assert (divided.value - truth.attraction.value).mean() > 0.1
    assert log_likelihood(fitted, drawn) >= log_likelihood(RegressionEM(by_features).fit(drawn), drawn)


def test_without_slips_trust_bias_is_the_position_based_model():
    pages = shuffled(30_000)
    truth = known(PositionBased, pages)
    truth.attraction = explained(pages)
    fitted = TrustBias(by_features).fit(draw_clicks(truth, pages, seed=1))
    np.testing.assert_allclose(fitted.hit, CURVE, atol=0.03)
    assert fitted.slip.max() < 0.03


def test_affine_relevance_by_hand():
    pages = pages_of([[0, 1], [1, 0]], [[0], [0, 1]])
    # Product 0: clicked at both places: (2 − 0.2 − 0.1) / (0.8 + 0.4); product 1: once, at the first place.
    found = affine_relevance(pages, [0.8, 0.4], [0.2, 0.1])
    assert found.value.tolist() == pytest.approx([1, 0.7 / 1.2])


@pytest.mark.parametrize("kind", [RegressionEM, TrustBias])
def test_models_with_features_refuse_what_does_not_fit(kind):
    for bad in (lambda q, i: X[:2], lambda q, i: X[i] * np.nan, lambda q, i: [["a"]] * len(i), lambda q, i: X[i, 0]):
        with pytest.raises(ContractError, match="features"):
            kind(bad).fit(TINY)
    with pytest.raises(ContractError, match="rounds"):
        kind(by_features, rounds=0)
    with pytest.raises(ContractError, match="no product"):
        kind(by_features).fit(shuffled(0))
    with pytest.raises(ContractError, match="fit"):
        kind(by_features).click_probabilities(TINY)
    longer = pages_of([[3, 4, 5], [9]], [[1], []])
    for shown in (pages_of([[3]], [[0]]), pages_of([[3, 4]], [[]])):
        p = kind(by_features).fit(shown).click_probabilities(longer)
        assert np.isfinite(p).all() and ((p >= 0) & (p <= 1)).all()
    with pytest.raises(ContractError, match="slope"):
        affine_relevance(TINY, [1.0], [0.0])
    with pytest.raises(ContractError, match="slope"):
        affine_relevance(TINY, [0.0, 0, 0], [0.0, 0, 0])
