"""``course run``: the first hour in a terminal, stage by stage, kept in a folder and taken up where it stopped."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from course_lib.core.errors import ContractError, CourseError
from course_lib.core.files import write_json
from course_lib.core.fingerprint import code_fingerprint, fingerprint, lock_fingerprint
from course_lib.core.provenance import check_save, peak_rss_mb, save_result
from course_lib.start.stages import Stage, StageStore
from course_lib.start.summary import summary

#: modules that each stage runs (its fingerprint follows their imports)
CODE = {
    "pretraining": ("course_lib.shop.shop", "course_lib.language.pretraining"),
    "finetuning": ("course_lib.shop.shop", "course_lib.language.finetuning"),
    "features": ("course_lib.shop.shop", "course_lib.language.features"),
    "retrieval": ("course_lib.shop.shop", "course_lib.shop.measurement", "course_lib.search.retrieval"),
    "recommendation": (
        "course_lib.shop.shop",
        "course_lib.shop.measurement",
        "course_lib.recommend.collaborative",
        "course_lib.recommend.tuning",
        "course_lib.recommend.ranking",
    ),
}
#: trainings of each stage, by their names in ``first_hour.STEPS``
TRAININGS = {"pretraining": ("pretraining",), "finetuning": ("finetuning", "classifier")}
#: a simulated shop has at most so many products, users and queries: more than any machine that runs the course can hold
MAX_SIZE = 10_000_000
CURVES = "tensorboard"  #: folder of a stage's TensorBoard logs


@dataclass(frozen=True)
class RunOptions:
    """What ``course run`` was asked for; sizes belong to the simulated shop, the path to real ones."""

    shop: str = "simulate"
    path: str | None = None
    items: int = 2_000
    users: int = 1_000
    queries: int = 300
    language: str = "en"
    seed: int = 0

    @classmethod
    def parse(cls, given: argparse.Namespace) -> RunOptions:
        """Check the flags against one another; raises ContractError."""
        sizes = {name: getattr(given, name) for name in ("items", "users", "queries", "language")}
        stated = {name: value for name, value in sizes.items() if value is not None}
        if given.shop == "simulate":
            if given.path is not None:
                raise ContractError("--path belongs to a real shop", remedy="Add --shop chorus, or leave --path out")
            for name in ("items", "users", "queries"):
                if not 1 <= stated.get(name, 1) <= MAX_SIZE:
                    remedy = f"Give a whole number from 1 to {MAX_SIZE}"
                    raise ContractError(f"--{name} is {stated[name]}; no such shop can be simulated", remedy=remedy)
            return cls(seed=_seed(given.seed), **stated)
        if given.path is None:
            raise ContractError(f"--shop {given.shop} needs --path DIR", remedy="DIR is the publisher's folder")
        if stated:
            flags = ", ".join(f"--{name}" for name in stated)
            what = f"{flags}: only a simulated shop has a size and a language to choose"
            raise ContractError(
                what, remedy=f"Leave {'it' if len(stated) == 1 else 'them'} out with --shop {given.shop}"
            )
        return cls(shop=given.shop, path=given.path, seed=_seed(given.seed))

    def described(self) -> dict[str, Any]:
        """The options that the result depends on, without the path: the same data give the same description."""
        if self.shop == "simulate":
            return {k: v for k, v in asdict(self).items() if k != "path"}
        return {"shop": self.shop, "seed": self.seed}


def run(options: RunOptions, out: Path | None = None) -> dict[str, Any]:
    """Run all stages and return the result (see the keys in README.md); progress goes to stderr.

    Args:
        options: which shop, how large, which seed.
        out: folder of the run; finished stages in it are taken up if nothing they depend on has changed. Without it
            the stages live in a temporary folder.

    Raises:
        CourseError: bad data, or ``out`` can't be written. Finished stages stay.
    """
    with ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(_temporary_folder()))
        store = stack.enter_context(StageStore(out))
        began = time.perf_counter()
        result = _stages(options, store)
        result["seconds"]["total"] = round(time.perf_counter() - began, 2)
        result["peak_rss_mb"] = round(peak_rss_mb(), 1)
        write_json(out / "result.json", result)
    return result


def _stages(options: RunOptions, store: StageStore) -> dict[str, Any]:
    # Here, not above: flags and folders are checked before seconds of imports.
    from course_lib.language.encoder import TextEncoder
    from course_lib.language.features import load_minilm
    from course_lib.language.pretraining import Pretrained
    from course_lib.start import first_hour as hour

    shop, opened = _timed("open the shop", lambda: _open(options))
    parts = hour.split(shop, options.seed)
    base = [options.described(), shop.source, lock_fingerprint(), Path(hour.__file__), Path(__file__)]
    done: dict[str, Stage] = {}

    def stage(name: str, make: Callable[[Path], dict[str, Any]], *needs: str) -> Stage:
        steps = {training: hour.STEPS[training] for training in TRAININGS.get(name, ())}
        key = fingerprint(*base, code_fingerprint(CODE[name]), steps, [done[n].key for n in needs])
        _say(f"[{len(done) + 1}/{len(CODE)}] {name}")
        try:
            done[name] = store.run(name, key, make)
        except ContractError as error:  # its remedy speaks to who calls the function, not to who typed the command
            raise CourseError(error.what, where=f"stage {name}", remedy=_too_small(options)) from error
        if not done[name].reused:  # the result of an earlier run no longer speaks for this folder
            (store.folder / "result.json").unlink(missing_ok=True)
        _say(f"      {'as it stands' if done[name].reused else 'done'} ({done[name].seconds:.1f} s)")
        return done[name]

    def pretraining(folder: Path) -> dict[str, Any]:
        model, result = hour.pretraining(shop, parts, seed=options.seed, log_dir=folder / CURVES)
        model.save(folder / "model")
        return result

    def finetuning(folder: Path) -> dict[str, Any]:
        model = Pretrained.load(done["pretraining"].folder / "model")
        tuned, result = hour.finetuning(shop, parts, model, seed=options.seed, log_dir=folder / CURVES)
        tuned.save(folder)
        return result

    def features(folder: Path) -> dict[str, Any]:
        encoders = {"minilm": load_minilm(), "finetuned": TextEncoder.load(done["finetuning"].folder / "encoder")}
        vectors, result = hour.features(shop, encoders, log_dir=folder / CURVES)
        for name, vector in vectors.items():
            vector.save(folder / name)
        return result

    def retrieval(folder: Path) -> dict[str, Any]:
        reports, result = hour.retrieval(shop, parts, _vectors(done["features"]))
        return _measured("retrieval", reports, result, folder)

    def recommendation(folder: Path) -> dict[str, Any]:
        if parts.time is None:
            return {"result": {"skipped": f"the {shop.name} data have no users and no log"}}
        vectors = _vectors(done["features"])["finetuned"].items
        reports, result = hour.recommendation(shop, parts, vectors, seed=options.seed)
        return _measured("recommendation", reports, result, folder)

    stages = {"pretraining": stage("pretraining", pretraining).result}
    stages["finetuning"] = stage("finetuning", finetuning, "pretraining").result
    stages["features"] = stage("features", features, "finetuning").result
    measured = {
        "retrieval": stage("retrieval", retrieval, "features").result,
        "recommendation": stage("recommendation", recommendation, "features").result,
    }
    return {
        "options": options.described(),
        "data": shop.source,
        "stages": {**stages, **{name: m["result"] for name, m in measured.items()}},
        "intervals": {name: m["intervals"] for name, m in measured.items() if "intervals" in m},
        "tests": [test for m in measured.values() for test in m.get("tests", [])],
        "counts": {name: m["counts"] for name, m in measured.items() if "counts" in m},
        "seconds": {"shop": round(opened, 2), **{name: round(s.seconds, 2) for name, s in done.items()}},
    }


def _measured(name: str, reports: dict[str, Any], result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A measured stage as JSON, with its per-query values as a CSV table beside it."""
    import csv

    from course_lib.core.files import atomic_file
    from course_lib.start.first_hour import comparisons

    with atomic_file(folder / "per_query.csv") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("system", "metric", "key", "value"))
        for system, report in reports.items():
            for metric, values in report.per_query.items():
                table.writerows((system, metric, key, repr(float(v))) for key, v in zip(report.keys, values))
    one = next(iter(reports.values()))
    return {
        "result": result,
        "intervals": {s: {m: list(i) for m, i in report.interval.items()} for s, report in reports.items()},
        "tests": comparisons(name, reports),
        "counts": {"measured": len(one.keys), "no_relevant": one.no_relevant},
    }


