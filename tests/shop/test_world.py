"""The cascade and what is counted around it: contracts, and the shop's truth as the oracle."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from course_lib import Shop
from course_lib.core.errors import ContractError, DataError
from course_lib.core.ids import IdMap
from course_lib.shop import world
from course_lib.shop.log import CART, CLICK, IMPRESSION, PURCHASE, Log, read_log
from course_lib.shop.simulator import Parameters
from course_lib.shop.world import Request, Stage

QUERY = Request("q", 0, "red shoe")


def all_of(request, rows):
    return rows


def log_of(events, *, n_users=3, n_items=4, n_queries=2) -> Log:
    """(user, item, query, kind, position, price) of each event."""
    names = ("user", "item", "query", "kind", "position", "price")
    columns = {name: np.array(column) for name, column in zip(names, zip(*events))}
    columns |= {name: np.arange(len(events)) for name in ("event", "timestamp", "session")}
    sizes = {"n_users": n_users, "n_items": n_items, "n_queries": n_queries}
    return Log(**columns, propensity=np.ones(len(events)), **sizes)


@pytest.fixture(scope="module")
def shop():
    return Shop.simulate(n_items=400, n_users=250, n_queries=80, events_per_user=100, seed=3)


@pytest.fixture(scope="module")
def log(shop):
    return read_log(shop)


@pytest.fixture(scope="module")
def judge(shop, log):
    known = Parameters()
    chances = world.true_click_chances(log, shop.truth, known.attraction_grade)
    worth = known.cart_rate * known.purchase_rate * np.asarray(shop.items["price"][:])
    return world.Judge(shop.truth.relevance, chances, shop.truth.examination, worth)


# -- the cascade ------------------------------------------------------------------------------------------------------


def test_each_stage_looks_at_what_the_one_before_kept():
    seen = []

    def backwards(request, rows):
        seen.append(rows.tolist())
        return rows[::-1]

    steps = world.cascade(QUERY, [Stage("a", backwards, 4), Stage("b", backwards, 2)], 6)
    assert seen == [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2]]
    did = [(step.name, step.looked_at, step.rows.tolist()) for step in steps]
    assert did == [("a", 6, [5, 4, 3, 2]), ("b", 4, [2, 3])]
    assert all(step.seconds >= 0 for step in steps)


def test_a_stage_that_finds_nothing_leaves_nothing():
    steps = world.cascade(QUERY, [Stage("a", lambda q, r: r[:0], 4), Stage("b", all_of, 2)], 6)
    assert [len(step.rows) for step in steps] == [0, 0]


@pytest.mark.parametrize("chosen", [[0, 0], [7], [-1]])
def test_a_stage_must_choose_from_what_it_got(chosen):
    with pytest.raises(ContractError, match="odd: the stage hands on"):
        world.cascade(QUERY, [Stage("odd", lambda q, r: np.array(chosen), 4)], 6)


@pytest.mark.parametrize("keep", [0, -1, 2.0, True, None])
def test_a_stage_keeps_a_whole_number(keep):
    with pytest.raises(ContractError, match="keeps"):
        Stage("a", all_of, keep)


def test_a_chain_needs_stages_and_products():
    for stages, n in (([], 3), ([Stage("a", all_of, 1)], 0)):
        with pytest.raises(ContractError, match="at least one of each"):
            world.cascade(QUERY, stages, n)


def test_serve_gives_a_ranking_of_the_last_step():
    items = IdMap("item", ["a", "b", "c"])
    table = np.array([[1, 3, 2], [0, 0, 5]])
    requests = [Request("q1", 0), Request("q2", 1)]
    pages = world.serve(requests, [Stage("s", world.by_table(table, above=0), 2)], items)
    assert pages.public_ids(0) == ["b", "c"] and pages.public_ids(1) == ["c"]
    assert pages.keys == IdMap("query", ["q1", "q2"]) and pages.k == 2
    users = world.serve([Request("u", 0, kind="user")], [Stage("s", all_of, 3)], items)
    assert users.keys.kind == "user"


def test_serve_refuses_what_it_cannot_name():
    items, stages = IdMap("item", ["a"]), [Stage("s", all_of, 1)]
    with pytest.raises(ContractError, match="no request"):
        world.serve([], stages, items)
    with pytest.raises(ContractError, match="queries and users"):
        world.serve([Request("q", 0), Request("u", 0, kind="user")], stages, items)
    with pytest.raises(ContractError, match="twice"):
        world.serve([Request("q", 0), Request("q", 1)], stages, items)
    with pytest.raises(ContractError, match="kind"):
        Request("s", 0, kind="session")


def test_best_first_breaks_ties_by_row_and_drops_the_excluded():
    assert world.best_first(np.array([1.0, 2.0, 1.0, -np.inf]), np.array([9, 4, 3, 1])).tolist() == [4, 3, 9]
    for scores in ([1.0], [np.nan, 1.0]):
        with pytest.raises(ContractError, match="scores"):
            world.best_first(np.array(scores), np.array([0, 1]))


def test_requests_of_a_shop(shop):
    queries, users = world.queries_of(shop), world.users_of(shop)
    assert [q.text for q in queries] == shop.queries["text"][:] and queries[5].key == shop.query_ids.ids[5]
    assert {u.kind for u in users} == {"user"} and len(users) == 250 and users[7].row == 7


# -- recall -----------------------------------------------------------------------------------------------------------


def test_words_are_runs_and_pairs_of_characters():
    assert world.words("Red shoes, size 42!") == {"red", "shoes", "size", "42"}
    assert world.words("红色跑步鞋 iPhone15") == {"红色", "色跑", "跑步", "步鞋", "iphone15"}
    assert world.words("杯") == {"杯"} and world.words(" - ") == set()


def test_match_is_the_share_of_the_weight():
    texts = ["red shoe", "red hat", "blue hat", "green scarf"]
    index = world.WordIndex(texts)

    def weight(df):
        return math.log(1 + len(texts) / df)

    both = weight(2) + weight(1)
    assert index.match("red shoe") == pytest.approx([1, weight(2) / both, 0, 0])
    unknown = weight(2) + weight(0.5)
    assert index.match("red zebra") == pytest.approx([weight(2) / unknown] * 2 + [0, 0])
    assert not index.match("").any() and not index.match("zebra").any()


def test_recall_finds_exactly_what_shares_a_word(shop):
    index = world.WordIndex(shop.item_texts)
    for request in world.queries_of(shop)[:30]:
        found = set(index.recall()(request, np.arange(400)).tolist())
        assert found == {r for r, text in enumerate(shop.item_texts) if world.words(text) & world.words(request.text)}


def test_an_index_needs_texts():
    for texts in ([], "red shoe"):
        with pytest.raises(ContractError, match="texts"):
            world.WordIndex(texts)


def test_popular_is_what_was_clicked():
    log = log_of([(0, 2, -1, CLICK, 0, 1.0), (1, 2, 0, CLICK, 1, 1.0), (1, 1, 0, CLICK, 1, 1.0),
                  (1, 3, 0, IMPRESSION, 1, 1.0)])  # fmt: skip
    assert world.recall_popular(log)(QUERY, np.arange(4)).tolist() == [2, 1, 0, 3]


def test_own_categories_come_first_and_newcomers_get_the_popular():
    events = [(0, 0, -1, CLICK, 0, 1.0)] * 2 + [(1, 2, -1, CLICK, 0, 1.0)] * 9 + [(1, 3, -1, CLICK, 0, 1.0)]
    recall = world.recall_own_categories(log_of(events), ["hats", "hats", "shoes", "shoes"], strength=0.1)
    assert recall(Request("u0", 0, kind="user"), np.arange(4))[0] == 0
    assert recall(Request("u2", 2, kind="user"), np.arange(4))[0] == 2
    with pytest.raises(ContractError, match="no user"):
        recall(QUERY, np.arange(4))


def test_own_categories_need_categories_and_clicks():
    log = log_of([(0, 0, 0, IMPRESSION, 0, 1.0)])
    with pytest.raises(ContractError, match="2 categories for 4"):
        world.recall_own_categories(log, ["a", "b"])
    with pytest.raises(ContractError, match="no click"):
        world.recall_own_categories(log, ["a"] * 4)


def test_union_takes_turns():
    a, b = (world.by_table(np.array([scores])) for scores in ([9, 8, 7, 0, 0], [0, 9, 0, 8, 7]))
    assert world.union([a, b], 3)(QUERY, np.arange(5)).tolist() == [0, 1, 3, 2, 4]
    assert world.union([a, b], 1)(QUERY, np.arange(5)).tolist() == [0, 1]
    for recalls, keep in (([], 3), ([a], 0)):
        with pytest.raises(ContractError, match="at least 1"):
            world.union(recalls, keep)


# -- the log and the funnel -------------------------------------------------------------------------------------------


def test_the_log_is_the_table(shop, log):
    assert len(log) == len(shop.events) and (log.n_items, log.n_users, log.n_queries) == (400, 250, 80)
    for row in (0, 777, len(log) - 1):
        event = shop.events[row]
        assert shop.item_ids.ids[log.item[row]] == event["item_id"]
        assert shop.users[int(log.user[row])]["user_id"] == event["user_id"]
        query = "" if log.query[row] < 0 else shop.query_ids.ids[log.query[row]]
        assert query == event["query_id"] and log.price[row] == event["price"]
        assert log.timestamp[row] == event["timestamp"]


def test_two_parts_make_the_log(shop, log):
    now = shop.split_time(0.8)
    past, future = read_log(shop, until=now), read_log(shop, since=now)
    assert np.concatenate([past.event, future.event]).tolist() == log.event.tolist()
    with pytest.raises(ContractError, match="no event"):
        read_log(shop, until=0)
    with pytest.raises(DataError, match="no events"):
        read_log(SimpleNamespace(name="x", events=[]))


def test_the_funnel_multiplies_up(log):
    found = world.funnel(log)
    steps = list(found.rates.values())
    assert math.prod(rate.value for rate in steps[:-1]) == pytest.approx(steps[-1].value)
    assert all(rate.low < rate.value < rate.high for rate in steps)
    assert found.counts["purchases"] == (log.kind == PURCHASE).sum()
    assert found.counts["money"] == pytest.approx(log.price[log.kind == PURCHASE].sum())


def test_the_funnel_by_hand():
    events = [(0, 0, 0, IMPRESSION, 0, 5.0), (0, 1, 0, IMPRESSION, 1, 8.0), (1, 1, 0, IMPRESSION, 0, 8.0),
              (1, 1, 0, CLICK, 0, 8.0), (1, 1, 0, CART, 0, 8.0), (1, 1, 0, PURCHASE, 0, 8.0)]  # fmt: skip
    rates = world.funnel(log_of(events)).rates
    assert [rate.value for rate in rates.values()] == pytest.approx([1.5, 1 / 3, 1, 1, 8, 4])
    # the customer without a purchase is drawn twice in a quarter of the resamples
    assert rates["value per page"].low == 0 and rates["value per page"].high == 8
    with pytest.raises(ContractError, match="no purchases"):
        world.funnel(log_of(events[:-1]))


def test_the_interval_of_the_funnel_covers_where_users_differ():
    """Each user has a click rate of his own: the interval over users covers the mean, one over events would not."""
    random, covered, too_narrow = np.random.default_rng(0), 0, 0
    for turn in range(60):
        events = [(0, 0, 0, kind, 0, 1.0) for kind in (CART, PURCHASE)]
        for user, chance in enumerate(random.beta(0.5, 1.5, size=80)):
            clicks = int((random.random(20) < chance).sum())
            events += [(user, 0, 0, IMPRESSION, 0, 1.0)] * 20 + [(user, 0, 0, CLICK, 0, 1.0)] * clicks
        rate = world.funnel(log_of(events, n_users=80), seed=turn).rates["clicks per impression"]
        covered += rate.low <= 0.25 <= rate.high
        too_narrow += abs(rate.value - 0.25) > 1.96 * math.sqrt(0.25 * 0.75 / 1600)
    assert covered >= 52 and too_narrow > 60 - covered + 5


def test_clicks_by_position_are_counted():
    events = [(0, 0, 0, IMPRESSION, 0, 1.0), (0, 1, 0, IMPRESSION, 2, 1.0), (1, 1, 0, IMPRESSION, 0, 1.0),
              (1, 1, 0, CLICK, 0, 1.0), (1, 1, -1, CLICK, -1, 1.0)]  # fmt: skip
    rate, low, high = world.clicks_by_position(log_of(events))
    assert rate[[0, 2]].tolist() == [0.5, 0.0] and np.isnan(rate[1])
    assert low[0] == 0 and high[0] == 1 and np.isnan([low[1], high[1]]).all()
    with pytest.raises(ContractError, match="no impression"):
        world.clicks_by_position(log_of([(0, 0, 0, CLICK, 0, 1.0)]))


def test_random_pages_show_the_examination_curve(shop, log):
    shuffled = log.select(shop.truth.randomised[log.event])
    rate, low, high = world.clicks_by_position(shuffled)
    shown = shuffled.kind == IMPRESSION
    expected = shop.truth.examination * shop.truth.attraction[shuffled.event[shown]].mean()
    assert ((low <= expected) & (expected <= high)).mean() >= 0.7


# -- clicks over expected clicks --------------------------------------------------------------------------------------


def test_rates_by_hand():
    events = [(0, 0, 0, IMPRESSION, 0, 1.0), (0, 1, 0, IMPRESSION, 1, 1.0), (1, 1, -1, IMPRESSION, 0, 1.0),
              (1, 0, -1, IMPRESSION, 1, 1.0), (1, 1, -1, CLICK, 0, 1.0)]  # fmt: skip
    rates = world.fit_click_rates(log_of(events), strength=1.0)
    assert rates.first_place == 0.5  # place 1 never got a click
    assert rates.by_item == pytest.approx([1 / 1.5, 2 / 1.5, 1, 1])
    of_query = rates.of(Request("q", 0), np.array([1, 0]))
    assert of_query == pytest.approx([(2 / 1.5) / 1, (1 / 1.5) / 1.5])
    assert rates.of(Request("u", 0, kind="user"), np.array([1, 0])) == pytest.approx([2 / 1.5, 1 / 1.5])


def test_rates_correct_for_places(shop, log):
    """Items that the production ranker puts low must not look unattractive; the plain click rate says they are."""
    rates = world.fit_click_rates(log, strength=2.0)
    shown = log.kind == IMPRESSION
    times = np.bincount(log.item[shown], minlength=400)
    wanted = np.bincount(log.item[shown], weights=shop.truth.attraction[log.event[shown]], minlength=400)
    plain = np.bincount(log.item[log.kind == CLICK], minlength=400) / np.maximum(times, 1)
    often = times > 100
    attraction = wanted[often] / times[often]
    assert often.sum() > 30
    ours, theirs = (np.corrcoef(x[often], attraction)[0, 1] for x in (rates.by_item, plain))
    assert ours > theirs + 0.02


def test_ranking_by_clicks_and_by_money():
    events = [(0, i, 0, IMPRESSION, 0, 1.0) for i in range(4) for _ in range(20)]
    events += [(0, 0, 0, CLICK, 0, 1.0)] * 12 + [(0, 1, 0, CLICK, 0, 1.0)] * 6
    rates, same = world.fit_click_rates(log_of(events)), world.match_by_table(np.ones((2, 4)))
    assert rates.rank(same)(QUERY, np.arange(2)).tolist() == [0, 1]
    dear = rates.rank(same, prices=[1.0, 9.0, 1.0, 1.0], buys_per_click=0.1)
    assert dear(QUERY, np.arange(2)).tolist() == [1, 0]
    fits = world.match_by_table(np.array([[0.1, 1.0, 0, 0]] * 2), sharpness=1.0)
    assert rates.rank(fits)(QUERY, np.arange(2)).tolist() == [1, 0]
    with pytest.raises(ContractError, match="2 prices for 4"):
        rates.rank(same, prices=[1.0, 2.0])


def test_rates_refuse_what_they_cannot_count():
    shown = (0, 0, 0, IMPRESSION, 0, 1.0)
    for events in ([shown], [(0, 0, 0, CLICK, 0, 1.0)], [(0, 0, 0, IMPRESSION, -1, 1.0), (0, 0, 0, CLICK, -1, 1.0)]):
        with pytest.raises(ContractError, match="no impression or no click"):
            world.fit_click_rates(log_of(events))
    with pytest.raises(ContractError, match="strength"):
        world.fit_click_rates(log_of([shown, (0, 0, 0, CLICK, 0, 1.0)]), strength=0)
    for fits in ([[1.5]], [[-0.1]], [[np.nan]]):
        with pytest.raises(ContractError, match="0–1"):
            world.match_by_table(np.array(fits))


# -- display ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_display_keeps_its_rules_and_passes_over_no_one_else(seed):
    random = np.random.default_rng(seed)
    n, limit = 40, int(random.integers(1, 4))
    brands = [("", "a", "b", "c")[b] for b in random.integers(4, size=n)]
    stock, rows = random.random(n) < 0.8, random.permutation(n)[:30]
    kept = world.DisplayRules(brands, stock, limit)(QUERY, rows)
    assert kept.tolist() == [row for row in rows if row in set(kept.tolist())]  # the order stands
    assert stock[kept].all()
    for dropped in np.setdiff1d(rows, kept):
        above = [row for row in kept if np.flatnonzero(rows == row) < np.flatnonzero(rows == dropped)]
        full = brands[dropped] and sum(brands[row] == brands[dropped] for row in above) == limit
        assert not stock[dropped] or full
    for brand in "abc":
        assert sum(brands[row] == brand for row in kept) <= limit


def test_display_without_rules_changes_nothing():
    rows = np.array([3, 0, 2])
    assert world.DisplayRules(["a"] * 4)(QUERY, rows).tolist() == [3, 0, 2]
    assert world.DisplayRules(["a"] * 4)(QUERY, rows[:0]).tolist() == []
    with pytest.raises(ContractError, match="stock"):
        world.DisplayRules(["a"] * 4, np.ones(3, dtype=bool))
    with pytest.raises(ContractError, match="per_brand"):
        world.DisplayRules(["a"], None, 0)


# -- the judge --------------------------------------------------------------------------------------------------------


def test_true_chances_reproduce_the_attraction_of_the_log(shop, log):
    """Where the grade is the impression's own, the mean over a product's impressions is the mean attraction."""
    known = Parameters()
    chances = world.true_click_chances(log, shop.truth, known.attraction_grade)
    assert not chances[0].any() and (np.diff(chances, axis=0) > 0).all() and (chances[1:] < 1).all()
    asked = (log.kind == IMPRESSION) & (log.query >= 0)
    grade = np.asarray(shop.truth.relevance[log.query[asked], log.item[asked]]).ravel()
    assert grade.min() >= 1  # grade 0 is never shown on a search page
    once = [i for i in np.unique(log.item[asked]) if len(set(grade[log.item[asked] == i])) == 1]
    assert len(once) > 10
    for item in once[:20]:
        own = log.item[asked] == item
        expected = shop.truth.attraction[log.event[asked][own]].astype(float).mean()
        assert chances[grade[own][0], item] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ContractError, match="search page"):
        world.true_click_chances(log.select(log.query < 0), shop.truth, 0.8)


def test_a_shift_moves_the_chances_of_its_product_alone(shop, log):
    """+ log 2 doubles the odds: a product whose appeal has risen by that much, and the others, which stay."""
    before = world.true_click_chances(log, shop.truth, 0.8)
    item = np.unique(log.item[log.query >= 0])[0]
    after = world.true_click_chances(log, shop.truth, 0.8, shift=np.where(log.item == item, np.log(2.0), 0.0))
    assert (after[1:, item] > before[1:, item]).all()
    assert (after[1:, item] < 2 * before[1:, item]).all()  # twice the odds are less than twice the chance
    seen = np.setdiff1d(log.item[(log.query >= 0) & (log.kind == IMPRESSION)], [item])
    assert after[:, seen] == pytest.approx(before[:, seen])


def test_a_product_never_shown_gets_the_mean_of_its_leaf(shop, log):
    leaf = shop.truth.item_leaf
    item = next(i for i in np.unique(log.item[log.query >= 0]) if (leaf == leaf[i]).sum() > 2)
    chances = world.true_click_chances(log.select(log.item != item), shop.truth, 0.8)
    asked = log.select((log.item != item) & (log.kind == IMPRESSION) & (log.query >= 0))
    same = asked.item[leaf[asked.item] == leaf[item]]
    expected = chances[:, same].mean(axis=1) if len(same) else None
    assert expected is not None and chances[:, item] == pytest.approx(expected)


def test_value_by_hand():
    judge = world.Judge(
        csr_matrix(np.array([[3, 1, 0]], dtype=np.int8)), np.array([[0, 0, 0], [0.1, 0.2, 0.3], [0.2] * 3, [0.5] * 3]),
        np.array([1.0, 0.5]), np.array([2.0, 10.0, 5.0]),
    )  # fmt: skip
    items = IdMap("item", "abc")
    pages = world.serve([QUERY], [Stage("s", lambda q, r: np.array([1, 0]), 2)], items)
    assert judge.value(pages, np.array([0])).tolist() == [0.2 * 10 * 1.0 + 0.5 * 2 * 0.5]
    assert judge.by_money()(QUERY, np.arange(3)).tolist() == [1, 0, 2]
    assert judge.by_grade()(QUERY, np.arange(3)).tolist() == [0, 1]
    long = world.serve([QUERY], [Stage("s", all_of, 3)], items)
    for ranking, queries in ((pages, np.array([0, 0])), (long, np.array([0]))):
        with pytest.raises(ContractError, match="places for lists"):
            judge.value(ranking, queries)


def test_the_judge_foretells_the_clicks_of_the_log(shop, log, judge):
    """Σ looks · P(click | look) over the search impressions is about the number of clicks that came."""
    asked = log.select(log.query >= 0)
    shown = asked.kind == IMPRESSION
    grade = np.asarray(shop.truth.relevance[asked.query[shown], asked.item[shown]]).ravel()
    expected = (judge.examination[asked.position[shown]] * judge.chances[grade, asked.item[shown]]).sum()
    assert expected == pytest.approx((asked.kind == CLICK).sum(), rel=0.06)


def test_no_order_of_the_same_products_beats_that_by_money(shop, judge):
    random, requests = np.random.default_rng(0), world.queries_of(shop)[:20]
    rows = np.arange(20)
    found = random.integers(400, size=10)
    candidates = lambda q, r: np.unique(found)  # noqa: E731
    best, other = (
        judge.value(world.serve(requests, [Stage("c", candidates, 10), Stage("o", order, 10)], shop.item_ids), rows)
        for order in (judge.by_money(), lambda q, r: random.permutation(r))
    )
    assert (best >= other - 1e-12).all()


# -- losses and costs -------------------------------------------------------------------------------------------------


def test_what_is_lost_never_comes_back(shop, judge):
    index, rules = world.WordIndex(shop.item_texts), world.DisplayRules(shop.items["brand"][:], None, 1)
    stages = [Stage("recall", index.recall(), 50), Stage("rank", judge.by_money(), 20), Stage("display", rules, 10)]
    requests = world.queries_of(shop)
    wanted = [np.flatnonzero(shop.truth.relevance[r.row].toarray()[0] >= 2) for r in requests]
    some = [r for r in requests if len(wanted[r.row])]
    left = world.stage_losses(some, stages, [wanted[r.row] for r in some], 400, places=10)
    assert left.shape == (len(some), 3) and left.min() >= 0 and left.max() <= 1
    assert (np.diff(left, axis=1) <= 0).all() and left[:, 2].mean() < left[:, 0].mean()
    whole = [Stage("all", all_of, 400)]
    assert (world.stage_losses(some, whole, [wanted[r.row] for r in some], 400, places=10) == 1).all()


def test_losses_by_hand():
    stages = [Stage("a", all_of, 5), Stage("b", lambda q, r: r[3:], 9)]
    left = world.stage_losses([QUERY, QUERY], stages, [np.array([0, 1, 4, 7]), np.array([9])], 10, places=2)
    assert left.tolist() == [[1.0, 0.5], [0.0, 0.0]]
    with pytest.raises(ContractError, match="nothing is wanted"):
        world.stage_losses([QUERY], stages, [np.array([], dtype=int)], 10, places=2)
    for wanted, places in (([], 2), ([np.array([1])], 0)):
        with pytest.raises(ContractError, match="sets of wanted"):
            world.stage_losses([QUERY], stages, wanted, 10, places=places)


def test_a_cascade_pays_for_what_it_looks_at():
    cost = world.cascade_cost([1000, 200, 50], [1e-6, 1e-5, 1e-2])
    assert cost.by_stage == pytest.approx((1e-3, 2e-3, 0.5)) and cost.seconds == pytest.approx(0.503)
    assert cost.money(3.6) == pytest.approx(0.503)
    for looks, each in (([], []), ([1], [1.0, 2.0]), ([5, 9], [1.0, 1.0]), ([5, -1], [1.0, 1.0]), ([5], [-1.0])):
        with pytest.raises(ContractError):
            world.cascade_cost(looks, each)


def test_seconds_are_measured_per_product(monkeypatch):
    clock = iter([0.0, 3.0, 10.0, 12.0, 20.0, 24.0])
    monkeypatch.setattr("course_lib.shop.world.cost.perf_counter", lambda: next(clock))
    calls = []
    assert world.seconds_per_item(lambda: calls.append(1), 4) == 0.5 and len(calls) == 4
    for n, repeats in ((0, 1), (1, 0)):
        with pytest.raises(ContractError, match="at least 1"):
            world.seconds_per_item(lambda: None, n, repeats=repeats)


def test_the_same_seed_gives_the_same_numbers(log):
    one, two, other = world.funnel(log), world.funnel(log), world.funnel(log, seed=1)
    assert one == two and one.rates != other.rates
    assert {n: r.value for n, r in one.rates.items()} == {n: r.value for n, r in other.rates.items()}
