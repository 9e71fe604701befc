"""``course grade``: a class's submissions in, a report out."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from typing import Any

from course_lib.core.errors import ContractError, CourseError


def add_parser(commands: Any) -> None:
    """Register the subcommand."""
    parser = commands.add_parser(
        "grade",
        help="grade a class's submissions, each in a sandbox",
        description=(
            "Grade a folder or a zip archive with files LEARNER/BRANCH/TOPIC.ipynb or .py, and write a report.\n"
            "Every answer runs in a sandbox that has no network and sees no solutions; what it returns is compared\n"
            "outside. Finished results are kept in REPORT/work: run the same command again to go on, or after a\n"
            "learner has handed in anew. Progress goes to stderr, a summary to stdout."
        ),
        epilog=(
            "The report: index.html · learners/NAME.html · grades.csv · results.json · moodle.csv · canvas.csv ·\n"
            "gradescope/NAME/results.json. Tables are UTF-8 without a byte order mark; a text that a spreadsheet\n"
            "would take for a formula begins with an apostrophe.\n\n"
            "exit code: 0 all graded · 1 the grader itself failed on something (REPORT/faults.txt) · 2 bad input\n\n"
            "examples:\n"
            "  course grade submissions/ --out report\n"
            "  course grade class.zip --out report --jobs 4 --private-specs ../private --seed 7"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("submissions", metavar="SUBMISSIONS", help="folder or zip with LEARNER/BRANCH/TOPIC.{ipynb,py}")
    parser.add_argument("--out", required=True, metavar="REPORT", help="the report: a new folder, or an earlier report")
    parser.add_argument("--jobs", type=int, metavar="N", help="submissions graded at a time (default: one per core)")
    parser.add_argument("--private-specs", metavar="DIR", help="folder with BRANCH/grade_TOPIC.py, unseen by learners")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the drawn inputs (default: 0)")
    parser.add_argument("--trust-submissions", action="store_true",
                        help="run learners' code WITHOUT the sandbox: it may do all that you may")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the report (default: COURSE_LANG, else en)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run ``course grade``; see ``--help`` for the exit codes."""
    from contextlib import ExitStack
    from pathlib import Path

    from course_lib.classroom.aliases import live_topic
    from course_lib.classroom.batch import Store, grade_batch, report_folder
    from course_lib.classroom.intake import intake
    from course_lib.classroom.loading import graded_topics, load_exercise
    from course_lib.classroom.private_specs import private_topics, refuse_mistyped
    from course_lib.classroom.report.names import visible
    from course_lib.classroom.report.summary import Run, specs_line
    from course_lib.classroom.report.write import write_report
    from course_lib.core.bilingual import chosen_language

    out, private = Path(options.out), Path(options.private_specs) if options.private_specs is not None else None
    own = private_topics(private)
    jobs = _jobs(options.jobs)
    if options.seed < 0:
        raise ContractError(f"--seed is {options.seed}; it must be a whole number of at least 0")
    language = options.lang or chosen_language()
    _apart(Path(options.submissions), out)
    mode = _mode(options.trust_submissions)
    topics = graded_topics(private=private)
    started = time.monotonic()
    with ExitStack() as held:
        taken = held.enter_context(intake(options.submissions, topics, lambda topic: live_topic(topic, topics)))
        if taken.wrapper:
            print(f"course: the learners' folders are those inside {visible(taken.wrapper)}/", file=sys.stderr)
        if taken.advice:  # it is about the whole path: what it means for each file would only mislead
            raise CourseError("none of these files belongs to a graded topic", where=options.submissions,
                              remedy=taken.advice)  # fmt: skip
        for path, problem in taken.problems[:20]:
            print(f"course: {visible(path)}: {problem.get(language)}", file=sys.stderr)
        if len(taken.problems) > 20:
            print(f"course: … and {len(taken.problems) - 20} more, see index.html", file=sys.stderr)
        if not taken.entries:
            raise CourseError("none of these files belongs to a graded topic", where=options.submissions,
                              remedy=f"Graded are {', '.join(topics) or 'no topics at all'}")  # fmt: skip
        handed_in = sorted({entry.topic for entry in taken.entries})
        refuse_mistyped(private, own, handed_in)
        exercises = {topic: load_exercise(topic, private=private) for topic in handed_in}
        own = tuple(topic for topic in handed_in if topic in own)
        if private is not None:
            print(f"course: {specs_line(own, handed_in).get(language)}", file=sys.stderr)
        held.enter_context(report_folder(out))  # only now: bad input leaves no folder behind
        secrets = tuple(path.resolve() for path in (Path(options.submissions), out, private) if path is not None)
        progress = _Progress(len(taken.entries))
        try:
            batch = grade_batch(taken, exercises, Store(out / "work", options.seed, mode), _confinement(mode, secrets),
                                jobs, options.seed, progress.done, progress.stopping)  # fmt: skip
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(progress.left_off()) from error
        finally:
            progress.close()
        about = Run(mode, options.seed, language, time.monotonic() - started,
                    private=None if private is None else own)  # fmt: skip
        summary = write_report(out, taken, batch, about)
    for learner, topic, _ in batch.faults:
        print(f"course: the grader failed on {visible(learner)}, {topic}; see {out / 'faults.txt'}", file=sys.stderr)
    _print(summary, out, options.json, language)
    return 1 if batch.faults else 0


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not 1 <= jobs <= 256:
        raise ContractError(f"--jobs is {jobs}; it must be from 1 to 256")
    return jobs


