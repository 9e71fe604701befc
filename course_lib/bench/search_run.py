"""``course bench search``: read the data, train on what is made from the products, rank the catalogue once, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from course_lib.bench.output import Clock
from course_lib.bench.search_choice import choose, pick
from course_lib.bench.search_options import SearchOptions, parse_data
from course_lib.bench.search_report import CHOSEN_BY, NOISE, PUBLISHED, RESTS_ON
from course_lib.bench.search_systems import Lists, Systems
from course_lib.core.errors import DataError
from course_lib.core.provenance import peak_rss_mb
from course_lib.core.ranking import Ranking
from course_lib.shop.measurement import Report, compare, evaluate, holm
from course_lib.shop.shop import Shop

METRICS = ("ndcg@10", "condensed_ndcg@10", "recall@100", "judged@10")
TESTED = METRICS[:3]  #: how much of a list is judged is no merit
#: a − b; Holm's correction goes over all of these and all tested metrics
PAIRS = (("hybrid", "bm25"), ("reranked", "bm25"), ("reranked", "hybrid"), ("minilm", "bm25"), ("finetuned", "minilm"))
TRAINED = ("finetuned", "hybrid", "reranked")  #: what changes with the seed of the fine-tuning
#: whose code the result depends on
MODULES = ("course_lib.bench.search_choice", "course_lib.bench.search_systems", "course_lib.shop.measurement",
           "course_lib.shop.shop")  # fmt: skip


def run_search(options: SearchOptions, *, progress: bool = True) -> tuple[dict[str, Any], dict[str, Report]]:
    """Measure all systems on the data that ``options`` name; progress goes to stderr.

    Returns:
        JSON-ready: options, data, counts, systems, intervals, tests, chosen, forms, seeds, published, seconds (CPU),
        peak_rss_mb; and the report of each system.

    Raises:
        CourseError: the data are missing or damaged, or the products have no words to train on.
    """
    clock = Clock(progress)
    shop = read(options.data)
    systems = Systems(shop, clock.run, steps=options.steps, progress=progress)
    measure = partial(_measure, shop=shop, seed=options.seed)
    lists = systems.rank(options.seed)
    rankings, orders = decide(lists, measure, clock.run)
    forms = {form: measure(ranking).mean for form, ranking in lists.hybrids.items()}
    forms["chosen by the other queries"] = measure(pick(lists.hybrids, choose(lists.hybrids, measure, "recall@100")[0])).mean
    reports = {name: measure(ranking) for name, ranking in rankings.items()}
    seeds = [{"seed": options.seed, **{name: reports[name].mean for name in TRAINED}}]
    for seed in range(options.seed + 1, options.seed + options.seeds):
        more, _ = decide(systems.rank(seed), measure, clock.run)
        seeds.append({"seed": seed, **{name: measure(more[name]).mean for name in TRAINED}})
    first, kind = reports["bm25"], parse_data(options.data)[0]
    verified = all(file["verified"] for file in shop.source["files"])
    result = {
        "options": {"data": kind, "seed": options.seed, "seeds": options.seeds, "steps": options.steps},
        "data": dict(shop.source),
        "counts": {
            "products": len(shop.items),
            "measured queries": len(first),
            "queries without a relevant product": first.no_relevant,
            "judgements": len(shop.judgements),
        },
        "systems": {name: report.mean for name, report in reports.items()},
        "intervals": {name: {m: list(ends) for m, ends in r.interval.items()} for name, r in reports.items()},
        "tests": paired_tests(reports, options.seed),
        "chosen": {name: {"rests on": RESTS_ON[name], **systems.told.get(name, {})} for name in reports},
        "forms": {"hybrid": forms, "reranked": {"queries of each order": orders}},
        "seeds": seeds,
        # Figures of others belong to the publisher's files, not to any that are laid out alike.
        "published": PUBLISHED[kind] if verified else [],
        "seconds": clock.seconds(),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }
    return result, reports


def decide(
    lists: Lists, measure: Callable[[Ranking], Report], run: Callable[[str, Callable[[], Any]], Any]
) -> tuple[dict[str, Ranking], dict[str, int]]:
    """The five systems; of ``reranked`` each query has the order that does best on the other queries, by ``CHOSEN_BY``.

    Returns:
        System → its lists; and order → how many of the judged queries have it.
    """
    orders = lists.reranked(lists.fixed["hybrid"])
    chosen, count = run("reranked", lambda: choose(orders, measure, CHOSEN_BY))
    return {**lists.fixed, "reranked": pick(orders, chosen)}, count


def read(argument: str) -> Shop:
    """The shop that ``--data`` names.

    Raises:
        DataError: no such folder, a file of it is missing or damaged, or no query has a relevant product.
    """
    kind, folder = parse_data(argument)
    if not folder.is_dir():
        what = "this is a file, not a folder" if folder.exists() else "no such folder"
        remedy = f"`course data info {kind}` says where its files are, `course data fetch {kind} --to DIR` fetches them"
        raise DataError(what, where=str(folder), remedy=remedy)
    shop = Shop.load(kind, folder)
    if not np.any(np.array(shop.judgements["grade"][:]) > 0):
        what = "no judgement has a grade of at least 1, so that nothing can be measured"
        raise DataError(what, where=str(folder), remedy="Take the publisher's file of grades")
    return shop


def paired_tests(reports: Mapping[str, Report], seed: int = 0) -> list[dict[str, Any]]:
    """``PAIRS`` by the ``TESTED`` metrics: randomisation tests over queries, with Holm's correction over all of them.

    Returns:
        One dict per test: a, b, metric, difference (a − b), interval (paired bootstrap), p_value, p_holm, n, wins, ties,
        losses, noise: is the difference below what so few queries can tell?
    """
    tests = []
    for metric in TESTED:
        for a, b in PAIRS:
            found = compare(reports[a], reports[b], metric, seed=seed)
            row = {"a": a, "b": b, "metric": metric, "difference": found.difference, "interval": list(found.interval)}
            row |= {"p_value": found.p_value, "n": found.n, "wins": found.wins, "ties": found.ties, "losses": found.losses}
            tests.append({**row, "noise": abs(found.difference) < NOISE})
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests])):
        test["p_holm"] = float(adjusted)
    return tests


def _measure(ranking: Ranking, *, shop: Shop, seed: int) -> Report:
    return evaluate(ranking, shop.judgements, METRICS, seed=seed)
