"""The recommendation explorer: its first frame, its widget, and what a hostile product or id does to either."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.publishing.demos.base import BOOK
from course_lib.publishing.recommend_explorer import RecommendationExplorer
from course_lib.recommend.collaborative import ItemCosine
from course_lib.recommend.engine import RecommendationPipeline
from course_lib.recommend.sequential import SequentialRules
from course_lib.shop.interactions import Interactions

TITLES = ["red shoes", "<img src=x onerror=alert(1)> lamp", "kettle", "mug", "desk", "chair"]


@pytest.fixture
def pipeline() -> RecommendationPipeline:
    products = [{"item_id": f"i{n}", "title": title, "brand": "b<b>", "price": 10.0 + n} for n, title in enumerate(TITLES)]
    items, rng = IdMap("item", [p["item_id"] for p in products]), np.random.default_rng(0)
    users = IdMap("user", [f"u{n}" for n in range(12)])
    log = Interactions(users, items, np.repeat(np.arange(12), 3), rng.integers(0, 6, 36), np.ones(36), np.arange(36))
    return RecommendationPipeline(products, {"cosine": ItemCosine(), "rules": SequentialRules()}, None).fit(log)


def test_the_first_frame_shows_every_stage_and_runs_nothing(pipeline):
    html = RecommendationExplorer(pipeline, "u1").html()
    for name in ("in the history", "Item cosine", "Rules", "Fused", "Page", "because you looked at"):
        assert name in html
    everything = "".join(RecommendationExplorer(pipeline, user).html() for user in pipeline.interactions.active_users())
    assert "<img" not in everything and "&lt;img" in everything


def test_in_the_book_there_is_no_widget_and_in_a_notebook_there_is_one(pipeline, monkeypatch):
    explorer = RecommendationExplorer(pipeline)
    monkeypatch.setenv(BOOK, "1")
    assert set(explorer._repr_mimebundle_()) == {"text/html", "text/plain"}
    monkeypatch.delenv(BOOK)
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()


def test_the_widget_asks_again_and_leaves_the_pipeline_as_it_was(pipeline):
    box, before = RecommendationExplorer(pipeline, "u1").widget(), pipeline.display
    (user, items), (places, diversity, brand, value), table = box.children[0].children, box.children[1].children, box.children[2]
    user.value = "u2"
    assert "<strong>u2</strong>" in table.value
    user.value = "<script>"
    assert "nobody called" in table.value and "<script" not in table.value
    items.value = "i2, i3"
    assert "somebody new" in table.value and "kettle" in table.value
    brand.value = 1
    assert "has its 1 place" in table.value and "b&lt;b&gt;" in table.value
    diversity.value, places.value = 0.5, 3
    items.value = "nothing"
    assert "no product" in table.value
    assert pipeline.display is before and pipeline.by_value is False and value.disabled


def test_what_is_out_of_range(pipeline):
    for k in (0, 21, True, 2.5):
        with pytest.raises(ContractError):
            RecommendationExplorer(pipeline, "u1", k)
    with pytest.raises(UnknownIdError):
        RecommendationExplorer(pipeline, "nobody")
    with pytest.raises(ContractError, match="learned nothing"):
        RecommendationExplorer(RecommendationPipeline([{"item_id": "a"}], {"c": ItemCosine()}, None))


def test_in_chinese(pipeline, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    html = RecommendationExplorer(pipeline, "u1").html()
    assert "物品余弦" in html and "毫秒" in html
