"""Segments, families of comparisons, the results table, seeds and the tuner."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import (
    Report,
    by_frequency,
    by_segment,
    compare,
    compare_all,
    evaluate,
    frequencies,
    holm,
    of_items,
    over_seeds,
    results_table,
    search_grid,
    tune_equally,
)


def report_of(values, metric="ndcg@10", keys=None, unranked=(), **more) -> Report:
    columns = {metric: np.asarray(values, dtype=float), **{m: np.asarray(v, dtype=float) for m, v in more.items()}}
    keys = tuple(f"q{n}" for n in range(len(columns[metric]))) if keys is None else keys
    return Report(keys, columns, len(unranked), 0, 0, "query", "exponential", 0, frozenset(unranked))


# --- segments -----------------------------------------------------------------------------------------------------


def test_frequencies_agree_with_counting():
    ids = IdMap("query", ["q2", "q1", "q3"])
    assert frequencies(ids, ["q1", "", "q1", "elsewhere", "q2"]).tolist() == [1, 2, 0]
    assert frequencies(ids, []).tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40).filter(any))
def test_segments_agree_with_their_definition(counts):
    ids = IdMap("query", [f"q{n}" for n in range(len(counts))])
    found = by_frequency(ids, np.array(counts))
    assert sorted(q for part in found.values() for q in part) == sorted(ids)
    segment = {q: name for name, part in found.items() for q in part}
    for q, count in zip(ids, counts):
        before = sum(c for c in counts if c > count) * 3  # in whole numbers: against one and two thirds of the total
        expected = "head" if before < sum(counts) else "torso" if before < 2 * sum(counts) else "tail"
        assert segment[q] == ("tail" if count == 0 else expected)
    assert found["head"]


def test_segments_by_hand_and_what_they_refuse():
    ids = IdMap("item", "abcde")
    assert by_frequency(ids, [60, 20, 10, 10, 0]) == {"head": ["a"], "torso": ["b"], "tail": ["c", "d", "e"]}
    assert by_frequency(ids, [1, 1, 1, 1, 1])["head"] == list("abcde")  # nothing tells them apart
    assert by_frequency(ids, [60, 20, 10, 10, 0], shares=(0.7, 0.9))["head"] == ["a", "b"]
    cases = [([1] * 4, (0.3, 0.6), "got counts"), ([-1, 1, 1, 1, 1], (0.3, 0.6), "at least 0"),
             ([0] * 5, (0.3, 0.6), "ever occurs"), ([1] * 5, (0.6, 0.3), "shares are")]  # fmt: skip
    for counts, shares, says in cases:
        with pytest.raises(ContractError, match=says):
            by_frequency(ids, counts, shares)


def test_by_segment_splits_the_report():
    report = report_of([1.0, 0.5, 0.0, 0.2], unranked=["q2"])
    parts = by_segment(report, {"head": ["q0", "never asked"], "torso": [], "tail": ["q3", "q2"]})
    assert list(parts) == ["head", "tail"]
    assert parts["tail"].keys == ("q2", "q3") and parts["tail"]["ndcg@10"] == pytest.approx(0.1)
    assert (parts["tail"].missing, parts["head"].missing) == (1, 0) and parts["tail"].unranked == {"q2"}
    with pytest.raises(ContractError, match="'q0' is in the segments 'head' and 'tail'"):
        by_segment(report, {"head": ["q0"], "tail": ["q0"]})
    for keys, says in (([], "no query is selected"), (["q0", "x"], "no query 'x' was measured")):
        with pytest.raises(ContractError, match=says):
            report.select(keys)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_whole_is_the_weighted_mean_of_its_segments(seed):
    random = np.random.default_rng(seed)
    report = report_of(random.random(30))
    parts = by_segment(report, by_frequency(IdMap("query", report.keys), random.zipf(1.5, size=30)))
    assert sum(len(p) * p["ndcg@10"] for p in parts.values()) / 30 == pytest.approx(report["ndcg@10"])


def test_missing_keys_are_known_to_the_report():
    judged = Dataset.from_dict({"query_id": ["a", "b"], "item_id": ["i", "i"], "grade": [1, 1]})
    ranking = Ranking(np.array([[0]]), np.zeros((1, 1)), IdMap("query", ["b"]), IdMap("item", ["i"]))
    report = evaluate(ranking, judged, "recall@1")
    assert report.unranked == {"a"} and report.select(["a"]).missing == 1 and report.select(["b"]).missing == 0


def test_relevance_of_some_items():
    users, items = IdMap("user", ["u", "v"]), IdMap("item", ["a", "b", "c"])
    later = Interactions(users, items, [0, 0, 1], [0, 1, 1], np.ones(3), np.zeros(3, dtype=int))
    ranking = Ranking(np.array([[0, 2], [0, 1]]), np.zeros((2, 2)), users, items)
    assert evaluate(ranking, of_items(later, ["a"]), "recall@2")["recall@2"] == 1.0
    tail = evaluate(ranking, of_items(later, ["b"]), "recall@2")
    assert tail.keys == ("u", "v") and tail.per_query["recall@2"].tolist() == [0.0, 1.0]
    table = Dataset.from_dict({"query_id": ["q", "q"], "item_id": ["a", "b"], "grade": [1, 2]})
    assert of_items(table, {"b"})["item_id"][:] == ["b"]


# --- Holm ---------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_rule_rejects(p_values, level):
    adjusted = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    rejected = set()
    for step, i in enumerate(order):  # the rule as it was published: stop at the first that fails
        if p_values[i] * (len(p_values) - step) > level:
            break
        rejected.add(int(i))
    assert {i for i, p in enumerate(adjusted) if p <= level} == rejected
    assert (adjusted >= p_values).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted <= np.minimum(np.array(p_values) * len(p_values), 1) + 1e-15).all()  # never worse than Bonferroni


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]).tolist() == [] and holm([0.2]).tolist() == [0.2]
    for wrong in ([1.2], [-0.1], [np.nan], [[0.1]]):
        with pytest.raises(ContractError, match="p-values"):
            holm(wrong)


def test_holm_keeps_the_chance_of_any_false_finding():
    random = np.random.default_rng(4)
    shared = random.normal(size=(3_000, 1))  # tests that depend on one another, as methods on one set of queries do
    z = 0.7 * shared + np.sqrt(1 - 0.49) * random.normal(size=(3_000, 8))
    p = np.array([[math.erfc(abs(v) / math.sqrt(2)) for v in row] for row in z])
    alone, together = (p <= 0.05).any(axis=1).mean(), np.mean([(holm(row) <= 0.05).any() for row in p])
    assert alone > 0.15 and together <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 3_000)


# --- families and tables ------------------------------------------------------------------------------------------


def four(seed=0, n=40) -> dict[str, Report]:
    random = np.random.default_rng(seed)
    base = random.random(n)
    shift = {"random": -0.3, "popularity": 0.0, "cosine": 0.02, "als": 0.2}
    return {m: report_of(base + s + random.normal(0, 0.1, n), **{"mrr@5": base + 2 * s}) for m, s in shift.items()}


def test_compare_all_is_compare_with_holm():
    reports = four()
    family = compare_all(reports, n_permutations=500, seed=3)
    assert [(m.b, m.a) for m in family] == [(b, a) for i, b in enumerate(reports) for a in list(reports)[i + 1 :]]
    for member in family:
        alone = compare(reports[member.a], reports[member.b], "ndcg@10", n_permutations=500, seed=3)
        assert member.comparison == alone
    assert [m.p_adjusted for m in family] == holm([m.comparison.p_value for m in family]).tolist()
    assert len(family) == 6 and repr(family).startswith("Family of 6 comparisons (Holm)\n")
    assert "als − random: ndcg@10" in repr(family)
    assert set(json.loads(json.dumps(family.rows()))[0]) >= {"a", "b", "metric", "difference", "p_value", "p_adjusted"}


def test_compare_all_against_a_baseline_counts_every_metric():
    family = compare_all(four(), ["ndcg@10", "mrr@5", "ndcg@10"], baseline="popularity", n_permutations=500)
    assert len(family) == 6 and {m.b for m in family} == {"popularity"}
    one = compare_all(four(), "ndcg@10", baseline="popularity", n_permutations=500)
    assert len(one) == 3 and one.members[0].p_adjusted <= family.members[0].p_adjusted


def test_results_table_rows():
    reports = four()
    rows = results_table(reports, baseline="popularity", n_permutations=500)
    assert [(r["method"], r["metric"]) for r in rows] == list(product(reports, ["ndcg@10", "mrr@5"]))
    tested = compare_all(reports, ["ndcg@10", "mrr@5"], baseline="popularity", n_permutations=500)
    family = {(member.a, member.comparison.metric): member for member in tested}
    for row in rows:
        report = reports[row["method"]]
        assert row["mean"] == report[row["metric"]] and (row["low"], row["high"]) == report.interval[row["metric"]]
        assert row["n"] == 40
        if row["method"] == "popularity":
            assert row["difference"] is row["p_adjusted"] is row["difference_low"] is None
        else:
            member = family[row["method"], row["metric"]]
            assert (row["difference"], row["p_adjusted"]) == (member.comparison.difference, member.p_adjusted)
            assert row["difference"] == pytest.approx(row["mean"] - reports["popularity"][row["metric"]])
    plain = results_table(reports, "ndcg@10")
    assert set(plain[0]) == {"method", "metric", "mean", "low", "high", "n"} and len(plain) == 4
    json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: compare_all({"a": report_of([1])}), "1 report(s) make no comparison"),
        (lambda: compare_all(four(), baseline="bm25"), "the baseline 'bm25' is not among the reports: random"),
        (lambda: compare_all({"a": report_of([1]), "b": 3}), "'b' is a int, not a Report"),
        (lambda: compare_all({"a": report_of([1]), "b": report_of([1], "mrr@5")}), "share no metric"),
        (lambda: compare_all({"a": report_of([1]), "b": report_of([1, 0])}), "different keys"),
        (lambda: results_table({}), "no report"),
        (lambda: results_table({"a": report_of([1]), "b": report_of([1], "mrr@5")}), "share no metric"),
        (lambda: results_table({"a": report_of([1]), "b": report_of([1, 0])}), "'b' was measured on other keys"),
        (lambda: over_seeds([report_of([1])]), "1 run(s) have no spread"),
        (lambda: over_seeds([report_of([1]), report_of([1, 0])]), "run 1 was measured on other keys"),
    ],
)
def test_families_and_tables_refuse(act, says):
    with pytest.raises(ContractError) as error:
        act()
    assert says in str(error.value)


def test_over_seeds():
    random = np.random.default_rng(0)
    unranked = (["q1"], ["q1", "q2"], ["q1"], ["q1"], ["q1"])
    runs = [report_of(v, unranked=u) for v, u in zip(random.random((5, 12)), unranked)]
    joined = over_seeds(runs)
    values = np.stack([run.per_query["ndcg@10"] for run in runs])
    assert joined.report.per_query["ndcg@10"] == pytest.approx(values.mean(axis=0))
    assert joined.means["ndcg@10"] == pytest.approx(values.mean(axis=1))
    assert joined.spread["ndcg@10"] == pytest.approx(values.mean(axis=1).std(ddof=1))
    assert joined.report.unranked == {"q1"} and joined.report.missing == 1
    assert compare(joined.report, runs[0]).n == 12


# --- the tuner ----------------------------------------------------------------------------------------------------

GRID = {"a": [1, 2, 3], "b": ["x", "y"], "c": [0.5]}


def test_the_whole_grid_in_order():
    seen = []

    def measure(**parameters):
        seen.append(parameters)
        return -abs(parameters["a"] - 2)

    found = search_grid(measure, GRID, metric="score")
    assert seen == [dict(zip(GRID, values)) for values in product(*GRID.values())]
    assert found.best == {"a": 2, "b": "x", "c": 0.5}  # of two equal ones the first
    assert found.table[2] == {"a": 2, "b": "x", "c": 0.5, "score": 0.0}
    assert found.combinations == 6 and len(found.seconds) == 6 and min(found.seconds) >= 0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 100))
def test_a_budget_draws_without_replacement(budget, seed):
    grid = {"a": range(5), "b": range(4)}
    found = search_grid(lambda a, b: a - b, grid, metric="score", budget=budget, seed=seed)
    tried = {(row["a"], row["b"]) for row in found.table}
    assert len(found.table) == len(tried) == budget and found.combinations == 20
    assert found.best["a"] - found.best["b"] == max(a - b for a, b in tried)
    assert found == search_grid(lambda a, b: a - b, grid, metric="score", budget=budget, seed=seed)


def test_the_tuner_reads_reports_and_runs_a_method_without_parameters():
    found = search_grid(lambda x: report_of([x, x]), {"x": [0.1, 0.9, 0.4]}, metric="ndcg@10")
    assert found.best == {"x": 0.9} and found.table[1]["ndcg@10"] == pytest.approx(0.9)
    assert search_grid(lambda: 0.25, {}, metric="score").table == [{"score": 0.25}]


def test_equal_budgets_are_equal():
    tried = {"ours": 0, "baseline": 0, "random": 0}

    def method(name):
        def measure(**parameters):
            tried[name] += 1
            return sum(parameters.values())

        return measure

    grids = {"ours": {"a": range(100)}, "baseline": {"a": range(3), "b": range(3)}, "random": {}}
    contenders = {name: (method(name), grid) for name, grid in grids.items()}
    found = tune_equally(contenders, metric="score", budget=7, seed=1)
    assert tried == {"ours": 7, "baseline": 7, "random": 1} and list(found) == list(contenders)
    contenders["baseline"] = (method("baseline"), {"a": [1, 2]})
    with pytest.raises(ContractError, match="'baseline' has 2 combinations for a budget of 7 tries"):
        tune_equally(contenders, metric="score", budget=7)
    assert tried["ours"] == 7  # refused before anything ran


@pytest.mark.parametrize(
    ("grid", "options", "says"),
    [
        ({"a": []}, {}, "the grid has no combination"),
        ({"a": "text"}, {}, "Give each parameter a list of values"),
        ({"a": [1]}, {"budget": 0}, "the budget is 0"),
        ({"a": [1]}, {"budget": 1.5}, "the budget is 1.5"),
        ({"a": [float("nan")]}, {}, "score is nan for {'a': nan}"),
    ],
)
def test_the_tuner_refuses(grid, options, says):
    with pytest.raises(ContractError) as error:
        search_grid(lambda a: a, grid, metric="score", **options)
    assert says in str(error.value)
