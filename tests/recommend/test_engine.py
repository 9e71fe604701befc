"""``RecommendationPipeline``: held against its parts, its trace against its lists, and what is new or wrong."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError, UnknownIdError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD
from course_lib.recommend.base import Recommender
from course_lib.recommend.collaborative import BPR, EASE, IALS, ItemCosine, Popularity, because
from course_lib.recommend.engine import ChanceRanker, ContentNeighbours, Display, RecommendationPipeline, UnteachableError, fold_in
from course_lib.recommend.engine.features import RequestFeatures
from course_lib.recommend.engine.page import Composer
from course_lib.recommend.engine.products import catalogue_of
from course_lib.recommend.engine.reasons import reasons_for
from course_lib.recommend.graph import LightGCN
from course_lib.recommend.ranking import Candidates, Catalogue, expected_value, pair_features
from course_lib.recommend.sequential import RecentCosine, SASRec, SequentialRules
from course_lib.search.retrieval import reciprocal_rank_fusion
from course_lib.shop.interactions import Interactions


def history_of(log: Interactions, user: str) -> tuple[list[str], list[int]]:
    events = np.flatnonzero(log.user_rows == log.users.rows([user])[0])
    return log.items.take(log.item_rows[events]), log.timestamps[events].tolist()


# -- held against its parts -------------------------------------------------------------------------------------------
def test_one_generator_without_a_ranker_is_that_generator(engine_shop):
    log = engine_shop.interactions()
    for model in (ItemCosine(), IALS(8, iterations=3), SequentialRules(), EASE(20.0), Popularity(30)):
        alone = copy.deepcopy(model).fit(log)
        ours = RecommendationPipeline(engine_shop.items, {"one": model}, None).fit(log)
        users = log.active_users()
        for seen in (True, False):
            a, b = alone.recommend(users, 12, exclude_seen=seen), ours.recommend(users, 12, exclude_seen=seen, block=7)
            np.testing.assert_array_equal(a.ids, b.ids)
            np.testing.assert_array_equal(a.scores, b.scores)


def test_several_without_a_ranker_are_the_fusion_by_places(engine_shop):
    log = engine_shop.interactions()
    models = {"cosine": ItemCosine(), "rules": SequentialRules()}
    ours = RecommendationPipeline(engine_shop.items, models, None, depth=30).fit(log).recommend(log.active_users(), 10)
    lists = [model.fit(log).recommend(log.active_users(), 30) for model in models.values()]
    np.testing.assert_allclose(ours.scores, reciprocal_rank_fusion(lists, 10).scores, rtol=1e-6)


def test_features_of_a_request_are_those_of_the_second_stage(pipeline, engine_shop):
    users = pipeline.interactions.active_users()[:40]
    pairs = Candidates.from_recommenders(pipeline.generators, users, 20)
    vectors = np.random.default_rng(0).standard_normal((150, 5))
    catalogue = Catalogue.from_items(engine_shop.items, vectors)
    expected = pair_features(pairs, pipeline.generators, pipeline.interactions, catalogue)
    rows = pipeline.interactions.users.rows(users)
    within = Candidates(np.searchsorted(rows, pairs.user_rows), pairs.item_rows, pairs.places)
    scores = {name: model.score(users) for name, model in pipeline.generators.items()}
    events = np.bincount(pipeline.interactions.user_rows)[rows]
    ours = RequestFeatures.of(catalogue, pipeline.interactions)(within, scores, pipeline.interactions.matrix[rows], events)
    assert list(ours) == list(expected)
    for name, column in expected.items():
        np.testing.assert_allclose(ours[name], column, rtol=1e-5, atol=1e-6, err_msg=name)


def test_chances_order_the_list_and_a_list_does_not_depend_on_who_else_is_asked(pipeline):
    users = pipeline.interactions.active_users()
    together = pipeline.recommend(users, 10)
    for row in (0, 7, 50):
        alone = pipeline.recommend([users[row]], 10)
        np.testing.assert_array_equal(alone.ids[0], together.ids[row])
    shown = together.scores[together.ids != PAD]
    assert (shown > 0).all() and (shown < 1).all()
    held = pipeline.ranker.training
    assert held["positives"] > 0 and held["calibration_positives"] > 0 and 0 < pipeline.candidate_recall <= 1


def test_chances_are_true_on_average_where_they_were_calibrated():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(40_000)
    happened = rng.random(40_000) < 0.1 / (1 + np.exp(-2 * x))
    half = {"x": x[:20_000]}, {"x": x[20_000:]}
    ranker = ChanceRanker(30, most_pairs=3_000).fit(half[0], happened[:20_000])
    said = ranker.calibrate(half[1], happened[20_000:]).chance(half[1])
    assert abs(said.mean() - happened[20_000:].mean()) < 0.002
    raw = 1 / (1 + np.exp(-ranker.margin(half[1])))
    assert raw.mean() > 2 * said.mean()  # the negatives that were dropped are put right


def test_the_score_matrix_is_the_list_before_the_page(pipeline):
    users = pipeline.interactions.active_users()[:5]
    scores = pipeline.score(users)
    listed = pipeline.recommend(users, 5, exclude_seen=False)
    np.testing.assert_array_equal(np.take_along_axis(scores, listed.ids, axis=1), listed.scores)
    assert (scores == -np.inf).any() and isinstance(pipeline, Recommender)


def test_no_answer_of_the_future_is_in_the_examples(engine_shop, make_pipeline, monkeypatch):
    """Events after a part begins change nothing of what the ranker sees of that part but the labels."""
    taught = []
    original = RecommendationPipeline.examples

    def spy(self, models, past, labels):
        taught.append((past.timestamps.max(), labels.timestamps.min()))
        assert all(model.interactions is past for model in models.values())
        return original(self, models, past, labels)

    monkeypatch.setattr(RecommendationPipeline, "examples", spy)
    make_pipeline(moments=2)
    assert len(taught) == 3 and all(past < label for past, label in taught)
    assert sorted(taught) == taught


def test_by_value_the_order_is_chance_times_price(make_pipeline, pipeline):
    rich = make_pipeline(by_value=True)
    user = rich.interactions.active_users()[3]
    rows = rich.explain(user, 8)["rank"].rows
    prices = {p["item_id"]: p["price"] for p in rich.products}
    chances = np.array([row["chance"] for row in rows])
    price = np.array([prices[row["item_id"]] for row in rows])
    worth = expected_value(chances, np.full(len(rows), rich.buy_rate), price)
    np.testing.assert_allclose([row["score"] for row in rows], worth, rtol=1e-5)
    assert (np.diff(worth) <= 1e-9).all() and 0 < rich.buy_rate < 1
    with pytest.raises(ContractError, match="purchases"):
        RecommendationPipeline(rich.products, by_value=True).fit(rich.interactions)
    with pytest.raises(ContractError, match="needs chances"):
        RecommendationPipeline(rich.products, ranker=None, by_value=True)


# -- the trace --------------------------------------------------------------------------------------------------------
def test_the_trace_agrees_with_the_list_and_with_the_generators(pipeline):
    for user in pipeline.interactions.active_users()[:20]:
        trace, listed = pipeline.explain(user, 7), pipeline.recommend([user], 7)
        assert [row["item_id"] for row in trace["display"].rows] == listed.public_ids(0)
        np.testing.assert_allclose([row["score"] for row in trace["display"].rows], listed.scores[0][: len(listed.public_ids(0))])
        for name, model in pipeline.generators.items():
            alone = model.recommend([user], 20)
            assert [row["item_id"] for row in trace[name].rows] == alone.public_ids(0)[:7]
            for row in trace["rank"].rows:
                there = alone.public_ids(0)
                assert row["places"].get(name) == (there.index(row["item_id"]) + 1 if row["item_id"] in there else None)
        for row in trace["rank"].rows:
            assert row["places"] and set(row["features"]) == set(pipeline.feature_names()) == set(row["added"])
            total = sum(row["added"].values())  # of the calibrated log odds, but for one constant
            row["constant"] = np.log(row["chance"] / (1 - row["chance"])) - total
        constants = [row["constant"] for row in trace["rank"].rows]
        assert np.ptp(constants) < 1e-6
        assert str(trace) and trace.as_json()["seconds"] > 0


def test_reasons_are_products_of_the_history_and_equal_those_of_the_generator(pipeline):
    log, said = pipeline.interactions, 0
    for user in log.active_users()[:25]:
        had = set(history_of(log, user)[0])
        for row in pipeline.show(user, 5):
            assert {reason["item_id"] for reason in row["reasons"]} <= had
            assert bool(row["because"]) == bool(row["reasons"])
            if row["by"] in ("cosine", "ials"):
                alone = because(pipeline.generators[row["by"]], user, row["item_id"], 2)
                assert [reason["item_id"] for reason in row["reasons"]] == [reason.item for reason in alone]
            if any(reason["bought"] for reason in row["reasons"]):
                assert "bought" in row["because"]
            said += bool(row["reasons"])
    assert said > 60


def test_votes_of_a_sequence_add_up_to_its_score(pipeline):
    model, log = pipeline.generators["rules"], pipeline.interactions
    user = max(log.active_users(), key=lambda u: len(set(history_of(log, u)[0])))
    item = int(np.argmax(model.score([user])[0]))
    name, reasons = reasons_for({"rules": model}, user, log.items.ids[item], {"rules": 0}, n=1_000)
    assert name == "rules"
    assert sum(reason.contribution for reason in reasons) == pytest.approx(model.score([user])[0, item], rel=1e-5)
    assert sum(reason.share for reason in reasons) == pytest.approx(1)


# -- the page ---------------------------------------------------------------------------------------------------------
def test_rules_are_kept_and_every_move_is_told(make_pipeline):
    ours = make_pipeline()
    user = ours.interactions.active_users()[2]
    before = [row["item_id"] for row in ours.explain(user, 10)["rank"].rows]
    ours.display = Display(trade=0.6, per_brand=1, out_of_stock={before[0]}, pinned={2: before[9]})
    trace, brands = ours.explain(user, 6), {p["item_id"]: p["brand"] for p in ours.products}
    page = [row["item_id"] for row in trace["display"].rows]
    assert page[1] == before[9] and before[0] not in page
    assert len({brands[item] for item in page}) == len(page)
    for row in trace["display"].rows:
        assert bool(row["moved"]) == (row["ranked"] != row["place"])
        assert "pinned" in row["moved"] if row["place"] == 2 else True
    gone = {row["item_id"]: row["why"] for row in trace["display"].dropped}
    assert gone[before[0]] == "sold out" and set(gone) == set(before[:6]) - set(page)
    listed = ours.recommend([user], 6)
    assert listed.public_ids(0) == page
    np.testing.assert_allclose(listed.scores[0], 1 / np.arange(1, 7), rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_page_is_explained_whole(data):
    n = data.draw(st.integers(1, 12))
    brands = data.draw(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=n, max_size=n))
    products = [{"item_id": str(i), "title": "", "brand": b, "category": b, "price": None} for i, b in enumerate(brands)]
    catalogue = catalogue_of(products)
    pin = data.draw(st.dictionaries(st.integers(1, 5), st.sampled_from([str(i) for i in range(n)]), max_size=1))
    display = Display(data.draw(st.sampled_from([0, 0.5, 1])), data.draw(st.sampled_from([None, 1, 2])),
                      frozenset(data.draw(st.sets(st.sampled_from([str(i) for i in range(n)])))), pin)  # fmt: skip
    order = np.array(data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n))], dtype=np.int64)
    k = data.draw(st.integers(1, 8))
    page = Composer(display, catalogue.ids, brands, catalogue).compose(order, np.linspace(1, 0, len(order)), k)
    rows = page.rows.tolist()
    assert len(set(rows)) == len(rows) <= k and not {str(row) for row in rows} & display.out_of_stock
    if display.per_brand:
        assert all(sum(brands[row] == b for row in rows) <= display.per_brand for b in "abc")
    first = order[:k].tolist()
    assert set(page.dropped) == set(first) - set(rows)
    for place, row in enumerate(rows):
        unmoved = place < len(order) and order[place] == row
        assert unmoved or page.moved[row]
    if display.neutral:
        assert rows == order[:k].tolist() and not page.moved


def test_rules_for_products_that_are_not_there_are_refused(make_pipeline):
    ours = make_pipeline(display=Display(out_of_stock={"nothing"}))
    with pytest.raises(UnknownIdError, match="nothing"):
        ours.recommend(ours.interactions.active_users()[:1])
    for wrong in ({"trade": 2}, {"per_brand": 0}, {"pool": 0}, {"out_of_stock": "i1"}, {"pinned": {0: "a"}}, {"pinned": {1: "a", 2: "a"}}):
        with pytest.raises(ContractError):
            Display(**wrong)


# -- people and products that are new ---------------------------------------------------------------------------------
EXACT = {
    "popularity": Popularity(), "cosine": ItemCosine(), "ease": EASE(20.0), "rules": SequentialRules(), "recent": RecentCosine(),
    "sasrec": SASRec(width=8, layers=1, heads=1, length=10, epochs=1),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_somebody_new_gets_what_a_known_user_with_the_same_history_gets(engine_shop, name):
    log = engine_shop.interactions()
    ours = RecommendationPipeline(engine_shop.items, {name: EXACT[name]}, None).fit(log)
    for user in log.active_users()[:15]:
        items, times = history_of(log, user)
        known, new = ours.recommend([user], 10), ours.recommend_for(items, 10, timestamps=times)
        np.testing.assert_allclose(known.scores, new.scores, rtol=1e-4, atol=1e-6)
        assert (known.ids == new.ids).mean() > 0.9  # near ties of float32 sums may change places


def test_ials_folds_in_the_vector_that_is_best_for_its_items(engine_shop):
    from course_lib.recommend.collaborative import als_step

    log = engine_shop.interactions()
    model = IALS(8, 10.0, 5.0, 20).fit(log)
    view = fold_in(model, log)
    np.testing.assert_allclose(view.user_vectors, als_step(log.matrix, model.item_vectors, 10.0, 5.0), rtol=1e-4, atol=1e-6)
    known, folded = model.recommend(log.active_users(), 10).ids, view.recommend(log.active_users(), 10).ids
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(known, folded)]) > 0.85
    assert view is not model and model.interactions is log


def test_the_whole_pipeline_serves_somebody_new_as_if_known(engine_shop):
    log = engine_shop.interactions()
    generators = {"cosine": ItemCosine(), "rules": SequentialRules(), "new": ContentNeighbours(engine_shop.items, most_events=3)}
    ours = RecommendationPipeline(engine_shop.items, generators, ChanceRanker(20, min_data_in_leaf=10), depth=20).fit(log)
    for user in log.active_users()[:15]:
        items, times = history_of(log, user)
        known, new = ours.recommend([user], 10), ours.recommend_for(items, 10, timestamps=times)
        np.testing.assert_allclose(known.scores, new.scores, rtol=1e-4)
        trace = ours.explain_for(items, 5, timestamps=times)
        assert [row["item_id"] for row in trace["display"].rows] == new.public_ids(0)[:5]
        assert trace.user == "visitor" and len(trace["history"].rows) == min(10, len(set(items)))


def test_a_generator_that_needs_training_proposes_nothing_and_the_trace_says_so(engine_shop):
    log = engine_shop.interactions()
    ours = RecommendationPipeline(engine_shop.items, {"cosine": ItemCosine(), "bpr": BPR(4, epochs=1)}, None, depth=30).fit(log)
    items = history_of(log, log.active_users()[0])[0]
    trace = ours.explain_for(items, 5)
    assert "bpr can't serve somebody new" in trace["history"].said
    assert all(set(row["places"]) == {"cosine"} for row in trace["fuse"].rows)
    assert fold_in(ours.generators["bpr"], log) is None
    gcn = LightGCN(8, 1, epochs=1).fit(log)
    np.testing.assert_allclose(fold_in(gcn, log).user_vectors.shape, gcn.user_vectors.shape)


def test_a_model_may_bring_its_own_fold_in(engine_shop):
    class Own(Popularity):
        pass

    class Stranger(Recommender):
        def _fit(self, interactions):
            pass

        def _score(self, rows):
            return np.ones((len(rows), len(self.interactions.items)), dtype=np.float32)

        def fold_in(self, visitors):
            view = copy.copy(self)
            view.interactions = visitors
            return view

    log = engine_shop.interactions()
    ours = RecommendationPipeline(engine_shop.items, {"own": Own(), "strange": Stranger()}, None).fit(log)
    assert ours.recommend_for([engine_shop.item_ids.ids[0]], 5).ids.min() > PAD


def test_nobody_knows_anything_of_somebody_without_a_history(pipeline):
    popular = pipeline.fallback.recommend(pipeline.interactions.users.ids[:1], 8, exclude_seen=False)
    found = pipeline.recommend_for([], 8)
    assert found.public_ids(0) == popular.public_ids(0)
    trace = pipeline.explain_for([], 3)
    assert trace["history"].said == "no history" and "popular of late" in trace["rank"].said
    assert all(row["chance"] is None and not row["because"] for row in trace["display"].rows)


def test_a_row_without_events_gets_the_fallback_among_others(engine_shop, make_pipeline):
    log = engine_shop.interactions()
    users = IdMap("user", ["silent", *log.users.ids])
    wider = Interactions(users, log.items, log.user_rows + 1, log.item_rows, log.weights, log.timestamps)
    generators = {"cosine": ItemCosine(), "ials": IALS(8, iterations=3)}
    ours = RecommendationPipeline(engine_shop.items, generators, ChanceRanker(10, min_data_in_leaf=10), depth=20).fit(wider)
    both = ours.recommend(["silent", log.users.ids[0]], 6)
    assert both.public_ids(0) == ours.recommend_for([], 6).public_ids(0)
    np.testing.assert_array_equal(both.ids[1], ours.recommend([log.users.ids[0]], 6).ids[0])
    assert [row["item_id"] for row in ours.show("silent", 6)] == both.public_ids(0)


def test_a_new_product_comes_in_by_what_it_is_and_nothing_is_trained(make_pipeline):
    ours = make_pipeline()
    users = ours.interactions.active_users()
    before, trees = ours.recommend(users, 10), ours.ranker.trees
    user, like = next((user, ours.products[ours.catalogue.ids.rows([history_of(ours.interactions, user)[0][-1]])[0]])
                      for user in users if len(set(history_of(ours.interactions, user)[0])) < 4)  # fmt: skip
    ours.add_items([like | {"item_id": "brand new", "title": "the new one"}])
    assert len(ours.products) == len(ours.item_ids) == 151 and ours.ranker.trees is trees
    listed = [row["item_id"] for row in ours.explain(user, 20)["new"].rows]
    assert "brand new" in listed
    assert ours.explain(user, 20)["cosine"].rows == ours.explain(user, 20)["cosine"].rows
    new = ours.item_ids.rows(["brand new"])[0]
    after = ours.recommend(users, 10)
    for a, b in zip(before.ids, after.ids):  # who isn't shown the new one sees what they saw
        assert new in b or (a == b).mean() > 0.5
    trace = ours.explain_for(["brand new"], 5)
    assert "1 newer than the models" in trace["history"].said and trace["display"].rows
    assert "brand new" not in [row["item_id"] for row in trace["display"].rows]
    with pytest.raises(ContractError, match="there already"):
        ours.add_items([{"item_id": "brand new"}])
    with pytest.raises(ContractError, match="vectors"):
        ours.add_items([{"item_id": "x"}], vectors=np.ones((1, 3)))
    assert len(ours.products) == 151


def test_content_prefers_the_kinds_of_the_history_and_the_untouched(engine_shop):
    log = engine_shop.interactions()
    model = ContentNeighbours(engine_shop.items).fit(log)
    user = log.active_users()[0]
    score, category = model.score([user])[0], np.array(engine_shop.items["category"][:])
    had = set(category[log.matrix[log.users.rows([user])[0]].indices])
    assert category[np.argmax(score)] in had
    few = ContentNeighbours(engine_shop.items, most_events=0).fit(log)
    shown = few.recommend([user], 30)
    assert all(log.matrix[:, row].nnz == 0 for row in shown.ids[0][shown.ids[0] != PAD])
    for wrong in ({"weights": {"colour": 1}}, {"weights": {"brand": -1}}, {"most_events": -1}):
        with pytest.raises(ContractError):
            ContentNeighbours(engine_shop.items, **wrong)


# -- what is wrong ----------------------------------------------------------------------------------------------------
def test_unknown_ids_come_with_near_ones(pipeline):
    known = pipeline.interactions.users.ids[5]
    with pytest.raises(UnknownIdError, match=f"nobody called '{known}x'.*{known}"):
        pipeline.recommend([known + "x"])
    with pytest.raises(UnknownIdError, match="no product 'I00007x'.*I00007"):
        pipeline.explain_for(["I00007x"])
    for call in (lambda: pipeline.recommend("U1"), lambda: pipeline.recommend_for("I1"), lambda: pipeline.recommend([known, known]),
                 lambda: pipeline.recommend([known], 0), lambda: pipeline.recommend([known], True), lambda: pipeline.explain(known, 0),
                 lambda: pipeline.recommend_for([pipeline.item_ids.ids[0]], timestamps=[1, 2])):  # fmt: skip
        with pytest.raises(ContractError):
            call()


def test_more_places_than_products_are_padded(pipeline):
    user = pipeline.interactions.active_users()[0]
    found = pipeline.recommend([user], 500)
    shown = found.ids[0][found.ids[0] != PAD]
    assert 0 < len(shown) <= 150 and found.ids.shape == (1, 500)
    assert not set(shown.tolist()) & set(pipeline.interactions.matrix[pipeline.interactions.users.rows([user])[0]].indices.tolist())
    assert pipeline.recommend([], 3).ids.shape == (0, 3)


def test_settings_and_data_that_make_no_sense(engine_shop, pipeline):
    log, items = engine_shop.interactions(), engine_shop.items
    for wrong in ({"generators": {}}, {"generators": {"x": 3}}, {"depth": 0}, {"depth": 2.5}, {"moments": 0}, {"share": 0.3}):
        with pytest.raises(ContractError):
            RecommendationPipeline(items, **wrong)
    for rows in ([], "shoes", [3], [{"title": "x"}], [{"item_id": "a", "price": "1"}], [{"item_id": "a", "brand": 3}],
                 [{"item_id": "a"}, {"item_id": "a"}]):  # fmt: skip
        with pytest.raises(ContractError):
            RecommendationPipeline(rows)
    with pytest.raises(ContractError, match="learned nothing"):
        RecommendationPipeline(items).recommend(["U1"])
    with pytest.raises(ContractError, match="another catalogue"):
        RecommendationPipeline(items.select(range(10)), {"cosine": ItemCosine()}, None).fit(log)
    timeless = Interactions(log.users, log.items, log.user_rows, log.item_rows, log.weights, np.zeros(len(log)))
    with pytest.raises(UnteachableError, match="differ in time.*ranker=None"):
        RecommendationPipeline(items).fit(timeless)
    short = log.select(np.arange(len(log)) < 12)
    with pytest.raises(UnteachableError):
        RecommendationPipeline(items).fit(short)
    assert RecommendationPipeline(items, ranker=None).fit(short).recommend(short.active_users()[:1], 3).ids.min() > PAD
    with pytest.raises(ContractError, match="no interactions"):
        RecommendationPipeline(items).fit(log.select(np.zeros(len(log), dtype=bool)))


def test_products_of_which_little_is_known_are_served(engine_shop):
    log = engine_shop.interactions()
    bare = [{"item_id": public} for public in engine_shop.item_ids]
    ours = RecommendationPipeline(bare, {"cosine": ItemCosine(), "rules": SequentialRules()}, ChanceRanker(10, min_data_in_leaf=10), depth=20)
    row = ours.fit(log).show(log.active_users()[0], 1)[0]
    assert row["price"] is None and row["title"] == row["item_id"] and row["value"] is None
    trace = ours.explain(log.active_users()[0], 2)
    assert json.loads(json.dumps(trace.as_json(), allow_nan=False))["stages"][-2]["rows"][0]["features"]["log_price"] is None


def test_who_has_seen_everything_gets_an_empty_page():
    items, users = IdMap("item", "abc"), IdMap("user", ["all", "one"])
    log = Interactions(users, items, np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]), np.ones(4), np.arange(4))
    ours = RecommendationPipeline([{"item_id": i} for i in "abc"], {"cosine": ItemCosine()}, None).fit(log)
    assert (ours.recommend(["all"], 3).ids == PAD).all() and ours.show("all", 3) == []
    assert str(ours.explain("all", 3)) and ours.recommend(["all", "one"], 3).ids[1].tolist() == [1, 2, PAD]


def test_a_fit_that_fails_leaves_what_was_learned_before(make_pipeline, engine_shop):
    ours, log = make_pipeline(), engine_shop.interactions()
    before, trees, rate = ours.recommend(log.active_users(), 5), ours.ranker.trees, ours.buy_rate
    with pytest.raises(UnteachableError):
        ours.fit(log.select(np.arange(len(log)) < 12))
    np.testing.assert_array_equal(ours.recommend(log.active_users(), 5).ids, before.ids)
    assert ours.ranker.trees is trees and ours.buy_rate == rate and ours.interactions is not None
    fresh = RecommendationPipeline(engine_shop.items)
    with pytest.raises(UnteachableError):
        fresh.fit(log.select(np.arange(len(log)) < 12))
    with pytest.raises(ContractError, match="learned nothing"):
        fresh.recommend(log.active_users())


def test_a_user_called_visitor_is_not_every_visitor(engine_shop):
    log = engine_shop.interactions(kinds="purchase")
    users = IdMap("user", ["visitor", *log.users.ids[1:]])
    named = Interactions(users, log.items, log.user_rows, log.item_rows, log.weights, log.timestamps)
    ours = RecommendationPipeline(engine_shop.items, {"cosine": ItemCosine()}, None).fit(named, purchases=named)
    items = [row["item_id"] for row in ours.explain("visitor")["history"].rows]
    assert all(row["bought"] for row in ours.explain("visitor")["history"].rows)
    assert not any(row["bought"] for row in ours.explain_for(items)["history"].rows)
