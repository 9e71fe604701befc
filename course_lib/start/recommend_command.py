"""``course recommend``: one person's page, and why each product stands where it does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.recommend.engine import RecommendationPipeline


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "recommend",
        help="recommend products to somebody, and see why each stands where it does",
        description=(
            "Recommend products of a finished `course run`, of a saved pipeline, of a real shop's log, or of a small\n"
            "simulated shop (made on first use and kept). Several recommenders propose, trees put the proposals in\n"
            "order by the chance that they are taken up (where the log is too short for that: by their places in the\n"
            "lists), and rules make the page."
        ),
        epilog=(
            "examples:\n"
            "  course recommend U00012\n"
            "  course recommend U00012 --explain\n"
            "  course recommend --items I00003,I00170 --diversity 0.3\n"
            "  course recommend U00012 --from runs/first --json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("user", nargs="?", help="a user id of the log (default: somebody from the log, named on stderr)")
    parser.add_argument("--items", metavar="A,B", help="instead: somebody new, who touched these products, oldest first")
    parser.add_argument("--explain", action="store_true", help="show every stage: who proposed what, chances, moves, time")
    parser.add_argument("--shop", metavar="NAME", help="simulate, or data by the name of `course data list` (default: simulate)")
    parser.add_argument("--from", dest="folder", metavar="DIR", help="the --out of a `course run`, or a saved pipeline")
    parser.add_argument("--path", metavar="DIR", help="the publisher's folder, with --shop or --from of a real shop")
    parser.add_argument("--save", metavar="DIR", help="also write the pipeline there, for --from")
    parser.add_argument("-k", "--k", type=int, default=10, metavar="K", help="products to show (default: %(default)s)")
    parser.add_argument("--diversity", type=float, default=0.0, metavar="D",
                        help="0: the ranker's order; towards 1: products unlike one another (default: %(default)s)")  # fmt: skip
    parser.add_argument("--per-brand", type=int, metavar="N", help="at most N products of one brand (default: no cap)")
    parser.add_argument("--out-of-stock", metavar="A,B", help="products that can't be sold now")
    parser.add_argument("--language", choices=("en", "zh"), help="of the small simulated shop (default: en)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, an unknown user or product, no pipeline in the folder.
    """
    from course_lib.core.errors import ContractError

    if options.k < 1:
        raise ContractError(f"-k is {options.k}", remedy="Give a whole number of at least 1")
    if not 0 <= options.diversity <= 1:
        raise ContractError(f"--diversity is {options.diversity}", remedy="Give a number from 0 to 1")
    if options.per_brand is not None and options.per_brand < 1:
        raise ContractError(f"--per-brand is {options.per_brand}", remedy="Give a whole number of at least 1")
    if options.user is not None and options.items is not None:
        raise ContractError("a user and --items were given", remedy="Name a user of the log, or products of somebody new")
    from course_lib.start.recommend import open_pipeline

    pipeline = open_pipeline(options.folder, shop=options.shop, path=options.path, language=options.language)
    if options.save is not None:
        from course_lib.recommend.engine import save_pipeline

        before = Path(options.save, "pipeline.json").is_file()
        save_pipeline(pipeline, options.save)
        print(f"{'replaced' if before else 'saved'} the pipeline in {options.save}", file=sys.stderr, flush=True)
    from course_lib.recommend.engine import Display

    pipeline.display = Display(1 - options.diversity, options.per_brand, _in_shop(pipeline, _split(options.out_of_stock)))
    trace = _asked(pipeline, options)
    if options.json:
        import json

        told = trace.as_json()
        result: dict[str, Any] = {"user": trace.user, "results": trace["display"].rows, "seconds": told["seconds"]}
        if options.explain:
            result["stages"] = told["stages"]
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return 0
    if options.explain:
        print(trace)
        return 0
    print(f"{trace.user}: {trace['history'].said}; {trace.ordered.said}")
    for row in trace["display"].rows:
        chance = "" if row["chance"] is None else f"{row['chance']:.1%}  "
        print(f"{row['place']:>3}. {chance}{_plain(row['title'])}")
        about = [_plain(row[name]) for name in ("brand", "category") if row[name]]
        about += [] if row["price"] is None else [f"{row['price']:.2f}"]
        print("     " + "  ".join([*filter(None, [", ".join(about)]), f"[{_plain(row['item_id'])}]"]))
        if row["because"]:
            print(f"     {_plain(row['because'])}")
    if not trace["display"].rows:
        print("no product to recommend" + ("" if pipeline.display.neutral else "; a rule may keep all of them out"))
    return 0


def _in_shop(pipeline: RecommendationPipeline, items: list[str]) -> frozenset[str]:
    """The products of --out-of-stock. Raises ContractError: one that the shop hasn't."""
    from course_lib.core.errors import ContractError

    unknown = next((item for item in items if item not in pipeline.catalogue.ids), None)
    if unknown is not None:
        example = ", ".join(pipeline.catalogue.ids.take(range(min(2, len(pipeline.catalogue.ids)))))
        raise ContractError(f"--out-of-stock names {unknown!r}, which this shop hasn't", remedy=f"It has {example} …")
    return frozenset(items)


def _asked(pipeline: RecommendationPipeline, options: argparse.Namespace) -> Any:
    """The trace of the user, of somebody new, or of somebody from the log."""
    if options.items is not None:
        items = _split(options.items)
        if options.explain:  # the first request of a process loads what the next ones share: its times would mislead
            pipeline.explain_for(items, options.k)
        return pipeline.explain_for(items, options.k)
    user = options.user
    if user is None:
        user = example_user(pipeline)
        print(f"nobody was named; {user} is somebody from the log", file=sys.stderr, flush=True)
    from course_lib.core.errors import UnknownIdError

    try:
        if options.explain:
            pipeline.explain(user, options.k)
        return pipeline.explain(user, options.k)
    except UnknownIdError as error:  # the remedy speaks to who calls the function, not to who typed the command
        remedy = (error.remedy or "").replace("(recommend_for)", "by --items A,B")
        raise UnknownIdError(error.what, where=error.where, remedy=remedy) from error


def example_user(pipeline: RecommendationPipeline) -> str:
    """The first user of the log with a history of middle length."""
    import numpy as np

    n = np.diff(pipeline.interactions.matrix.indptr)
    row = int(np.argmin(np.abs(n - np.median(n[n > 0]))))
    return pipeline.interactions.users.take([row])[0]


def _split(items: str | None) -> list[str]:
    return [part.strip() for part in (items or "").split(",") if part.strip()]


def _plain(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(c for c in text if c.isprintable())
