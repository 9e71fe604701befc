"""The notebooks in a real nbgrader 0.9.6: it makes the same stubs, and gives the same points as the course does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from course_lib.classroom import stubs
from course_lib.classroom.grading import grade, prepare
from course_lib.classroom.loading import Exercise, graded_topics, load_exercise
from course_lib.classroom.masters import YOUR_CODE
from course_lib.core.fingerprint import ROOT
from course_lib.publishing.mapfile import load_map

pytestmark = pytest.mark.slow
READY = {topic.id for topic in load_map(ROOT / "book" / "mindmap.yml").order() if topic.ready}
TOPICS = [topic for topic in graded_topics(ROOT) if topic in READY]

CONFIG = f"""\
c = get_config()
c.CourseDirectory.course_id = "course"
c.ClearSolutions.code_stub = {{"python": {YOUR_CODE!r}}}
c.Exchange.root = "exchange"
"""


def filled(exercise: Exercise, sources: dict[str, str]) -> nbformat.NotebookNode:
    """The stub with answers typed into it."""
    notebook = nbformat.reads(stubs.stub_bytes(exercise).decode(), as_version=4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    return notebook


def answers(exercise: Exercise) -> dict[str, dict[str, str]]:
    """What four learners hand in."""
    questions = exercise.master.questions
    return {
        "nothing": {},
        "everything": {name: one.solution for name, one in questions.items()},
        "mistakes": {one.name: one.wrong[0].code for one in exercise.questions},
        "half": {name: one.solution for name, one in list(questions.items())[::2]},
    }


def environment(folder: Path) -> dict[str, str]:
    # nbgrader calls alembic by its bare name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **os.environ, "PATH": path, "COURSE_PROGRESS": str(folder / "progress.json"), "COURSE_LANG": "en",
        "JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": str(folder / "ipython"),
    }  # fmt: skip


@pytest.mark.parametrize("topic", TOPICS)
def test_a_stub_runs_from_top_to_bottom(topic: str, tmp_path: Path, monkeypatch) -> None:
    """As a learner opens it: no exception, and every check says that nothing has been done yet."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    exercise = load_exercise(topic, ROOT)
    notebook = filled(exercise, {})
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for question in exercise.questions:
        check = next(cell for cell in notebook.cells if cell.id == f"{question.name}-check")
        (output,) = check.outputs
        assert output.output_type == "execute_result" and "NOT ATTEMPTED" in output.data["text/plain"]
        assert "text/html" in output.data


@pytest.mark.parametrize("topic", TOPICS)
def test_nbgrader_gives_the_points_that_the_course_gives(topic: str, tmp_path: Path) -> None:
    exercise, name = load_exercise(topic, ROOT), topic.partition(".")[2]
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    source = tmp_path / "source" / name / f"{name}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_bytes(stubs.to_bytes(stubs.source_notebook(exercise)))
    nbgrader(tmp_path, "generate_assignment", name, "--create")
    assert_same_stub(tmp_path / "release" / name / f"{name}.ipynb", exercise)

    handed_in = answers(exercise)
    for learner, sources in handed_in.items():
        path = tmp_path / "submitted" / learner / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(filled(exercise, sources), path)
    nbgrader(tmp_path, "autograde", name)

    prepared = prepare(exercise)
    for learner, sources in handed_in.items():
        ours = {verdict.question.partition("/")[2]: verdict.points for verdict in grade(prepared, sources)}
        assert points_in(tmp_path / "gradebook.db", name, learner) == pytest.approx(ours), learner
        if learner == "nothing":
            assert not any(ours.values())
        if learner == "everything":
            assert sum(ours.values()) == exercise.max_points


def nbgrader(folder: Path, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=folder, env=environment(folder),
                          capture_output=True, text=True, timeout=500)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same_stub(release: Path, exercise: Exercise) -> None:
    """nbgrader's own release version and our stub differ in nothing but the placeholder of a choice or number."""
    theirs, ours = nbformat.read(release, as_version=4), stubs.stub_notebook(exercise)
    assert len(theirs.cells) == len(ours.cells)
    for one, other in zip(theirs.cells, ours.cells, strict=True):
        assert one.source.removesuffix(f"\n{YOUR_CODE}") == other.source
        if one.source == other.source:
            assert (one.id, one.metadata) == (other.id, other.metadata)


def points_in(database: Path, assignment: str, learner: str) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{database}") as gradebook:
        (notebook,) = gradebook.find_submission(assignment, learner).notebooks
        return {one.name.removesuffix("-check"): one.score for one in notebook.grades}
