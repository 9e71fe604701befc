"""The second stage on the simulated shop: click and purchase models, calibration, and what their orders are worth.

    .venv/bin/python benchmarks/recommend_ranking.py [--first-seed 10] [--seeds 5] [--save FILE]

Each seed is another shop. A fifth of each log gives the first stage (iALS), the features' past and nothing else; the
models learn from the pages until 70 % of the events, scores are calibrated on those until 80 %, and all is measured on
the rest. Settings are chosen on the shop of seed 0 alone, by log-loss (of clicks, or of purchases among clicks) on its
pages between 70 and 80 %, with the same number of tries for each kind of model. Money and NDCG are the simulator's true
ones, of the pages that were shown, in another order.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.script import run_script
from course_lib.recommend.collaborative import DAY, IALS
from course_lib.recommend.ranking import (
    ClickBuyNetwork, Crosses, Impressions, Isotonic, LogisticRegression, Platt, Table, Trees, auc, expected_value,
    impression_features, item_groups, keep_negatives, measure, page_gain, read_impressions, true_chances, undo_sampling,
)  # fmt: skip
from course_lib.shop.measurement import Report, compare, holm
from course_lib.shop.shop import Shop

SIZES = {"n_items": 1_500, "n_users": 1_500, "n_queries": 250, "events_per_user": 150}
CROSSES = (
    ("page_share", "item_recent_clicks"), ("budget_gap", "category_share"), ("first_stage", "page_share"),
    ("relative_price", "segment_bargain"), ("discount", "segment_bargain"), ("place", "item_recent_clicks"),
)  # fmt: skip
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "logistic": {"l2": (30.0, 100.0, 300.0, 1_000.0)},
    "trees": {"rounds": (120, 240), "num_leaves": (7, 15)},
    "network": {"epochs": (2, 4), "learning_rate": (1e-3, 3e-3)},
    "buy trees": {"rounds": (20, 60), "num_leaves": (3, 7)},
}
KEPT = 0.1  #: of the negatives, in the system that drops them
SEEDS = 1  #: of each network's training


class Data:
    """One shop's impressions in three parts, with features."""

    def __init__(self, seed: int):
        self.shop = Shop.simulate(**SIZES, seed=seed)
        starts = [self.shop.split_time(share) // DAY * DAY for share in (0.2, 0.7, 0.8)]
        first = IALS(factors=32, iterations=8).fit(self.shop.interactions(until=starts[0]))
        shown = read_impressions(self.shop).between(starts[0], 2**40)
        table = impression_features(self.shop, shown, recommender=first)
        edges = [*starts, 2**40]
        self.shown: list[Impressions] = [shown.between(a, b) for a, b in itertools.pairwise(edges)]
        self.table: list[Table] = [table.select((shown.time >= a) & (shown.time < b)) for a, b in itertools.pairwise(edges)]
        self.known = true_chances(self.shop, self.shown[2])


def log_loss(happened: np.ndarray, p: np.ndarray) -> float:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.where(happened, np.log(p), np.log(1 - p)).mean())


def tries(grid: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(grid, values)) for values in itertools.product(*grid.values())]


def choose(data: Data) -> dict[str, dict[str, Any]]:
    """The settings of each kind of model that foretell the second part best, and each try."""
    (train, valid, _), (x, v, _) = data.shown, data.table
    rows, clicked = train.click, valid.click

    def linear(l2: float, pairs: tuple = ()) -> np.ndarray:
        crosses = Crosses(pairs).fit(x)
        return LogisticRegression(l2).fit(crosses.transform(x), train.click).probability(crosses.transform(v))

    def network(form: str, attention: bool, **settings: Any) -> np.ndarray:
        model = ClickBuyNetwork(item_groups(data.shop), form=form, attention=attention, **settings)
        return model.fit(x, train.click, train.buy).probabilities(v)[0]

    kinds = {
        "logistic": ("logistic", valid.click, linear),
        "logistic, crosses": ("logistic", valid.click, lambda l2: linear(l2, CROSSES)),
        "trees": ("trees", valid.click, lambda **s: Trees(**s).fit(x, train.click).score(v)),
        "network": ("network", valid.click, lambda **s: network("esmm", True, **s)),
        "network, mean": ("network", valid.click, lambda **s: network("esmm", False, **s)),
        "buy trees": ("buy trees", valid.buy[clicked],
                      lambda **s: Trees(**s).fit(x.select(rows), train.buy[rows]).score(v.select(clicked))),
    }  # fmt: skip
    chosen = {}
    for name, (grid, happened, foretell) in kinds.items():
        tried = [{**s, "log_loss": log_loss(happened, foretell(**s))} for s in tries(GRIDS[grid])]
        best = min(tried, key=lambda one: one["log_loss"])
        chosen[name] = {"settings": {k: s for k, s in best.items() if k != "log_loss"}, "tries": tried}
        print(f"{name}: {chosen[name]['settings']}", file=sys.stderr, flush=True)
    return chosen