def _vectors(stage: Stage) -> dict[str, Any]:
    from course_lib.start.first_hour import Vectors

    return {name: Vectors.load(stage.folder / name) for name in stage.result}


def _open(options: RunOptions) -> Any:
    from course_lib.shop.shop import Shop

    if options.shop == "simulate":
        sizes = {"n_items": options.items, "n_users": options.users, "n_queries": options.queries}
        return Shop.simulate(**sizes, seed=options.seed, language=options.language)
    return Shop.load(options.shop, path=options.path)


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**32:
        raise ContractError(f"--seed is {seed}", remedy="Give a whole number from 0 to 4294967295")
    return seed


def _too_small(options: RunOptions) -> str:
    simulated = options.shop == "simulate"
    wanted = "Ask for more --items, --users or --queries" if simulated else "Add products or judgements"
    return f"The shop is too small for this stage. {wanted}"


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="course-run-")
    except OSError as error:
        what = f"no folder for temporary files can be written ({error.strerror})"
        raise CourseError(what, remedy="Give --out DIR, or set TMPDIR to a folder that you can write") from error


def _timed(what: str, work: Callable[[], Any]) -> tuple[Any, float]:
    _say(f"      {what} …")
    start = time.perf_counter()
    value = work()
    return value, time.perf_counter() - start


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# -- the command line -------------------------------------------------------------------------------------------------
def main(given: argparse.Namespace) -> int:
    """``course run``: check the flags, run, print the result (tables, or JSON with ``--json``), save it if asked."""
    options = RunOptions.parse(given)
    if given.save is not None:
        check_save(given.save)
    result = run(options, Path(given.out) if given.out is not None else None)
    if given.save is not None:
        flags = [f"--{name} {value}" for name, value in options.described().items()]
        command = " ".join(["course run", *flags, *(["--path DIR"] if options.path else [])])
        modules = sorted({module for group in CODE.values() for module in group} | {"course_lib.start.first_hour"})
        save_result(given.save, result, command=command, data=result["data"], seeds=[options.seed], modules=modules)
    if given.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        print(summary(result))
        if given.out is not None:
            print(f"\nModels, vectors and per-query tables: {given.out}")
            print(f"Curves and the embedding projector:  tensorboard --logdir {given.out}")
    return 0
