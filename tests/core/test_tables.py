"""Tables keep their schema, or say which row breaks it."""

import math

import numpy as np
import pytest
from datasets import Dataset

from course_lib.core.errors import DataError
from course_lib.core.tables import EVENT_KINDS, SCHEMAS, check_table, make_table

ROW = {
    "items": {"item_id": "a", "title": "t", "description": "", "category": "x > y", "brand": "b",
              "attributes": [{"name": "colour", "value": "red"}], "price": 1},
    "queries": {"query_id": "q", "text": "t"},
    "judgements": {"query_id": "q", "item_id": "a", "grade": 3},
    "users": {"user_id": "u"},
    "events": {"user_id": "u", "item_id": "a", "kind": "click", "timestamp": 5, "session_id": "s", "query_id": "",
               "position": 0, "propensity": math.nan, "price": 2.5},
}  # fmt: skip
ID = {"items": "item_id", "queries": "query_id", "users": "user_id"}


def columns(name: str, *rows: dict) -> dict[str, list]:
    return {column: [row[column] for row in rows] for column in ROW[name]}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_has_the_columns_and_types_of_its_schema(name):
    for rows in ((), (ROW[name],)):
        table = make_table(name, columns(name, *rows))
        assert len(table) == len(rows) and table.column_names == list(SCHEMAS[name])
        for column, kind in SCHEMAS[name].items():
            if kind != "list[attribute]":
                assert table.features[column].dtype == kind
        assert check_table(name, table) is table
        if rows and name != "events":  # NaN isn't equal to itself
            assert table[0] == rows[0]


def test_further_columns_are_kept():
    table = make_table("users", {"user_id": ["u", "v"], "budget": [1.5, 2.5]})
    assert table["budget"][:] == [1.5, 2.5] and table.features["budget"].dtype == "float64"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_needed(name):
    for column in SCHEMAS[name]:
        short = {c: v for c, v in columns(name, ROW[name]).items() if c != column}
        with pytest.raises(DataError, match=f"the {name} table lacks the column.* {column}"):
            make_table(name, short)
        with pytest.raises(DataError, match=f"lacks the column.* {column}"):
            check_table(name, Dataset.from_dict({"unrelated": [1], **short}))


@pytest.mark.parametrize("name", ID)
def test_ids_are_unique_and_present(name):
    other, gone = {**ROW[name], ID[name]: "z"}, {**ROW[name], ID[name]: None}
    with pytest.raises(DataError, match=f"{name}, row 2: .* stands already in row 0"):
        make_table(name, columns(name, ROW[name], other, ROW[name]))
    with pytest.raises(DataError, match=f"{name}, row 1: an id is missing"):
        make_table(name, columns(name, ROW[name], gone))


def test_a_pair_is_judged_once():
    one = ROW["judgements"]
    make_table("judgements", columns("judgements", one, {**one, "item_id": "b"}, {**one, "query_id": "r"}))
    with pytest.raises(DataError, match="judgements, row 1: 'q / a' stands already in row 0"):
        make_table("judgements", columns("judgements", one, {**one, "grade": 0}))
    with pytest.raises(DataError, match="judgements, row 0: an id is missing"):
        make_table("judgements", columns("judgements", {**one, "item_id": None}))


@pytest.mark.parametrize("grade", [-1, 4, None])
def test_grades_are_0_to_3(grade):
    with pytest.raises(DataError, match=f"judgements, row 1: grade {grade} is outside 0–3"):
        rows = ROW["judgements"], {"query_id": "q", "item_id": "b", "grade": grade}
        make_table("judgements", columns("judgements", *rows))


def test_kinds_of_events_are_known():
    rows = [{**ROW["events"], "kind": kind} for kind in (*EVENT_KINDS, "look")]
    with pytest.raises(DataError, match="events: unknown kind.* of event: look"):
        make_table("events", columns("events", *rows))


@pytest.mark.parametrize(
    "change",
    [{"price": [1.0, 2.0]}, {"attributes": [3]}, {"title": ["\ud800"]}],
)
def test_what_arrow_refuses_is_a_data_error(change):
    with pytest.raises(DataError, match="the items table: "):
        make_table("items", {**columns("items", ROW["items"]), **change})


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("items", "item_id", 7), ("items", "title", ["t"]), ("items", "title", {"a": 1}), ("items", "price", "cheap"),
        ("items", "price", True), ("events", "timestamp", 1.5), ("events", "timestamp", "3"),
        ("judgements", "grade", 1.5), ("judgements", "grade", 1.0), ("judgements", "grade", True),
        ("events", "kind", b"click"),
    ],
)  # fmt: skip
def test_nothing_is_converted_silently(name, column, value):
    good, bad = ROW[name], {**ROW[name], column: value}
    with pytest.raises(DataError, match=f"{name}, row 1: {column} is of type {type(value).__name__}, not "):
        make_table(name, columns(name, good, bad))


def test_numpy_arrays_are_columns_too():
    arrays = {"query_id": np.array(["q", "r"]), "item_id": np.array(["a", "b"], dtype=object)}
    arrays["grade"] = np.array([1, 3], dtype=np.int8)
    table = make_table("judgements", arrays)
    assert table.to_dict() == {"query_id": ["q", "r"], "item_id": ["a", "b"], "grade": [1, 3]}
    with pytest.raises(DataError, match="judgements, row 0: grade is of type float32, not int64"):
        make_table("judgements", {**arrays, "grade": np.array([1, 3], np.float32)})


def test_a_whole_number_must_fit():
    with pytest.raises(DataError, match="the events table: "):
        make_table("events", {**columns("events", ROW["events"]), "timestamp": [2**70]})