def score_shop(data: Data, chosen: dict[str, dict[str, Any]]) -> tuple[dict[str, tuple], dict[str, np.ndarray]]:
    """For the last part: of each click model (P(click) as shown, at equal places), and of each purchase model its P."""
    (train, valid, test), (x, v, t) = data.shown, data.table
    top = t.with_column("place", 0)
    use = {name: found["settings"] for name, found in chosen.items()}
    lot = np.random.default_rng(0).random(len(test))
    rate = t.column("item_clicks").astype(np.float64)
    click: dict[str, tuple] = {"random": (lot, lot), "item's click rate": (rate, rate)}
    for name, pairs in (("logistic", ()), ("logistic, crosses", CROSSES)):
        crosses = Crosses(pairs).fit(x)
        model = LogisticRegression(**use[name]).fit(crosses.transform(x), train.click)
        click[name] = tuple(model.probability(crosses.transform(one)) for one in (t, top))
    trees = Trees(**use["trees"]).fit(x, train.click)
    click["trees"] = (trees.score(t), trees.score(top))
    isotonic = Isotonic().fit(trees.score(v), valid.click)
    click["trees, isotonic"] = tuple(isotonic.probability(one) for one in click["trees"])
    kept = keep_negatives(train.click, KEPT)
    few = Trees(**use["trees"]).fit(x.select(kept), train.click[kept])
    click["trees, few negatives"] = (few.score(t), few.score(top))
    click["trees, few negatives, undone"] = tuple(undo_sampling(p, KEPT) for p in click["trees, few negatives"])
    order = Trees("lambdarank", **use["trees"]).fit(x, train.click, train.page)
    raw = (order.score(t), order.score(top))
    click["lambdarank, sigmoid"] = tuple(1 / (1 + np.exp(-s)) for s in raw)
    held = order.score(v)
    for name, how in (("platt", Platt()), ("isotonic", Isotonic())):
        how.fit(held, valid.click)
        click[f"lambdarank, {name}"] = tuple(how.probability(s) for s in raw)
    rows = train.click
    usual = train.buy.sum() / rows.sum()
    buy = {"constant": np.full(len(test), usual)}
    buy["trees on clicks"] = Trees(**use["buy trees"]).fit(x.select(rows), train.buy[rows]).score(t)
    for name, form, attention in (("network, mean", "esmm", False), ("network", "esmm", True), ("shared", "shared", True)):
        settings = use["network, mean" if not attention else "network"]
        made = []
        for seed in range(SEEDS):
            model = ClickBuyNetwork(item_groups(data.shop), form=form, attention=attention, seed=seed, **settings)
            model.fit(x, train.click, train.buy)
            made.append((model.probabilities(t)[0], *model.probabilities(top)))
        shown, placed, bought = (np.mean(part, axis=0) for part in zip(*made))
        label = {"network, mean": "network, mean", "network": "network, attention", "shared": "network, shared"}[name]
        click[label] = (shown, placed)
        if attention:
            buy["ESMM" if form == "esmm" else "shared bottom"] = bought
    return click, buy


