"""``course bench collaborative``: read the two files, learn from the first, rank the catalogue, measure by the second."""

from __future__ import annotations

from typing import Any

from course_lib.bench.collaborative_options import CollaborativeOptions, parse_data
from course_lib.bench.collaborative_report import PUBLISHED, RESTS_ON
from course_lib.bench.collaborative_systems import SETTINGS, make, reached, size_of
from course_lib.bench.output import Clock
from course_lib.core.errors import DataError
from course_lib.core.provenance import peak_rss_mb
from course_lib.recommend.split import new_interests
from course_lib.shop.loaders.lightgcn import TEST
from course_lib.shop.loaders.manifests import manifest
from course_lib.shop.measurement import Report, compare, evaluate, holm
from course_lib.shop.shop import Shop

METRICS = ("recall@20", "ndcg@20")
DEPTH = 20
#: a − b; Holm's correction goes over all of these and both metrics
PAIRS = (
    ("item_cosine", "popularity"), ("ials", "item_cosine"), ("ials", "bpr"), ("ease", "item_cosine"), ("ease", "ials"),
    ("lightgcn", "bpr"), ("lightgcn", "ials"), ("lightgcn", "ease"),
)  # fmt: skip
#: whose code the result depends on, beside that of the systems measured
MODULES = ("course_lib.bench.collaborative_systems", "course_lib.recommend.collaborative", "course_lib.shop.measurement")


def run_collaborative(options: CollaborativeOptions, *, progress: bool = True) -> dict[str, Any]:
    """Measure the systems on the data that ``options`` name; progress goes to stderr.

    Returns:
        JSON-ready: options, data, counts, systems, intervals, tests, chosen, reached, parameters, published, seconds
        (CPU), peak_rss_mb.

    Raises:
        CourseError: the data are missing or damaged, or no user of test.txt stands in train.txt.
    """
    clock = Clock(progress)
    shop = clock.run("load", lambda: read(options.data))
    train = shop.interactions(until=TEST)
    wanted = new_interests(train, shop.interactions(since=TEST))
    users = wanted.active_users()
    reports: dict[str, Report] = {}
    parameters, ended = {}, {}
    for system in options.models:
        model = make(system, seed=options.seed, minutes=options.budget_minutes, n_items=len(train.items))
        clock.run(system, lambda: model.fit(train))
        ranking = clock.run("rank", lambda: model.recommend(users, DEPTH))
        reports[system] = clock.run("measure", lambda: evaluate(ranking, wanted, METRICS, seed=options.seed))
        parameters[system], ended[system] = size_of(system, model), reached(system, model)
        del model  # EASE's matrix must not stand beside the next model
    return {
        "options": {
            "data": parse_data(options.data)[0], "models": list(options.models), "seed": options.seed,
            "budget_minutes": options.budget_minutes,
        },
        "data": dict(shop.source),
        "counts": {
            "users": len(train.users), "measured users": len(users), "items": len(train.items), "train pairs": len(train),
            "test pairs": len(wanted),
        },
        "systems": {system: report.mean for system, report in reports.items()},
        "intervals": {system: {m: list(ends) for m, ends in r.interval.items()} for system, r in reports.items()},
        "tests": paired_tests(reports, options.seed),
        "chosen": {system: {"rests on": RESTS_ON[system], **SETTINGS[system]} for system in reports},
        "reached": {system: found for system, found in ended.items() if found},
        "parameters": parameters,
        "published": PUBLISHED if _is_gowalla(shop) else [],
        "seconds": clock.seconds(),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }  # fmt: skip


def read(argument: str) -> Shop:
    """The shop that ``--data`` names.

    Raises:
        DataError: no such folder, or a file of it is missing or damaged.
    """
    kind, folder = parse_data(argument)
    if not folder.is_dir():
        what = "this is a file, not a folder" if folder.exists() else "no such folder"
        remedy = "`course data info gowalla` says where such files are, `course data fetch gowalla --to DIR` fetches them"
        raise DataError(what, where=str(folder), remedy=remedy)
    return Shop.load(kind, folder)


def _is_gowalla(shop: Shop) -> bool:
    """Are these the publisher's files? Figures of others belong to them, not to any that are laid out alike."""
    pinned = {file.name: file.sha256 for file in manifest("gowalla").files}
    return all(pinned.get(file["name"]) == file["sha256"] for file in shop.source["files"])


def paired_tests(reports: dict[str, Report], seed: int = 0) -> list[dict[str, Any]]:
    """``PAIRS`` by both metrics: randomisation tests over users, with Holm's correction over all of them.

    Returns:
        One dict per test: a, b, metric, difference (a − b), interval (paired bootstrap), p_value, p_holm, n, wins, ties,
        losses.
    """
    tests = []
    for metric in METRICS:
        for a, b in PAIRS:
            if a in reports and b in reports:
                found = compare(reports[a], reports[b], metric, n_permutations=2_000, seed=seed)
                row = {"a": a, "b": b, "metric": metric, "difference": found.difference, "interval": list(found.interval)}
                row |= {"p_value": found.p_value, "n": found.n, "wins": found.wins, "ties": found.ties}
                tests.append({**row, "losses": found.losses})
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests]) if tests else ()):
        test["p_holm"] = float(adjusted)
    return tests
