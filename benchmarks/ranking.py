"""Ranking on the simulated shop, and on Chorus: losses, wide labels, a biased judge, calibration, a budget.

    .venv/bin/python benchmarks/ranking.py [--seeds 5] [--chorus DIR] [--cross-steps 200] \
        [--save benchmarks/results/ranking.json]

Each seed is another shop, of other products and queries. Rankers reorder the 50 candidates that BM25 and MiniLM's
vectors found; they learn from the judgements of half of the query families and are measured on a third that no ranker
saw, against all judgements. Settings are chosen on two further shops (seeds 100 and 101), three tries for each. Tests
are paired over the test queries of all shops, Holm-adjusted within their table.

On Chorus nothing is learned from its judgements but in the rows that say "cross-validated": five folds of queries.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from course_lib.core.ids import IdMap
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.ranking import Ranking
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.language.features import load_minilm
from course_lib.language.finetuning import train_cross_encoder
from course_lib.search.ranking import (
    AnchorCorrection,
    Isotonic,
    LambdaMART,
    ListRanker,
    PairFeatures,
    Platt,
    Reranker,
    SimulatedJudge,
    best_depths,
    candidate_grades,
    equal_depths,
    lambdarank_loss,
    logistic_loss,
    position_effect,
    reordered,
    reversed_places,
)
from course_lib.search.ranking.exhibits import Task, baselines, only_these, ranking_task, traits_of, units_sold
from course_lib.search.retrieval import BM25, Dense, reciprocal_rank_fusion
from course_lib.shop.measurement import Report, evaluate, holm, measure_calibration
from course_lib.shop.measurement.resampling import bootstrap, sign_flip
from course_lib.shop.shop import Shop

SIZES = {"n_items": 1_500, "n_users": 600, "n_queries": 300, "events_per_user": 60}
METRIC = "ndcg@10"
LOSSES = ("squared", "logistic", "ranknet", "listnet", "softmax", "lambdarank")
RATES = {0: (0.02, 0.05, 0.1), 32: (0.003, 0.01, 0.03)}  #: tries of each loss, by the size of its hidden layer
TREES = ({"num_leaves": 7}, {"num_leaves": 15}, {"num_leaves": 31})
TUNING_SEEDS = (100, 101)
SPREADS = (0.0, 0.5, 1.0, 1.5)
EFFECTS, POSITION = {"length": 0.3, "own brand": 0.8}, 0.6  #: planted, in grades
ANCHOR_QUERIES, ANCHORS = 30, 10
ALONE = "people's grades of the anchors alone"
DEPTHS = (0, 5, 10, 20, 30, 50)
Values = dict[str, dict[str, np.ndarray]]  #: table -> method -> a value for each test query


def per_query(ranking: Ranking, judged: Any, metric: str = METRIC) -> np.ndarray:
    """float [n queries that have a relevant product], in the order of the judgements."""
    return evaluate(ranking, judged, metric).per_query[metric]


def rankers(best: dict[str, Any], seed: int) -> dict[str, Callable[[], Any]]:
    """All learned rankers with their settings."""
    made: dict[str, Callable[[], Any]] = {}
    for hidden in RATES:
        for loss in LOSSES:
            name = f"{loss}, {'one layer' if hidden else 'linear'}"
            made[name] = partial(ListRanker, loss, hidden=hidden, seed=seed, steps=300, learning_rate=best[name])
    made["LambdaMART (LightGBM)"] = partial(LambdaMART, seed=seed, **best["LambdaMART (LightGBM)"])
    return made


def tune(tasks: list[Task]) -> dict[str, Any]:
    """Three tries each, on the validation queries of shops that are measured nowhere else."""
    table: dict[str, list[float]] = {}
    best: dict[str, Any] = {}
    tries: dict[str, list[tuple[Any, Callable[[], Any]]]] = {}
    for hidden, rates in RATES.items():
        for loss in LOSSES:
            name = f"{loss}, {'one layer' if hidden else 'linear'}"
            tries[name] = [(r, partial(ListRanker, loss, hidden=hidden, steps=300, learning_rate=r)) for r in rates]
    tries["LambdaMART (LightGBM)"] = [(one, partial(LambdaMART, **one)) for one in TREES]
    for name, settings in tries.items():
        scores = []
        for _, make in settings:
            found = []
            for task in tasks:
                held = task.table.rows(np.sort(np.concatenate([task.valid, task.test])))
                ranking = make().fit(*task.part(task.train)).rerank(held.candidates, held, 10)
                wanted = set(held.candidates.keys)
                rows = [r for r, q in enumerate(task.shop.judgements["query_id"][:]) if q in wanted]
                found.append(per_query(ranking, task.shop.judgements.select(rows)))
            scores.append(float(np.concatenate(found).mean()))
        table[name], best[name] = scores, settings[int(np.argmax(scores))][0]
    return {"seeds": list(TUNING_SEEDS), "tries": table, "best": best}


def losses(task: Task, best: dict[str, Any], seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """NDCG@10 of each test query for baselines and rankers, and the seconds of each fit."""
    values = {name: per_query(ranking, task.judged) for name, ranking in baselines(task, seed).items()}
    test, grades = task.part(task.test)
    ideal = reordered(test.candidates, grades.astype(float), 10)
    values["best order of the candidates"] = per_query(ideal, task.judged)
    seconds = {}
    for name, make in rankers(best, seed).items():
        began = time.process_time()
        ranker = make().fit(*task.part(task.train))
        seconds[name] = time.process_time() - began
        values[name] = per_query(ranker.rerank(test.candidates, test, 10), task.judged)
    return values, seconds


def wide_labels(task: Task, best: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """The same task learned from units sold, with either gain, at four spreads of luck."""
    train, grades = task.part(task.train)
    test, _ = task.part(task.test)
    values = {}
    for spread in SPREADS:
        units = units_sold(grades, train.mask, spread, seed)
        ways = {"2^units": (units, "exponential"), "linear": (units, "linear"),
                "2^log2": (np.round(np.log2(1 + units)).astype(int), "exponential")}  # fmt: skip
        for name, (label, gain) in ways.items():
            rate = best["lambdarank, linear"]
            line = ListRanker(partial(lambdarank_loss, gain=gain), steps=300, learning_rate=rate, seed=seed)
            trees = LambdaMART(gain=gain, seed=seed, **best["LambdaMART (LightGBM)"])
            for kind, ranker in (("linear ranker", line), ("LambdaMART", trees)):
                ranking = ranker.fit(train, label).rerank(test.candidates, test, 10)
                values[f"{kind}, spread {spread}, {name}"] = per_query(ranking, task.judged)
    return values


def judges(task: Task, seed: int) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """Students of a biased judge, of its repairs, and of the truth: NDCG@10, and how often own brands are shown."""
    (train, grades), (test, _) = task.part(task.train), task.part(task.test)
    of_train, of_test = traits_of(task, task.train, seed), traits_of(task, task.test, seed)
    judge = SimulatedJudge(EFFECTS, position=POSITION, noise=0.5, seed=seed)
    listed = judge.grade(grades, train.mask, of_train)
    back = judge.grade(grades, train.mask, of_train, shown=reversed_places(train.mask))
    swapped = (listed + back) / 2
    random = generator(seed, "anchor queries")
    anchored = random.permutation(len(grades))[:ANCHOR_QUERIES]
    anchors = np.zeros(train.mask.shape, dtype=bool)
    for row in anchored:
        anchors[row, random.permutation(anchors.shape[1])[:ANCHORS]] = True
    anchors &= train.mask
    repair = AnchorCorrection().fit(swapped, grades, anchors, of_train)
    lessons = {
        "true grades": grades,
        "judge without bias": SimulatedJudge(noise=0.5, seed=seed + 1_000).grade(grades, train.mask),
        "biased judge": listed, "asked in both orders": swapped,
        "both orders, anchors": repair.correct(swapped, of_train),
    }  # fmt: skip
    table, held = train.with_columns(of_train), test.with_columns(of_test)
    values: dict[str, dict[str, np.ndarray]] = {"ndcg": {}, "own": {}, "length": {}, "overlap": {}}

    def measure(name: str, table: Any, lesson: np.ndarray) -> None:
        student = ListRanker("squared", hidden=32, steps=300, learning_rate=0.01, seed=seed).fit(table, lesson)
        scores = student.score(held)
        order = np.argsort(np.where(held.mask, -scores, np.inf), axis=1, kind="stable")[:, :10]
        values["ndcg"][name] = per_query(reordered(held.candidates, scores, 10), task.judged)
        values["own"][name] = np.take_along_axis(of_test["own brand"], order, axis=1).mean(axis=1)
        values["length"][name] = np.take_along_axis(of_test["length"], order, axis=1).mean(axis=1)
        values["overlap"][name] = (order < 10).mean(axis=1)

    for name, lesson in lessons.items():
        measure(name, table, lesson)
    measure(ALONE, *only_these(table.rows(anchored), anchors[anchored], grades[anchored]))
    found = {name: vars(effect) for name, effect in repair.effects.items()}
    facts = {"anchors": int(anchors.sum()), "graded": int(train.mask.sum()), "effects": found,
             "position": vars(position_effect(listed, back, train.mask))}  # fmt: skip
    return values, facts


def calibrations(task: Task, best: dict[str, Any], seed: int) -> dict[str, dict[str, float]]:
    """ECE and Brier score of P(grade ≥ 2) on test pairs: scores as they are, after Platt, after isotonic regression."""
    (valid, of_valid), (test, of_test) = task.part(task.valid), task.part(task.test)
    happened, seen = of_test[test.mask] >= 2, of_valid[valid.mask] >= 2
    result = {}
    for loss in LOSSES[1:]:
        name, made = f"{loss}, one layer", partial(logistic_loss, relevant=2) if loss == "logistic" else loss
        ranker = ListRanker(made, hidden=32, steps=300, learning_rate=best[name], seed=seed).fit(*task.part(task.train))
        on, to = ranker.score(test)[test.mask], ranker.score(valid)[valid.mask]
        ways = {"as they are": expit(on), "Platt": Platt().fit(to, seen).probability(on),
                "isotonic": Isotonic().fit(to, seen).probability(on)}  # fmt: skip
        for way, p in ways.items():
            found = measure_calibration(happened, p, bins=10)
            result[f"{loss}: {way}"] = {"ece": found.error, "brier": found.brier}
    return result


def budgets(task: Task, best: dict[str, Any], seed: int, cross_steps: int) -> tuple[Any, Any, dict[str, Any]]:
    """NDCG@10 by pairs read: by a reader with a planted error, and by a cross-encoder where steps are given."""
    (valid, of_valid), (test, _) = task.part(task.valid), task.part(task.test)
    rate = best["ranknet, linear"]
    ranker = ListRanker("ranknet", steps=300, learning_rate=rate, seed=seed).fit(*task.part(task.train))
    first, on = ranker.rerank(test.candidates, test, 50), ranker.score(valid)
    mask = first.ids >= 0
    relevant = of_valid[valid.mask] >= 2
    chance = np.where(mask, Platt().fit(on[valid.mask], relevant).probability(np.where(mask, first.scores, 0)), 0)
    queries = [task.texts[row] for row in task.test]
    truth = task.shop.truth.relevance.toarray()
    noise = generator(seed, "reader").normal(0, 0.3, truth.shape)
    row_of = {text: r for r, text in enumerate(task.texts)}

    def planted(pairs: list[tuple[str, str]]) -> np.ndarray:
        at = [row_of[q] for q, _ in pairs], [int(p) for _, p in pairs]
        return truth[at] + noise[at]

    def spent(reranker: Reranker, ways: tuple[str, ...]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        values, pairs = {}, {}
        for depth in DEPTHS:
            budget = depth * len(queries)
            for way in ways:
                depths = equal_depths(mask.sum(1), budget) if way == "equal" else best_depths(chance, mask, budget)
                values[f"{way}, {depth}"] = per_query(reranker.rerank(first, queries, 10, depths=depths), task.judged)
                pairs[f"{way}, {depth}"] = reranker.pairs / len(queries)
        return values, pairs

    values, _ = spent(Reranker(planted, [str(i) for i in range(truth.shape[1])]), ("equal", "best"))
    if not cross_steps:
        return values, None, {}
    began = time.perf_counter()
    (train, grades), random = task.part(task.train), generator(seed, "pairs")
    titles = task.shop.items["title"][:]
    # Ten of each list's grades above 0 and ten of grade 0: random pairs would nearly all be irrelevant.
    chosen = [
        (row, place)
        for row in range(len(grades))
        for good in (True, False)
        for place in random.permutation(np.flatnonzero(train.mask[row] & ((grades[row] > 0) == good)))[:10]
    ]
    pairs = [(task.texts[task.train[row]], titles[train.candidates.ids[row, place]]) for row, place in chosen]
    cross = train_cross_encoder(
        load_minilm(device="cpu"), pairs, np.array([grades[at] for at in chosen]), task="rank", steps=cross_steps,
        batch_size=32, learning_rate=1e-4, max_length=32, seed=seed, device="cpu", progress=False,
    )  # fmt: skip
    facts: dict[str, Any] = {"steps": cross_steps, "pairs": len(pairs), "seconds": time.perf_counter() - began}
    # Each pair is read once; what a depth costs is its share of that time.
    places = np.argwhere(mask)
    asked = [(queries[row], titles[first.ids[row, place]]) for row, place in places]
    began = time.perf_counter()
    known = dict(zip(asked, cross.logits(asked)[:, 0]))
    facts["milliseconds a pair"] = 1_000 * (time.perf_counter() - began) / len(asked)
    read = {}
    for name, blend in (("alone", 1.0), ("blended", 0.5)):
        again = Reranker(lambda pairs: np.array([known[pair] for pair in pairs]), titles, blend=blend)
        found, facts[name] = spent(again, ("equal",))
        read |= {f"{name}, {key}": v for key, v in found.items()}
    return values, read, facts


def summarise(shops: list[dict[str, np.ndarray]], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Means with 95 % intervals over the queries of all shops, the range over shops, and paired tests."""
    values = {name: np.concatenate([shop[name] for shop in shops]) for name in shops[0]}

    def interval(v: np.ndarray) -> tuple[float, float]:
        low, high = bootstrap(v[:, None], 0)
        return float(low[0]), float(high[0])

    means = {}
    for name, v in values.items():
        low, high = interval(v)
        of_shops = [float(shop[name].mean()) for shop in shops]
        means[name] = {"mean": float(v.mean()), "low": low, "high": high, "shops": of_shops}
    tests = []
    for a, b in pairs:
        difference = values[a] - values[b]
        low, high = interval(difference)
        p = sign_flip(difference, 10_000, 0) if difference.any() else 1.0
        tests.append({"a": a, "b": b, "difference": float(difference.mean()), "low": low, "high": high, "p_value": p})
    for test, p in zip(tests, holm([t["p_value"] for t in tests]) if tests else []):
        test["p_adjusted"] = float(p)
    return {"queries": len(next(iter(values.values()))), "means": means, "tests": tests}


