"""The second stage: point-in-time joins by brute force, models against their oracles, the truth of the simulator."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.core.ranking import PAD
from course_lib.recommend.collaborative import DAY, Popularity
from course_lib.recommend.ranking import (
    ClickBuyNetwork,
    Crosses,
    Isotonic,
    LogisticRegression,
    Platt,
    Table,
    TargetAttention,
    Trees,
    auc,
    count_before,
    expected_value,
    impression_features,
    item_groups,
    keep_negatives,
    last_before,
    measure,
    page_gain,
    page_places,
    read_impressions,
    true_chances,
    two_task_loss,
    undo_sampling,
)
from course_lib.recommend.ranking.features import HISTORY, PRIOR
from course_lib.shop.log import CLICK, IMPRESSION, NO_QUERY, PURCHASE, read_log
from course_lib.shop.measurement import measure_calibration
from course_lib.shop.simulator import Parameters


@pytest.fixture(scope="module")
def shop():
    return Shop.simulate(n_items=200, n_users=150, n_queries=40, events_per_user=120, seed=3)


@pytest.fixture(scope="module")
def shown(shop):
    return read_impressions(shop)


@pytest.fixture(scope="module")
def table(shop, shown):
    return impression_features(shop, shown)


# -- impressions ------------------------------------------------------------------------------------------------------
def test_every_click_and_purchase_finds_its_page(shop, shown):
    log = read_log(shop)
    browsed = log.query == NO_QUERY
    assert len(shown) == (browsed & (log.kind == IMPRESSION)).sum()
    assert shown.click.sum() == (browsed & (log.kind == CLICK)).sum()
    assert shown.buy.sum() == (browsed & (log.kind == PURCHASE)).sum() and not (shown.buy & ~shown.click).any()
    assert (np.diff(shown.page) >= 0).all() and (np.diff(shown.time) >= 0).all()
    for page in range(0, shown.page[-1], 97):
        rows = shown.page == page
        assert shown.place[rows].tolist() == list(range(rows.sum()))
        assert len(set(shown.time[rows])) == len(set(shown.user[rows])) == 1
    everything = read_impressions(shop, searches=True)
    assert everything.click.sum() == (log.kind == CLICK).sum()


def test_impressions_are_cut_by_time(shown):
    middle = int(np.median(shown.time))
    early, late = shown.between(0, middle), shown.between(middle, 2**40)
    assert len(early) + len(late) == len(shown) and early.time.max() < middle <= late.time.min()
    assert late.page[0] == 0 and len(np.unique(late.page)) == late.page[-1] + 1
    with pytest.raises(ContractError, match="no page"):
        shown.between(0, 1)


# -- point in time ----------------------------------------------------------------------------------------------------
def test_counts_and_histories_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    keys, days, values = rng.integers(0, 6, 200), np.sort(rng.integers(3, 20, 200)), rng.integers(0, 99, 200)
    asked, on = rng.integers(0, 8, 80), rng.integers(0, 25, 80)
    past = [(keys == a) & (days < d) for a, d in zip(asked, on)]
    assert count_before(keys, days, asked, on).tolist() == [p.sum() for p in past]
    recent = [(p & (days >= d - 4)).sum() for p, d in zip(past, on)]
    assert count_before(keys, days, asked, on, window=4).tolist() == recent
    for found, p in zip(last_before(keys, days, values, asked, on, 5), past):
        want = values[p][::-1][:5].tolist()
        assert found.tolist() == want + [PAD] * (5 - len(want))


def test_nothing_of_the_same_day_counts():
    assert count_before([1, 1], [5, 6], [1, 1, 2], [5, 6, 9]).tolist() == [0, 1, 0]
    assert count_before([], [], [1], [3]).tolist() == [0] and count_before([1], [2], [], []).tolist() == []
    assert last_before([], [], [], [1], [3], 2).tolist() == [[PAD, PAD]]


@pytest.mark.parametrize(
    "arguments", [([1], [1, 2], [1], [1]), ([1], [1], [1], [1, 2]), ([-1], [1], [1], [1]), ([1], [1], [1], [-1])]
)
def test_joins_refuse_what_has_no_day(arguments):
    with pytest.raises(ContractError):
        count_before(*arguments)
    with pytest.raises(ContractError):
        last_before(*arguments[:2], arguments[0], *arguments[2:], 3)


def test_windows_and_lengths_are_at_least_one():
    with pytest.raises(ContractError, match="window"):
        count_before([1], [1], [1], [2], window=0)
    with pytest.raises(ContractError, match="length"):
        last_before([1], [1], [1], [1], [2], 0)


# -- features ---------------------------------------------------------------------------------------------------------
def test_the_future_does_not_move_a_feature(shop, shown):
    """Events from a day on are dropped from the log: features of pages until that day stay to the bit."""
    cut = int(np.median(shown.day))
    keep = np.flatnonzero(np.asarray(shop.events["timestamp"][:]) < (cut + 1) * DAY)
    shorter = Shop("cut", shop.items, shop.queries, shop.judgements, shop.users, shop.events.select(keep))
    early = shown.select(shown.day <= cut)
    full, short = impression_features(shop, early), impression_features(shorter, read_impressions(shorter))
    assert full.names == short.names
    np.testing.assert_array_equal(full.values, short.values)
    np.testing.assert_array_equal(full.history, short.history)


def test_features_are_those_of_a_loop(shop, shown, table):
    log = read_log(shop)
    category = np.array(shop.items["category"][:])
    price = np.array(shop.items["price"][:])
    for row in np.random.default_rng(1).choice(len(shown), 25, replace=False):
        user, item, before = shown.user[row], shown.item[row], log.timestamp // DAY < shown.day[row]
        clicked = before & (log.kind == CLICK)
        own = log.item[clicked & (log.user == user)]
        views = (before & (log.kind == IMPRESSION) & (log.item == item)).sum()
        rate = ((clicked & (log.item == item)).sum() + PRIOR["click"] * 0.1) / (views + PRIOR["click"])
        page = shown.page == shown.page[row]
        middle = {c: np.median(price[category == c]) for c in {category[item], *category[own]}}
        usual = np.mean([np.log(price[i] / middle[category[i]]) for i in own]) if len(own) else None
        relative = np.log(shown.price[row] / middle[category[item]])
        expected = {
            "item_clicks": rate, "clicked_before": np.log1p((own == item).sum()),
            "category_share": (category[own] == category[item]).mean() if len(own) else 0,
            "page_share": (category[shown.item[page]] == category[item]).mean(), "relative_price": relative,
            "budget_gap": relative - usual if len(own) else 0, "discount": np.log(shown.price[row] / price[item]),
        }  # fmt: skip
        for name, value in expected.items():
            assert table.column(name)[row] == pytest.approx(value, abs=1e-5), name
        assert table.history[row].tolist()[: len(own)] == own[::-1][:HISTORY].tolist()


def test_a_first_stage_that_knows_the_future_is_refused(shop, shown):
    with pytest.raises(ContractError, match="seen days"):
        impression_features(shop, shown, recommender=Popularity().fit(shop.interactions()))
    with pytest.raises(ContractError, match="not fitted"):
        impression_features(shop, shown, recommender=Popularity())
    start = shop.split_time(0.5) // DAY * DAY
    later, first = shown.select(shown.time >= start), Popularity().fit(shop.interactions(until=start))
    found = impression_features(shop, later, recommender=first)
    names = shop.users["user_id"][:]
    known = np.array([names[user] in first.interactions.users for user in later.user])
    np.testing.assert_allclose(found.column("first_stage"), np.where(known, first.counts[later.item], 0))
    with pytest.raises(ContractError, match="no impressions"):
        impression_features(shop, shown.select(np.zeros(len(shown), bool)))


def test_tables_are_cut_and_joined_by_name(table):
    top = table.with_column("place", 0)
    assert (top.column("place") == 0).all() and table.column("place").max() > 0
    assert table.with_column("new", 2.0).names[-1] == "new" and "place" not in table.without("place").names
    with pytest.raises(ContractError, match="no column"):
        table.column("nothing")


# -- linear model and trees -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sparse", [False, True])
def test_logistic_regression_is_that_of_scikit_learn(sparse):
    from sklearn.linear_model import LogisticRegression as Oracle

    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 5)) * (rng.random((400, 5)) < 0.5)
    y = (rng.random(400) < 1 / (1 + np.exp(1 - x @ rng.normal(size=5)))).astype(int)
    given = csr_matrix(x) if sparse else x
    ours, oracle = LogisticRegression(l2=2.0).fit(given, y), Oracle(C=0.5, tol=1e-10, max_iter=2_000).fit(x, y)
    np.testing.assert_allclose(ours.probability(given), oracle.predict_proba(x)[:, 1], atol=1e-4)
    assert ours.probability(given).sum() == pytest.approx(y.sum(), abs=0.05)  # calibrated on average


def test_logistic_regression_refuses():
    model = LogisticRegression()
    with pytest.raises(ContractError, match="nothing is learned"):
        model.probability(np.ones((1, 2)))
    for x, y in ((np.ones((3, 1)), [1, 0]), (np.ones((2, 1)), [1, 1]), (np.ones((2, 1)), [1, 2]),
                 (np.array([[np.nan], [1]]), [0, 1])):  # fmt: skip
        with pytest.raises(ContractError):
            model.fit(x, np.array(y))
    with pytest.raises(ContractError):
        LogisticRegression(l2=-1)
    with pytest.raises(ContractError, match="features"):
        model.fit(np.array([[0.0], [1.0]]), np.array([0, 1])).probability(np.ones((1, 2)))


def small(values, names):
    values = np.asarray(values, dtype=np.float32)
    return Table(names, values, np.full((len(values), 3), PAD), np.arange(len(values)) % 4)


def test_a_cross_sees_what_single_columns_do_not():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 2, (2, 600))
    y, table = (a ^ b), small(np.column_stack([a, b]), ("a", "b"))
    found = {}
    for pairs in ((), (("a", "b"),)):
        crosses = Crosses(pairs).fit(table)
        x = crosses.transform(table)
        assert (x.sum(axis=1) == 2 + len(pairs)).all() and set(x.data) == {1.0}
        found[pairs] = auc(y, LogisticRegression(1.0).fit(x, y).probability(x))
    assert found[()] < 0.6 and found[(("a", "b"),)] == 1
    unseen = crosses.transform(small([[9.0, -9.0]], ("a", "b")))
    assert unseen.sum() == 3  # beyond the edges: the outermost bins
    with pytest.raises(ContractError):
        Crosses((("a", "c"),)).fit(table)
    with pytest.raises(ContractError):
        Crosses().transform(table)
    with pytest.raises(ContractError):
        Crosses(bins=1)


def test_trees_learn_and_refuse():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(1_000, 2))
    y, page = rng.random(1_000) < 1 / (1 + np.exp(-2 * values[:, 0])), np.repeat(np.arange(100), 10)
    table = small(values, ("signal", "noise"))
    for objective in ("binary", "lambdarank"):
        model = Trees(objective, rounds=20).fit(table, y, page)
        assert auc(y, model.score(table)) > 0.75 and next(iter(model.importance())) == "signal"
    with pytest.raises(ContractError, match="page"):
        Trees("lambdarank").fit(table, y)
    with pytest.raises(ContractError, match="outcomes"):
        Trees().fit(table, np.zeros(1_000))
    with pytest.raises(ContractError, match="columns"):
        model.score(table.without("noise"))
    for bad in (lambda: Trees("regression"), lambda: Trees().score(table), lambda: Trees().importance()):
        with pytest.raises(ContractError):
            bad()


# -- DIN and the two tasks --------------------------------------------------------------------------------------------
def test_attention_is_that_of_a_loop_in_numpy():
    torch.manual_seed(0)
    n, length, d = 7, 5, 6
    layer = TargetAttention(d, hidden=9)
    history, target = torch.randn(n, length, d), torch.randn(n, d)
    mask = torch.rand(n, length) < 0.6
    mask[0] = False
    w = {name: value.detach().double().numpy() for name, value in layer.state_dict().items()}
    expected = np.zeros((n, d))
    for i in range(n):
        t = target[i].double().numpy()
        for j in range(length):
            if mask[i, j]:
                h = history[i, j].double().numpy()
                z = w["unit.0.weight"] @ np.concatenate([h, t, h * t, h - t]) + w["unit.0.bias"]
                z = np.where(z > 0, z, w["unit.1.weight"] * z)
                expected[i] += (w["unit.2.weight"] @ z + w["unit.2.bias"]) * h
    with torch.no_grad():
        found = layer(history, target, mask).numpy()
        weights = layer.weights(history, target, mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found[0] == 0).all() and (weights[~mask] == 0).all()
    mean = TargetAttention(d, average=True)(history, target, mask)
    rows = mask.any(dim=1)
    want = (history * mask[:, :, None]).sum(1)[rows] / mask.sum(1)[rows][:, None]
    torch.testing.assert_close(mean[rows], want)


def test_both_losses_by_hand():
    click, buy = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])
    a, b = torch.tensor([0.3, -0.2, 1.0]), torch.tensor([-1.0, 0.5, 2.0])
    p, q = 1 / (1 + np.exp(-a.numpy())), 1 / (1 + np.exp(-b.numpy()))
    first = -np.mean([np.log(p[0]), np.log(p[1]), np.log(1 - p[2])])
    shared = first - (np.log(q[0]) + np.log(1 - q[1])) / 3
    esmm = first - np.mean([np.log(p[0] * q[0]), np.log(1 - p[1] * q[1]), np.log(1 - p[2] * q[2])])
    assert float(two_task_loss(a, b, click, buy)) == pytest.approx(shared, rel=1e-5)
    assert float(two_task_loss(a, b, click, buy, "esmm")) == pytest.approx(esmm, rel=1e-5)
    # The second head hears of unclicked rows only through the product.
    for form, heard in (("shared", False), ("esmm", True)):
        logit = b.clone().requires_grad_()
        two_task_loss(a, logit, click, buy, form).backward()
        assert bool(logit.grad[2] != 0) == heard
    with pytest.raises(ContractError, match="form"):
        two_task_loss(a, b, click, buy, "mmoe")
    with pytest.raises(ContractError, match="without a click"):
        two_task_loss(a, b, torch.zeros(3), buy)


@pytest.mark.parametrize("form", ["shared", "esmm"])
def test_the_network_finds_an_interest_in_the_history(form):
    """A click where the target's group is in the history: only attention over the history can know."""
    rng = np.random.default_rng(5)
    groups = np.column_stack([np.arange(40), np.arange(40) % 4])
    item, history = rng.integers(0, 40, 3_000), rng.integers(0, 40, (3_000, 3))
    wanted = (history % 4 == item[:, None] % 4).any(axis=1)
    click = rng.random(3_000) < np.where(wanted, 0.6, 0.05)
    buy = click & (rng.random(3_000) < 0.3)
    table = Table(("nothing",), np.zeros((3_000, 1), np.float32), history, item)
    model = ClickBuyNetwork(groups, form=form, epochs=8, batch_size=100, learning_rate=1e-2).fit(table, click, buy)
    p, q = model.probabilities(table)
    assert auc(click, p) > 0.75 and abs(p.mean() - click.mean()) < 0.05
    assert abs(q[click].mean() - 0.3) < 0.1 and q.min() > 0 and q.max() < 1


