"""Retrieval: BM25 against its formula, dense search against a full sort, fusion by hand, and both on real products."""

import csv
import json
import math
import os
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import PAD, Ranking
from course_lib.core.tables import make_table
from course_lib.search.analysis import analyser
from course_lib.search.retrieval import BM25, Dense, convex_combination, reciprocal_rank_fusion
from course_lib.shop.texts import item_texts

ROOT = Path(__file__).resolve().parents[2]
CHORUS = Path(os.environ.get("COURSE_SHARED_DATA", ROOT.parent / "shared" / "data")) / "chorus"
WORDS = ["shoe", "shoes", "red", "running", "lamp", "the", "desk", "usb", "cable", "x9"]


def items_table(titles, brands=None, descriptions=None):
    n = len(titles)
    return make_table(
        "items",
        {
            "item_id": [f"p{i}" for i in range(n)],
            "title": titles,
            "brand": brands or [""] * n,
            "description": descriptions or [""] * n,
            "category": [""] * n,
            "attributes": [[] for _ in range(n)],
            "price": [1.0] * n,
        },
    )


def bm25_by_formula(query, products, k1, b):
    """Kamphuis et al. 2020, "Lucene (accurate)"; query and products are lists of terms."""
    n, mean_length = len(products), sum(map(len, products)) / len(products)
    scores = []
    for product in products:
        counts, total = Counter(product), 0.0
        for term in query:
            df = sum(term in other for other in products)
            if counts[term]:
                idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
                total += idf * counts[term] / (counts[term] + k1 * (1 - b + b * len(product) / mean_length))
        scores.append(total)
    return np.array(scores)


def rows_of(ranking, key):
    row = ranking.keys.rows([key])[0]
    return ranking.ids[row][ranking.ids[row] != PAD].tolist()


# --- BM25


@settings(max_examples=60, deadline=None)
@given(
    products=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=12),
    query=st.lists(st.sampled_from(WORDS + ["unknownword"]), max_size=5),
    k1=st.sampled_from([0.0, 0.9, 1.2, 2.0]),
    b=st.sampled_from([0.0, 0.4, 0.75, 1.0]),
)
def test_bm25_is_its_formula(products, query, k1, b):
    ranking = BM25(k1=k1, b=b).fit([" ".join(p) for p in products]).search([" ".join(query)], k=20)
    terms = analyser("en")
    tokens = [terms(" ".join(p)) for p in products]
    if not any(tokens):
        assert (ranking.ids == PAD).all()
        return
    expected = bm25_by_formula(terms(" ".join(query)), tokens, k1, b)
    found = rows_of(ranking, " ".join(query))
    assert sorted(found) == np.flatnonzero(expected > 0).tolist()
    np.testing.assert_allclose(ranking.scores[0][: len(found)], expected[found], rtol=1e-5)
    np.testing.assert_allclose(expected[found], np.sort(expected[found])[::-1], rtol=1e-5)  # best first


def test_bm25_reads_title_brand_and_description():
    table = items_table(["lamp", "desk", "chair"], ["Northvale", "", ""], ["", "made of oak", ""])
    assert item_texts(table) == ["lamp. Northvale", "desk. made of oak", "chair"]
    ranking = BM25().fit(table).search(["northvale", "oak", "chairs", "sofa"], k=2)
    assert ranking.keys == IdMap("query", ["northvale", "oak", "chairs", "sofa"])
    assert [ranking.public_ids(row) for row in range(4)] == [["p0"], ["p1"], ["p2"], []]


def test_bm25_ties_follow_the_catalogue_and_lists_are_padded():
    ranking = BM25().fit(["red shoe"] * 3 + ["lamp"]).search(["shoe"], k=6)
    assert ranking.ids[0].tolist() == [0, 1, 2, PAD, PAD, PAD]
    assert BM25().fit(["red shoe"] * 3 + ["lamp"]).search(["shoe"], k=2).ids[0].tolist() == [0, 1]


def test_bm25_finds_chinese_words_inside_a_run_of_characters():
    texts = ["女士红色运动鞋", "男士黑色皮鞋", "运动水壶 500毫升", "无线耳机 ＡＢ12"]
    ranking = BM25(language="zh").fit(texts).search(["运动鞋", "鞋", "ab12", "500", "沙发"], k=4)
    assert rows_of(ranking, "运动鞋") == [0, 2]  # both pairs of the query, then one of them
    assert sorted(rows_of(ranking, "鞋")) == [0, 1]
    assert rows_of(ranking, "ab12") == [3]  # full-width letters are folded
    assert rows_of(ranking, "500") == [2]
    assert rows_of(ranking, "沙发") == []
    assert rows_of(BM25().fit(texts).search(["运动鞋"]), "运动鞋") == []  # what the English analyser would do


