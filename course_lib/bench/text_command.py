"""``course bench text``: fine-tune the pretrained encoder on real texts and compare it with what needs no fine-tuning."""

from __future__ import annotations

import argparse
from typing import Any


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
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="fine-tune with N seeds, from S on; all are reported (default: 1)"
    )
    parser.add_argument("--epochs", type=float, metavar="E", help="passes over the training texts (default: by data)")
    parser.add_argument("--steps", type=int, metavar="N", help="at most N steps a training, for a quick try")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the result, with its provenance")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code.

    Raises:
        CourseError: flags out of range, data missing or damaged, the result can't be saved.
    """
    import json
    from pathlib import Path

    from course_lib.bench.text_options import TextOptions, command_line
    from course_lib.core.provenance import check_save, save_result

    wanted = TextOptions.parse(options)
    if options.save is not None:
        check_save(options.save)
    from course_lib.bench.text_run import MODULES, kind_of, run_text  # torch, scikit-learn: after the flags

    result: dict[str, Any] = run_text(wanted, progress=True)
    if options.save is not None:
        seeds = range(wanted.seed, wanted.seed + wanted.seeds)
        modules = MODULES[kind_of(wanted.data)]
        save_result(
            options.save, result, command=command_line(wanted), data=result["data"], seeds=seeds, modules=modules
        )
    if options.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        from course_lib.bench.text_report import summary

        print(summary(result))
    return 0