def test_the_same_seed_gives_the_same_network(shop, table, shown):
    one, other = (
        ClickBuyNetwork(item_groups(shop), epochs=0.2, seed=4).fit(table, shown.click, shown.buy) for _ in range(2)
    )
    np.testing.assert_array_equal(one.probabilities(table)[0], other.probabilities(table)[0])


def test_the_network_refuses(shop, table, shown):
    model = ClickBuyNetwork(item_groups(shop), epochs=0.1)
    with pytest.raises(ContractError, match="learned nothing"):
        model.probabilities(table)
    for click, buy in ((shown.click[:5], shown.buy), (shown.click * 0, shown.buy * 0), (shown.buy, shown.click)):
        with pytest.raises(ContractError):
            model.fit(table, click, buy)
    model.fit(table, shown.click, shown.buy)
    with pytest.raises(ContractError, match="columns"):
        model.probabilities(table.without("place"))
    assert model.probabilities(table.select(np.arange(0)))[0].shape == (0,)
    for settings in ({"form": "x"}, {"epochs": 0}, {"batch_size": 0}):
        with pytest.raises(ContractError):
            ClickBuyNetwork(item_groups(shop), **settings)


# -- chances, money ---------------------------------------------------------------------------------------------------
def test_auc_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(6)
    y, s = rng.random(500) < 0.2, rng.integers(0, 20, 500) / 20
    assert auc(y, s) == pytest.approx(roc_auc_score(y, s))
    assert auc(y, np.exp(5 * s)) == auc(y, s)
    for bad in (([1, 1], [0.1, 0.2]), ([0, 1], [0.1]), ([0, 1], [0.1, np.nan])):
        with pytest.raises(ContractError):
            auc(*bad)


