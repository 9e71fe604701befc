"""``course bench case``: the source article's worked case at full size, beside what people would use instead."""

from __future__ import annotations

import argparse

from course_lib.bench.case_options import ENCODERS, CaseOptions
from course_lib.bench.output import deliver


def add_parser(benches: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = benches.add_parser(
        "case",
        help="the worked case: 100,000 products, 1,000 queries, 100 results each",
        description=(
            "The worked case at full size on a simulated shop: texts of 200 characters are encoded and indexed; queries of\n"
            "50 characters are searched by words and by vectors, fused, and reranked with each user's history. Beside it in\n"
            "the same run, on the same vectors and texts: faiss Flat, faiss HNSW, bm25s alone, a plain numpy loop.\n"
            "Seconds are those of the clock, with all cores: leave the machine alone meanwhile. With MiniLM 5 to 10 minutes\n"
            "on two cores, nearly all of it for encoding. Progress goes to stderr; the result to stdout."
        ),
        epilog=(
            "examples:\n"
            "  course bench case --encoder small\n"
            "  course bench case --json --save benchmarks/results/case.json\n"
            "  course bench case --items 10000 --queries 200 --encoder small      (a quick try)"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--items", type=int, default=100_000, metavar="N", help="products (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=1_000, metavar="N", help="queries (default: %(default)s)")
    parser.add_argument("--k", type=int, default=100, metavar="K", help="results of each (default: %(default)s)")
    encoder = "MiniLM, or the small encoder that `course run` trains (default: minilm)"
    parser.add_argument("--encoder", choices=ENCODERS, default=ENCODERS[0], help=encoder)
    growth = "repeat the query side for 10,000, 100,000 and 1,000,000 products"
    parser.add_argument("--growth", action="store_true", help=growth)
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the result, with its provenance")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, a file that can't be written.
    """
    from course_lib.core.provenance import check_save

    wanted = CaseOptions.parse(options)
    if options.save is not None:
        check_save(options.save)
    from course_lib.bench.case_report import summary
    from course_lib.bench.case_run import MODULES, run_case  # faiss, torch, datasets: after the flags

    result = run_case(wanted)
    seeds = [wanted.seed]
    return deliver(result, options, command=wanted.command_line(), seeds=seeds, modules=MODULES, summary=summary)
