"""The reader of masters: equal to jupytext's, and errors that an author can act on."""

from __future__ import annotations

import jupytext
import pytest

from course_lib.classroom.loading import graded_topics, load_exercise
from course_lib.classroom.masters import read_master, stub_of
from course_lib.core.errors import DataError
from course_lib.core.fingerprint import ROOT

MASTERS = sorted(ROOT.glob("solutions/*/*.py"))


def assert_reads_as_jupytext(path) -> None:
    ours = [(cell.kind, cell.source, cell.options) for cell in read_master(path).cells]
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's own note on how to write the cell back
    theirs = [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]
    assert ours == theirs


def test_the_reader_agrees_with_jupytext(demo) -> None:
    assert_reads_as_jupytext(demo.master)
    assert [cell.kind for cell in read_master(demo.master).cells].count("code") == 4


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_the_reader_agrees_with_jupytext_on_every_master(path) -> None:
    assert_reads_as_jupytext(path)


def test_every_graded_topic_of_the_course_loads() -> None:
    for topic in graded_topics(ROOT):
        exercise = load_exercise(topic, ROOT)
        assert exercise.questions and exercise.max_points > 0


def test_prompt_solution_and_stub(demo) -> None:
    question = read_master(demo.master).questions["share"]
    assert "share of hits among the first `n`" in question.prompt and "Which stage" not in question.prompt
    assert "SOLUTION" not in question.solution and "np.sum" in question.solution
    assert question.stub.endswith("    ...  # your code here") and "np.sum" not in question.stub
    assert read_master(demo.master).questions["stage"].stub == 'stage = ...  # one letter, for example "a"'
    assert read_master(demo.master).setup == "import numpy as np"


def test_what_stands_around_a_region_stays() -> None:
    source = "a = 1\n### BEGIN SOLUTION\nb = 2\n### END SOLUTION\nc = 3\n"
    assert stub_of(source) == "a = 1\nc = 3"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('question="stage" points=1', 'question="share" points=1', "'share' stands here twice"),
        ('question="stage" points=1', 'question="stage" points=0', "points is 0"),
        ('question="stage" points=1', 'question="stage" points=true', "points is True"),
        ('question="stage" points=1', 'question="stage"', "points is None"),
        ('question="stage" points=1', "question=stage points=1", "question=stage is not JSON"),
        ('### BEGIN SOLUTION\nstage = "c"\n### END SOLUTION', 'stage = "c"', "the solution region is missing"),
    ],
)
def test_faults_of_a_master_are_named(demo, old: str, new: str, said: str) -> None:
    demo.change(demo.master, old, new)
    with pytest.raises(DataError, match=said) as caught:
        read_master(demo.master)
    assert "sums.py" in str(caught.value)


def test_no_such_master(tmp_path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_master(tmp_path / "none.py")
