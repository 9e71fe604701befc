"""``course bench collaborative``: who will want what, from who had what, on real data in LightGCN's layout."""

from __future__ import annotations

import argparse

from course_lib.bench.output import deliver


def add_parser(benches: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = benches.add_parser(
        "collaborative",
        help="what users will want, from who had what",
        description=(
            "Learn from the users' items in train.txt, name 20 others to each, and measure recall@20 and NDCG@20 by test.txt:\n"
            "  popularity   the items that most users had\n"
            "  item_cosine  items that the same users had, tuned\n"
            "  ease         each item from all others, by one ridge regression in closed form\n"
            "  bpr          matrix factorisation that learns the order of pairs\n"
            "  ials         matrix factorisation by alternating least squares\n"
            "  lightgcn     vectors smoothed over the graph of users and items\n"
            "The whole catalogue is ranked; the items of train.txt are left out. The result says what each setting rests\n"
            "on: a held-out part of train.txt (benchmarks/collaborative_settings.py), or others' work. Gowalla takes about\n"
            "30 CPU minutes, of which EASE takes a third, and 8 GB of memory. Progress goes to stderr; the result to\n"
            "stdout, as tables or (--json) as one JSON object."
        ),
        epilog=(
            "examples:\n"
            "  course data info lightgcn        (says how the files are laid out; gowalla: where they come from)\n"
            "  course bench collaborative --data lightgcn:DIR\n"
            "  course bench collaborative --data lightgcn:DIR --models popularity,ials --budget-minutes 2 --json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help="lightgcn:DIR, the folder with train.txt and test.txt")
    parser.add_argument("--models", metavar="A,B", help="measure these only (default: all)")
    parser.add_argument("--budget-minutes", type=float, metavar="N", help="CPU minutes of each training at most")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the result, with its provenance")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, data missing or damaged, a file that can't be written.
    """
    from course_lib.bench.collaborative_options import CollaborativeOptions, command_line
    from course_lib.core.provenance import check_save

    wanted = CollaborativeOptions.parse(options)
    if options.save is not None:
        check_save(options.save)
    from course_lib.bench.collaborative_report import summary
    from course_lib.bench.collaborative_run import MODULES, run_collaborative  # torch, datasets: after the flags

    return deliver(
        run_collaborative(wanted, progress=True),
        options,
        command=command_line(wanted),
        seeds=[wanted.seed],
        modules=MODULES,
        summary=summary,
    )
