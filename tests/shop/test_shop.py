"""``Shop`` on small tables of known content: texts, id maps, time windows."""

import math
import subprocess
import sys

import pytest

import course_lib
from course_lib.core.errors import ContractError, DataError
from course_lib.core.tables import EVENT_KINDS, make_table
from course_lib.shop.shop import Shop

#: user, item, kind, time; "late" appears only after time 50
LOG = [
    ("ann", "b", "impression", 0), ("ann", "b", "click", 10), ("bob", "a", "click", 10), ("ann", "a", "cart", 20),
    ("bob", "c", "purchase", 30), ("bob", "b", "impression", 40), ("late", "c", "click", 50),
    ("ann", "c", "click", 50), ("late", "a", "purchase", 60), ("ann", "c", "impression", 70),
]  # fmt: skip


def shop_of(log) -> Shop:
    users, items, kinds, times = (list(column) for column in zip(*log)) if log else ([], [], [], [])
    n = len(log)
    return Shop(
        name="small",
        items=make_table("items", {
            "item_id": ["c", "a", "b"], "title": ["Red shoe", "Hat", "Coat"], "description": ["light", "", "warm"],
            "category": ["", "", ""], "brand": ["Acme", "", ""],
            "attributes": [[], [], []], "price": [1.0, 2.0, math.nan],
        }),
        queries=make_table("queries", {"query_id": ["q2", "q1"], "text": ["shoe", "hat"]}),
        judgements=make_table("judgements", {"query_id": ["q1"], "item_id": ["a"], "grade": [2]}),
        users=make_table("users", {"user_id": sorted(set(users))}),
        events=make_table("events", {
            "user_id": users, "item_id": items, "kind": kinds, "timestamp": times, "session_id": [""] * n,
            "query_id": [""] * n, "position": [-1] * n, "propensity": [math.nan] * n, "price": [1.0] * n,
        }),
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> Shop:
    return shop_of(LOG)


def events(found) -> list[tuple[str, str, int]]:
    return list(zip(found.users.take(found.user_rows), found.items.take(found.item_rows), found.timestamps.tolist()))


def test_maps_follow_the_tables(shop):
    assert shop.item_ids.kind == "item" and shop.item_ids.ids == ("c", "a", "b")
    assert shop.query_ids.kind == "query" and shop.query_ids.ids == ("q2", "q1")
    assert shop.item_ids is shop.item_ids


def test_item_texts_leave_empty_parts_out(shop):
    assert shop.item_texts == ["Red shoe. Acme. light", "Hat", "Coat. warm"]


def test_interest_is_everything_but_impressions(shop):
    found = shop.interactions()
    assert events(found) == [(u, i, t) for u, i, kind, t in LOG if kind != "impression"]
    assert found.items == shop.item_ids


@pytest.mark.parametrize(("since", "until"), [(None, 50), (10, 30), (50, None), (11, 50), (61, None), (0, 10)])
def test_window_is_closed_below_and_open_above(shop, since, until):
    low, high = (0 if since is None else since), (99 if until is None else until)
    expected = [(u, i, t) for u, i, kind, t in LOG if kind != "impression" and low <= t < high]
    found = shop.interactions(since=since, until=until)
    assert events(found) == expected
    assert list(found.users) == sorted({u for u, _, _ in expected})  # nobody from the future, or the past, has a row


def test_past_and_future_make_the_whole(shop):
    past, future = shop.interactions(until=50), shop.interactions(since=50)
    assert events(past) + events(future) == events(shop.interactions()) and "late" not in past.users
    for since in (50, 60):
        with pytest.raises(ContractError, match=rf"since \({since}\) is not before until \(50\). Swap them"):
            shop.interactions(until=50, since=since)


def test_kinds(shop):
    assert len(shop.interactions(kinds=EVENT_KINDS)) == len(LOG)
    assert events(shop.interactions(kinds=("cart",))) == [("ann", "a", 20)]
    with pytest.raises(ContractError, match="unknown kind.* of event: clicks; known are impression, click"):
        shop.interactions(kinds=("click", "clicks"))


def test_split_time_leaves_the_fraction_before_it():
    shop = shop_of([("u", "a", "click", t) for t in range(100, 200)])
    for fraction in (0.05, 0.5, 0.8, 0.99):
        moment = shop.split_time(fraction)
        assert isinstance(moment, int) and len(shop.interactions(until=moment)) == round(100 * fraction)
    for fraction in (0, 1, -0.1, 1.5, "0.8", None):
        with pytest.raises(ContractError, match="must be a number between 0 and 1"):
            shop.split_time(fraction)


def test_a_shop_without_a_log_says_so():
    empty = shop_of([])
    for ask in (empty.interactions, empty.split_time):
        with pytest.raises(DataError, match="the shop 'small' has no events. Use Shop.simulate"):
            ask()


def test_repr(shop):
    assert repr(shop) == "Shop('small': 3 items, 2 queries, 1 judgements, 3 users, 10 events)"


def test_simulate_gives_a_whole_shop():
    shop = Shop.simulate(n_items=60, n_users=20, n_queries=15, events_per_user=20, seed=3)
    assert shop.name == "simulate" and shop.truth is not None
    assert (len(shop.items), len(shop.users), len(shop.queries)) == (60, 20, 15)
    assert set(shop.judgements["item_id"]) <= set(shop.item_ids)
    assert set(shop.judgements["query_id"]) <= set(shop.query_ids)
    assert len(shop.interactions(until=shop.split_time())) > 0


def test_the_face_is_light_and_lazy():
    code = (
        "import sys, course_lib; heavy = {'torch', 'datasets', 'transformers', 'scipy', 'lightgbm'};"
        "assert not heavy & set(sys.modules); from course_lib import Shop, Ranking, evaluate, compare;"
        "assert not {'torch', 'datasets', 'transformers'} & set(sys.modules); print(Shop.__name__, evaluate.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "Shop evaluate\n", run.stderr
    assert set(course_lib.__all__) == set(course_lib.FACE)
    with pytest.raises(AttributeError, match="has no attribute 'Shelf'; its face is Shop, Ranking, evaluate, compare"):
        course_lib.Shelf


def test_a_moment_that_is_no_number_is_refused():
    shop = Shop.simulate(20, 5, 5, 20, seed=0)
    with pytest.raises(ContractError, match="until is a str.*split_time"):
        shop.interactions(until="2025-01-01")
