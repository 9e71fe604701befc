"""``course exercises build | verify``: the authors' commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_BUILD = """\
Write exercises/BRANCH/TOPIC.ipynb from solutions/BRANCH/TOPIC.py: the solutions are taken out, the given cells are
locked, and after each answer comes a cell that checks it. The same master gives the same bytes. A notebook that
somebody has typed into is never overwritten, unless --force is given; then it is kept beside, with the suffix .bak.

What the solutions give is kept as digests in solutions/BRANCH/TOPIC.accepted.json. When a solution or its cases give
other results than those, nothing is written until you have looked at the change and say --accept.
"""
_VERIFY = """\
Prove every question: the stub counts as not attempted, the solution earns full marks, each wrong answer of the spec
fails with its own message, no constant answer or guess earns more than a fifth of the points, there are hints, all
texts are there in English and 中文, the results are those accepted, and the notebook on disk is the one that `build`
would write.
Problems go to stderr, one per line; the exit code is then 1.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Register ``course exercises`` and its two actions."""
    parser = commands.add_parser(
        "exercises",
        help="for authors: build the exercise notebooks from their solved masters, and prove them",
        description="For authors: the notebooks that learners get, and the proof that they are graded rightly.",
        epilog="examples:\n  course exercises build\n  course exercises verify shop.measurement",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, short, long in (
        ("build", "write the notebooks from the masters", _BUILD),
        ("verify", "prove that every question is graded as it should be", _VERIFY),
    ):
        action = actions.add_parser(
            name, help=short, description=long, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        action.add_argument("topics", nargs="*", metavar="TOPIC", help="as shop.measurement (default: all)")
        action.set_defaults(command=run, action=name)
        if name == "build":
            action.add_argument(
                "--force", action="store_true", help="overwrite edited notebooks; they are kept as .bak"
            )
            action.add_argument("--accept", action="store_true", help="the changed results of solutions are meant")


def run(options: argparse.Namespace) -> int:
    """Run the action; 0 done, 1 ``verify`` found problems."""
    if options.action == "build":
        return _build(options.topics, options.force, options.accept)
    return _verify(options.topics)


def _build(topics: list[str], force: bool, changed: bool) -> int:
    from course_lib.classroom import accepted, stubs
    from course_lib.classroom.grading import prepare
    from course_lib.classroom.loading import graded_topics, load_exercise
    from course_lib.core.errors import CourseError
    from course_lib.core.fingerprint import ROOT

    failed = 0
    exercises = [load_exercise(topic, ROOT) for topic in topics or graded_topics(ROOT)]
    for exercise in exercises:
        try:
            results = accepted.accept(prepare(exercise, accepted.SEED), ROOT, changed)
            _say(accepted.accepted_path(exercise.topic, ROOT), results)
            _say(stubs.stub_path(exercise.topic, ROOT), stubs.build(exercise, ROOT, force))
        except CourseError as error:  # the others are built all the same
            print(f"course: {error}", file=sys.stderr)
            failed += 1
    return 2 if failed else 0


def _say(path: Path, written: bool) -> None:
    from course_lib.core.fingerprint import ROOT

    print(f"{path.relative_to(ROOT)}: {'written' if written else 'unchanged'}")


def _verify(topics: list[str]) -> int:
    from course_lib.classroom.loading import graded_topics, load_exercise
    from course_lib.classroom.verify import verify
    from course_lib.core.fingerprint import ROOT

    problems = verify(ROOT, topics or None, say=lambda line: print(line, file=sys.stderr))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}", file=sys.stderr)
        return 1
    exercises = [load_exercise(topic, ROOT) for topic in topics or graded_topics(ROOT)]
    questions = sum(len(exercise.questions) for exercise in exercises)
    points = sum(exercise.max_points for exercise in exercises)
    print(f"OK: {questions} questions in {len(exercises)} topics, {points:g} points")
    return 0