def test_chinese_terms_by_hand():
    assert analyser("zh")("运动鞋XL") == ["运动", "动鞋", "运", "动", "鞋", "xl"]
    assert analyser("zh", query=True)("运动鞋 鞋") == ["运动", "动鞋", "鞋"]
    assert analyser("zh")("、!…") == []


@pytest.mark.parametrize("query", ["", "   ", "the of", "!?"])
def test_a_query_without_a_word_finds_nothing(query):
    for retriever in (BM25(), BM25(language="zh")):
        ranking = retriever.fit(["red shoe", "lamp"]).search([query, "lamp"], k=2)
        assert ranking.ids.tolist() == [[PAD, PAD], [1, PAD]]


def test_a_catalogue_without_a_word_and_a_search_without_queries():
    assert (BM25().fit(["", "!!"]).search(["lamp"], k=3).ids == PAD).all()
    assert BM25().fit(["", "lamp"]).search(["lamp"], k=3).ids.tolist() == [[1, PAD, PAD]]
    assert BM25().fit(["lamp"]).search([], k=3).ids.shape == (0, 3)


def test_bm25_does_not_depend_on_the_process():
    """String hashes differ between processes; scores and lists must not."""
    code = (
        "from course_lib.search.retrieval import BM25;"
        "r = BM25().fit([' '.join('abcdefgh'[(i * j) % 8] * 2 for j in range(1, 9)) for i in range(50)])"
        ".search(['aa bb cc dd ee', 'hh gg'], k=50); print(r.ids.tolist(), r.scores.tolist())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
                       env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stderr == ""  # no progress bar


# --- dense


def table_encoder(vectors):
    """Texts that are row numbers -> these rows."""
    return lambda texts: np.stack([vectors[int(text)] for text in texts])


@pytest.mark.parametrize("n, k", [(300, 10), (300, 400), (5, 5)])
def test_dense_is_a_full_sort(n, k):
    rng = np.random.default_rng(n + k)
    items = rng.integers(-2, 3, (n, 4)).astype(np.float32)  # small whole numbers: exact sums, many ties
    queries = rng.integers(-2, 3, (7, 4)).astype(np.float32)
    dense = Dense(table_encoder(items), encode_queries=table_encoder(queries), block=3)
    ranking = dense.fit([str(i) for i in range(n)]).search([str(i) for i in range(7)], k)
    expected = np.argsort(-(queries @ items.T), axis=1, kind="stable")[:, :k]
    width = min(n, k)
    np.testing.assert_array_equal(ranking.ids[:, :width], expected)
    assert (ranking.ids[:, width:] == PAD).all()


def test_dense_takes_vectors_and_leaves_empty_queries_empty():
    def refuse(texts):
        assert texts == ["0", "1"], "only what was asked is encoded"
        return np.eye(2, dtype=np.float64)

    ranking = Dense(refuse).fit(items_table(["a", "b"]), vectors=np.eye(2)).search(["0", " ", "1"], k=1)
    assert ranking.ids.tolist() == [[0], [PAD], [1]]
    assert Dense(refuse).fit(["a", "b"], vectors=np.eye(2)).search([""], k=3).ids.tolist() == [[PAD] * 3]


@pytest.mark.parametrize("bad", [np.eye(3), np.ones(2), np.full((2, 2), np.nan)])
def test_dense_refuses_vectors_that_do_not_fit(bad):
    with pytest.raises(ContractError, match="vector"):
        Dense(lambda texts: bad).fit(["a", "b"])


# --- the contract of both


RETRIEVERS = [BM25, lambda: Dense(lambda texts: np.ones((len(texts), 2)))]


@pytest.mark.parametrize("make", RETRIEVERS)
def test_contract(make):
    with pytest.raises(ContractError, match="fit"):
        make().search(["lamp"])
    for nothing in ([], items_table(["x"]).select([]), "lamp"):
        with pytest.raises(ContractError, match="no items"):
            make().fit(nothing)
    with pytest.raises(ContractError, match="list of texts"):
        make().fit([1, 2])
    with pytest.raises(ContractError, match="2 item ids for 1"):
        make().fit(["lamp"], item_ids=IdMap("item", ["a", "b"]))
    with pytest.raises(ContractError, match="user ids"):
        make().fit(["lamp"], item_ids=IdMap("user", ["a"]))
    with pytest.raises(ContractError, match="differ"):
        make().fit(items_table(["x"]), item_ids=IdMap("item", ["other"]))
    fitted = make().fit(["lamp", "desk"], item_ids=IdMap("item", ["a", "b"]))
    assert fitted.search(["lamp"], k=1).items.ids == ("a", "b")
    for bad in ("lamp", [None]):
        with pytest.raises(ContractError, match="list of texts"):
            fitted.search(bad)
    with pytest.raises(ContractError, match="pass keys|Pass keys"):
        fitted.search(["lamp", "lamp"])
    ranking = fitted.search(["lamp", "lamp"], keys=IdMap("query", ["q1", "q2"]))
    assert ranking.keys.ids == ("q1", "q2") and (ranking.ids[0] == ranking.ids[1]).all()
    with pytest.raises(ContractError, match="1 keys for 2"):
        fitted.search(["lamp", "desk"], keys=IdMap("query", ["q1"]))
    with pytest.raises(ContractError, match="user"):
        fitted.search(["lamp"], keys=IdMap("user", ["q1"]))
    for k in (0, -1, 1.5):
        with pytest.raises(ContractError, match="k is"):
            fitted.search(["lamp"], k=k)
    with pytest.raises(ContractError, match="k is"):
        fitted.search([], k=0)


def test_bm25_refuses_bad_parameters():
    for bad in ({"k1": -1}, {"b": 2}, {"k1": math.nan}, {"language": "xx"}):
        with pytest.raises(ContractError):
            BM25(**bad)


# --- fusion


def ranking_of(lists, keys, n_items=6, k=None):
    k = k or max(map(len, lists))
    ids = np.full((len(lists), k), PAD)
    for row, items in enumerate(lists):
        ids[row, : len(items)] = items
    scores = np.broadcast_to(-np.arange(k, dtype=np.float32), ids.shape)
    return Ranking(ids, scores, IdMap("query", keys), IdMap("item", [f"p{i}" for i in range(n_items)]))


def test_fusion_by_hand():
    a = ranking_of([[0, 1, 2], [3]], ["q", "r"])
    b = ranking_of([[3, 4], [2, 0]], ["r", "q"])  # the same queries in another order
    fused = reciprocal_rank_fusion([a, b], k=4)
    # q: item 0 at places 1 and 2, item 2 at places 3 and 1, item 1 at place 2. r: item 3 first twice, item 4 second.
    assert fused.ids.tolist() == [[0, 2, 1, PAD], [3, 4, PAD, PAD]]
    np.testing.assert_allclose(fused.scores[0][:3], [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62], rtol=1e-6)
    np.testing.assert_allclose(fused.scores[1][:2], [2 / 61, 1 / 62], rtol=1e-6)
    assert fused.keys == a.keys and fused.items == a.items
    assert reciprocal_rank_fusion([a, b], k=1).ids.tolist() == [[0], [3]]


@settings(max_examples=50, deadline=None)
@given(data=st.data(), n_lists=st.integers(1, 4), c=st.sampled_from([0, 1, 60]))
def test_fusion_is_its_definition(data, n_lists, c):
    one_list = st.lists(st.integers(0, 5), unique=True, min_size=1)
    lists = [[data.draw(one_list) for _ in "qr"] for _ in range(n_lists)]
    fused = reciprocal_rank_fusion([ranking_of(rows, ["q", "r"]) for rows in lists], k=6, c=c)
    for row in range(2):
        expected = defaultdict(float)
        for rows in lists:
            for place, item in enumerate(rows[row], start=1):
                expected[item] += 1 / (c + place)
        found = [i for i in fused.ids[row].tolist() if i != PAD]
        assert sorted(found) == sorted(expected)
        np.testing.assert_allclose(fused.scores[row][: len(found)], [expected[i] for i in found], rtol=1e-6)


def test_fusion_of_one_ranking_is_the_ranking_and_ties_follow_the_catalogue():
    one = ranking_of([[4, 1, 3], []], ["q", "r"])
    assert (reciprocal_rank_fusion([one], k=3).ids == one.ids).all()
    swapped = ranking_of([[1, 4], []], ["q", "r"]), ranking_of([[4, 1], []], ["q", "r"])
    assert reciprocal_rank_fusion(swapped, k=2).ids[0].tolist() == [1, 4]
    nothing = ranking_of([[], []], ["q", "r"], k=3)
    assert (reciprocal_rank_fusion([nothing], k=2).ids == PAD).all()


def test_fusion_refuses_what_does_not_belong_together():
    one = ranking_of([[0]], ["q"])
    for rankings, message in (
        ([], "no ranking"),
        ([one, ranking_of([[0]], ["r"])], "different keys"),
        ([one, ranking_of([[0]], ["q"], n_items=7)], "different catalogues"),
    ):
        with pytest.raises(ContractError, match=message):
            reciprocal_rank_fusion(rankings, k=3)
    for bad in ({"k": 0}, {"k": 3, "c": -1}):
        with pytest.raises(ContractError):
            reciprocal_rank_fusion([one], **bad)


# --- real products


@pytest.mark.skipif(not CHORUS.is_dir(), reason=f"no Chorus data in {CHORUS}")
def test_bm25_on_chorus_meets_the_reference():
    """../shared/data/README.md: NDCG@10 .706, recall@100 .825, condensed NDCG@10 .797 (55 queries with a positive)."""
    products = []
    for file in sorted(CHORUS.glob("?.json.zip")):
        with zipfile.ZipFile(file) as archive:
            products += json.loads(archive.read(archive.namelist()[0]))
    judged = defaultdict(dict)
    with open(CHORUS / "Broad_Query_Set_rated.csv", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            judged[line["query"]][line["docid"]] = int(line["rating"])
    parts = ("title", "supplier", "name", "short_description")
    texts = [". ".join(str(p[part]) for part in parts if p.get(part)) for p in products]
    index = BM25().fit(texts, item_ids=IdMap("item", [p["id"] for p in products]))
    ranking = index.search(list(judged), k=1_000)

    def dcg(grades):
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:10]))

    figures = []
    for row, (query, grades) in enumerate(judged.items()):
        if not any(grades.values()):
            continue
        found, ideal = ranking.public_ids(row), dcg(sorted(grades.values(), reverse=True))
        positive = {item for item, grade in grades.items() if grade > 0}
        figures.append((
            dcg([grades.get(item, 0) for item in found]) / ideal,
            len(positive.intersection(found[:100])) / len(positive),
            dcg([grades[item] for item in found if item in grades]) / ideal,
        ))
    assert len(products) == 19_406 and len(figures) == 55
    np.testing.assert_allclose(np.mean(figures, axis=0), [0.706, 0.825, 0.797], atol=0.01)


