"""``course bench search``: words, vectors, both together and reranked, on real queries with human grades."""

from __future__ import annotations

import argparse

from course_lib.bench.output import add_flags, deliver


def add_parser(benches: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = benches.add_parser(
        "search",
        help="full retrieval, judged by people",
        description=(
            "Search a real catalogue for every judged query and measure the lists by the grades that people gave:\n"
            "  bm25       words, in the setting of the data's reference figures\n"
            "  minilm     the MiniLM encoder as it was published\n"
            "  finetuned  the same encoder, fine-tuned on queries made from the products alone\n"
            "  hybrid     words (in one field and in two) and both encoders, in equal shares\n"
            "  reranked   the first of hybrid, by the encoders alone, in one of seven orders\n"
            "No judgement is trained on; which of the orders a query gets is chosen on the other queries. The whole\n"
            "catalogue is ranked; what nobody judged counts as irrelevant, except to condensed_ndcg@10, which leaves it out.\n"
            "About 10 CPU minutes (--steps 5: 6). Progress goes to stderr; the result to stdout, as tables or (--json) as\n"
            "one JSON object."
        ),
        epilog=(
            "examples:\n"
            "  course data info chorus        (says where the files come from)\n"
            "  course bench search --data chorus:DIR\n"
            "  course bench search --data chorus:DIR --json --per-query per_query.csv\n"
            "  course bench search --data chorus:DIR --save benchmarks/results/bench_search.json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = "chorus:DIR, the folder with the publisher's files"
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help=data)
    add_flags(parser, trained="fine-tune")
    parser.add_argument("--per-query", metavar="FILE", help="write query, system, metric, value as CSV (of the first seed)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, data missing or damaged, a file that can't be written.
    """
    from course_lib.bench.search_options import SearchOptions, command_line
    from course_lib.core.provenance import check_save

    wanted = SearchOptions.parse(options)
    for path in (options.save, options.per_query):
        if path is not None:
            check_save(path)
    from course_lib.bench.search_report import summary, write_per_query
    from course_lib.bench.search_run import MODULES, run_search  # torch, datasets: after the flags

    result, reports = run_search(wanted, progress=True)
    if options.per_query is not None:
        write_per_query(options.per_query, reports)
    return deliver(
        result,
        options,
        command=command_line(wanted),
        seeds=range(wanted.seed, wanted.seed + wanted.seeds),
        modules=MODULES,
        summary=summary,
    )
