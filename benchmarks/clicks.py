"""Click models on the simulated shop: the curve of examination, and what debiasing does for *true* relevance.

    .venv/bin/python benchmarks/clicks.py [--first-seed 10] [--seeds 5] [--users 2000] [--save FILE]

Two kinds of shop, whose users click by position or down a cascade; each seed is another shop. The first fifth of the
log gives features (popularity), the rest the result pages. Every click model is fitted to the same pages. Rankings
reorder the products that a query's pages showed, all of which have a known grade; nothing is trained on grades:

- tables: one estimate for each (query, product), from its own clicks, shrunk to the mean rate (plain and doubly robust
  ones aren't);
- rankers: linear, on seven features, trained on one half of the queries and measured on the other, and the reverse.

Differences are tested over the queries of all shops of a kind, paired, Holm-adjusted within the kind. ``harvest`` and
PBM assume what users do in the first kind of shop, ``harvest_cascade`` and the DBN what they do in the second; each is
mismatched in the other kind. Which of a pair stands for it goes by the curve's error, never by what its rankings
gain; the other one is tested as well. Seeds below 10 were seen while the methods were written.

In shops of the first kind, clicks are drawn once more with a planted trust bias, to see whether it is found and undone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from course_lib.core.errors import ContractError
from course_lib.core.ids import IdMap
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.core.ranking import PAD, Ranking
from course_lib.core.script import run_script
from course_lib.core.seeds import generator
from course_lib.core.tables import make_table
from course_lib.search.analysis import analyser
from course_lib.search.clicks import (
    Cascade,
    ClickModel,
    DocumentCTR,
    DynamicBayesian,
    Impressions,
    LinearRanker,
    PairTable,
    PositionBased,
    RankCTR,
    RegressionEM,
    ResultPages,
    SimplifiedDBN,
    TrustBias,
    affine_relevance,
    doubly_robust_relevance,
    draw_clicks,
    examination_by_propensity,
    harvest_cascade,
    harvest_examination,
    ips_relevance,
    log_likelihood,
    perplexity,
    read_pages,
    weigh_impressions,
)
from course_lib.search.clicks.regression import Features
from course_lib.search.retrieval import BM25
from course_lib.shop.log import CLICK, IMPRESSION, NO_QUERY, read_log
from course_lib.shop.measurement import evaluate, holm
from course_lib.shop.measurement.resampling import bootstrap, sign_flip
from course_lib.shop.shop import Shop
from course_lib.shop.simulator import Parameters

SIZES = {"n_items": 2_000, "n_users": 2_000, "n_queries": 300, "events_per_user": 100}
KINDS = ("position", "cascade")
RIGHT = {"position": "harvest", "cascade": "harvest_cascade"}
PRIORS = ((0.1, 0.1), (0.2, 0.2), (0.5, 0.5), (1.0, 1.0), (0.5, 1.5))
LOOKS = 2.0  #: looks at the mean rate that a pair starts with, the same for every table
METRIC = "ndcg@10"
#: where P(look) comes from
SOURCES = ("naive", "rank_ctr", "harvest", "pbm", "regression", "sdbn", "harvest_cascade", "dbn")


def fit_models(
    train: ResultPages, held: ResultPages, features: Features
) -> tuple[dict[str, ClickModel], dict[str, Any]]:
    """All models on all pages, with the prior under which they foretell the last fifth best; and each try."""
    tries: dict[str, Any] = {}
    kinds: dict[str, Any] = {
        "pbm": PositionBased, "cascade": Cascade, "sdbn": SimplifiedDBN, "document_ctr": DocumentCTR,
        "dbn": lambda prior: DynamicBayesian(prior=prior, rounds=60),
    }  # fmt: skip
    models: dict[str, ClickModel] = {"rank_ctr": RankCTR(), "regression": RegressionEM(features)}
    for name, make in kinds.items():
        tries[name] = [
            {"prior": list(prior), "perplexity": perplexity(make(prior=prior).fit(train), held)[0]}
            for prior in (PRIORS if name != "dbn" else PRIORS[1::2])
        ]
        models[name] = make(prior=tuple(min(tries[name], key=lambda one: one["perplexity"])["prior"]))
    return models, tries


def features_by_pair(shop: Shop, pages: ResultPages, moment: int) -> Features:
    """``features_of``, computed once for all pairs of these pages."""
    code = np.unique(pages.code[pages.shown])
    x = features_of(shop, code >> 32, code & (2**32 - 1), moment)
    return lambda query, item: x[np.searchsorted(code, (query << 32) + item)]


def refuses(pages: ResultPages) -> bool:
    """Whether ``harvest_cascade`` sees by itself that these users don't read down a cascade."""
    try:
        harvest_cascade(pages)
    except ContractError:
        return True
    return False


