"""Where a learner's answer is taken from while he works: the notebook's executed cells, or the script that runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.classroom.invoked import program
from course_lib.classroom.lookalike import lookalike
from course_lib.classroom.masters import Master
from course_lib.classroom.submission import Sources, SubmissionError, defines, read_sources, without_magics
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError, DataError

_CELL = Text("cell In [{number}]", "单元格 In [{number}]")
_MISSPELT = Text(
    "Cell In [{number}]{when} defines {other}, not {name}. If that is your answer, its name is misspelt: correct it, "
    "run the cell and check again.",
    "{when}单元格 In [{number}] 定义的是 {other}，而不是 {name}。如果那是你的答案，名称就写错了：请改正，运行该单元格后再检查。",
)
_LATER = Text(", run later,", "之后运行的")
#: what SubmissionError says to somebody who hands in, and what it means for one who checks his own file
_AT_HOME = (("hand it in again", "check it again"), ("Hand in", "Name"), ("重新提交", "重新检查"), ("请提交", "请给出"))


@dataclass(frozen=True)
class Found:
    """An answer.

    Attributes:
        source: its text; None where no cell that was run defines the name.
        place: where it stood in words ("cell In [7]"; "" for a script).
        doubt: that a later cell looks like the answer with its name misspelt, or "".
    """

    source: str | None
    place: Text = Text("", "")
    doubt: Text = Text("", "")


def answer(name: str, master: Master, topic: str = "TOPIC") -> Found:
    """The answer cell that was run last, or the running script's.

    Args:
        topic: of the question, for the error's remedy.

    Raises:
        CourseError: there is neither a notebook nor a script.
        DataError: the script can't be read.
    """
    shell = notebook()
    if shell is not None:
        cells = _inputs(shell)
        for number, source in reversed(list(enumerate(cells))):
            # A cell that Python can't read counts by its look: the learner ran it last, and must hear of its mistake
            # instead of praise for the version before.
            if name in source and defines(plain := without_magics(source), name):
                return Found(plain, _CELL.format(number=number), _doubt(name, cells, number, master))
        return Found(None, doubt=_doubt(name, cells, -1, master))
    script = _script()
    if script is None:
        raise CourseError("there is no notebook and no script to take the answer from",
                          remedy=f"Save it in a file, and use `{program()} check {topic} {name} --file FILE` in a "
                                 "terminal")  # fmt: skip
    return Found(read_own(script, master).cells.get(name))


def read_own(path: Path, master: Master) -> Sources:
    """``read_sources`` for one's own file, which nobody hands in.

    Raises:
        DataError: as there, in words for this reader.
    """
    try:
        return read_sources(path, master)
    except SubmissionError as error:
        remedy = error.remedy or ""
        for handed_in, own in _AT_HOME:
            remedy = remedy.replace(handed_in, own)
        raise DataError(error.what, where=error.where, remedy=remedy) from error


def notebook() -> Any | None:
    """The IPython shell that runs this code, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def names_there() -> dict[str, Any]:
    """Names that the notebook's cells have defined; {} in a script."""
    shell = notebook()
    return shell.user_ns if shell is not None else {}


def _script() -> Path | None:
    """The file of the program that runs, or None where Python reads the standard input or ``-c``."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(script) if script and Path(script).is_file() else None


def without_traceback() -> None:
    """Let Python end with the line alone on a ``CourseError``, as notebooks do; whoever has set a hook keeps it.

    Only where nobody's file runs (Python reads the standard input, or ``-c``): there is nothing that the traceback could
    point at but our own code.
    """
    if notebook() is not None or _script() is not None or sys.excepthook is not sys.__excepthook__:
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, CourseError):
            print(error, file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook


def _doubt(name: str, cells: list[str], number: int, master: Master) -> Text:
    """What to say of the cells after that number (-1: no cell holds the answer)."""
    stub, before = master.questions[name].stub, [*cells[: number + 1], master.setup]
    found = lookalike(name, stub, before, cells[number + 1 :], master.questions)
    if found is None:
        return Text("", "")
    when = Text("", "") if number < 0 else _LATER
    return _MISSPELT.format(number=number + 1 + found[0], other=found[1], name=name, when=when)


def _inputs(shell: Any) -> list[str]:
    """The executed cells as they were typed (``In`` itself holds them with magics already rewritten)."""
    typed = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    cells = typed if typed else shell.user_ns.get("In", [])
    return [cell if isinstance(cell, str) else "" for cell in cells]
