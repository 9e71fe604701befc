"""``course bench sequential``: read the histories, leave the last items out, learn, go on to the last item, measure."""

from __future__ import annotations

from typing import Any

from course_lib.bench.output import Clock
from course_lib.bench.sequential_options import SequentialOptions, parse_data
from course_lib.bench.sequential_report import PUBLISHED, RESTS_ON
from course_lib.bench.sequential_systems import SETTINGS, TRAINED, make
from course_lib.core.errors import DataError
from course_lib.core.provenance import peak_rss_mb
from course_lib.recommend.sequential import LastOut, NetworkRecommender, SequenceRecommender, joined, leave_last_out
from course_lib.shop.measurement import Report, compare, evaluate, holm
from course_lib.shop.shop import Shop

METRICS = ("hr@10", "ndcg@10")
DEPTH = 10
#: a − b; Holm's correction goes over all of these and both metrics
PAIRS = (
    ("item_cosine", "popularity"), ("rules", "item_cosine"), ("sasrec_bce", "rules"), ("sasrec", "rules"),
    ("sasrec", "sasrec_bce"), ("sasrec", "lstm"), ("hstu", "sasrec"),
)  # fmt: skip
#: whose code the result depends on
MODULES = ("course_lib.bench.sequential_systems", "course_lib.recommend.sequential", "course_lib.shop.measurement")


def run_sequential(options: SequentialOptions, *, progress: bool = True) -> dict[str, Any]:
    """Measure the systems on the data that ``options`` name; progress goes to stderr.

    Returns:
        JSON-ready: options, data, counts, systems, intervals, validation, tests, chosen, reached, seeds, parameters,
        published, seconds (CPU), peak_rss_mb.

    Raises:
        CourseError: the data are missing or damaged, or too short to leave two items out.
    """
    shop, name = read(options.data), parse_data(options.data)[2]
    clock = Clock(progress)
    split = leave_last_out(shop.interactions())
    reports, validation, parameters, reached, seeds = {}, {}, {}, {}, []
    for seed in range(options.seed, options.seed + options.seeds):
        first, means = seed == options.seed, {}
        for system in options.models:
            if not first and system not in TRAINED:
                continue
            model = make(system, seed=seed, minutes=options.budget_minutes, progress=progress)
            clock.run(system if first else f"{system}, seed {seed}", lambda: model.fit(split.train))
            chosen_by, report = clock.run("measure", lambda: measure(model, split, options.seed))
            if system in TRAINED:
                means[system] = report.mean
            if first:
                reports[system], validation[system] = report, chosen_by.mean
                parameters[system] = size_of(model)
                if isinstance(model, NetworkRecommender):
                    reached[system] = {"epochs": round(model.reached_epochs, 2), "of": model.epochs}
        seeds.append({"seed": seed, **means})
    verified = all(file["verified"] for file in shop.source["files"])
    return {
        "options": {
            "data": name, "models": list(options.models), "seed": options.seed, "seeds": options.seeds,
            "budget_minutes": options.budget_minutes,
        },  # fmt: skip
        "data": dict(shop.source),
        "counts": {"users": len(split.test), "items": len(shop.items), "events": len(shop.events)},
        "systems": {system: report.mean for system, report in reports.items()},
        "intervals": {system: {m: list(ends) for m, ends in r.interval.items()} for system, r in reports.items()},
        "validation": validation,
        "tests": paired_tests(reports, options.seed),
        "chosen": {system: {"rests on": RESTS_ON[system], **SETTINGS[system]} for system in reports},
        "reached": reached,
        "seeds": seeds,
        "parameters": parameters,
        "published": PUBLISHED.get(name, []) if verified else [],
        "seconds": clock.seconds(),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }  # fmt: skip


def read(argument: str) -> Shop:
    """The shop that ``--data`` names.

    Raises:
        DataError: no such folder or file, or the file is damaged.
    """
    kind, folder, name = parse_data(argument)
    file = folder / f"{name}.txt"
    if file.with_suffix("").is_dir() and not file.is_file():
        names = sorted(found.stem for found in file.with_suffix("").glob("*.txt"))
        remedy = f"Name one of its files: {kind}:DIR/NAME.txt" + (f", with NAME {' or '.join(names)}" if names else "")
        raise DataError("this is a folder", where=str(file.with_suffix("")), remedy=remedy)
    if not file.is_file():
        remedy = f"`course data info {kind}` says where its files are, `course data fetch {kind} --to DIR` fetches them"
        raise DataError("no such file", where=str(file), remedy=remedy)
    return Shop.load(f"{kind}/{name}", folder)


def measure(model: SequenceRecommender, split: LastOut, seed: int) -> tuple[Report, Report]:
    """Reports on the last items but one (by which settings were chosen) and on the last ones.

    The model has learned from ``split.train`` alone; for the last item it is shown the last but one.
    """
    reports = []
    for known, wanted in ((split.train, split.validation), (joined(split.train, split.validation), split.test)):
        ranking = model.follow(known).recommend(wanted.active_users(), DEPTH)
        reports.append(evaluate(ranking, wanted, METRICS, seed=seed))
    return reports[0], reports[1]


def size_of(model: SequenceRecommender) -> int:
    """Numbers that the model keeps to score by."""
    if isinstance(model, NetworkRecommender):
        return model.parameters
    votes = getattr(model, "votes", None)
    return int(len(model.counts) if votes is None else votes.nnz)


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
                found = compare(reports[a], reports[b], metric, seed=seed)
                row = {"a": a, "b": b, "metric": metric, "difference": found.difference, "interval": list(found.interval)}
                row |= {"p_value": found.p_value, "n": found.n, "wins": found.wins, "ties": found.ties}
                tests.append({**row, "losses": found.losses})
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests]) if tests else ()):
        test["p_holm"] = float(adjusted)
    return tests
