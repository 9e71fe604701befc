"""``course bench sequential``: the next item of real histories, by counting and by networks."""

from __future__ import annotations

import argparse

from course_lib.bench.output import deliver


def add_parser(benches: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = benches.add_parser(
        "sequential",
        help="the next item of real histories, by counting and by networks",
        description=(
            "Name each user's last item from the items before it, and measure HR@10 and NDCG@10 over the whole catalogue:\n"
            "  popularity   the most bought items\n"
            "  item_cosine  item cosine with recency\n"
            "  rules        sequential rules: what followed what\n"
            "  sasrec_bce   SASRec, trained against one drawn item at a time, as it was published\n"
            "  sasrec       SASRec, trained by a softmax over the catalogue\n"
            "  lstm, hstu   a recurrent network, an HSTU-style one (where --models names them)\n"
            "All learn from every user's items but the last two; the last but one is for choosing settings, and is read, not\n"
            "learned from, before the last is named. Items that the user has had are left out of the list.\n"
            "Beauty takes about 12 CPU minutes, Sports 25. Progress goes to stderr; the result to stdout, as tables or\n"
            "(--json) as one JSON object."
        ),
        epilog=(
            "examples:\n"
            "  course data info s3rec        (says where the files come from)\n"
            "  course bench sequential --data s3rec:DIR/Beauty.txt\n"
            "  course bench sequential --data s3rec:DIR/Beauty.txt --models rules,sasrec --budget-minutes 5 --json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help="s3rec:DIR/NAME.txt, a file of the publisher")
    parser.add_argument("--models", metavar="A,B", help="measure these only (default: the first five)")
    parser.add_argument("--budget-minutes", type=float, metavar="N", help="CPU minutes of each training at most")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train networks with N seeds, from S on; all are reported (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the result, with its provenance")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, data missing or damaged, a file that can't be written.
    """
    from course_lib.bench.sequential_options import SequentialOptions, command_line
    from course_lib.core.provenance import check_save

    wanted = SequentialOptions.parse(options)
    if options.save is not None:
        check_save(options.save)
    from course_lib.bench.sequential_report import summary
    from course_lib.bench.sequential_run import MODULES, run_sequential  # torch, datasets: after the flags

    return deliver(
        run_sequential(wanted, progress=True),
        options,
        command=command_line(wanted),
        seeds=range(wanted.seed, wanted.seed + wanted.seeds),
        modules=MODULES,
        summary=summary,
    )
