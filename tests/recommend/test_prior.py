"""The popularity prior: what it adds, and to whom it adds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import Shop
from course_lib.core.errors import ContractError
from course_lib.recommend.collaborative import ItemCosine
from course_lib.recommend.graph import LightGCN
from course_lib.recommend.prior import PopularityPrior


@pytest.fixture(scope="module")
def events():
    return Shop.simulate(n_items=80, n_users=60, n_queries=20, events_per_user=20, seed=0).interactions()


def test_each_score_rises_by_the_weighted_log_of_the_items_users(events):
    model = LightGCN(8, 1, epochs=1).fit(events)
    prior = PopularityPrior(model, 0.3).fit(events)
    users = events.users.ids[:7]
    pairs = set(zip(events.user_rows.tolist(), events.item_rows.tolist()))
    expected = np.zeros(len(events.items))
    for row in range(len(events.items)):
        n = sum(item == row for _, item in pairs)
        expected[row] = 0.3 * np.log(n) if n else 0
    found, bare = prior.score(users), model.score(users)
    met = np.isfinite(bare)
    assert np.allclose((found - np.where(met, bare, 0))[met], np.broadcast_to(expected, met.shape)[met], atol=1e-5)
    assert (found[~met] == -np.inf).all()


def test_a_weight_of_nothing_changes_no_list_and_a_large_one_sorts_by_popularity(events):
    model = ItemCosine().fit(events)
    users = events.users.ids[:20]
    same, none = PopularityPrior(model, 0).fit(events).recommend(users, 10), model.recommend(users, 10)
    assert (same.ids == none.ids).all()
    popular = PopularityPrior(model, 1e4).fit(events)
    for user, row in zip(users, popular.recommend(users, 10).ids):
        lift = popular.lift[row[row >= 0]].tolist()
        assert lift == sorted(lift, reverse=True), user


def test_no_evidence_stays_none(events):
    model = ItemCosine(neighbours=1).fit(events)
    users = events.users.ids[:20]
    assert np.isneginf(PopularityPrior(model, 5.0).fit(events).score(users)[model.score(users) <= 0]).all()


def test_it_fits_its_model_unless_that_knows_the_very_same_events(events):
    model = ItemCosine()
    PopularityPrior(model, 1.0).fit(events)
    assert model.interactions is events
    kept = model.similarity
    PopularityPrior(model, 2.0).fit(events)
    assert model.similarity is kept
    PopularityPrior(model, 2.0).fit(events.select(np.arange(len(events)) % 2 == 0))
    assert model.similarity is not kept


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "0.1", True, None])
def test_a_weight_that_is_no_number_is_refused(weight):
    with pytest.raises(ContractError, match="finite number"):
        PopularityPrior(ItemCosine(), weight)


def test_something_else_than_a_recommender_is_refused():
    with pytest.raises(ContractError, match="the model is a dict"):
        PopularityPrior({}, 0.1)
