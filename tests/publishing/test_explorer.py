"""The search explorer: its first frame, its widget, and what a hostile product or query does to either."""

from __future__ import annotations

import pytest

from course_lib.core.errors import ContractError
from course_lib.publishing.demos.base import BOOK
from course_lib.publishing.explorer import SearchExplorer
from course_lib.search.engine import SearchEngine

PRODUCTS = [
    {"item_id": "a", "title": "red running shoes", "price": 50.0, "category": "shoes"},
    {"item_id": "b", "title": "red <img src=x onerror=alert(1)> shoes", "price": 20.0, "category": "shoes"},
    {"item_id": "c", "title": "blue kettle", "price": None},
]


@pytest.fixture
def explorer() -> SearchExplorer:
    return SearchExplorer(SearchEngine().fit(PRODUCTS), "red shoes")


def test_the_first_frame_shows_every_stage_and_runs_nothing(explorer):
    html = explorer.html()
    for name in ("Understand", "Words", "Fuse", "Rank", "Display"):
        assert name in html
    assert "<img" not in html and "&lt;img" in html and "<strong>red</strong>" in html and "20.00" in html


def test_nothing_to_search_for(explorer):
    assert "nothing to search for" in SearchExplorer(explorer.engine, "<b>!!</b>"[:0]).html()
    assert "<script" not in SearchExplorer(explorer.engine, "<script>shoes").html()


def test_in_the_book_there_is_no_widget_and_in_a_notebook_there_is_one(explorer, monkeypatch):
    monkeypatch.setenv(BOOK, "1")
    assert set(explorer._repr_mimebundle_()) == {"text/html", "text/plain"}
    monkeypatch.delenv(BOOK)
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()


def test_the_widget_asks_again_and_leaves_the_engine_as_it_was(explorer):
    before = dict(explorer.engine.weights)
    box = explorer.widget()
    query, table, price = box.children[0], box.children[3], box.children[1].children[1]
    query.value = "kettle"
    assert "kettle" in table.value and "running" not in table.value
    query.value, price.value = "shoes", 30.0
    assert "running" not in table.value and "&lt;img" in table.value
    box.children[2].children[0].value = 0.0
    assert explorer.engine.weights == before and "&lt;img" in table.value


@pytest.mark.parametrize("k", [0, 21, True, 2.5])
def test_places_out_of_range(explorer, k):
    with pytest.raises(ContractError):
        SearchExplorer(explorer.engine, "shoes", k)


def test_in_chinese(explorer, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    assert "排序" in explorer.html() and "毫秒" in explorer.html()