def planted_trust(
    pages: ResultPages, features: Features, attraction: PairTable, look: np.ndarray, seed: int
) -> dict[str, Any]:
    """Clicks with trust bias on the same pages, and what is left of it in each estimate of r, the attraction.

    ε⁺ and ε⁻ have the form that Vardasbi, Oosterhuis & de Rijke (2020) plant: 0.98 falling by 0.01 a place, and 0.65
    divided by the place.
    """
    place = np.arange(1, pages.length + 1)
    truth = TrustBias(features)
    truth.hit, truth.slip = look * (1 - (place + 1) / 100), look * 0.65 / place
    truth.attraction = attraction
    drawn = draw_clicks(truth, pages, seed)
    found, harvest = TrustBias(features).fit(drawn), np.minimum(harvest_examination(drawn), 1)
    by_place = RegressionEM(features).fit(drawn)
    seen = {name: weigh_impressions(drawn, curve, max_weight=20) for name, curve in
            (("naive", np.ones(pages.length)), ("harvest", harvest), ("regression", by_place))}  # fmt: skip
    tables = {
        **{f"click / look: {name}": ips_relevance(one) for name, one in seen.items()},
        "affine, estimated": affine_relevance(drawn, found.hit - found.slip, found.slip),
        "affine, true": affine_relevance(drawn, truth.hit - truth.slip, truth.slip),
        "r by features": found.attraction,
    }
    code, weight = np.unique(drawn.code[drawn.shown], return_counts=True)
    often = weight >= 20

    def against(table: PairTable) -> dict[str, float]:
        r, v, w = attraction.of(code)[often], table.of(code)[often], weight[often]
        both = np.cov(r, v, aweights=w)
        rmse = float(np.sqrt(np.average((v - r) ** 2, weights=w)))
        return {"bias": float(np.average(v - r, weights=w)), "rmse": rmse,
                "correlation": float(both[0, 1] / np.sqrt(both[0, 0] * both[1, 1]))}  # fmt: skip

    return {
        "clicks": int(drawn.click.sum()), "pairs seen 20 times": int(often.sum()),
        "hit": found.hit.tolist(), "slip": found.slip.tolist(),
        "true hit": truth.hit.tolist(), "true slip": truth.slip.tolist(),
        "hit_error": float(np.abs(found.hit - truth.hit).mean()),
        "slip_error": float(np.abs(found.slip - truth.slip).mean()),
        "tables": {name: against(table) for name, table in tables.items()},
    }  # fmt: skip


def curve_of(model: ClickModel | np.ndarray, length: int) -> np.ndarray:
    """float [length]: the model's P(look | no click above), relative to the first place."""
    curve = model if isinstance(model, np.ndarray) else getattr(model, "examination", np.ones(1))
    curve = np.concatenate([curve, np.full(length, curve[-1])])[:length]
    return curve / curve[0]


