"""Interactions: joined by id, ordered by time, and impossible to transpose by mistake."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.shop.interactions import Interactions

ITEMS = IdMap("item", [f"i{n}" for n in range(6)])
events = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(ITEMS.ids), st.integers(0, 9)), max_size=30)


def of(log, **options) -> Interactions:
    users, items, times = zip(*log) if log else ((), (), ())
    return Interactions.from_ids(users, items, items=ITEMS, timestamps=np.array(times, dtype=np.int64), **options)


def back(found: Interactions) -> list[tuple[str, str, int]]:
    return list(zip(found.users.take(found.user_rows), found.items.take(found.item_rows), found.timestamps.tolist()))


@given(events)
def test_events_come_back_in_stable_time_order(log):
    found = of(log)
    assert back(found) == sorted(log, key=lambda event: event[2]) and len(found) == len(log)
    assert list(found.users) == sorted({user for user, _, _ in log}) and found.items is ITEMS
    assert found.active_users() == list(found.users)
    types = [found.user_rows.dtype, found.item_rows.dtype, found.weights.dtype, found.timestamps.dtype]
    assert types == [np.int64, np.int64, np.float32, np.int64] and (found.weights == 1).all()


@given(events)
def test_matrix_adds_repeated_events(log):
    found = of(log)
    matrix = found.matrix
    assert matrix.shape == (len(found.users), 6) and matrix.dtype == np.float32
    for user in found.users:
        for item in ITEMS:
            n = sum((u, i) == (user, item) for u, i, _ in log)
            assert matrix[found.users.rows([user])[0], ITEMS.rows([item])[0]] == n
    assert found.matrix is matrix


@settings(max_examples=60)
@given(events, events)
def test_without_keeps_what_is_new_to_each_user(log, seen):
    # The two user maps differ in their rows: only a join by public id gets this right.
    known = {(user, item) for user, item, _ in seen}
    kept = of(log).without(of(seen))
    assert back(kept) == [e for e in sorted(log, key=lambda e: e[2]) if e[:2] not in known]
    assert kept.users == of(log).users


@given(events, st.sets(st.sampled_from("abcxyz")))
def test_of_users(log, wanted):
    kept = of(log).of_users(wanted)
    assert back(kept) == [e for e in sorted(log, key=lambda e: e[2]) if e[0] in wanted]
    assert kept.active_users() == sorted({e[0] for e in log} & wanted)


def test_whole_number_ids_select_users_too():
    found = Interactions.from_ids([7, 8, 7], ["i0", "i1", "i2"], items=ITEMS)
    assert len(found.of_users([7])) == 2 and len(found.of_users(np.array([8]))) == 1
    with pytest.raises(ContractError, match="got the text 'ab'"):
        of([("ab", "i0", 0)]).of_users("ab")


def test_weights_travel_with_their_event():
    found = Interactions.from_ids("aba", ["i0", "i1", "i0"], items=ITEMS, weights=[1, 2, 4], timestamps=[3, 2, 1])
    assert found.weights.tolist() == [4, 2, 1] and found.matrix[0, 0] == 5
    assert found.of_users(["a"]).weights.tolist() == [4, 1]


def test_a_given_user_map_stands():
    users = IdMap("user", ["idle", "b", "a"])
    found = of([("a", "i0", 1)], users=users)
    assert found.users is users and found.user_rows.tolist() == [2] and found.active_users() == ["a"]
    with pytest.raises(UnknownIdError, match="1 user id.* 'z'"):
        of([("z", "i0", 1)], users=users)
    with pytest.raises(UnknownIdError, match="1 item id.* 'z'"):
        of([("a", "z", 1)], users=users)


def test_repr():
    assert repr(of([("a", "i0", 1), ("b", "i0", 1)])) == "Interactions(2 events, 2 users × 6 items)"


USERS, ONE = IdMap("user", ["u", "v"]), np.zeros(1, dtype=np.int64)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((ITEMS, USERS, ONE, ONE, ONE, ONE), "got a map of item ids where user ids belong"),
        ((USERS, USERS, ONE, ONE, ONE, ONE), "got a map of user ids where item ids belong"),
        ((USERS, ITEMS, ONE, np.zeros(2, dtype=int), ONE, ONE), "must have one length"),
        ((USERS, ITEMS, ONE, ONE, ONE, np.zeros((1, 1), dtype=int)), "must have one length"),
        ((USERS, ITEMS, ONE + 2, ONE, ONE, ONE), "a row lies outside the 2 user rows"),
        ((USERS, ITEMS, ONE, ONE - 1, ONE, ONE), "a row lies outside the 6 item rows"),
        ((USERS, ITEMS, ONE + 0.5, ONE, ONE, ONE), "user rows are float64, not integers"),
        ((USERS, ITEMS, ONE, ONE, ONE, np.array(["2020-01-01"])), "timestamps are <U10, not seconds"),
    ],
)
def test_refuses(arguments, says):
    with pytest.raises(ContractError) as error:
        Interactions(*arguments)
    assert says in str(error.value)


def test_other_refusals():
    with pytest.raises(ContractError, match="2 user ids for 1 item ids"):
        Interactions.from_ids(["a", "b"], ["i0"], items=ITEMS)
    other = Interactions.from_ids(["a"], ["i0"], items=IdMap("item", ["i0"]))
    with pytest.raises(ContractError, match="different catalogues"):
        of([("a", "i0", 1)]).without(other)
