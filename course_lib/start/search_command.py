"""``course search``: one query, answered, and explained stage by stage."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "search",
        help="search a shop, and see why each product stands where it does",
        description=(
            "Search the products of a finished `course run`, of a saved engine, or of a small simulated shop (made on\n"
            "first use and kept). A query is understood, searched by words and by meaning, fused, ranked and displayed."
        ),
        epilog=(
            "examples:\n"
            '  course search "red running shoes"\n'
            '  course search "red runing shoes" --explain\n'
            '  course search "headphones" --max-price 80 --from runs/first --json\n'
            '  course search "跑步鞋" --language zh'
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", nargs="+", help="what a customer would type")
    parser.add_argument("--explain", action="store_true", help="show every stage: what it found, scores, time")
    parser.add_argument("--from", dest="folder", metavar="DIR", help="the --out of a `course run`, or a saved engine")
    parser.add_argument("--path", metavar="DIR", help="the publisher's folder, with --from a run on a real shop")
    parser.add_argument("-k", type=int, default=10, metavar="K", help="products to show (default: %(default)s)")
    parser.add_argument("--category", metavar="NAME", help="only this category, named as the results name it")
    parser.add_argument("--brand", metavar="NAME", help="only this brand")
    parser.add_argument("--min-price", type=float, metavar="P", help="only products of at least this price")
    parser.add_argument("--max-price", type=float, metavar="P", help="only products of at most this price")
    parser.add_argument("--language", choices=("en", "zh"), help="of the small simulated shop (default: en)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, no engine in the folder.
    """
    from course_lib.core.errors import ContractError

    if options.k < 1:
        raise ContractError(f"-k is {options.k}", remedy="Give a whole number of at least 1")
    from course_lib.search.engine.filters import Filters

    filters = Filters(options.category, options.brand, options.min_price, options.max_price)
    from course_lib.start.search import open_engine

    engine = open_engine(options.folder, path=options.path, language=options.language)
    typed = " ".join(options.query)  # without quotes, a shell hands over words
    query = typed.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # bytes that are no UTF-8
    if options.explain:  # the first search of a process loads what the next ones share: its times would mislead
        engine.explain(query, options.k, filters=filters)
    trace = engine.explain(query, options.k, filters=filters)
    if options.json:
        import json

        told = trace.as_json()
        result: dict[str, Any] = {"query": query, "results": trace["display"].rows, "seconds": told["seconds"]}
        if options.explain:
            result["stages"] = told["stages"]
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return 0
    if options.explain:
        print(trace)
        return 0
    print(trace["understand"].said)
    bold = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    for place, row in enumerate(trace["display"].rows, start=1):
        print(f"{place:>3}. {_marked(row, *bold)}")
        price = "" if row["price"] is None else f", {row['price']:.2f}"
        print(f"     {row['brand']}, {row['category']}{price}  [{row['item_id']}]")
    if not trace["display"].rows:
        print("no product found" + ("; a filter may rule all of them out" if filters else ""))
    return 0


def _marked(row: dict[str, Any], on: str, off: str) -> str:
    """The title, with the words of the query in bold on a terminal; what a terminal would obey is left out."""
    words = []
    for word in row["title"].split():
        plain = "".join(c for c in word if c.isprintable())
        words.append(f"{on}{plain}{off}" if word in row["matched"] else plain)
    return " ".join(words)