# --- convex combination


def test_convex_combination_by_hand():
    a = scored_list([[0, 1, PAD]], [[4.0, 2.0, -np.inf]])  # BM25: the lowest is 0
    b = scored_list([[2, 1, PAD]], [[0.5, -0.25, -np.inf]])  # cosines: the lowest is -1
    fused = convex_combination([a, b], 3, weights=[0.4, 0.6], lowest=[0, -1])
    # 0: .4 · 4/4; 1: .4 · 2/4 + .6 · .75/1.5; 2: .6 · 1.5/1.5
    assert fused.ids.tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(fused.scores, [[0.6, 0.5, 0.4]], rtol=1e-6)


def scored_list(ids, scores):
    return Ranking(np.array(ids), np.array(scores), IdMap("query", [f"q{i}" for i in range(len(ids))]), IdMap("item", range(4)))


def test_convex_combination_of_one_list_keeps_its_order_and_empty_rows_stay_empty():
    a = scored_list([[3, 1], [PAD, PAD]], [[0.0, -0.5], [-np.inf, -np.inf]])
    b = scored_list([[PAD, PAD], [PAD, PAD]], [[-np.inf] * 2] * 2)
    fused = convex_combination([a, b], 2, weights=[1, 0], lowest=[-1, 0])
    assert fused.ids.tolist() == [[3, 1], [PAD, PAD]] and fused.scores[0].tolist() == [1.0, 0.5]
    # a best score that is the lowest possible says nothing, and is no division by zero
    assert convex_combination([a], 2, weights=[1], lowest=[0 - 0.5]).scores[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("settings", [{"weights": [1]}, {"weights": [0.5, 0.6]}, {"weights": [2, -1]}, {"lowest": [0]}, {"lowest": [0, 0.5]}])
def test_convex_combination_checks_its_settings(settings):
    a = scored_list([[0, 1]], [[1.0, 0.25]])
    with pytest.raises(ContractError):
        convex_combination([a, a], 2, **{"weights": [0.5, 0.5], "lowest": [0, 0], **settings})
    with pytest.raises(ContractError):
        convex_combination([], 2, weights=[], lowest=[])