def test_dropped_negatives_are_put_back():
    rng = np.random.default_rng(7)
    chance = rng.uniform(0.02, 0.5, 20_000)
    happened = rng.random(20_000) < chance
    kept = keep_negatives(happened, 0.1, seed=1)
    assert kept[happened].all() and abs(kept[~happened].mean() - 0.1) < 0.01
    inflated = chance / (chance + (1 - chance) * 0.1)  # what a perfect model of the kept rows says
    np.testing.assert_allclose(undo_sampling(inflated, 0.1), chance)
    assert measure_calibration(happened, inflated, equal="size").error > 0.2
    assert measure_calibration(happened, undo_sampling(inflated, 0.1), equal="size").error < 0.02
    for share in (0, 1.5):
        with pytest.raises(ContractError):
            keep_negatives(happened, share)
        with pytest.raises(ContractError):
            undo_sampling(chance, share)


def test_calibration_keeps_the_order_and_mends_the_chances():
    rng = np.random.default_rng(8)
    score = rng.normal(size=20_000)
    happened = rng.random(20_000) < 1 / (1 + np.exp(2 - 0.5 * score))
    raw = 1 / (1 + np.exp(-score))
    first, second = np.arange(10_000), np.arange(10_000, 20_000)
    for one in (Platt(), Isotonic()):
        p = one.fit(score[first], happened[first]).probability(score[second])
        assert measure_calibration(happened[second], p, equal="size").error < 0.02
        assert auc(happened[second], p) == pytest.approx(auc(happened[second], raw[second]), abs=0.005)
    assert measure_calibration(happened[second], raw[second], equal="size").error > 0.2