def features_of(shop: Shop, query: np.ndarray, item: np.ndarray, moment: int) -> np.ndarray:
    """float [m, 7]: words in common, brand, price, and the product's clicks before the moment."""
    texts, titles, brands = shop.queries["text"][:], shop.items["title"][:], shop.items["brand"][:]
    asked, terms = analyser("en", query=True), analyser("en")
    wanted, title = [set(asked(text)) for text in texts], [set(terms(text)) for text in titles]
    brand = [set(terms(text)) for text in brands]
    found = BM25().fit(shop.items).search(texts, k=len(shop.items), keys=shop.query_ids)
    bm25 = np.zeros((len(texts), len(titles)), dtype=np.float32)
    rows, places = np.nonzero(found.ids != PAD)
    bm25[rows, found.ids[rows, places]] = found.scores[rows, places]
    pairs, where = np.unique(np.column_stack([query, item]), axis=0, return_inverse=True)
    share = np.array([len(wanted[q] & title[i]) / max(len(wanted[q]), 1) for q, i in pairs])
    named = np.array([bool(brand[i] and brand[i] <= wanted[q]) for q, i in pairs])
    log = read_log(shop, until=moment)
    clicks = np.bincount(log.item[log.kind == CLICK], minlength=len(titles))
    price = np.log(np.asarray(shop.items["price"][:]))
    _, shelf = np.unique(shop.items["category"][:], return_inverse=True)
    middle = np.bincount(shelf, price) / np.bincount(shelf)
    q, i = pairs.T
    best = np.maximum(bm25.max(axis=1), 1e-6)
    relative = price - middle[shelf]
    columns = [bm25[q, i], bm25[q, i] / best[q], share, named, relative[i], np.log1p(clicks[i]), price[i]]
    return np.column_stack(columns)[where.ravel()]


def halves(query: np.ndarray, seed: int) -> np.ndarray:
    """bool [m]: which half each impression's query is in."""
    return generator(seed, "halves").permutation(query.max() + 1)[query] % 2 == 0


def cross_scores(
    seen: Impressions, x: np.ndarray, half: np.ndarray, loss: str, target: np.ndarray | None = None
) -> np.ndarray:
    """float [m]: each half scored by a linear ranker trained on the other; a squared loss guesses the target itself.

    ``target`` float [m] takes the place of click / P(look).
    """
    target = seen.target if target is None else target
    scores = np.empty(len(x))
    for train in (half, ~half):
        part = Impressions(*(v[train] if isinstance(v, np.ndarray) else v for v in vars(seen).values()))
        ranker = LinearRanker(loss=loss).fit(part, x[train], target=target[train])
        shift = target[train].mean() - ranker.score(x[train]).mean() if loss == "squared" else 0.0
        scores[~train] = ranker.score(x[~train]) + shift
    return scores


def trees(seen: Impressions, x: np.ndarray, half: np.ndarray, *, positions: bool) -> np.ndarray:
    """float [m]: as ``cross_scores``, by LightGBM's LambdaRank with or without its position correction."""
    scores = np.empty(len(x))
    settings = {"objective": "lambdarank", "verbose": -1, "num_leaves": 7, "learning_rate": 0.1, "num_threads": 1,
                "seed": 0, "min_data_in_leaf": 100}  # fmt: skip
    for train in (half, ~half):
        _, group = np.unique(seen.page[train], return_counts=True)
        place = seen.place[train] if positions else None
        data = lightgbm.Dataset(x[train], label=seen.click[train].astype(int), group=group, position=place)
        scores[~train] = lightgbm.train(settings, data, num_boost_round=50).predict(x[~train])
    return scores


def report_on(shop: Shop, seen: Impressions, score: np.ndarray) -> dict[int, float]:
    """NDCG@10 of each query's shown products, by true grade, ordered by a score of each impression."""
    code, first = np.unique(seen.code, return_index=True)
    query, item, score = seen.query[first], seen.item[first], np.round(score[first], 9)
    # Ties in an order that knows nothing: rows of the catalogue are no merit.
    order = np.lexsort((generator(0, "ties").random(len(code)), -score, query))
    query, item, score = query[order], item[order], score[order]
    rows, start, count = np.unique(query, return_index=True, return_counts=True)
    place = np.arange(len(query)) - np.repeat(start, count)
    ids = np.full((len(rows), count.max()), PAD)
    values = np.full(ids.shape, -np.inf)
    line = np.repeat(np.arange(len(rows)), count)
    ids[line, place], values[line, place] = item, score
    keys = IdMap("query", shop.query_ids.take(rows))
    grade = np.asarray(shop.truth.relevance[query, item]).ravel().astype(np.int64)
    judged = make_table("judgements", {
        "query_id": shop.query_ids.take(query), "item_id": shop.item_ids.take(item), "grade": grade,
    })  # fmt: skip
    report = evaluate(Ranking(ids, values, keys, shop.item_ids), judged, METRIC)
    return dict(zip(shop.query_ids.rows(report.keys).tolist(), report.per_query[METRIC].tolist()))


