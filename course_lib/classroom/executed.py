"""Where a learner's answer is taken from while he works: the notebook's executed cells, or the script that runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.masters import Master
from course_lib.classroom.submission import defines, read_sources, without_magics
from course_lib.core.bilingual import Text
from course_lib.core.errors import CourseError

_CELL = Text("cell In [{number}]", "单元格 In [{number}]")


@dataclass(frozen=True)
class Found:
    """Source of an answer, and where it stood in words ("cell In [7]"; "" for a script)."""

    source: str
    place: Text


def answer(name: str, master: Master) -> Found | None:
    """The answer cell that was run last, or the running script's; None where a notebook has run none yet.

    Raises:
        CourseError: there is neither a notebook nor a script.
        DataError: the script can't be read.
    """
    shell = notebook()
    if shell is not None:
        for number, source in reversed(list(enumerate(_inputs(shell)))):
            # A cell that Python can't read counts by its look: the learner ran it last, and must hear of its mistake
            # instead of praise for the version before.
            if name in source and defines(plain := without_magics(source), name):
                return Found(plain, _CELL.format(number=number))
        return None
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if not script or not Path(script).is_file():
        raise CourseError("there is no notebook and no script to take the answer from",
                          remedy="Use `course check TOPIC --file FILE` in a terminal")  # fmt: skip
    cells = read_sources(Path(script), master).cells
    return Found(cells[name], Text("", "")) if name in cells else None


def notebook() -> Any | None:
    """The IPython shell that runs this code, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def names_there() -> dict[str, Any]:
    """Names that the notebook's cells have defined; {} in a script."""
    shell = notebook()
    return shell.user_ns if shell is not None else {}


def _inputs(shell: Any) -> list[str]:
    """The executed cells as they were typed (``In`` itself holds them with magics already rewritten)."""
    typed = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    cells = typed if typed else shell.user_ns.get("In", [])
    return [cell if isinstance(cell, str) else "" for cell in cells]
