"""From a solved master to the notebook that a learner gets: ``exercises/<branch>/<topic>.ipynb``.

The master is read by jupytext, the solutions are taken out by nbgrader's own preprocessors, and the result is the same
to the byte every time. Author-only: this is the one module that needs nbgrader.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.classroom.loading import Exercise
from course_lib.classroom.masters import YOUR_CODE
from course_lib.core.errors import CourseError, DataError
from course_lib.core.files import atomic_file
from course_lib.core.fingerprint import ROOT

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: the line that the notebook's first code cell ends with, so that the check cells work
IMPORT = "from course_lib.classroom import question"
#: nbformat's limit for the ids of cells
_LONGEST_ID = 64


def stub_path(topic: str, root: Path = ROOT) -> Path:
    """``exercises/<branch>/<topic>.ipynb`` of a topic id."""
    branch, _, name = topic.partition(".")
    return root / "exercises" / branch / f"{name}.ipynb"


def source_notebook(exercise: Exercise) -> NotebookNode:
    """The solved master as a notebook with nbgrader's metadata: what nbgrader calls the source version.

    Raises:
        CourseError: jupytext or nbformat is not installed.
        DataError: jupytext can't read the master, or a question's name is too long.
    """
    jupytext = _authoring("jupytext")
    try:
        notebook = jupytext.read(exercise.master_path, fmt="py:percent")
    except (OSError, ValueError) as error:
        raise DataError(f"jupytext can't read it ({error})", where=str(exercise.master_path)) from error
    if any(cell.cell_type not in ("markdown", "code") for cell in notebook.cells):
        # jupytext keeps a header that is not YAML as a raw cell and says nothing.
        raise DataError("a cell is neither prose nor code", where=str(exercise.master_path),
                        remedy="Look at the header between the two lines '# ---'")  # fmt: skip
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        name, is_setup = cell.metadata.get("question"), cell.metadata.get("setup")
        if name is not None:
            cells.append(_code(cell.source, name, _nbgrader(name, solution=True), exercise))
            check = f"{name}-check"
            points = exercise.master.questions[name].points
            source = f'question("{exercise.topic}/{name}").check()'
            cells.append(_code(source, check, _nbgrader(check, grade=True, points=points), exercise))
        elif is_setup:
            # Hyphens can't stand in the names of questions, so that these ids never meet those.
            cells.append(_code(cell.source, f"course-setup-{number}", _nbgrader(f"course-setup-{number}"), exercise))
        else:
            cells.append(_plain(cell, f"{'text' if cell.cell_type == 'markdown' else 'code'}-{number}"))
    _add_import(cells, exercise)
    return _notebook(cells, exercise.topic)


def stub_notebook(exercise: Exercise) -> NotebookNode:
    """The learner's notebook: solutions cleared, given cells locked, checksums as nbgrader's ``release`` has them.

    ``metadata.course`` holds the topic and the sha256 of all cells, by which ``build`` sees whether somebody has
    typed into the file.

    Raises:
        CourseError: nbgrader is not installed.
        DataError: a solution region is not closed, nested, or stands outside an answer cell.
    """
    preprocessors = _authoring("nbgrader.preprocessors")
    nbformat = _authoring("nbformat")
    notebook = source_notebook(exercise)
    steps = [
        preprocessors.LockCells(),
        preprocessors.ClearSolutions(code_stub={"python": YOUR_CODE}),
        preprocessors.ClearHiddenTests(),
        preprocessors.ComputeChecksums(),
    ]
    for step in steps:
        step.log = _silent()
        try:
            notebook, _ = step.preprocess(notebook, {})
        except RuntimeError as error:
            raise DataError(
                f"nbgrader refuses it: {str(error).rstrip('.')}", where=str(exercise.master_path),
                remedy="Solution regions stand in answer cells, one after the other, each with its end",
            ) from error  # fmt: skip
        for cell in notebook.cells:
            if isinstance(step, preprocessors.ClearSolutions) and cell.cell_type == "code":
                cell.source = _without_margin(cell.source)
    notebook.metadata["course"]["stub_sha256"] = cells_sha256(notebook)
    nbformat.validate(notebook)
    return notebook


def stub_bytes(exercise: Exercise) -> bytes:
    """The file that ``build`` writes: the same bytes every time, in every process."""
    return to_bytes(stub_notebook(exercise))


def to_bytes(notebook: NotebookNode) -> bytes:
    """A notebook as UTF-8 JSON with sorted keys and a final newline."""
    return (_authoring("nbformat").writes(notebook, version=4).rstrip("\n") + "\n").encode()


def cells_sha256(notebook: dict[str, Any]) -> str:
    """Hex digest of the kinds and sources of all cells; outputs and metadata don't count.

    Raises:
        KeyError, TypeError: this isn't a notebook.
    """
    kinds = [(cell["cell_type"], _joined(cell["source"])) for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(kinds, ensure_ascii=True).encode()).hexdigest()


def build(exercise: Exercise, root: Path = ROOT, force: bool = False) -> bool:
    """Write a topic's stub, atomically.

    Args:
        force: overwrite a file that somebody has typed into; it is kept beside with the suffix ``.bak``.

    Returns:
        Whether the file has changed.

    Raises:
        CourseError: the file there holds somebody's work, and ``force`` is not set; it can't be read or written.
    """
    path, new = stub_path(exercise.topic, root), stub_bytes(exercise)
    if os.path.lexists(path):
        old = _read(path)
        if old == new:
            return False
        if not is_untouched(old):
            if not force:
                raise CourseError(
                    "it was edited since it was built; building it anew would lose that",
                    where=str(path), remedy="Move it away, or use --force, which keeps it beside as .bak",
                )  # fmt: skip
            _keep(path)
    with atomic_file(path, "wb") as file:
        file.write(new)
    return True


def is_untouched(content: bytes) -> bool:
    """Whether this is a stub whose cells are as ``build`` wrote them (it may have been run and saved)."""
    try:
        notebook = json.loads(content)
        return notebook["metadata"]["course"]["stub_sha256"] == cells_sha256(notebook)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CourseError(f"can't be read ({error.strerror})", where=str(path), remedy="Move it away") from error


def _keep(path: Path) -> None:
    """Rename a file to the first free ``.bak``, ``.bak2`` …, so that no backup is ever overwritten."""
    number = 1
    while (backup := path.with_name(f"{path.name}.bak{number if number > 1 else ''}")).exists():
        number += 1
    try:
        path.rename(backup)
    except OSError as error:
        raise CourseError(f"can't be renamed ({error.strerror})", where=str(path), remedy="Move it away") from error


def _code(source: str, identity: str, metadata: dict[str, Any], exercise: Exercise) -> NotebookNode:
    if len(identity) > _LONGEST_ID:
        raise DataError(f"the cell id {identity!r} is longer than {_LONGEST_ID} characters",
                        where=str(exercise.master_path), remedy="Shorten the question's name")  # fmt: skip
    v4 = _authoring("nbformat.v4")
    return v4.new_code_cell(source, id=identity, metadata={"nbgrader": metadata})


def _plain(cell: NotebookNode, identity: str) -> NotebookNode:
    v4 = _authoring("nbformat.v4")
    make = v4.new_markdown_cell if cell.cell_type == "markdown" else v4.new_code_cell
    return make(cell.source, id=identity)


def _nbgrader(
    identity: str, *, solution: bool = False, grade: bool = False, points: float | None = None
) -> dict[str, Any]:
    """The metadata of one cell in nbgrader's schema, version 3."""
    marks = {"grade": grade, "grade_id": identity, "locked": not solution, "schema_version": 3, "solution": solution,
             "task": False}  # fmt: skip
    if points is not None:
        marks["points"] = int(points) if points == int(points) else points
    return marks


