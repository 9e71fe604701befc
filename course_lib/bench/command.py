"""``course bench``: measurements on real data that take longer than a chapter may; one subcommand per kind of data."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the group with its subcommands."""
    from course_lib.bench import case_command, collaborative_command, search_command, text_command

    parser = commands.add_parser(
        "bench",
        help="measure on real data or at full size, against baselines and published figures",
        description="Measurements on real data or at full size, which take longer than a chapter may.",
    )
    benches = parser.add_subparsers(title="benchmarks", required=True, metavar="BENCHMARK")
    case_command.add_parser(benches)
    collaborative_command.add_parser(benches)
    search_command.add_parser(benches)
    text_command.add_parser(benches)