def chorus(
    folder: Path, tasks: list[Task], best: dict[str, Any], encode: Callable[[list[str]], np.ndarray],
    vectors: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Reranking the fused list of real queries by rankers of simulated shops, and by cross-validated ones."""
    shop = Shop.load("chorus", path=folder)
    judged = set(shop.judgements["query_id"][:])
    rows = [r for r, q in enumerate(shop.queries["query_id"][:]) if q in judged]
    texts, ids = [shop.queries["text"][r] for r in rows], [shop.queries["query_id"][r] for r in rows]
    keys, kept = IdMap("query", ids), vectors is not None and vectors.exists()
    products = np.load(vectors, allow_pickle=False) if kept else encode(shop.item_texts)
    if vectors is not None and not kept:
        np.save(vectors, products, allow_pickle=False)
    known = dict(zip(texts, encode(texts)))

    def asked(queries: list[str]) -> np.ndarray:
        return np.stack([known[query] for query in queries])

    lists = {"bm25": BM25().fit(shop.items).search(texts, k=100, keys=keys),
             "minilm": Dense(asked).fit(shop.items, vectors=products).search(texts, k=100, keys=keys)}  # fmt: skip
    lists["fused"] = reciprocal_rank_fusion(lists.values(), k=100)
    table = PairFeatures().fit(shop.items, vectors=products, encode=asked).compute(lists["fused"], texts)
    # What both shops have and mean alike; prices and lengths of an invented shop are no guide to a real one.
    shared = [n for n in table.names if n in tasks[0].table.names and n not in ("price", "price_gap", "words", "asked")]
    table, rankings = table.only(shared), dict(lists)
    learned: dict[str, list[np.ndarray]] = {}
    for task in tasks:
        every = np.arange(len(task.texts))
        for name in ("softmax, linear", "lambdarank, linear", "LambdaMART (LightGBM)"):
            ranker = rankers(best, 0)[name]().fit(task.table.rows(every).only(shared), task.grades)
            scores = ranker.score(table)
            learned.setdefault(name, []).append(scores / scores[table.mask].std())
    for name, scores in learned.items():
        rankings[f"{name}; learned on simulated shops"] = reordered(lists["fused"], np.mean(scores, axis=0), 100)
    grades = candidate_grades(lists["fused"], shop.judgements)
    fold = generator(0, "chorus folds").permutation(len(texts)) % 5
    for name in ("softmax, linear", "LambdaMART (LightGBM)"):
        scores = np.zeros(grades.shape)
        for one in range(5):
            held = fold == one
            fitted = rankers(best, 0)[name]().fit(table.rows(~held), grades[~held]).score(table.rows(held))
            scores[held] = fitted
        rankings[f"{name}; cross-validated"] = reordered(lists["fused"], scores, 100)
    metrics = ["ndcg@10", "condensed_ndcg@10", "judged@10", "recall@100"]
    reports: dict[str, Report] = {name: evaluate(r, shop.judgements, metrics) for name, r in rankings.items()}
    found = {}
    for metric in metrics:
        against = [(name, base) for base in ("bm25", "fused") for name in rankings if ";" in name]
        found[metric] = summarise([{n: r.per_query[metric] for n, r in reports.items()}], against)
    return {"features": shared, "queries": len(reports["bm25"]), **{"metrics": found}}


def measure(
    n_seeds: int, folder: Path | None, cross_steps: int, cross_seeds: int, vectors: Path | None
) -> dict[str, Any]:
    """Everything."""
    began = time.perf_counter()
    encoder = load_minilm(max_length=32, device="cpu")

    def task_of(seed: int) -> Task:
        return ranking_task(Shop.simulate(**SIZES, seed=seed), encoder.encode, seed=seed)

    tuning = tune([task_of(seed) for seed in TUNING_SEEDS])
    best = tuning["best"]
    tables = ("losses", "wide", "ndcg", "own", "length", "overlap", "budget", "cross")
    tasks, kept, facts = [], {name: [] for name in tables}, []
    for seed in range(n_seeds):
        task = task_of(seed)
        tasks.append(task)
        found, seconds = losses(task, best, seed)
        kept["losses"].append(found)
        kept["wide"].append(wide_labels(task, best, seed))
        judged, judge_facts = judges(task, seed)
        for name, values in judged.items():
            kept[name].append(values)
        found, read, budget_facts = budgets(task, best, seed, cross_steps if seed < cross_seeds else 0)
        kept["budget"].append(found)
        kept["cross"] += [read] if read else []
        facts.append({"seed": seed, "train": len(task.train), "test": len(task.test), "seconds": seconds,
                      "judge": judge_facts, "budget": budget_facts,
                      "calibration": calibrations(task, best, seed)})  # fmt: skip
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    learned = list(rankers(best, 0))
    better = [(name, base) for base in ("bm25", "fused") for name in learned]
    better += [("lambdarank, linear", "ranknet, linear"), ("LambdaMART (LightGBM)", "lambdarank, linear")]
    wide = [(f"{kind}, spread {s}, {way}", f"{kind}, spread {s}, 2^units")
            for kind in ("linear ranker", "LambdaMART") for s in SPREADS for way in ("linear", "2^log2")]  # fmt: skip
    judged = [("biased judge", "judge without bias"), ("asked in both orders", "judge without bias"),
              ("both orders, anchors", "asked in both orders"), ("both orders, anchors", "biased judge"),
              ("both orders, anchors", ALONE)]  # fmt: skip
    spent = [(f"best, {d}", f"equal, {d}") for d in DEPTHS[1:-1]]
    read = [(f"{name}, equal, {d}", f"{name}, equal, 0") for name in ("alone", "blended") for d in DEPTHS[1:]]
    result: dict[str, Any] = {
        "tuning": tuning,
        "losses": summarise(kept["losses"], better),
        "wide": summarise(kept["wide"], wide),
        "judge": {"effects": EFFECTS, "position": POSITION, "anchor_queries": ANCHOR_QUERIES,
                  "ndcg": summarise(kept["ndcg"], judged), "own": summarise(kept["own"], judged),
                  **{name: summarise(kept[name], []) for name in ("length", "overlap")}},
        "budget": summarise(kept["budget"], spent),
        "shops": facts,
    }  # fmt: skip
    if kept["cross"]:
        result["cross"] = summarise(kept["cross"], read)
    if folder is not None:
        result["chorus"] = chorus(folder, tasks, best, load_minilm(max_length=64, device="cpu").encode, vectors)
    return {**result, "seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="shops (default: 5)")
    parser.add_argument("--chorus", type=Path, metavar="DIR", help="folder of the Chorus data, to rerank real queries")
    parser.add_argument("--cross-steps", type=int, default=0, metavar="N", help="train a cross-encoder with N steps")
    parser.add_argument("--cross-seeds", type=int, default=1, metavar="N", help="in how many shops (default: 1)")
    parser.add_argument("--vectors", type=Path, metavar="FILE", help=".npy that keeps Chorus's product vectors")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.seeds < 1 or options.cross_steps < 0:
        parser.error("--seeds must be at least 1, --cross-steps at least 0")
    if options.save:
        check_save(options.save)
    result = measure(options.seeds, options.chorus, options.cross_steps, options.cross_seeds, options.vectors)
    print(json.dumps(result, indent=2))
    if options.save:
        data = {"source": "simulated shops", **SIZES}
        if options.chorus:
            data["chorus"] = Shop.load("chorus", path=options.chorus).source.get("files")
        save_result(
            options.save, result,
            command=f"python benchmarks/ranking.py --seeds {options.seeds} --cross-steps {options.cross_steps}"
            + f" --cross-seeds {options.cross_seeds}"
            + (" --chorus DIR" if options.chorus else ""),
            data=data, seeds=range(options.seeds),
            modules=["course_lib.search.ranking", "course_lib.search.retrieval", "course_lib.shop.simulator"],
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