def measure_shop(kind: str, seed: int, sizes: dict[str, int]) -> tuple[dict[str, Any], dict[str, dict[int, float]]]:
    """Curves and fits of one shop, and NDCG@10 per query of each way to rank."""
    shop = Shop.simulate(**sizes, seed=seed, parameters=Parameters(click_model=kind))
    moment = shop.split_time(0.2)
    pages, truth = read_pages(shop, since=moment), shop.truth.examination
    train, held = pages.split(int(np.quantile(pages.timestamp, 0.8)))
    features = features_by_pair(shop, pages, moment)
    models, tries = fit_models(train, held, features)
    fits = {}
    for name, model in models.items():
        foretold = perplexity(model.fit(train), held)[0]
        likelihood = log_likelihood(model, held) / len(held)
        error = np.abs(curve_of(model.fit(pages), pages.length) - truth).mean()
        fits[name] = {
            "curve": curve_of(model, pages.length).tolist(), "curve_error": float(error), "perplexity": foretold,
            "log_likelihood_per_page": likelihood if np.isfinite(likelihood) else None,
        }  # fmt: skip
    harvest, (down, leaves) = harvest_examination(pages), harvest_cascade(pages, check=False)
    curves = {"harvest": harvest, "harvest_cascade": down, "propensity": examination_by_propensity(pages)}
    for most in (100, 20):
        curves[f"propensity, weights up to {most}"] = examination_by_propensity(pages, max_weight=most)
    for name, curve in curves.items():
        fits[name] = {"curve": curve.tolist(), "curve_error": float(np.abs(curve - truth).mean())}
    fits["harvest_cascade"] |= {"satisfaction": leaves, "refused": refuses(pages)}
    fits["pbm_by_prior"] = {
        f"{a}, {b}": float(np.abs(PositionBased(prior=(a, b)).fit(pages).examination - truth).mean())
        for a, b in ((0, 0), *PRIORS)
    }
    sources: dict[str, Any] = {
        **models, "naive": np.ones(pages.length), "harvest": np.minimum(harvest, 1.0),
        "harvest_cascade": DynamicBayesian(curve=down, prior=(0.5, 0.5), rounds=60).fit(pages),
    }  # fmt: skip
    if kind == "position":
        sources["truth"] = truth
    ndcg: dict[str, dict[int, float]] = {}
    clipped, wrong, x, half, attraction = {}, {}, None, None, true_attraction(shop, moment)

    def off(table: PairTable) -> dict[str, float]:
        error = table.of(seen.code) - attraction.of(seen.code)  # each pair counts by its impressions
        return {"rmse": float(np.sqrt((error**2).mean())), "bias": float(error.mean())}

    for name in (*SOURCES, *(["truth"] if kind == "position" else [])):
        seen = weigh_impressions(pages, sources[name], max_weight=20)
        if x is None:
            x, half = features(seen.query, seen.item), halves(seen.query, seed)
            ndcg["as shown"] = report_on(shop, seen, PairTable(*mean_place(seen)).of(seen.code))
            ndcg["true attraction"] = report_on(shop, seen, attraction.of(seen.code))
            ndcg["bm25"] = report_on(shop, seen, x[:, 0])
            for loss, family in (("listwise", "ranker"), ("squared", "ranker, squared")):  # as if nothing were hidden
                perfect = cross_scores(seen, x, half, loss, attraction.of(seen.code))
                ndcg[f"{family}: true attraction"] = report_on(shop, seen, perfect)
            ndcg["ranker: lightgbm"] = report_on(shop, seen, trees(seen, x, half, positions=False))
            ndcg["ranker: lightgbm position"] = report_on(shop, seen, trees(seen, x, half, positions=True))
        clipped[name] = seen.clipped
        rate = seen.click.sum() / seen.divisor.sum()
        table = ips_relevance(seen, prior=(LOOKS * rate, LOOKS * (1 - rate)))
        ndcg[f"table: {name}"] = report_on(shop, seen, table.of(seen.code))
        wrong[f"table: {name}"] = off(table)
        plain = ips_relevance(seen, normalised=False)
        ndcg[f"table, plain: {name}"] = report_on(shop, seen, plain.of(seen.code))
        wrong[f"table, plain: {name}"] = off(plain)
        guess = np.clip(cross_scores(seen, x, half, "squared"), 0, 1)
        robust = doubly_robust_relevance(seen, guess)
        wrong[f"table, doubly robust: {name}"] = off(robust)
        ndcg[f"table, doubly robust: {name}"] = report_on(shop, seen, robust.of(seen.code))
        ndcg[f"ranker: {name}"] = report_on(shop, seen, cross_scores(seen, x, half, "listwise"))
        ndcg[f"ranker, squared: {name}"] = report_on(shop, seen, guess)
    for name in ("sdbn", "dbn"):  # what these models themselves call relevance: attracts and satisfies
        ndcg[f"model: {name}"] = report_on(shop, seen, models[name].relevance().of(seen.code))
    ndcg["model: pbm"] = report_on(shop, seen, models["pbm"].relevance().of(seen.code))
    facts = {
        "seed": seed, "pages": len(pages), "impressions": int(pages.shown.sum()), "clicks": int(pages.click.sum()),
        "pairs": len(np.unique(seen.code)), "queries": len(ndcg["bm25"]),
    }  # fmt: skip
    if kind == "position":
        facts["trust"] = planted_trust(pages, features, attraction, truth, seed)
    return {**facts, "truth": truth.tolist(), "models": fits, "tuning": tries, "clipped": clipped,
            "attraction_error": wrong}, ndcg  # fmt: skip


