"""Id maps: a bijection of one kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap


@given(st.lists(st.text(), unique=True), st.randoms())
def test_rows_and_take_are_inverse(ids, random):
    ids_map = IdMap("item", ids)
    assert len(ids_map) == len(ids) and list(ids_map) == ids and all(i in ids_map for i in ids)
    chosen = [random.choice(ids) for _ in range(7)] if ids else []
    rows = ids_map.rows(chosen)
    assert rows.dtype == np.int64 and rows.shape == (len(chosen),)
    assert ids_map.take(rows) == chosen and [ids[r] for r in rows] == chosen


def test_whole_numbers_are_ids_too_everywhere():
    users = IdMap("user", [3, np.int64(5), "7"])
    assert users.ids == ("3", "5", "7")
    assert users.rows([7, "3", np.int32(5)]).tolist() == [2, 0, 1]
    assert 5 in users and "5" in users and np.int64(7) in users and 4 not in users and True not in users


@pytest.mark.parametrize("wrong", [1.0, None, True, b"x", ("a",)])
def test_other_types_are_no_ids(wrong):
    with pytest.raises(ContractError, match="a item id is a "):
        IdMap("item", ["a", wrong])
    with pytest.raises(ContractError, match="not a string"):
        IdMap("item", ["a"]).rows([wrong])


def test_duplicates_are_refused():
    with pytest.raises(ContractError, match="item id 'b' occurs twice"):
        IdMap("item", ["a", "b", "c", "b"])
    with pytest.raises(ContractError, match="item id '1' occurs twice"):
        IdMap("item", ["1", 1])


def test_unknown_ids_are_counted_and_named():
    with pytest.raises(UnknownIdError) as error:
        IdMap("user", ["a", "b"]).rows(["x", "a", "y", "z", "w"])
    assert "4 user id(s) are unknown: 'x', 'y', 'z'." in str(error.value) and "holds 2 user ids" in str(error.value)


def test_a_text_is_not_a_list_of_ids():
    with pytest.raises(ContractError, match="got the text 'ab' where item ids belong"):
        IdMap("item", ["a", "b"]).rows("ab")


@pytest.mark.parametrize("rows", [[-1], [2], [0, 5], np.array([[0, -1]])])
def test_take_refuses_rows_outside(rows):
    with pytest.raises(ContractError, match="outside the 2 item rows"):
        IdMap("item", ["a", "b"]).take(rows)


@pytest.mark.parametrize("rows", [[0.0], np.array([True, False])])
def test_take_refuses_what_is_no_row(rows):
    with pytest.raises(ContractError, match="not integers"):
        IdMap("item", ["a", "b"]).take(rows)


def test_kind_is_checked():
    users = IdMap("user", ["a"])
    assert users.expect("user") is users
    with pytest.raises(ContractError, match="got a map of user ids where item ids belong"):
        users.expect("item")


def test_equality_is_by_kind_ids_and_order():
    assert IdMap("item", "ab") == IdMap("item", ["a", "b"])
    assert IdMap("item", "ab") != IdMap("item", "ba")
    assert IdMap("item", "ab") != IdMap("user", "ab")
    assert IdMap("item", "ab") != ["a", "b"]
    with pytest.raises(TypeError):
        hash(IdMap("item", "ab"))
    assert repr(IdMap("item", "abcd")) == "IdMap('item', 4 ids: a, b, c, …)"
    assert IdMap("item", []).rows([]).shape == (0,) and IdMap("item", []).take([]) == []