def test_pages_are_ordered_and_paid_by_hand():
    page, score = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.9, 0.1, 0.0, 1.0])
    assert page_places(page, score).tolist() == [1, 0, 2, 1, 0]
    gain = page_gain(page, score, np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 0.5, 0.1]))
    assert gain.tolist() == [2 + 0.5 + 0.3, 5 + 2]
    assert expected_value([0.5, 0], [0.1, 1], [20, 3]).tolist() == [1.0, 0]
    with pytest.raises(ContractError, match="looks"):
        page_gain(page, score, score, np.ones(2))
    with pytest.raises(ContractError, match="NaN"):
        page_places(page, score * np.nan)
    for bad in (([0.1], [0.1], [1, 2]), ([1.1], [0.1], [1]), ([0.1], [0.1], [-1]), ([0.1], [0.1], [np.nan])):
        with pytest.raises(ContractError):
            expected_value(*bad)


def test_the_truth_foretells_what_happens(shop, shown):
    known = true_chances(shop, shown)
    clicks, buys = known.click.sum(), known.buy[shown.click].sum()
    assert abs(shown.click.sum() - clicks) < 4 * np.sqrt(clicks)
    assert abs(shown.buy.sum() - buys) < 4 * np.sqrt(buys)
    assert auc(shown.click, known.click) > 0.75
    discount = np.log(shown.price / np.array(shop.items["price"][:])[shown.item])
    assert known.buy[discount < -0.05].mean() > known.buy[discount > -0.01].mean()
    with pytest.raises(ContractError, match="position"):
        true_chances(shop, shown, Parameters(click_model="cascade"))
    with pytest.raises(ContractError, match="truth"):
        true_chances(Shop("x", shop.items, shop.queries, shop.judgements, shop.users, shop.events), shown)