def true_attraction(shop: Shop, moment: int) -> PairTable:
    """P(click | look) of each pair, averaged over the users it was shown to: the simulator's own."""
    log = read_log(shop, since=moment)
    rows = (log.kind == IMPRESSION) & (log.query != NO_QUERY)
    code, pair = np.unique((log.query[rows] << 32) + log.item[rows], return_inverse=True)
    value = np.bincount(pair, shop.truth.attraction[log.event[rows]]) / np.bincount(pair)
    return PairTable(code, value, float("nan"))


def mean_place(seen: Impressions) -> tuple[np.ndarray, np.ndarray, float]:
    """The logging policy's own order: minus the mean place at which each pair was shown."""
    code, pair = np.unique(seen.code, return_inverse=True)
    return code, -np.bincount(pair, seen.place) / np.bincount(pair), -np.inf


def summarise(kind: str, shops: list[dict[str, dict[int, float]]]) -> dict[str, Any]:
    """Means with 95 % intervals over the queries of all shops, and the paired tests that the question asks for."""
    names = list(shops[0])
    values = {name: np.concatenate([list(shop[name].values()) for shop in shops]) for name in names}

    def interval(v: np.ndarray) -> list[float]:
        low, high = bootstrap(v[:, None], 0)
        return [float(low[0]), float(high[0])]

    means = {name: {"mean": float(v.mean()), "interval": interval(v)} for name, v in values.items()}
    right, wrong = RIGHT[kind], RIGHT[KINDS[1 - KINDS.index(kind)]]
    pairs = []
    for family in ("ranker", "ranker, squared", "table", "table, doubly robust"):
        against = [(name, "naive") for name in (right, wrong, "pbm", "regression", "dbn", "sdbn")]
        pairs += [(f"{family}: {a}", f"{family}: {b}") for a, b in (*against, (right, wrong))]
    pairs += [(f"table, doubly robust: {right}", f"table, plain: {right}"),
              *(("bm25", b) for b in (f"ranker: {right}", f"ranker, squared: {right}", "ranker: lightgbm",
                                      "ranker: lightgbm position", f"table: {right}", "true attraction",
                                      "ranker: true attraction", "ranker, squared: true attraction")),
              ("ranker: true attraction", f"ranker: {right}"), ("true attraction", "table: naive"),
              ("ranker: lightgbm position", "ranker: lightgbm"),
              ("ranker: lightgbm position", f"ranker: {right}")]  # fmt: skip
    tests = []
    for a, b in pairs:
        difference = values[a] - values[b]
        tests.append({"a": a, "b": b, "difference": float(difference.mean()), "interval": interval(difference),
                      "p_value": sign_flip(difference[difference != 0], 10_000, 0)})  # fmt: skip
    for test, p in zip(tests, holm([t["p_value"] for t in tests])):
        test["p_adjusted"] = float(p)
    return {"right": right, "mismatched": wrong, "queries": len(values["bm25"]), METRIC: means, "tests": tests}


