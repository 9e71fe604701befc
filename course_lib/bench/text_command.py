"""``course bench text``: fine-tune the pretrained encoder on real texts and compare it with what needs no fine-tuning."""

from __future__ import annotations

import argparse

from course_lib.bench.output import add_flags, deliver


def add_parser(benches: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = benches.add_parser(
        "text",
        help="intents of questions, matching of products",
        description=(
            "Fine-tune the MiniLM encoder on the training part of real texts and measure it once on the test part,\n"
            "beside TF-IDF and beside the encoder as it was published. Everything is chosen on training and\n"
            "validation data. Progress goes to stderr; the result to stdout, as tables or (--json) as one JSON object."
        ),
        epilog=(
            "examples:\n"
            "  course bench text --data banking77:DIR\n"
            "  course bench text --data hint3:DIR/curekart --json\n"
            "  course bench text --data matching:DIR/Abt-Buy --save benchmarks/results/text_matching_abt_buy.json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = "banking77:DIR, hint3:DIR/BOT or matching:DIR/NAME, in the publisher's layout"
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help=data)
    parser.add_argument("--epochs", type=float, metavar="E", help="passes over the training texts (default: by data)")
    add_flags(parser, trained="fine-tune")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, data missing or damaged, the result can't be saved.
    """
    from course_lib.bench.text_options import TextOptions, command_line
    from course_lib.core.provenance import check_save

    wanted = TextOptions.parse(options)
    if options.save is not None:
        check_save(options.save)
    from course_lib.bench.text_report import summary
    from course_lib.bench.text_run import MODULES, kind_of, run_text  # torch, scikit-learn: after the flags

    return deliver(
        run_text(wanted, progress=True),
        options,
        command=command_line(wanted),
        seeds=range(wanted.seed, wanted.seed + wanted.seeds),
        modules=MODULES[kind_of(wanted.data)],
        summary=summary,
    )
