"""Measurement against ir-measures, SciPy and cases counted by hand."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.ranking import Ranking
from course_lib.shop.interactions import Interactions
from course_lib.shop.measurement import Report, compare, evaluate

ITEMS = IdMap("item", [f"i{n}" for n in range(30)])
CUTS = (1, 5, 10, 40)
FAMILIES = ("ndcg", "condensed_ndcg", "judged", "recall", "precision", "hit", "hr", "mrr", "map")
EVERY = tuple(f"{family}@{k}" for family in FAMILIES for k in CUTS)


def judgements(*rows: tuple[str, str, int]) -> Dataset:
    query_ids, item_ids, grades = zip(*rows) if rows else ((), (), ())
    return Dataset.from_dict({"query_id": list(query_ids), "item_id": list(item_ids), "grade": list(grades)})


def ranking(lists: dict[str, list[str]], kind: str = "query", items: IdMap = ITEMS, scores=None) -> Ranking:
    width = max([len(shown) for shown in lists.values()], default=0)
    ids = np.full((len(lists), width), -1, dtype=np.int64)
    for row, shown in enumerate(lists.values()):
        ids[row, : len(shown)] = items.rows(shown)
    return Ranking(ids, np.zeros(ids.shape) if scores is None else scores, IdMap(kind, lists), items)


def interactions(*pairs: tuple[str, str], users=None, items: IdMap = ITEMS) -> Interactions:
    return Interactions.from_ids(*(zip(*pairs) if pairs else ((), ())), items=items, users=users)


def per_query(report: Report, metric: str) -> dict[str, float]:
    return dict(zip(report.keys, report.per_query[metric].tolist()))


# --- against ir-measures ------------------------------------------------------------------------------------------


def oracle(lists, grades, gain) -> dict[str, dict[str, float]]:
    """Per-query values by ir-measures (trec_eval below it). Scores encode the order; gains go in as mapped grades."""
    import ir_measures
    from ir_measures import AP, RR, Judged, P, R, Success, nDCG

    def run_of(lists):
        ranked = ((q, i, place) for q, shown in lists.items() for place, i in enumerate(shown))
        return [ir_measures.ScoredDoc(q, i, -float(place)) for q, i, place in ranked]

    condensed = {q: [i for i in shown if (q, i) in grades] for q, shown in lists.items()}
    qrels = [ir_measures.Qrel(q, i, grade) for (q, i), grade in grades.items()]
    mapped = {0: 0, 1: 1, 2: 3, 3: 7} if gain == "exponential" else {0: 0, 1: 1, 2: 2, 3: 3}
    gains = [ir_measures.Qrel(q, i, mapped[grade]) for (q, i), grade in grades.items()]
    parts = [
        ({nDCG @ k: f"ndcg@{k}" for k in CUTS}, gains, lists),
        ({nDCG @ k: f"condensed_ndcg@{k}" for k in CUTS}, gains, condensed),
        ({Judged @ k: f"judged@{k}" for k in CUTS}, qrels, lists),
        ({R @ k: f"recall@{k}" for k in CUTS}, qrels, lists),
        ({P @ k: f"precision@{k}" for k in CUTS}, qrels, lists),
        ({Success @ k: f"hit@{k}" for k in CUTS}, qrels, lists),
        ({Success @ k: f"hr@{k}" for k in CUTS}, qrels, lists),
        ({RR @ k: f"mrr@{k}" for k in CUTS}, qrels, lists),
        ({AP @ k: f"map@{k}" for k in CUTS}, qrels, lists),
    ]
    found: dict[str, dict[str, float]] = {metric: {} for metric in EVERY}
    for names, relevance, shown in parts:
        for value in ir_measures.iter_calc(list(names), relevance, run_of(shown)):
            found[names[value.measure]][value.query_id] = value.value
    return found


def random_case(seed: int):
    """Lists and grades with all that may go wrong in a join: missing, unjudged, hopeless queries, short lists, ties."""
    random = np.random.default_rng(seed)
    queries = [f"q{n}" for n in range(12)]
    ranked = [q for q in random.permutation(queries).tolist() if random.random() < 0.8]
    lists = {q: [ITEMS.ids[r] for r in random.permutation(30)[: random.integers(0, 26)]] for q in ranked}
    grades = {}
    for q in random.permutation(queries)[:10].tolist():
        beyond = ["elsewhere1", "elsewhere2"] if random.random() < 0.3 else []
        top = 1 if random.random() < 0.2 else 4
        for item in random.permutation(list(ITEMS) + beyond)[: random.integers(1, 32)].tolist():
            grades[q, item] = int(random.integers(0, top))
    return lists, grades


@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_ir_measures(seed, gain):
    lists, grades = random_case(seed)
    table = judgements(*((q, i, g) for (q, i), g in grades.items()))
    tied = np.zeros((len(lists), max(map(len, lists.values()), default=0)))
    report = evaluate(ranking(lists, scores=tied), table, EVERY, gain=gain)
    expected = oracle(lists, grades, gain)
    positive = {q for (q, _), grade in grades.items() if grade}
    assert report.keys == tuple(q for q in dict.fromkeys(q for q, _ in grades) if q in positive)
    for metric in EVERY:
        ours = per_query(report, metric)
        # Averages by our rule: over every query with a relevant item, 0 where the ranking lacks it.
        theirs = {q: expected[metric].get(q, 0.0) for q in report.keys}
        assert ours == pytest.approx(theirs, abs=1e-9), metric
        assert report[metric] == pytest.approx(np.mean(list(theirs.values())), abs=1e-9), metric
    assert report.missing == len(positive - set(lists))
    assert report.unjudged == len(set(lists) - {q for q, _ in grades})
    assert report.no_relevant == len({q for q, _ in grades} - positive)


@pytest.mark.parametrize("seed", range(10))
def test_interactions_agree_with_the_same_pairs_as_judgements(seed):
    lists, grades = random_case(seed)
    pairs = [pair for pair in grades if pair[1] in ITEMS]
    table = judgements(*((q, i, 1) for q, i in pairs))
    twice = interactions(*pairs, *pairs[::2])  # repeated events are one relevant item
    users = evaluate(ranking(lists, kind="user"), twice, EVERY)
    queries = evaluate(ranking(lists), table, EVERY)
    assert users.kind == "user" and users.no_relevant == 0
    assert users.keys == tuple(sorted(queries.keys))  # the order of the user map
    for metric in EVERY:
        assert per_query(users, metric) == pytest.approx(per_query(queries, metric), abs=1e-12), metric


# --- each documented case -----------------------------------------------------------------------------------------


def test_a_case_by_hand():
    table = judgements(("q", "i0", 3), ("q", "i1", 1), ("q", "i2", 0), ("q", "i3", 2))
    report = evaluate(ranking({"q": ["i9", "i1", "i2", "i0"]}), table, [f"{m}@3" for m in FAMILIES])
    ideal = 7 + 3 / np.log2(3) + 1 / np.log2(4)
    assert report["ndcg@3"] == pytest.approx((1 / np.log2(3)) / ideal)
    assert report["condensed_ndcg@3"] == pytest.approx((1 + 7 / np.log2(4)) / ideal)
    assert report["judged@3"] == pytest.approx(2 / 3)
    assert report["recall@3"] == report["precision@3"] == pytest.approx(1 / 3)
    assert report["hit@3"] == report["hr@3"] == 1
    assert report["mrr@3"] == pytest.approx(1 / 2)
    assert report["map@3"] == pytest.approx((1 / 2) / 3)
    linear = evaluate(ranking({"q": ["i1", "i0"]}), table, "ndcg@10", gain="linear")
    assert linear["ndcg@10"] == pytest.approx((1 + 3 / np.log2(3)) / (3 + 2 / np.log2(3) + 1 / 2))


def test_ties_keep_the_order_of_the_ranking():
    table = judgements(("q", "i0", 3), ("q", "i1", 0))
    for shown, value in ((["i0", "i1"], 1.0), (["i1", "i0"], 1 / np.log2(3))):
        assert evaluate(ranking({"q": shown}), table, "ndcg@2")["ndcg@2"] == pytest.approx(value)


def test_a_judged_query_that_is_not_ranked_counts_zero():
    table = judgements(("here", "i0", 1), ("gone", "i0", 1))
    report = evaluate(ranking({"here": ["i0"]}), table, EVERY)
    assert report.missing == 1 and report.keys == ("here", "gone")
    for metric in EVERY:
        assert per_query(report, metric)["gone"] == 0
    assert report["recall@1"] == 0.5


def test_a_ranked_query_that_is_not_judged_is_ignored():
    table = judgements(("here", "i0", 1))
    report = evaluate(ranking({"other": ["i0"], "here": ["i0"]}), table, "recall@1")
    assert report.unjudged == 1 and report.keys == ("here",) and report["recall@1"] == 1


def test_a_query_without_a_relevant_item_is_left_out():
    table = judgements(("none", "i0", 0), ("here", "i0", 1))
    report = evaluate(ranking({"none": ["i0"], "here": ["i0"]}), table, ("ndcg@1", "judged@1"))
    assert report.no_relevant == 1 and report.keys == ("here",) and report.unjudged == 0
    assert len(report.per_query["judged@1"]) == len(report) == 1


def test_places_beyond_the_list_are_irrelevant():
    table = judgements(("q", "i0", 2), ("q", "i1", 2))
    report = evaluate(ranking({"q": ["i0"]}), table, ("precision@10", "recall@10", "judged@10", "ndcg@10"))
    assert report["precision@10"] == pytest.approx(0.1) and report["recall@10"] == 0.5
    assert report["judged@10"] == 1.0  # of the one place shown
    assert report["ndcg@10"] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_condensed_list_fills_up_from_below_the_cut():
    table = judgements(("q", "i0", 2), ("q", "i1", 0))
    shown = ["i7", "i8", "i9", "i0"]
    report = evaluate(ranking({"q": shown}), table, ("ndcg@1", "condensed_ndcg@1"))
    assert report["ndcg@1"] == 0 and report["condensed_ndcg@1"] == 1


def test_an_empty_list_and_an_empty_ranking_count_zero():
    table = judgements(("q", "i0", 2), ("r", "i1", 1))
    report = evaluate(ranking({"q": [], "r": ["i1"]}), table, EVERY)
    assert report.missing == 0 and all(per_query(report, metric)["q"] == 0 for metric in EVERY)
    nothing = evaluate(ranking({}), table, EVERY)
    assert nothing.missing == 2 and set(nothing.mean.values()) == {0.0}


def test_judged_items_outside_the_catalogue_count_in_ideal_and_recall():
    table = judgements(("q", "i0", 1), ("q", "elsewhere", 3), ("only", "elsewhere", 2))
    report = evaluate(ranking({"q": ["i0"], "only": ["i0"]}), table, ("ndcg@5", "recall@5"))
    assert per_query(report, "recall@5") == {"q": 0.5, "only": 0.0}
    assert per_query(report, "ndcg@5")["q"] == pytest.approx(1 / (7 + 1 / np.log2(3)))


def test_the_only_query_that_counts_may_have_no_item_in_the_catalogue():
    table = judgements(("q", "elsewhere", 1), ("none", "i0", 0))
    assert evaluate(ranking({"q": ["i0"]}), table, "recall@5")["recall@5"] == 0


def test_joins_by_public_id_not_by_position():
    pairs = [("u1", "i3"), ("u1", "i5"), ("u2", "i4")]
    other_items, other_users = IdMap("item", reversed(ITEMS.ids)), IdMap("user", ["idle", "u2", "u1"])
    moved = interactions(*pairs, users=other_users, items=other_items)
    shown = ranking({"u1": ["i3", "i9"], "u2": ["i9", "i4"]}, kind="user")
    report = evaluate(shown, moved, ("recall@1", "recall@2"))
    assert per_query(report, "recall@1") == {"u1": 0.5, "u2": 0.0}
    assert per_query(report, "recall@2") == {"u1": 0.5, "u2": 1.0}
    assert report.keys == ("u2", "u1") and report.missing == 0  # "idle" has no event, so it isn't judged


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_properties_of_every_metric(seed):
    lists, grades = random_case(seed)
    assume(any(grades.values()) and set(lists) & {q for q, _ in grades})
    table = judgements(*((q, i, g) for (q, i), g in grades.items()))
    report = evaluate(ranking(lists), table, EVERY)
    for metric in EVERY:
        values, (low, high) = report.per_query[metric], report.interval[metric]
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
        assert values.min() - 1e-12 <= low <= high <= values.max() + 1e-12
    for family in ("recall", "hit", "mrr", "map"):  # a longer list can't lose
        steps = np.stack([report.per_query[f"{family}@{k}"] for k in CUTS])
        assert (np.diff(steps, axis=0) >= -1e-12).all()
    in_shop = sorted((pair for pair in grades if pair[1] in ITEMS), key=lambda pair: -grades[pair])
    best = {q: [i for p, i in in_shop if p == q] for q, _ in grades}
    perfect = evaluate(ranking(best), table, "ndcg@40")
    outside = {q for q, i in grades if i not in ITEMS}
    assert all(v == pytest.approx(1) for q, v in per_query(perfect, "ndcg@40").items() if q not in outside)


# --- what it refuses ----------------------------------------------------------------------------------------------

TABLE = judgements(("q", "i0", 1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((ranking({"q": ["i0"]}), TABLE, ("ndgc@10",)), "unknown metric 'ndgc@10'; known are ndcg@k, condensed_ndcg@k"),
        ((ranking({"q": ["i0"]}), TABLE, ("ndcg@0",)), "unknown metric 'ndcg@0'"),
        ((ranking({"q": ["i0"]}), TABLE, ("ndcg",)), "unknown metric 'ndcg'"),
        ((ranking({"q": ["i0"]}), TABLE, (10,)), "unknown metric 10"),
        ((ranking({"q": ["i0"]}), TABLE, ()), "no metric is named"),
        ((ranking({"q": ["i0"]}), judgements()), "no judgements"),
        ((ranking({"q": ["i0"]}), judgements(("q", "i0", 0))), "no judgement has a grade of at least 1"),
        ((ranking({"p": ["i0"]}), TABLE), "no query of the ranking ('p', …) is among the judged ones ('q', …)"),
        ((ranking({"q": ["i0"]}), judgements(("q", "x", 1))), "no judged item is in the ranking's catalogue"),
        ((ranking({"q": ["i0"]}), judgements(("q", "i0", 4))), "judgements, row 0: grade 4 is outside 0–3"),
        ((ranking({"q": ["i0"]}), judgements(("q", "i0", 1.5))), "grade 1.5 is outside 0–3"),
        ((ranking({"q": ["i0"]}), judgements(("q", "i0", 1), ("p", "i0", 1), ("q", "i0", 2))), "row 2: 'q' / 'i0'"),
        ((ranking({"q": ["i0"]}), interactions(("q", "i0"))), "query keys can't be measured against this Inter"),
        ((ranking({"q": ["i0"]}, kind="user"), TABLE), "a ranking of user keys can't be measured against this Dataset"),
        ((ranking({"q": ["i0"]}), {"q": ["i0"]}), "can't be measured against this dict"),
        ((ranking({"q": ["i0"]}), Dataset.from_dict({"query_id": ["q"]})), "Pass the judgements table"),
        ((ranking({"u": ["i0"]}, kind="user"), interactions(items=ITEMS)), "no interactions"),
        ((TABLE, TABLE), "got a Dataset where a Ranking belongs"),
    ],
)  # fmt: skip
def test_refuses(arguments, says):
    with pytest.raises(ContractError) as error:
        evaluate(*arguments)
    assert says in str(error.value)


def test_refuses_an_unknown_gain():
    with pytest.raises(ContractError, match="unknown gain 'square'; known are exponential, linear"):
        evaluate(ranking({"q": ["i0"]}), TABLE, gain="square")


# --- the report ---------------------------------------------------------------------------------------------------


def report_of(values, metric="ndcg@10", keys=None, kind="query", gain="exponential") -> Report:
    values = np.asarray(values, dtype=np.float64)
    keys = tuple(f"q{n}" for n in range(len(values))) if keys is None else keys
    return Report(keys, {metric: values}, 0, 0, 0, kind, gain, 0)


def test_interval_covers_the_true_mean_about_95_times_in_100():
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        low, high = report_of(random.beta(2, 3, size=60)).interval["ndcg@10"]
        covered += low <= 0.4 <= high
    assert 180 <= covered <= 198  # 0.95 less the percentile method's small-sample loss; ±3 standard errors


def test_interval_has_the_width_of_the_normal_one_at_large_n():
    values = np.random.default_rng(1).random(5_000)
    low, high = report_of(values).interval["ndcg@10"]
    normal = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert high - low == pytest.approx(normal, rel=0.1)
    assert low < values.mean() < high


def test_metrics_share_their_resamples():
    values = np.random.default_rng(2).random(50)
    keys = tuple(f"q{n}" for n in range(50))
    report = Report(keys, {"a@1": values, "b@1": 2 * values}, 0, 0, 0, "query", "linear", 3)
    assert report.interval["b@1"] == pytest.approx(tuple(2 * np.array(report.interval["a@1"])))


def test_same_seed_same_numbers_in_a_new_process():
    code = (
        "import numpy as np; from course_lib.shop.measurement import Report, compare;"
        "a = Report(tuple('abcdefghijklmnopqrst'), {'m@1': np.linspace(0, 1, 20)}, 0, 0, 0, 'query', 'linear', 4);"
        "b = Report(a.keys, {'m@1': np.linspace(0, 1, 20)[::-1] ** 2}, 0, 0, 0, 'query', 'linear', 4);"
        "print(a.interval['m@1'], compare(a, b, seed=4).to_dict())"
    )
    run = [sys.executable, "-c", code]
    runs = {subprocess.run(run, capture_output=True, text=True, check=True).stdout for _ in "ab"}
    assert len(runs) == 1 and "p_value" in runs.pop()
    values = np.random.default_rng(0).random(20)
    same = Report(tuple("abcdefghijklmnopqrst"), {"m@1": values}, 0, 0, 0, "query", "linear", 4)
    other = Report(same.keys, {"m@1": values}, 0, 0, 0, "query", "linear", 5)
    assert same.interval != other.interval


def test_report_shows_itself():
    table = judgements(("here", "i0", 1), ("gone", "i0", 1), ("none", "i1", 0))
    report = evaluate(ranking({"here": ["i0"], "other": ["i0"]}), table, ("ndcg@10", "recall@1"))
    text = repr(report)
    assert text.splitlines()[0] == (
        "Report (2 queries; 1 not ranked, counted 0; 1 without a relevant item, left out; "
        "1 ranked but not judged, ignored; lists of 1 places are too short for ndcg@10)"
    )
    assert "ndcg@10 " in text and "0.5000" in text and "95 % CI" in text
    assert report._repr_html_().count("<tr>") == 3 and 'scope="row">ndcg@10<' in report._repr_html_()
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["n"] == 2 and told["missing"] == told["unjudged"] == told["no_relevant"] == 1
    assert told["metrics"]["recall@1"] == {"mean": 0.5, "low": 0.0, "high": 1.0}
    with pytest.raises(ContractError, match="the report has no 'mrr@10'; it has ndcg@10, recall@1"):
        report["mrr@10"]


# --- the comparison -----------------------------------------------------------------------------------------------


def test_an_exact_p_value_by_hand():
    # Differences 1, 2, 3: of the 8 sign flips only +++ and −−− reach |6|.
    a, b = report_of([0.3, 0.5, 0.7]), report_of([0.2, 0.3, 0.4])
    found = compare(a, b)
    assert found.p_value == pytest.approx(2 / 8)
    assert found.difference == pytest.approx(0.2) and (found.wins, found.ties, found.losses, found.n) == (3, 0, 0, 3)
    # Differences 1, 1, −1: every flip reaches |1|.
    assert compare(report_of([0.2, 0.2, 0.1]), report_of([0.1, 0.1, 0.2])).p_value == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_exact_p_value_counts_all_flips(steps):
    found = compare(report_of(np.array(steps) / 7), report_of(np.zeros(len(steps))))
    sums = [abs(sum(s * d for s, d in zip(signs, steps))) for signs in product((1, -1), repeat=len(steps))]
    assert found.p_value == pytest.approx(np.mean([s >= abs(sum(steps)) for s in sums]))


@pytest.mark.parametrize("seed", range(3))
def test_p_value_agrees_with_scipy(seed):
    from scipy.stats import permutation_test

    random = np.random.default_rng(seed)
    for n, resamples in ((10, 10_000), (80, 9_999)):  # all 1,024 flips; a random sample of flips
        a = random.random(n)
        b = a + random.normal(0.03, 0.15, n) * (random.random(n) < 0.7)
        ours = compare(report_of(a), report_of(b), n_permutations=resamples, seed=seed).p_value
        theirs = permutation_test(
            (a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True,
            n_resamples=resamples, rng=np.random.default_rng(99),
        ).pvalue  # fmt: skip
        spread = 0 if n == 10 else 4 * np.sqrt(2 * theirs * (1 - theirs) / resamples) + 2e-3
        assert ours == pytest.approx(theirs, abs=spread + 1e-12)


def test_p_value_is_uniform_when_nothing_differs():
    random = np.random.default_rng(8)
    pairs = [(report_of(random.random(40)), report_of(random.random(40))) for _ in range(300)]
    p = [compare(a, b, n_permutations=500).p_value for a, b in pairs]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.09 and 0.43 <= np.mean(p) <= 0.57


def test_random_p_value_is_never_zero_and_never_above_one():
    far = compare(report_of(np.ones(100)), report_of(np.zeros(100)), n_permutations=999)
    assert far.p_value == pytest.approx(1 / 1000) and far.interval == (1.0, 1.0)
    same = compare(report_of(np.ones(100)), report_of(np.ones(100)))
    assert same.p_value == 1 and same.difference == 0 and same.ties == 100


def test_compare_joins_by_key():
    a = report_of([0.1, 0.9, 0.5], keys=("x", "y", "z"))
    b = report_of([0.5, 0.1, 0.9], keys=("z", "x", "y"))
    found = compare(a, b)
    assert found.ties == 3 and found.difference == 0


def test_rounding_is_not_a_win():
    found = compare(report_of([0.1 + 0.2, 0.5]), report_of([0.3, 0.5]))
    assert (found.wins, found.ties) == (0, 2) and found.p_value == 1


def test_compare_is_antisymmetric_and_speaks():
    random = np.random.default_rng(3)
    a, b = report_of(random.random(30)), report_of(random.random(30))
    one, two = compare(a, b), compare(b, a)
    assert one.difference == -two.difference and (one.wins, one.losses) == (two.losses, two.wins)
    assert one.p_value == pytest.approx(two.p_value)
    assert one.interval == pytest.approx((-two.interval[1], -two.interval[0]))
    assert repr(one).startswith(f"ndcg@10: a − b = {one.difference:+.4f} (95 % CI ") and "30 queries" in repr(one)
    assert json.loads(json.dumps(one.to_dict()))["p_value"] == one.p_value


def test_default_metric_is_the_first_that_both_have():
    keys, values = ("q",), np.ones(1)
    a = Report(keys, {"mrr@5": values, "ndcg@10": values, "recall@5": values}, 0, 0, 0, "query", "linear", 0)
    b = Report(keys, {"recall@5": values, "ndcg@10": values}, 0, 0, 0, "query", "linear", 0)
    assert compare(a, b).metric == "ndcg@10" and compare(a, b, "recall@5").metric == "recall@5"


@pytest.mark.parametrize(
    ("a", "b", "options", "says"),
    [
        (report_of([1]), report_of([1, 0]), {}, "different keys: 1 query ids against 2 query ids, 1 in common"),
        (report_of([1]), report_of([1], kind="user"), {}, "different keys"),
        (report_of([1]), report_of([1], metric="mrr@5"), {}, "share no metric: ndcg@10 against mrr@5"),
        (report_of([1]), report_of([1], metric="mrr@5"), {"metric": "ndcg@10"}, "the report has no 'ndcg@10'"),
        (report_of([1]), report_of([1], gain="linear"), {}, "one report has exponential gains, the other linear"),
        (report_of([1]), report_of([1]), {"n_permutations": 0}, "n_permutations is 0"),
    ],
)
def test_compare_refuses(a, b, options, says):
    with pytest.raises(ContractError) as error:
        compare(a, b, **options)
    assert says in str(error.value)


# --- size ---------------------------------------------------------------------------------------------------------


def test_at_the_size_of_gowalla():
    random = np.random.default_rng(0)
    n_users, n_items, n_pairs = 29_858, 40_981, 217_242
    users, items = IdMap("user", range(n_users)), IdMap("item", range(n_items))
    rows, columns = random.integers(n_users, size=n_pairs), random.integers(n_items, size=n_pairs)
    test = Interactions(users, items, rows, columns, np.ones(n_pairs), np.zeros(n_pairs, dtype=np.int64))
    ids = np.sort(random.integers(n_items - 20, size=(n_users, 20)), axis=1) + np.arange(20)
    shown = Ranking(ids, np.zeros(ids.shape), users, items)
    start = time.process_time()
    report = evaluate(shown, test, ("ndcg@20", "recall@20", "hit@20"))
    assert report.interval["recall@20"][0] <= report["recall@20"] <= report.interval["recall@20"][1]
    assert time.process_time() - start < 5  # about 0.3 s alone on one core; 3 s is the promise
    relevant = {}
    for user, item in zip(rows.tolist(), columns.tolist()):
        relevant.setdefault(user, set()).add(item)
    expected = np.mean([len(found & set(ids[user].tolist())) / len(found) for user, found in relevant.items()])
    assert report["recall@20"] == pytest.approx(expected, abs=1e-12)


def test_importing_measurement_loads_neither_torch_nor_datasets():
    code = "import sys, course_lib.shop.measurement; print({'torch', 'datasets', 'transformers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_compare_refuses_what_is_no_report():
    with pytest.raises(ContractError, match="got a str where a Report belongs.*evaluate first"):
        compare("a", "b")


def test_another_shops_judgements_are_noticed():
    ours = ranking({"q": ["i0", "i1"], "r": ["i1", "i0"]})
    table = judgements(("q", "i0", 1), ("r", "i1", 2), ("r", "elsewhere", 3))
    report = evaluate(ours, table, ("ndcg@2",))
    assert report.outside == 1 and "1 judged items are not in the ranking's catalogue" in repr(report)
    assert report.relevant.tolist() == [1, 2] and report.select(["r"]).relevant.tolist() == [2]
    other = evaluate(ours, judgements(("q", "i0", 1), ("r", "i1", 2)), ("ndcg@2",))
    with pytest.raises(ContractError, match="judged differently: query 'r' has 2 relevant items in one and 1 in the other"):
        compare(report, other)
    assert compare(report.select(["q"]), other.select(["q"])).difference == 0
    assert compare(report, dataclasses.replace(other, relevant=None)).n == 2  # a report that was made by hand


def test_one_query_is_a_query():
    report = evaluate(ranking({"q": ["i0"]}), judgements(("q", "i0", 1)), "ndcg@1")
    assert repr(report).startswith("Report (1 query)")


@pytest.mark.parametrize("metrics", [3, 2.5, {"ndcg@10"}])
def test_metrics_of_another_type(metrics):
    with pytest.raises(ContractError, match="metrics is .*Give names"):
        evaluate(ranking({"q": ["i0"]}), judgements(("q", "i0", 1)), metrics)


def test_two_metrics_are_not_compared_at_once():
    report = evaluate(ranking({"q": ["i0"]}), judgements(("q", "i0", 1)), ("ndcg@1", "recall@1"))
    with pytest.raises(ContractError, match="the metric is a list.*compare_all"):
        compare(report, report, ["ndcg@1", "recall@1"])
