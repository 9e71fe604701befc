"""``course check``: the answers in a notebook or a script, checked from a terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.core.fingerprint import ROOT

if TYPE_CHECKING:
    from course_lib.classroom.terminal import Session


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "check",
        help="check your answers to a topic's exercises; hints and solutions",
        description=(
            "Check your answers to a topic's exercises, and keep the result in your progress.\n"
            "Your code runs in a process of its own with limits of time and memory. Exit code: 0 all are right,\n"
            "1 not all (or a solution before the first attempt), 2 bad input; Ctrl-C ends --watch with 0."
        ),
        epilog=(
            "examples:\n"
            "  course check shop.measurement\n"
            "  course check shop.measurement recall_at_k --hint\n"
            "  course check shop.measurement --file answers.py --watch"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("topic", metavar="TOPIC", help="id of a topic (shop.measurement), or TOPIC/QUESTION")
    parser.add_argument("question", metavar="QUESTION", nargs="?", help="only this question")
    parser.add_argument("--file", metavar="FILE", help="notebook or script (default: exercises/BRANCH/TOPIC.ipynb)")
    parser.add_argument("--hint", metavar="N", nargs="?", type=int, const=True, help="show the next hint, or the N-th")
    parser.add_argument("--solution", action="store_true", help="show a solution, once you have checked an answer")
    parser.add_argument("--anyway", action="store_true", help="with --solution: show it without an attempt")
    parser.add_argument("--watch", action="store_true", help="check again whenever the file is saved; Ctrl-C ends")
    parser.add_argument("--json", action="store_true", help="print the verdicts as one JSON list")
    parser.add_argument("--lang", choices=("en", "zh"), help="language (default: COURSE_LANG, else en)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, root: Path = ROOT) -> int:
    """Run the command; returns the exit code (see ``--help``).

    Raises:
        CourseError: bad flags, no such topic, question or file, or a file that is neither notebook nor script.
    """
    from course_lib.classroom import terminal
    from course_lib.core.errors import ContractError

    terminal.prepare_output(options.lang)
    asks_help = options.hint is not None or options.solution
    if (options.hint is not None) + options.solution + options.watch + options.json > 1:
        raise ContractError("only one of --hint, --solution, --watch and --json at a time")
    if options.anyway and not options.solution:
        raise ContractError("--anyway goes with --solution")
    asked = terminal.TerminalQuestion.find(options.topic, options.question, alone=asks_help, root=root)
    if options.solution:
        note = asked[0].solution(options.anyway)
        print(note)
        return 0 if note.code else 1  # "try it first" is no solution
    if options.hint is not None:
        print(asked[0].hint(None if options.hint is True else options.hint))
        return 0
    session = terminal.Session(asked, options.file, root)
    if options.json:
        return session.print_json()
    right = session.print_all()
    return _watch(session) if options.watch else int(not right)


def _watch(session: Session) -> int:
    from course_lib.classroom import terminal, watch

    print(terminal.WATCHING.format(file=session.path), flush=True)
    try:
        watch.watch(session.path, session.print_changed)
    except KeyboardInterrupt:
        print(f"\n{terminal.WATCHED}")
    return 0
