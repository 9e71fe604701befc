"""Stubs: the same bytes every time, what JupyterLab and nbgrader expect, and nobody's work overwritten."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum

from course_lib.classroom import stubs
from course_lib.classroom.loading import graded_topics, load_exercise
from course_lib.core.errors import CourseError, DataError
from course_lib.core.fingerprint import ROOT

TOPICS = graded_topics(ROOT)


def cells_of(notebook, kind: str = "nbgrader") -> dict[str, nbformat.NotebookNode]:
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if kind in cell.metadata}


def test_twice_and_in_a_new_process_the_same_bytes(demo) -> None:
    first = stubs.stub_bytes(demo.exercise())
    assert first == stubs.stub_bytes(demo.exercise())
    script = (
        "import sys; from pathlib import Path; from course_lib.classroom import stubs, loading\n"
        "sys.stdout.buffer.write(stubs.stub_bytes(loading.load_exercise('demo.sums', Path(sys.argv[1]))))"
    )
    other = subprocess.run([sys.executable, "-c", script, str(demo.root)], capture_output=True, check=True,
                           env={"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"})  # fmt: skip
    assert other.stdout == first


def test_the_notebook_is_what_nbformat_and_nbgrader_expect(demo) -> None:
    notebook = nbformat.reads(stubs.stub_bytes(demo.exercise()).decode(), as_version=4)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3" and "jupytext" not in notebook.metadata
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    cells = cells_of(notebook)
    answer, check = cells["share"].metadata.nbgrader, cells["share-check"].metadata.nbgrader
    assert (answer.grade, answer.solution, answer.locked, answer.task) == (False, True, False, False)
    assert (check.grade, check.solution, check.locked, check.points) == (True, False, True, 2)
    assert cells["stayed-check"].metadata.nbgrader.points == 1.5
    for cell in cells.values():
        assert cell.metadata.nbgrader.checksum == compute_checksum(cell)
        assert cell.metadata.deletable is False and cell.metadata.nbgrader.schema_version == 3
        assert cell.metadata.get("editable", True) is cell.metadata.nbgrader.solution
    assert [cells[name].source for name in ("share-check", "stage-check")] == [
        'question("demo.sums/share").check()', 'question("demo.sums/stage").check()']  # fmt: skip
    first_code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first_code.source == f"import numpy as np\n\n{stubs.IMPORT}"


def test_the_check_follows_its_answer(demo) -> None:
    ids = [cell.id for cell in stubs.stub_notebook(demo.exercise()).cells]
    assert [ids[ids.index(name) + 1] for name in ("share", "stage", "stayed")] == [
        "share-check", "stage-check", "stayed-check"]  # fmt: skip


def test_answers_are_cleared_as_the_light_reader_clears_them(demo) -> None:
    exercise = demo.exercise()
    cells = cells_of(stubs.stub_notebook(exercise))
    assert {name: cells[name].source for name in exercise.master.questions} == {
        name: one.stub for name, one in exercise.master.questions.items()
    }


@pytest.mark.parametrize("topic", TOPICS)
def test_no_line_of_a_solution_is_left_in_a_stub(topic: str) -> None:
    exercise = load_exercise(topic, ROOT)
    cells = cells_of(stubs.stub_notebook(exercise))
    every = "\n".join(cell.source for cell in cells.values())
    for name, one in exercise.master.questions.items():
        assert cells[name].source == one.stub
        removed = [line.strip() for line in one.solution.split("\n") if line not in one.stub.split("\n")]
        assert removed and not [line for line in removed if len(line) > 12 and line in every]


def test_a_master_without_a_setup_cell_gets_one(demo) -> None:
    demo.change(demo.master, "# %% setup=true\nimport numpy as np\n\n", "")
    code = [cell for cell in stubs.stub_notebook(demo.exercise()).cells if cell.cell_type == "code"]
    assert code[0].source == stubs.IMPORT and code[0].metadata.nbgrader.locked and code[1].id == "share"


def test_worked_examples_stay_as_they_are(demo) -> None:
    demo.change(demo.master, "# %% [markdown]\n# ## Which stage?", "# %%\nprint(1 + 1)\n\n# %% [markdown]\n# ## Which")
    (cell,) = [cell for cell in stubs.stub_notebook(demo.exercise()).cells if cell.id.startswith("code-")]
    assert cell.source == "print(1 + 1)" and "nbgrader" not in cell.metadata


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import numpy as np\n", "### BEGIN SOLUTION\nimport numpy as np\n### END SOLUTION\n", "non-solution cell"),
        ("    if n == 0:\n", "    ### BEGIN SOLUTION\n    if n == 0:\n", "nested"),
        ('stage = "c"\n### END SOLUTION', '### END SOLUTION\n### BEGIN SOLUTION\nstage = "c"', "no end solution"),
    ],
)
def test_faults_of_regions_are_named(demo, old: str, new: str, said: str, capfd) -> None:
    demo.change(demo.master, old, new)
    with pytest.raises(DataError, match=said) as caught:
        stubs.stub_bytes(demo.exercise())
    assert "sums.py" in str(caught.value)
    assert not any(capfd.readouterr()), "nbgrader's log, which holds the solution, stays silent"


def test_a_name_too_long_for_a_cell_id(demo) -> None:
    for path in (demo.master, demo.spec):
        path.write_text(path.read_text().replace("stage", "s" * 60))
    with pytest.raises(DataError, match="longer than 64"):
        stubs.stub_bytes(demo.exercise())


def test_a_broken_header_is_named(demo) -> None:
    demo.change(demo.master, "# jupyter:\n", "# jupyter: [\n")
    with pytest.raises(DataError, match="neither prose nor code.*header"):
        stubs.stub_bytes(demo.exercise())


def test_a_master_that_is_gone(demo) -> None:
    exercise = demo.exercise()
    demo.master.unlink()
    with pytest.raises(DataError, match="jupytext can't read it"):
        stubs.stub_bytes(exercise)


def test_without_nbgrader_the_remedy_is_said(demo, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "nbgrader.preprocessors", None)
    with pytest.raises(CourseError, match="nbgrader is not installed.*Install the authors' tools"):
        stubs.stub_bytes(demo.exercise())


def test_jupyterlab_with_jupytext_opens_and_saves_it_as_it_is(demo) -> None:
    """By the server's own contents manager: no byte changes, and no paired .py appears beside it."""
    from jupyter_server.services.contents.largefilemanager import LargeFileManager
    from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class

    stubs.build(demo.exercise(), demo.root)
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)(root_dir=str(demo.stub.parent))
    opened = manager.get("sums.ipynb")
    manager.save({"type": "notebook", "content": opened["content"]}, "sums.ipynb")
    assert demo.stub.read_bytes() == stubs.stub_bytes(demo.exercise())
    assert [path.name for path in demo.stub.parent.glob("[!.]*")] == ["sums.ipynb"]