def test_an_order_by_the_truth_is_worth_most(shop, shown):
    known = true_chances(shop, shown)
    worth = known.attraction * known.buy * shown.price
    best = page_gain(shown.page, worth, worth, known.look)
    rng = np.random.default_rng(9)
    for score in (rng.random(len(shown)), known.attraction, shown.price):
        assert (page_gain(shown.page, score, worth, known.look) <= best + 1e-12).all()
    as_shown = page_gain(shown.page, -shown.place, worth, known.look)
    assert as_shown.sum() == pytest.approx((known.click * known.buy * shown.price).sum())




def test_four_numbers_of_a_model(shop, shown):
    known, users = true_chances(shop, shown), shop.users["user_id"][:]
    worth = known.attraction * known.buy * shown.price
    best = measure(shown, known, users, known.click, known.attraction, worth)
    lot = np.random.default_rng(0).random(len(shown))
    other = measure(shown, known, users, lot, lot, lot)
    assert best.report["ndcg"] == pytest.approx(1) and other.report["ndcg"] < 0.95
    assert best.ece < 0.02 < other.ece and best.auc > 0.75 and abs(other.auc - 0.5) < 0.05
    for metric in ("ndcg", "money"):
        assert (best.report.per_query[metric] >= other.report.per_query[metric] - 1e-9).all()
    one = users.index(best.report.keys[0])
    pages = [page_gain(s.page, -s.place, 1_000 * worth[shown.page == p], known.look)[0]
             for p in np.unique(shown.page[shown.user == one]) for s in [shown.select(shown.page == p)]]  # fmt: skip
    as_shown = measure(shown, known, users, known.click, known.attraction, -shown.place)
    assert as_shown.report.per_query["money"][0] == pytest.approx(np.mean(pages))
    with pytest.raises(ContractError):
        measure(shown, known, users, lot[:5], lot, lot)