def _apart(submissions: Any, out: Any) -> None:
    """The report must not lie among the submissions (the next run would take it for a learner), nor around them."""
    inside, outside = submissions.resolve(), out.resolve()
    if inside == outside or inside in outside.parents or outside in inside.parents:
        raise CourseError("the report and the submissions lie inside one another", where=str(out),
                          remedy="Choose a folder beside the submissions for --out")  # fmt: skip


def _mode(trust: bool) -> str:
    """``bubblewrap``, or ``none`` where the instructor takes the risk; raises CourseError where there is no sandbox."""
    if trust:
        print("course: WARNING: --trust-submissions: learners' code runs WITHOUT a sandbox and may do all that you may "
              "do on this machine", file=sys.stderr)  # fmt: skip
        return "none"
    from course_lib.classroom.sandbox import why_not

    reason = why_not()
    if reason is not None:
        raise reason
    return "bubblewrap"


def _confinement(mode: str, secrets: tuple[Any, ...]) -> Any:
    if mode == "none":
        from course_lib.classroom.process import Plain

        return lambda slot: Plain()
    from course_lib.classroom.sandbox import Sandbox

    return lambda slot: Sandbox(slot, secrets)


class _Progress:
    """Live progress on stderr: a bar in a terminal, a line now and then elsewhere."""

    def __init__(self, total: int) -> None:
        self.total, self.count, self.last = total, 0, time.monotonic()
        self.answers: Counter[str] = Counter()
        self.bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="file", file=sys.stderr, desc="grading", dynamic_ncols=True)

    def done(self, entry: Any, graded: Any) -> None:
        """One file is graded."""
        self.count += 1
        self.answers.update(verdict.outcome.value for verdict in graded.verdicts)
        if self.bar is not None:
            self.bar.set_postfix_str(self._counted(), refresh=False)
            self.bar.update()
        elif time.monotonic() - self.last > 5 or self.count == self.total:
            self.last = time.monotonic()
            print(f"graded {self.count} of {self.total} files; {self._counted()}", file=sys.stderr)

    def _counted(self) -> str:
        """The answers in these files; what nobody has written is no wrong answer."""
        right, empty = self.answers["PASS"], self.answers["NOT ATTEMPTED"]
        return f"answers: {right} right, {self.answers.total() - right - empty} not right, {empty} not attempted"

    def stopping(self) -> None:
        """Interrupted: what is being graded is finished."""
        self.close()
        self.last = float("inf")  # no progress from here on
        print("course: stopping as soon as the files in work are graded (Ctrl-C again: at once)", file=sys.stderr)

    def left_off(self) -> str:
        """How far it came."""
        return f"interrupted; {self.count} of {self.total} files are graded and kept, run the same command to go on"

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _print(summary: Any, out: Any, as_json: bool, language: str) -> None:
    if as_json:
        import json

        print(json.dumps(summary.to_dict(), ensure_ascii=False, indent=2))
        return
    from course_lib.classroom.report.words import WORDS

    names = {name: WORDS[name].get(language) if language == "zh" else name
             for question in summary.questions.values() for name in question.outcomes}  # fmt: skip
    print(summary.line(language))
    for question in summary.questions.values():
        print(f"  {question.id:<44} {question.mean:5.2f} / {question.max_points:g}   "
              + "  ".join(f"{count} {names[name]}" for name, count in question.outcomes.items() if count))  # fmt: skip
    print(out / "index.html")
