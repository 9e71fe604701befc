"""What the tests of the pipeline share: a small shop, and pipelines fitted on it."""

from __future__ import annotations

import pytest

from course_lib.recommend.collaborative import IALS, ItemCosine
from course_lib.recommend.engine import ChanceRanker, ContentNeighbours, RecommendationPipeline
from course_lib.recommend.sequential import SequentialRules
from course_lib.shop.shop import Shop


@pytest.fixture(scope="session")
def engine_shop() -> Shop:
    return Shop.simulate(n_items=150, n_users=150, n_queries=40, events_per_user=60, seed=0)


@pytest.fixture(scope="session")
def make_pipeline(engine_shop):
    """A small pipeline, fitted; settings over those of the tests."""

    def make(**settings) -> RecommendationPipeline:
        generators = {
            "cosine": ItemCosine(), "ials": IALS(8, 10.0, 5.0, 5), "rules": SequentialRules(),
            "new": ContentNeighbours(engine_shop.items, most_events=3),
        }  # fmt: skip
        chosen = {"generators": generators, "ranker": ChanceRanker(20, min_data_in_leaf=10), "depth": 20, **settings}
        return RecommendationPipeline.of_shop(engine_shop, **chosen)

    return make


@pytest.fixture(scope="session")
def pipeline(make_pipeline) -> RecommendationPipeline:
    """Read only: tests that change a pipeline make their own."""
    return make_pipeline()