def measure_shop(data: Data, chosen: dict[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """Reports and numbers of one shop."""
    test, known, users = data.shown[2], data.known, data.shop.users["user_id"][:]
    names = [f"{seed} {user}" for user in users]
    click, buy = score_shop(data, chosen)
    flat = buy["constant"]
    found: dict[str, Any] = {"reports": {}, "numbers": {}, "buy": {}}

    def add(name: str, shown: np.ndarray, order: np.ndarray, value: np.ndarray) -> None:
        one = measure(test, known, names, shown, order, value)
        found["reports"][name] = one.report
        found["numbers"][name] = {"auc": one.auc, "ece": one.ece}

    click["as shown"] = (known.look[test.place], known.look[test.place])
    click["truth"] = (known.click, known.attraction)
    for name, (shown, placed) in click.items():
        money = expected_value(placed, known.buy if name == "truth" else flat, test.price)
        add(name, shown, placed, placed if name == "as shown" else money)
    shown, placed = click["trees"]
    add("trees, order by clicks", shown, placed, placed)
    add("trees, order by price", shown, placed, test.price)
    for name, chance in buy.items():
        found["buy"][name] = {
            "error": float(np.abs(chance - known.buy).mean()),
            "correlation": float(np.corrcoef(chance, known.buy)[0, 1]) if np.ptp(chance) > 1e-9 else 0.0,
            "auc": auc(test.buy[test.click], chance[test.click]),
        }  # fmt: skip
        add(f"trees × {name}", shown, placed, expected_value(placed, chance, test.price))
    add("trees × true P(buy)", shown, placed, expected_value(placed, known.buy, test.price))
    found["sizes"] = {"train": len(data.shown[0]), "calibration": len(data.shown[1]), "test": len(test),
                      "purchases": [int(part.buy.sum()) for part in data.shown]}  # fmt: skip
    best = page_gain(test.page, known.attraction * known.buy * test.price,
                     known.attraction * known.buy * test.price, known.look)  # fmt: skip
    found["best_money"] = float(1_000 * best.mean())
    return found


#: a, b, metric: the questions that the chapter asks
QUESTIONS = (
    ("trees", "logistic", "ndcg"), ("trees", "logistic", "money"), ("logistic, crosses", "logistic", "ndcg"),
    ("network, attention", "trees", "ndcg"), ("network, attention", "network, mean", "ndcg"),
    ("lambdarank, platt", "trees", "ndcg"), ("trees", "as shown", "money"), ("trees", "item's click rate", "money"),
    ("trees", "trees, order by clicks", "money"), ("trees", "trees, order by price", "money"),
    ("lambdarank, platt", "lambdarank, sigmoid", "money"), ("lambdarank, isotonic", "lambdarank, sigmoid", "money"),
    ("lambdarank, isotonic", "lambdarank, platt", "money"),
    ("trees, few negatives, undone", "trees, few negatives", "money"), ("trees, isotonic", "trees", "money"),
    ("trees × trees on clicks", "trees × constant", "money"), ("trees × shared bottom", "trees × constant", "money"),
    ("trees × ESMM", "trees × constant", "money"), ("trees × ESMM", "trees × shared bottom", "money"),
    ("trees × true P(buy)", "trees × constant", "money"),
)  # fmt: skip


def joined(reports: list[Report]) -> Report:
    """The reports of several shops as one, over the users of all."""
    values = {m: np.concatenate([one.per_query[m] for one in reports]) for m in ("ndcg", "money")}
    return Report(tuple(key for one in reports for key in one.keys), values, 0, 0, 0, "user", "linear", 0)


def summarise(shops: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with 95 % intervals over the users of all shops, and the paired tests, Holm-adjusted together."""
    names = list(shops[0]["reports"])
    reports = {name: joined([shop["reports"][name] for shop in shops]) for name in names}
    systems = {}
    for name, report in reports.items():
        systems[name] = {m: {"mean": report[m], "low": report.interval[m][0], "high": report.interval[m][1]}
                         for m in ("ndcg", "money")}  # fmt: skip
        if name in shops[0]["numbers"]:
            for number in ("auc", "ece"):
                each = [shop["numbers"][name][number] for shop in shops]
                systems[name][number] = {"mean": float(np.mean(each)), "low": min(each), "high": max(each)}
    tests = []
    for a, b, metric in QUESTIONS:
        tests.append({"a": a, "b": b, **compare(reports[a], reports[b], metric).to_dict()})
    for test, p in zip(tests, holm([test["p_value"] for test in tests])):
        test["p_adjusted"] = float(p)
    buy = {name: {n: float(np.mean([shop["buy"][name][n] for shop in shops])) for n in found}
           for name, found in shops[0]["buy"].items()}  # fmt: skip
    return {"systems": systems, "tests": tests, "buy": buy, "users": len(reports["trees"].keys),
            "best_money": float(np.mean([shop["best_money"] for shop in shops])),
            "sizes": [shop["sizes"] for shop in shops]}  # fmt: skip


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="shops (default: 5)")
    parser.add_argument("--first-seed", type=int, default=10, metavar="N", help="of the first shop (default: 10)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.seeds < 1 or options.first_seed < 1:
        parser.error("--seeds and --first-seed must be at least 1 (the shop of seed 0 chooses the settings)")
    if options.save:
        check_save(options.save)
    began, shops = time.perf_counter(), []
    chosen = choose(Data(0))
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for seed in seeds:
        shops.append(measure_shop(Data(seed), chosen, seed))
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    result = {**summarise(shops), "chosen": chosen, "seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save,
            result,
            command=f"python benchmarks/recommend_ranking.py --first-seed {options.first_seed} --seeds {options.seeds}",
            data={"source": "simulated shop", **SIZES},
            seeds=seeds,
            modules=["course_lib.recommend.ranking", "course_lib.shop.simulator"],
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