def _add_import(cells: list[NotebookNode], exercise: Exercise) -> None:
    """The check cells need ``question``: import it at the end of the setup cell, or in a cell before the first code."""
    setup = next((cell for cell in cells if cell.id.startswith("course-setup-")), None)
    if setup is not None:
        setup.source = f"{setup.source}\n\n{IMPORT}"
        return
    first = next((number for number, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    cells.insert(first, _code(IMPORT, "course-setup-0", _nbgrader("course-setup-0"), exercise))


def _notebook(cells: list[NotebookNode], topic: str) -> NotebookNode:
    v4 = _authoring("nbformat.v4")
    # No jupytext header: it would make JupyterLab pair the file with a .py, and a submission must have one of them.
    metadata = {
        "course": {"topic": topic},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _without_margin(source: str) -> str:
    """A solution at the left margin goes without a trace (see ``masters.stub_of``); nbgrader leaves its stub there."""
    return "\n".join(line for line in source.split("\n") if line != YOUR_CODE).rstrip()


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _silent() -> logging.Logger:
    """nbgrader logs whole cells, solutions included, before it raises; one line of ours says what is wrong."""
    logger = logging.getLogger("course_lib.nbgrader")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def need_tools() -> None:
    """Raise CourseError, with the remedy, unless the authors' tools are installed."""
    for module in ("jupytext", "nbformat", "nbgrader.preprocessors"):
        _authoring(module)


def _authoring(module: str) -> Any:
    """A module that only authors need.

    Raises:
        CourseError: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CourseError(
            f"{module.partition('.')[0]} is not installed ({error})",
            remedy="Install the authors' tools: pip install 'course-lib[dev,lab]'",
        ) from error
