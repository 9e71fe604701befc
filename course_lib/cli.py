"""The command line ``course``. Heavy imports wait until a command needs them: ``course --help`` starts in a moment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from course_lib.core.errors import ContractError, CourseError

#: exit code of a program that wrote into a closed pipe (128 + SIGPIPE, as shells count)
CLOSED_PIPE = 141
#: said after an interrupt of ``course run --out DIR``, the one command that takes up its finished stages
KEPT = "; finished stages are kept, run the same command to go on"


class Parser(argparse.ArgumentParser):
    """argparse with the course's error form: one line, exit code 2; flags can't be shortened."""

    def __init__(self, **settings: Any):
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ContractError instead of printing the usage and leaving."""
        raise ContractError(message, remedy=f"See `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 done, 1 a check found problems, 2 bad input, 128 + the signal's number when interrupted (130
        by Ctrl-C, 143 by SIGTERM), 141 when nobody reads the output any more.
    """
    # GNU OpenMP: a waiting thread soon sleeps instead of spinning. With a second program on two cores our trainings took
    # half the time with it, alone one part in twenty more; OMP_WAIT_POLICY=PASSIVE costs half as much again alone.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    options = None
    with _Interrupts() as interrupts:
        try:
            try:
                options = build_parser().parse_args(arguments)
                return options.command(options)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # so that a closed pipe shows now and not when Python shuts down
        except CourseError as error:
            return _fail(str(error), 2)
        except MemoryError:
            return _fail("there is not enough memory for this. Choose smaller sizes", 2)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED_PIPE
        except BaseException as error:
            # A library may turn the interrupt into an error of its own.
            if not (interrupts.signal or isinstance(error, KeyboardInterrupt)):
                raise
            told = str(error) if isinstance(error, KeyboardInterrupt) else ""  # a command may know more
            line = told or ("interrupted" + (KEPT if getattr(options, "command", None) is _run and options.out else ""))
            return _fail(line, 128 + (interrupts.signal or signal.SIGINT))


class _Interrupts:
    """SIGTERM ends a command as Ctrl-C does, by KeyboardInterrupt, so that half-made folders are removed on the way
    out; ``signal`` is the number of the one that came, or 0. The handlers before are put back.

    An interrupt that falls into a ``__del__`` or a callback of the garbage collector would be lost, since Python
    ignores errors there (one in ten is, in the seconds of imports): it is sent again a moment later.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}
        self._again: threading.Timer | None = None

    def __enter__(self) -> _Interrupts:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                # A shell's background jobs ignore Ctrl-C; that stays so. (None: set by other than Python.)
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._interrupt)
        except ValueError:  # not in the main thread (tests, notebooks)
            pass
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._ignored
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._unraisable
        if self._again is not None:
            self._again.cancel()
            self._again.join()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _: object) -> NoReturn:
        self.signal = number
        raise KeyboardInterrupt

    def _ignored(self, what: Any) -> None:
        """Called by Python with an error that it ignores."""
        if not (self.signal and issubclass(what.exc_type, KeyboardInterrupt)):
            return self._unraisable(what)
        self._again = threading.Timer(0.05, _send_to_main, [self.signal])
        self._again.daemon = True
        self._again.start()


def _send_to_main(number: int) -> None:
    """Signal the main thread, so that a call it waits in is cut short."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, number)
    else:  # Windows
        signal.raise_signal(number)


def _fail(line: str, code: int) -> int:
    print(f"course: {line}", file=sys.stderr)
    return code


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="course", description="The course on large models for e-commerce search and recommendation.")
    from course_lib import __version__
    from course_lib.bench import command as bench_command
    from course_lib.classroom import check_command, exercises_command, grade_command, progress_command
    from course_lib.shop.loaders import data_command
    from course_lib.start import recommend_command, search_command

    parser.add_argument("--version", action="version", version=f"course {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    _add_run(commands)
    search_command.add_parser(commands)
    recommend_command.add_parser(commands)
    check_command.add_parser(commands)
    progress_command.add_parser(commands)
    grade_command.add_parser(commands)
    exercises_command.add_parser(commands)
    data_command.add_parser(commands)
    bench_command.add_parser(commands)
    _add_map(commands)
    return parser


def _add_run(commands: argparse._SubParsersAction) -> None:
    run = commands.add_parser(
        "run",
        help="pretrain, fine-tune, extract features, retrieve, recommend – and measure it all",
        description=(
            "The whole pipeline on one shop: pretraining, fine-tuning, features, retrieval, recommendation.\n"
            "Progress goes to stderr; the result to stdout, as tables or (--json) as one JSON object."
        ),
        epilog=(
            "examples:\n"
            "  course run --shop simulate --items 2000 --users 1000 --queries 300 --seed 0 --out runs/first\n"
            "  course run --shop chorus --path DIR --json"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shops = ("simulate", "chorus")
    run.add_argument("--shop", choices=shops, default=shops[0], help="which shop (default: %(default)s)")
    run.add_argument("--path", metavar="DIR", help="folder with the publisher's files (real shops only)")
    run.add_argument("--items", type=int, metavar="N", help="products of the simulated shop (default: 2000)")
    run.add_argument("--users", type=int, metavar="N", help="users of the simulated shop (default: 1000)")
    run.add_argument("--queries", type=int, metavar="N", help="distinct queries of the simulated shop (default: 300)")
    run.add_argument("--language", choices=("en", "zh"), help="language of the simulated shop (default: en)")
    run.add_argument("--seed", type=int, default=0, metavar="S", help="seed of everything random (default: 0)")
    run.add_argument(
        "--out", metavar="DIR", help="keep models, tables and TensorBoard logs here; a finished stage is not repeated"
    )
    run.add_argument("--json", action="store_true", help="print the result as one JSON object")
    run.add_argument(
        "--save", metavar="FILE", help="also write the result, with its provenance (data sha256, commit, machine)"
    )
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from course_lib.start.run import main as run_main

    return run_main(options)


def _add_map(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "map",
        help="the mind map of the course: print it, or check it",
        description="Print the map of the course. With --check, verify rooms, prerequisites, ids and _toc.yml.",
    )
    parser.add_argument("--check", action="store_true", help="verify the map; exit code 1 when something is wrong")
    parser.add_argument("--write", action="store_true", help="write _toc.yml from the map")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the outline (default: COURSE_LANG, else en)")
    parser.set_defaults(command=_map)


def _map(options: argparse.Namespace) -> int:
    from course_lib.publishing.mindmap import run_map_command

    return run_map_command(check=options.check, write=options.write, language=options.lang)


if __name__ == "__main__":
    sys.exit(main())
