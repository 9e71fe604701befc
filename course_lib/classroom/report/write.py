"""Writing a report: learner by learner, so that a large class takes little more memory than a small one."""

from __future__ import annotations

import platform
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from course_lib.classroom.batch import Batch
from course_lib.classroom.intake import Intake
from course_lib.classroom.report import tables
from course_lib.classroom.report.names import file_names, shown_names, visible
from course_lib.classroom.report.pages import index_page, learner_page
from course_lib.classroom.report.summary import Run, Summary, empty_summary, topic_title
from course_lib.core.files import atomic_file, atomic_folder
from course_lib.core.fingerprint import fingerprint
from course_lib.core.provenance import commit

FORMAT = "course-grade"
VERSION = 1


def write_report(out: Path, taken: Intake, batch: Batch, about: Run) -> Summary:
    """Write all files of the report.

    Each file and folder takes the place of an older one only when it is complete.

    Raises:
        CourseError: the folder can't be written.
    """
    shown, files = shown_names(taken.learners), file_names(taken.learners)
    summary = empty_summary(batch.exercises, about)
    summary.files = len(batch.kept) + len(batch.loose)
    summary.faults, summary.resumed, summary.shared = len(batch.faults), batch.resumed, batch.shared
    titles = {question.id: question.title for question in summary.questions.values()}
    titles |= {topic: topic_title(exercise) for topic, exercise in batch.exercises.items()}
    with ExitStack() as open_files:

        def file(name: str) -> Any:
            return open_files.enter_context(atomic_file(out / name))

        pages = open_files.enter_context(atomic_folder(out / "learners"))
        scopes = open_files.enter_context(atomic_folder(out / "gradescope"))
        grades, moodle = tables.Grades(file("grades.csv")), tables.Moodle(file("moodle.csv"), batch.exercises)
        canvas = tables.Canvas(file("canvas.csv"), batch.exercises)
        everything = tables.Results(file("results.json"), _head(taken, batch, about))
        for learner in taken.learners:
            results, name, safe = batch.results(learner), shown[learner], files[learner]
            summary.add(name, safe, results)
            for table in (grades, moodle, canvas):
                table.add(name, results)
            everything.add(name, f"learners/{safe}.html", results)
            tables.write_gradescope(scopes / safe, results, about.language)
            page = learner_page(name, results, titles, about)
            (pages / f"{safe}.html").write_text(page, encoding="utf-8", newline="\n")
        everything.close()
        file("index.html").write(index_page(summary, taken.problems))
        file("faults.txt").write("".join(f"{visible(who)}, {topic}\n{trace}\n" for who, topic, trace in batch.faults))
    if not batch.faults:
        (out / "faults.txt").unlink()
    return summary


def _head(taken: Intake, batch: Batch, about: Run) -> dict[str, Any]:
    """What ``results.json`` says about the run."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "date": about.date,
        "seconds": round(about.seconds, 3),
        "seed": about.seed,
        "sandbox": about.mode,
        "trusted_submissions": about.trusted,
        "private_specs": None if about.private is None else list(about.private),
        "course_lib": version("course-lib"),
        "commit": commit(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "topics": {
            topic: {
                "private_spec": topic in (about.private or ()),
                "spec": fingerprint(exercise.spec_path),
                "master": fingerprint(exercise.master_path),
                "questions": {
                    exercise.full_id(one): exercise.master.questions[one.name].points for one in exercise.questions
                },
            }
            for topic, exercise in batch.exercises.items()
        },
        "problems": [{"path": visible(path), "en": text.en, "zh": text.zh} for path, text in taken.problems],
    }