class TestBuild:
    def test_writes_once(self, demo) -> None:
        assert stubs.build(demo.exercise(), demo.root) is True
        assert stubs.build(demo.exercise(), demo.root) is False
        assert demo.stub.read_bytes() == stubs.stub_bytes(demo.exercise())

    def test_a_stub_that_was_only_run_is_renewed(self, demo) -> None:
        stubs.build(demo.exercise(), demo.root)
        notebook = nbformat.read(demo.stub, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 3
        notebook.metadata.language_info.version = "3.11.2"
        nbformat.write(notebook, demo.stub)
        assert stubs.build(demo.exercise(), demo.root) is True
        assert list(demo.stub.parent.iterdir()) == [demo.stub]

    @pytest.mark.parametrize("what", ["answer", "another cell", "prose"])
    def test_typed_work_is_never_overwritten(self, demo, what: str) -> None:
        stubs.build(demo.exercise(), demo.root)
        notebook = nbformat.read(demo.stub, as_version=4)
        if what == "answer":
            next(cell for cell in notebook.cells if cell.id == "stage").source = 'stage = "b"'
        elif what == "prose":
            notebook.cells[0].source += "\n\nMy note."
        else:
            notebook.cells.append(nbformat.v4.new_code_cell("tried = 1"))
        nbformat.write(notebook, demo.stub)
        typed = demo.stub.read_bytes()
        with pytest.raises(CourseError, match=r"sums\.ipynb: it was edited.*Move it away, or use --force"):
            stubs.build(demo.exercise(), demo.root)
        assert demo.stub.read_bytes() == typed
        assert stubs.build(demo.exercise(), demo.root, force=True) is True
        assert demo.stub.with_name("sums.ipynb.bak").read_bytes() == typed
        assert demo.stub.read_bytes() == stubs.stub_bytes(demo.exercise())

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}', b"\xff\xfe", b"[" * 100_000,
                                         b'{"metadata": {"course": {"stub_sha256": ""}}, "cells": [{}]}'])  # fmt: skip
    def test_a_foreign_file_is_never_overwritten(self, demo, content: bytes) -> None:
        demo.stub.parent.mkdir(parents=True)
        demo.stub.write_bytes(content)
        with pytest.raises(CourseError, match="--force"):
            stubs.build(demo.exercise(), demo.root)
        assert demo.stub.read_bytes() == content

    def test_no_backup_is_overwritten(self, demo) -> None:
        demo.stub.parent.mkdir(parents=True)
        for content in (b"one", b"two", b"three"):
            demo.stub.write_bytes(content)
            stubs.build(demo.exercise(), demo.root, force=True)
        kept = [demo.stub.with_name(f"sums.ipynb.bak{end}").read_bytes() for end in ("", "2", "3")]
        assert kept == [b"one", b"two", b"three"]

    def test_a_folder_in_the_way(self, demo) -> None:
        demo.stub.mkdir(parents=True)
        with pytest.raises(CourseError, match="can't be read"):
            stubs.build(demo.exercise(), demo.root)

    def test_source_given_as_lines_counts_as_the_same(self, demo) -> None:
        notebook = json.loads(stubs.stub_bytes(demo.exercise()))
        lines = stubs.cells_sha256(notebook)
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        assert stubs.cells_sha256(notebook) == lines == notebook["metadata"]["course"]["stub_sha256"]