def measure(seeds: range, sizes: dict[str, int]) -> dict[str, Any]:
    """Everything, for both kinds of shop."""
    began, result = time.perf_counter(), {}
    for kind in KINDS:
        shops, ndcg = [], []
        for seed in seeds:
            facts, values = measure_shop(kind, seed, sizes)
            shops.append(facts)
            ndcg.append(values)
            errors = {n: round(f["curve_error"], 4) for n, f in facts["models"].items() if "curve_error" in f}
            print(f"{kind}, seed {seed}: {time.perf_counter() - began:.0f} s, {errors}", file=sys.stderr, flush=True)
        named = [n for n in shops[0]["models"] if n != "pbm_by_prior"]
        errors = {n: [s["models"][n]["curve_error"] for s in shops] for n in named}
        result[kind] = {
            "curve_error": {n: {"mean": float(np.mean(e)), "largest": float(np.max(e))} for n, e in errors.items()},
            "attraction_error": {
                n: {m: float(np.mean([s["attraction_error"][n][m] for s in shops])) for m in ("rmse", "bias")}
                for n in shops[0]["attraction_error"]
            },
            "refused": sum(s["models"]["harvest_cascade"]["refused"] for s in shops),
            **summarise(kind, ndcg), "shops": shops,
        }  # fmt: skip
        if kind == "position":
            result["trust"] = mean_trust([s["trust"] for s in shops])
    return {**result, "seconds": time.perf_counter() - began, "peak_rss_mb": peak_rss_mb()}


def mean_trust(shops: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the shops of what ``planted_trust`` measured, with the extremes of each table's numbers."""
    errors = {name: float(np.mean([s[name] for s in shops])) for name in ("hit_error", "slip_error")}
    each = {name: {m: [s["tables"][name][m] for s in shops] for m in found}
            for name, found in shops[0]["tables"].items()}  # fmt: skip
    tables = {name: {m: {"mean": float(np.mean(v)), "range": [min(v), max(v)]} for m, v in found.items()}
              for name, found in each.items()}  # fmt: skip
    return {**errors, "tables": tables}


def main() -> int:
    """Measure, print as JSON, save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="shops of each kind (default: 5)")
    parser.add_argument("--first-seed", type=int, default=10, metavar="N", help="of the first shop (default: 10)")
    parser.add_argument("--users", type=int, default=SIZES["n_users"], metavar="N", help="of a shop (default: 2000)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result with its provenance")
    options = parser.parse_args()
    if options.seeds < 1 or options.users < 1 or options.first_seed < 0:
        parser.error("--seeds and --users must be at least 1, --first-seed at least 0")
    if options.save:
        check_save(options.save)
    sizes = {**SIZES, "n_users": options.users}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    result = measure(seeds, sizes)
    print(json.dumps(result, indent=2))
    if options.save:
        save_result(
            options.save,
            result,
            command=f"python benchmarks/clicks.py --first-seed {options.first_seed} --seeds {options.seeds} "
            f"--users {options.users}",
            data={"source": "simulated shop", **sizes, "click_models": list(KINDS)},
            seeds=seeds,
            modules=["course_lib.search.clicks", "course_lib.search.retrieval", "course_lib.shop.simulator"],
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_script(main))
